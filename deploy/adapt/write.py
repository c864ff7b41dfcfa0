"""An adapted network as the files of a bundle: what sees frames is made anew, what reads signs is copied."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from deploy import precisions
from deploy.added.finish import finish
from deploy.export import export_frames
from deploy.half import store_half
from perception.bundle import MAIN, ModelSpec
from perception.model.network import Network
from perception.training import ledger

ADAPTED = "adapted"  # in `info`: to what, and what it cost


def write(
    folder: Path,
    spec: ModelSpec,
    network: Network,
    images: np.ndarray,
    rows: Sequence[ledger.Row],
    made: Path,
) -> ModelSpec:
    """Into `made` the bundle `spec` of `folder` with another network over frames.

    Args: images (n, h, w, 3) uint8 BGR to calibrate INT8 on. Raises BundleError if INT8 and float disagree.
    """
    main = {precision: {MAIN: files[MAIN]} for precision, files in spec.files.items()}
    for files in spec.files.values():
        for kind, file in files.items():
            if kind != MAIN:
                shutil.copy(folder / file, made / file)
    fp32 = made / main["fp32"][MAIN]
    export_frames(network, spec.input_size, fp32)
    store_half(fp32)
    agreement = precisions.make(made, main, {MAIN: images})
    return finish(folder, made, replace(spec, info=_info(spec, agreement, images)), rows)


def _info(
    spec: ModelSpec, agreement: Mapping[str, Mapping[str, float]], images: np.ndarray
) -> dict[str, Any]:
    """What was measured of the old network is not true of this one; of sign crops it is."""
    known = spec.info.get("parity", {})
    parity = {precision: {**known.get(precision, {}), **own} for precision, own in agreement.items()}
    return {**spec.info, "metrics": {}, "parity": parity, "calibration_images": len(images)}

"""`perception quantize`: the other precisions of a bundle, from its fp32 files and images to calibrate on."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track
from rich.table import Table

from calibration.int8 import equalise, frames
from calibration.int8.methods import METHODS
from calibration.int8.scales import METHOD, Scales
from calibration.int8.sensitivity import Cost, costs
from deploy import precisions
from deploy.folder import check_free, put
from deploy.learnt import Learnt
from perception import bundle as bundles
from perception.bundle import MAIN, ModelSpec
from perception.errors import DataError, PerceptionError
from perception.labels.vocabulary import Vocabulary
from perception.model.specs import CROPS
from perception.outputs import keep_apart
from perception.sources import open_source
from perception.terminal import terminal
from perception.training import ledger
from perception.types import Size

NAMED = "named by --float"
SHOWN = 10  # costliest layers in the table

errors = terminal(stderr=True)


def quantize(
    bundle: Path | None,
    out: Path,
    data: Sequence[str] = (),
    sources: Sequence[str] = (),
    method: str = METHOD,
    equal: str = equalise.DEFAULT,
    left: Sequence[str] = (),
    count: int = frames.COUNT,
    seed: int = 0,
    sensitivity: bool = False,
    wanted: Sequence[str] = precisions.CALIBRATED,
) -> ModelSpec:
    """Write to `out` the bundle with its files of the `wanted` precisions made anew.

    `out`: a new or an empty folder, or that of the bundle itself, whose files are then replaced.

    Those are int8 (for the CPU) and trt.int8 (for TensorRT), from one calibration, and fp16 (for TensorRT),
    which needs no images; other files of the bundle are kept.

    `bundle`: a bundle with fp32 files; None: the shipped one. `data`: labelled pictures as `perception train`
    takes them, whose training splits are drawn from; for a bundle for commercial use only pictures that
    allow it. `sources`: drives to draw the frames from instead, as `open_source` takes them; sign crops
    always come from `data`.
    `left`: layers of its networks that stay in float.
    `sensitivity`: show what each layer costs, too. Nothing is written unless all went well. Raises
    PerceptionError.
    """
    _check_names(method, equal, wanted)
    folder = bundles.folder(bundle)
    spec = bundles.read(folder)
    keep_apart([out], [*data, *sources])
    if not (out.exists() and out.samefile(folder)):
        check_free(out)
    fp32 = precisions.fp32_files(spec, folder)
    licences = "open" if spec.info.get(bundles.LEDGER_INFO, {}).get("commercial") else "any"
    calibrated = list(fp32) if set(wanted) & set(precisions.CALIBRATED) else []
    learnt = Learnt.named(data, Vocabulary.of_bundle(spec)) if data else None
    images = _examples(calibrated, learnt, sources, licences, spec.input_size, count, seed)
    options = precisions.Options(method, equal, _left_in(folder, fp32, left))
    files = precisions.file_names(fp32, wanted)
    kept = {precision: own for precision, own in spec.files.items() if precision not in files}
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary)
        for own in (fp32, *kept.values()):
            for file in own.values():
                shutil.copy(folder / file, made / file)
        agreement = precisions.make(made, files, images, options, _progress)
        if sensitivity:
            _show_costs(made, fp32, images)
        for beside in (folder / name for name in ("README.md", bundles.LEDGER)):
            if beside.is_file():
                shutil.copy(beside, made / beside.name)
        info = _lasting(spec, kept, agreement)
        if calibrated:
            info["calibration_images"] = frames.distinct(images[MAIN])
        written = bundles.write(made, replace(spec, files={**files, **kept}, info=info))
        ledger.check_bundle(made)
        put(made, out)
    _show(written, out, agreement)
    return written


def _check_names(method: str, equal: str, wanted: Sequence[str]) -> None:
    if method not in METHODS:
        raise PerceptionError(f"expected a method of {', '.join(METHODS)}, got {method!r}")
    if equal not in equalise.WHERE:
        raise PerceptionError(f"expected where to equalise of {', '.join(equalise.WHERE)}, got {equal!r}")
    unknown = sorted(set(wanted) - set(precisions.MADE))
    if unknown or not wanted:
        raise PerceptionError(
            f"expected precisions of {', '.join(precisions.MADE)}, got {', '.join(unknown) or 'none'}"
        )


def _lasting(spec: ModelSpec, kept: Collection[str], agreement: Mapping[str, Any]) -> dict[str, Any]:
    """What the bundle tells of itself: of files that are replaced, only what is true of the new ones."""
    lasting = {
        key: {precision: own for precision, own in spec.info.get(key, {}).items() if precision in names}
        for key, names in (("metrics", {"fp32", *kept}), ("parity", set(kept)))
    }
    return {**spec.info, "metrics": lasting["metrics"], "parity": {**lasting["parity"], **agreement}}


def _examples(
    networks: Sequence[str],
    data: Learnt | None,
    sources: Sequence[str],
    licences: str,
    size: Size,
    count: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Network -> images to calibrate on."""
    examples = {}
    for network in networks:
        if network == MAIN and sources:
            with ExitStack() as stack:
                opened = [open_source(name) for name in sources]
                for source in opened:
                    stack.callback(source.close)
                examples[network] = frames.drives(opened, size, count, seed)
        elif data is None:
            what = "sign crops" if network == CROPS else "frames"
            raise DataError(f"expected --data, labelled pictures, to draw {what} from; got none")
        elif network == MAIN:
            examples[network] = frames.frames(data.pictures(licences), size, count, seed)
        else:
            examples[network] = frames.crops(data.signs(licences), frames.CROPS * count, seed)
    return examples


def _left_in(folder: Path, fp32: Mapping[str, str], left: Sequence[str]) -> dict[str, dict[str, str]]:
    """Network -> its layers among `left`. A name that none has goes to the main one, which refuses it."""
    layers = {network: precisions.layers(folder / file) for network, file in fp32.items()}
    owners = {name: [n for n, own in layers.items() if name in own] or [MAIN] for name in left}
    return {network: {name: NAMED for name, owned in owners.items() if network in owned} for network in fp32}


def _show(spec: ModelSpec, out: Path, agreement: Mapping[str, Mapping[str, float]]) -> None:
    table = Table("precision", "network", "file", "kB", "worst output, dB", title=f"{spec.name} in {out}")
    for precision, networks in spec.files.items():
        for network, file in networks.items():
            outputs = {
                name for task in spec.tasks.values() if task.network == network for name in task.outputs
            }
            noise = {name: v for name, v in agreement.get(precision, {}).items() if name in outputs}
            worst = min(noise, key=lambda name: noise[name], default="")
            size = f"{(out / file).stat().st_size / 1000:.0f}"
            table.add_row(precision, network, file, size, f"{noise[worst]:.1f} {worst}" if worst else "")
    terminal().print(table)


def _show_costs(folder: Path, fp32: Mapping[str, str], examples: Mapping[str, np.ndarray]) -> None:
    """What the costliest layers of each network cost, alone in int8."""
    for network, file in fp32.items():
        scales = Scales.read(folder / precisions.scales_name(file))
        images = examples[network][: precisions.COMPARED[network]]
        found = list(track(costs(folder / file, scales, images), f"layers of {network}", console=errors))
        terminal().print(_cost_table(network, found))


def _cost_table(network: str, found: Sequence[Cost]) -> Table:
    whole, *single = found
    outputs = list(whole.noise)
    table = Table("layer", *outputs, title=f"{network}: dB with one layer in int8, the costliest first")
    for cost in [whole, *sorted(single, key=lambda cost: cost.worst)[:SHOWN]]:
        table.add_row(cost.layer, *(f"{cost.noise[o]:.1f}" if o in cost.noise else "" for o in outputs))
    return table


def _progress(images: np.ndarray, what: str) -> Iterable[np.ndarray]:
    return track(images, what, console=errors, transient=True)

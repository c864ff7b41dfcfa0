"""What stands beside the networks of a bundle: its card, its ledger and model.json."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from perception import bundle as bundles
from perception.bundle import LEDGER, LEDGER_INFO, ModelSpec
from perception.sinks.files import write_whole
from perception.training import ledger

NEW = "added"  # in `info`: what is known of added tasks


def finish(folder: Path, made: Path, spec: ModelSpec, rows: Sequence[ledger.Row]) -> ModelSpec:
    """Into the folder `made`, which has the networks, with the card of the old bundle in `folder`.

    Raises BundleError if the bundle claims more than its ledger allows.
    """
    card = folder / "README.md"
    if card.is_file():
        shutil.copy(card, made / card.name)
    info = dict(spec.info)
    if rows or LEDGER_INFO in info:
        write_whole(made / LEDGER, ledger.to_csv(rows).encode())
        info[LEDGER_INFO] = ledger.summary(rows)
    written = bundles.write(made, replace(spec, info=info))
    ledger.check_bundle(made)
    return written

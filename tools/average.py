"""The mean of the averaged weights of several checkpoints of one network, as a checkpoint.

    python -m tools.average OUT CHECKPOINT CHECKPOINT...

Weights that one training led to others often do best in the middle (Wortsman et al. 2022, model soups). All
else is taken from the last checkpoint. That of version 0.2.0 was made so.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch

from perception.errors import DataError
from perception.training.checkpoint import learnt_from, load_checkpoint
from perception.training.ledger import merged, to_csv


def average(out: Path, checkpoints: list[Path]) -> None:
    """Raises DataError if the checkpoints are not of one network."""
    states = [load_checkpoint(path) for path in checkpoints]
    kept = states[-1]
    if any(state["ema"].keys() != kept["ema"].keys() for state in states):
        raise DataError(f"expected checkpoints of one network, got others among {checkpoints}")
    for name, value in kept["ema"].items():
        if value.is_floating_point():
            kept["ema"][name] = torch.stack([state["ema"][name] for state in states]).mean(0)
    kept["ledger"] = to_csv(merged(*map(learnt_from, map(str, checkpoints))))
    partial = out.with_suffix(".partial")
    torch.save(kept, partial)
    os.replace(partial, out)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    average(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])

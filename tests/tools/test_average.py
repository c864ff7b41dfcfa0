"""The mean of checkpoints."""

import pytest
import torch

from perception.errors import DataError
from perception.training.checkpoint import KEPT, learnt_from, load_checkpoint
from tools.average import average


def checkpoint(path, **weights):
    state = dict.fromkeys(KEPT, 0) | {"ema": {name: torch.tensor(value) for name, value in weights.items()}}
    torch.save(state, path)
    return path


def test_weights_are_the_mean_and_counters_those_of_the_last(tmp_path):
    paths = [checkpoint(tmp_path / f"{i}.pt", w=[float(i), 1.0], n=i) for i in (1, 3)]
    average(tmp_path / "mean.pt", paths)
    got = load_checkpoint(tmp_path / "mean.pt")["ema"]
    assert got["w"].tolist() == [2.0, 1.0]
    assert got["n"] == 3


def test_the_mean_has_learnt_from_what_each_has(tmp_path):
    paths = [checkpoint(tmp_path / f"{name}.pt", w=1.0) for name in ("a", "b")]
    average(tmp_path / "mean.pt", paths)
    images = [row.image for row in learnt_from(str(tmp_path / "mean.pt"))]
    assert images == ["unrecorded:a.pt", "unrecorded:b.pt"]


def test_another_network_is_refused(tmp_path):
    paths = [checkpoint(tmp_path / "a.pt", w=1.0), checkpoint(tmp_path / "b.pt", v=1.0)]
    with pytest.raises(DataError, match="one network"):
        average(tmp_path / "mean.pt", paths)

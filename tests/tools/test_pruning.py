"""What pruning costs is measured cut by cut, and each cut once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from tools import pruning


@dataclass
class Counted:
    """A bench on which every network scores the number of cuts so far."""

    network: str = "whole"
    looked: pruning.Looked = field(default_factory=lambda: pruning.Looked("", "", "", "", "", 0))
    cuts: int = 0

    def cut(self, scores, keep):
        self.cuts += 1
        return keep

    def judged(self, network):
        return {"lanes": float(self.cuts)}


@pytest.fixture
def rules(monkeypatch):
    monkeypatch.setattr(
        pruning, "BY", {"norm": lambda looked: {}, "random": lambda looked: {"a": np.ones(1)}}
    )


def test_each_rule_is_judged_at_each_share_and_none_twice(rules):
    bench, known = Counted(), {}
    names = ["norm", *(f"random {seed}" for seed in pruning.SEEDS["random"])]
    assert len(list(pruning.untrained(bench, ["0.7"], known))) == 1 + len(names)
    assert known["1"] == {"before": {"lanes": 0.0}}
    assert list(known["0.7"]) == names
    assert list(pruning.untrained(bench, ["0.7"], known)) == []
    assert bench.cuts == len(names)

"""The same work on a local Ray: run by test_cluster.py, in a process of its own."""

import stat
import tempfile
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import pytest
import ray

from perception.errors import BackendUnavailable, BundleError
from perception.evaluation.cluster import on_cluster
from perception.evaluation.run import Settings, evaluate_labelled
from perception.evaluation.seeing import REPRODUCIBLE
from perception.evaluation.work import alone
from tests.evaluation.test_pool import DRIVES, failures, said
from tests.evaluation.test_run import scenes
from tests.evaluation.workers import Clip, no_bundle, shouting, units


def test_ray_says_what_one_process_says_and_names_what_fails():
    drives = [*DRIVES, ["a", "bad"], ["kill"], ["z"]]
    pieces = list(on_cluster(units(*drives), shouting, "local", 2))
    good = [found for found in said(pieces).items() if found[0][0] in (0, 1, 2, 5)]
    assert dict(good) == said(alone(units(*DRIVES, [], [], ["z"]), shouting))
    assert failures(pieces)[3] == "labels.json, line 3: expected JSON"
    assert failures(pieces)[4].startswith("its Ray worker ended")
    assert not ray.is_initialized()


def listening() -> set[str]:
    """Addresses in hexadecimal, with ports, at which somebody on this machine listens."""
    rows = [
        row.split() for name in ("tcp", "tcp6") for row in Path("/proc/net", name).read_text().splitlines()
    ]
    return {row[1] for row in rows if row[3] == "0A"}


def test_a_local_cluster_is_seen_by_nobody_else_and_leaves_nothing(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", mkdtemp(prefix="t"))  # a path of the usual length
    before = listening()
    pieces = on_cluster(units(["a"]), shouting, "local", 1)
    next(pieces)
    (folder,) = Path(tempfile.gettempdir()).iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    found = listening() - before
    assert found
    assert {address.partition(":")[0][-8:] for address in found} == {"0100007F"}
    list(pieces)
    assert not folder.exists()


def test_what_no_worker_can_open_ends_the_whole():
    with pytest.raises(BundleError, match=r"^no bundle here$"):
        list(on_cluster(units(["a"]), no_bundle, "local", 1))
    assert not ray.is_initialized()


def test_no_cluster_at_an_address_is_said():
    with pytest.raises(BackendUnavailable, match=r"localhost:1: expected a Ray cluster"):
        list(on_cluster(units(["a"]), shouting, "localhost:1"))


def test_an_evaluation_on_ray_writes_what_one_process_writes(tiny_bundle, tmp_path):
    settings = Settings(replace(REPRODUCIBLE, bundle=tiny_bundle, precision="fp32"))
    drives = [Clip("day", 12), Clip("cut", 5, bad=2), Clip("night", 5)]
    here = evaluate_labelled(drives, settings, out=tmp_path / "here")
    there = evaluate_labelled(drives, settings, None, "local", out=tmp_path / "there")
    assert there.metrics == here.metrics
    assert there.failed == here.failed == {"cut": "cut: frame 2 has no label"}
    assert scenes(tmp_path / "here") == scenes(tmp_path / "there")

"""The questions of docs/query.md, asked of two evaluations."""

import re
from pathlib import Path

import numpy as np
import pytest

from perception.evaluation.records import FrameRecord, metrics, save
from perception.tasks.evidence import Counts

duckdb = pytest.importorskip("duckdb")

PAGE = Path(__file__).parents[2] / "docs" / "query.md"
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
SECOND = 1_000_000_000


def frame(drive, seq, right):
    """At a frame a second, every second one by night; 10 pixels were found, and 8 were to be found."""
    hits = np.array([right, 10 - right, right, 8 - right], float)
    tags = ("timeofday:night",) if seq % 2 else ("timeofday:day",)
    evidence = {"lanes.drawn": Counts("hits", hits), "drivable.town": Counts("iou", np.array([1.0, 2.0]))}
    return FrameRecord(drive, seq, seq * SECOND, "", tags, evidence, {"network": float(seq)})


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """B is worse by night, and in the second ten seconds of the one drive."""
    before = [frame(drive, seq, 6) for drive in ("city", "coast") for seq in range(20)]
    after = [frame(r.drive, r.seq, 3 if r.seq > 9 and r.seq % 2 and r.drive == "city" else 6) for r in before]
    save(before, tmp_path / "A")
    save(after, tmp_path / "B")
    monkeypatch.chdir(tmp_path)
    return lambda query: duckdb.sql(query).fetchall(), after


def test_scenes_that_lost_lane_f1_are_found(ask):
    query, after = ask
    [(drive, scene, before, now, change)] = query(QUERIES[0])
    lost = [record for record in after if record.drive == "city" and record.seq > 9]
    assert (drive, scene) == ("city", 1)
    assert (before, now) == pytest.approx((12 / 18, metrics(lost)["lanes.drawn.f1"]))
    assert change == pytest.approx(now - before)


def test_tags_are_told_worst_first(ask):
    query, after = ask
    (worst, before, now, _), (other, *_, change) = query(QUERIES[1])
    night = metrics([record for record in after if record.tags == ("timeofday:night",)])
    assert (worst, other, change) == ("timeofday:night", "timeofday:day", 0)
    assert (before, now) == pytest.approx((12 / 18, night["lanes.drawn.f1"]))


def test_the_slowest_frames_come_first(ask):
    query, _ = ask
    rows = query(QUERIES[2])
    assert [ms for *_, ms in rows] == [19, 19, 18, 18, 17, 17, 16, 16, 15, 15]

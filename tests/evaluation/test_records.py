"""Records of frames: metrics of any choice of them, and the files."""

import duckdb
import numpy as np
import pytest

from perception.errors import DataError
from perception.evaluation import measure_dataset
from perception.evaluation.judge import judge
from perception.evaluation.measure import count
from perception.evaluation.observe import Observer
from perception.evaluation.records import FrameRecord, load_records, metrics, resampled, save
from perception.labels import own
from perception.tasks.evidence import Ranked


@pytest.fixture
def records(val, oracle):
    observer = Observer(oracle(val))
    stills = [*own.pictures(val), *own.blanks(val)]
    return [judge(*still.read(i), observer, "town", detail=True) for i, still in enumerate(stills)]


def test_the_metrics_of_records_are_those_of_the_data_set(records, val, oracle):
    of_records, expected = metrics(records), measure_dataset(oracle(val), val).metrics
    assert {name: of_records[name] for name in expected} == pytest.approx(expected)
    more = of_records.keys() - expected.keys()
    assert {"detection.town.vehicle.f1_small", "detection.all.coco_ap_small", "detection.town.ece"} <= more


def test_every_frame_once_is_no_change_and_no_frame_says_nothing_of_objects(records):
    found = resampled(records, np.array([[1] * len(records), [0] * len(records)]))
    once = {name: value[0] for name, value in found.items() if not np.isnan(value[0])}
    assert once == pytest.approx(metrics(records))
    assert all(np.isnan(value[1]) for name, value in found.items() if name.endswith("ap50"))


def test_weights_of_another_length_are_refused(records):
    with pytest.raises(ValueError, match=rf"weights \(B, {len(records)}\)"):
        resampled(records, np.ones((1, 2)))


def test_what_is_saved_is_read_back(records, tmp_path):
    save(records, tmp_path)
    again = load_records(tmp_path)
    assert metrics(again) == metrics(records)
    assert [(r.drive, r.seq, r.source, r.tags) for r in again] == [
        (r.drive, r.seq, r.source, r.tags) for r in records
    ]
    assert list(again[0].evidence) == list(records[0].evidence)
    assert count(again) == count(records)


def test_boxes_keep_their_bits_and_their_frames(tmp_path):
    rng = np.random.default_rng(0)
    boxes = [Ranked(2, rng.random(n).astype(np.float32), *(rng.random((2, 10, n)) < 0.5)) for n in (7, 0, 3)]
    frames = [FrameRecord("d", i, 7, "x", (), {"a.b": x}, {"network": 1.5}) for i, x in enumerate(boxes)]
    save(frames, tmp_path)
    again = load_records(tmp_path)
    for name in ("score", "right", "counts"):
        for record, before in zip(again, boxes, strict=True):
            assert np.array_equal(getattr(record.evidence["a.b"], name), getattr(before, name))
    assert again[0].timing_ms == {"network": 1.5}


def test_equal_records_give_equal_bytes(records, tmp_path):
    save(records, tmp_path / "a")
    save(load_records(tmp_path / "a"), tmp_path / "b")
    for name in ("frames", "counts", "boxes"):
        assert (tmp_path / f"a/{name}.parquet").read_bytes() == (tmp_path / f"b/{name}.parquet").read_bytes()


def test_no_records_are_a_folder_too(tmp_path):
    save([], tmp_path)
    assert load_records(tmp_path) == []
    assert metrics([]) == {}


def test_sql_can_sum_the_counts(records, tmp_path):
    save(records, tmp_path)
    query = f"select sum(found) / sum(found + missed) from '{tmp_path}/counts.parquet'"
    query += " where metric = 'lanes.drawn'"
    assert duckdb.sql(query).fetchall()[0][0] == pytest.approx(metrics(records)["lanes.drawn.recall"])


def test_a_damaged_file_is_named(records, tmp_path):
    save(records, tmp_path)
    (tmp_path / "counts.parquet").write_bytes(b"no table")
    with pytest.raises(DataError, match=r"counts\.parquet: expected a Parquet file"):
        load_records(tmp_path)
    with pytest.raises(DataError, match=r"frames\.parquet"):
        load_records(tmp_path / "absent")

"""scenes.jsonl against docs/scenes.md."""

import json

import numpy as np
import pytest

from perception.errors import SinkError, SourceError
from perception.sinks import SceneLines, read_scenes, scene_from_json, scene_to_json
from perception.types import Detections, LaneLine, Scene
from tests.sinks.fakes import TASKS, empty, frame, full


def test_a_record_is_as_documented():
    of = frame(7)
    assert json.loads(json.dumps(scene_to_json(full(of), of, TASKS), allow_nan=False)) == {
        "v": 1,
        "seq": 7,
        "stamp_ns": 280_000_000,
        "source": "clip.mp4",
        "size": [96, 64],
        "detections": [{"box": [1.2, 2.0, 30.1, 40.0], "class": "person", "score": 0.988}],
        "signs": [{"box": [1.2, 2.0, 30.1, 40.0], "class_id": 14, "class": "sign 14", "score": 0.5}],
        "lanes": [
            {
                "points": [[48.0, 64.0], [48.0, 32.0]],
                "road": [[5.12, 1.0], [None, None]],
                "score": 0.75,
                "kind": "dashed",
            }
        ],
        "drivable": {"share": 0.5},
        "timing_ms": {"network": 10.235},
    }


def test_what_did_not_run_has_no_key_and_what_saw_nothing_is_empty():
    of = frame()
    assert not {"detections", "signs", "lanes", "drivable"} & set(scene_to_json(empty(of), of, TASKS))
    nothing = Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))
    scene = Scene(0, 0, of.size, detections=nothing, lanes=())
    record = scene_to_json(scene, of, TASKS)
    assert (record["detections"], record["lanes"]) == ([], [])
    assert len(scene_from_json(record, TASKS).detections) == 0


def test_a_point_on_the_edge_is_not_minus_zero():
    of = frame()
    line = LaneLine(np.array([[-0.01, 5]], np.float32), None, 0.5, 1)
    record = scene_to_json(Scene(0, 0, of.size, lanes=(line,)), of, TASKS)
    assert json.dumps(record["lanes"][0]["points"]) == "[[0.0, 5.0]]"


def test_a_blank_image_is_called_one():
    of = frame()
    record = scene_to_json(Scene(0, 0, of.size, lanes=(), blank=True), of, TASKS)
    assert record["blank"] is True
    assert scene_from_json(record, TASKS).blank


def test_scenes_survive_the_file(tmp_path):
    sink = SceneLines(tmp_path / "out" / "scenes.jsonl", TASKS)
    frames = [frame(k) for k in range(3)]
    for of in frames:
        sink.write(of, full(of))
    sink.close()
    records = list(read_scenes(tmp_path / "out" / "scenes.jsonl"))
    again = [scene_to_json(scene_from_json(r, TASKS), frame(r["seq"]), TASKS) for r in records]
    assert [
        {**r, "drivable": record["drivable"]} for r, record in zip(again, records, strict=True)
    ] == records


def test_the_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "scenes.jsonl"
    path.write_text("of an earlier run")
    sink = SceneLines(path, TASKS)
    sink.write(frame(), empty(frame()))
    assert path.read_text() == "of an earlier run"
    sink.close()
    assert len(list(read_scenes(path))) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["scenes.jsonl"]


@pytest.mark.parametrize("content", ['{"v":1,"seq', "[1]", '{"v":2}', "{}", "\xff"])
def test_a_damaged_file_is_refused_with_its_line(tmp_path, content):
    path = tmp_path / "scenes.jsonl"
    path.write_text('{"v":1}\n' + content, encoding="latin-1")
    with pytest.raises(SourceError, match=r"scenes\.jsonl(, line 2)?: expected"):
        list(read_scenes(path))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        list(read_scenes(tmp_path / "none.jsonl"))


def test_a_folder_that_cannot_be_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match=r"expected to write it, got: File exists; .* another --out"):
        SceneLines(tmp_path / "file" / "scenes.jsonl", TASKS)

"""Stages run after the tasks, remember, and forget where a frame does not follow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import pytest

import perception
from perception import stages
from perception.errors import PerceptionError
from perception.sources import open_source
from perception.types import Frame, Scene

IMAGE = np.full((120, 160, 3), 90, np.uint8)
SECOND = 10**9


@dataclass
class Counting:
    """Its frames since the last reset, in the place of the road's pitch."""

    name: str = "counting"
    needs: tuple[str, ...] = ("lanes",)
    remembers: bool = True
    longest_gap_s: float = 1.0
    seen: list[int] = field(default_factory=list)

    def __call__(self, frame: Frame, scene: Scene) -> Scene:
        self.seen.append(frame.seq)
        return replace(scene, road_pitch=float(len(self.seen)))

    def reset(self) -> None:
        self.seen.clear()

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        canvas[0] = 255


@pytest.fixture
def pipeline(monkeypatch, tiny_bundle):
    monkeypatch.setitem(stages.STAGES, "counting", lambda tasks, made: Counting())
    loaded = perception.load(tiny_bundle, stages=["counting"])
    yield loaded
    loaded.close()


def counts(pipeline, *frames):
    return [pipeline(frame).road_pitch for frame in frames]


def frame(seq, seconds, source="a"):
    return Frame(IMAGE, int(seconds * SECOND), seq, source)


def test_a_stage_remembers_frames_that_follow_and_is_timed(pipeline):
    scenes = [pipeline(frame(n, n / 10)) for n in range(3)]
    assert [scene.road_pitch for scene in scenes] == [1, 2, 3]
    assert list(scenes[0].timing_ms)[-1] == "counting"


@pytest.mark.parametrize(
    "second",
    [frame(1, 0.1, "b"), frame(0, 0.1), frame(1, 0), frame(1, 1.2)],
    ids=["another source", "number not higher", "stamp not higher", "gap"],
)
def test_a_stage_forgets_where_a_frame_does_not_follow(pipeline, second):
    assert counts(pipeline, frame(0, 0), second) == [1, 1]


@pytest.mark.parametrize(("frames", "count"), [(9, 2), (12, 1)])
def test_a_stage_forgets_after_a_gap_in_which_it_was_left_out(pipeline, frames, count):
    """It bears one second."""
    counts(pipeline, frame(0, 0))
    for n in range(1, frames):
        assert pipeline(frame(n, n / 10), without={"lanes"}).road_pitch is None
    assert counts(pipeline, frame(frames, frames / 10)) == [count]


def test_pictures_of_a_folder_follow_each_other_by_their_stamps(pipeline):
    taken = [frame(n, n / 10, f"drive/{n:03}.JPG") for n in range(3)]
    assert counts(pipeline, *taken) == [1, 2, 3]
    unrelated = [frame(n, 0, f"{n}.jpg") for n in range(3)]
    assert counts(pipeline, *unrelated) == [1, 1, 1]
    two_cameras = [frame(3, 0.3, "left/3.png"), frame(4, 0.4, "right/4.png")]
    assert counts(pipeline, *two_cameras) == [1, 1]


def test_a_folder_with_stamps_is_one_drive_and_its_pictures_keep_their_names(pipeline, tmp_path):
    for k in range(3):
        cv2.imwrite(str(tmp_path / f"{k}.png"), IMAGE)
    unrelated = list(open_source(str(tmp_path)))
    (tmp_path / "timestamps.txt").write_text("0.1\n0.2\n0.3\n")
    stamped = list(open_source(str(tmp_path)))
    assert [f.source for f in stamped] == ["0.png", "1.png", "2.png"]
    assert counts(pipeline, *stamped) == [1, 2, 3]
    assert counts(pipeline, *unrelated) == [1, 1, 1]


def test_reset_forgets(pipeline):
    counts(pipeline, frame(0, 0), frame(1, 0.1))
    pipeline.reset()
    assert counts(pipeline, frame(2, 0.2)) == [1]


def test_bare_images_are_unrelated(pipeline):
    assert [pipeline(IMAGE).road_pitch for _ in range(2)] == [1, 1]


def test_on_stills_no_stage_runs_that_remembers(pipeline):
    pipeline.for_stills()
    assert pipeline(frame(0, 0)).road_pitch is None


def test_a_derived_pipeline_has_no_stages(pipeline):
    assert pipeline.with_tasks(pipeline.tasks)(frame(0, 0)).road_pitch is None


def test_all_stages_are_those_that_the_tasks_allow(monkeypatch, tiny_bundle):
    monkeypatch.setitem(stages.STAGES, "counting", lambda tasks, made: Counting())
    monkeypatch.setitem(stages.STAGES, "after", lambda tasks, made: Counting("after", needs=("counting",)))
    names = {
        tasks: [s.name for s in perception.load(tiny_bundle, tasks=[tasks], stages=None).stages]
        for tasks in ("lanes", "drivable")
    }
    assert names["lanes"][-2:] == ["counting", "after"]
    assert not {"counting", "after"} & set(names["drivable"])


def test_a_stage_brings_those_it_needs(monkeypatch, tiny_bundle):
    monkeypatch.setitem(stages.STAGES, "counting", lambda tasks, made: Counting())
    monkeypatch.setitem(stages.STAGES, "after", lambda tasks, made: Counting("after", needs=("counting",)))
    loaded = perception.load(tiny_bundle, stages=["after"])
    assert [stage.name for stage in loaded.stages] == ["counting", "after"]


def test_a_stage_whose_task_does_not_run_is_refused(monkeypatch, tiny_bundle):
    monkeypatch.setitem(stages.STAGES, "counting", lambda tasks, made: Counting())
    with pytest.raises(PerceptionError, match="'counting' needs lanes"):
        perception.load(tiny_bundle, tasks=["drivable"], stages=["counting"])


def test_an_unknown_stage_is_refused(tiny_bundle):
    with pytest.raises(PerceptionError, match="got 'radar'"):
        perception.load(tiny_bundle, stages=["radar"])

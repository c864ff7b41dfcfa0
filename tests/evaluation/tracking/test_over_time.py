"""One who knows the truth has perfect metrics; errors of metres, speeds and ids are told."""

from dataclasses import replace

import numpy as np
import pytest

from perception.evaluation.tracking.followed import numbers_of
from perception.evaluation.tracking.over_time import OverTime
from perception.labels.drive import CLASSES as DRIVE
from perception.labels.drive import truth_of
from perception.labels.moving import Happening, moving_of
from perception.labels.truth import Truth
from perception.tasks.detection import CLASSES
from perception.tasks.evidence import known, weighted
from perception.types import Detections, Ego, Frame, Scene

IMAGE = np.zeros((720, 1280, 3), np.uint8)
NOWHERE = np.empty((0, 4))
STEP = 100_000_000


def objects(k, scale=1.0, faster=0.0, tracks=(5, 6)):
    """A lead 30 m ahead that comes nearer by 10 m/s, and a person aside."""
    x = 30.0 - k
    boxes = np.float32([(600, 300, 600 + 1800 / x, 300 + 1500 / x), (200, 300, 230, 380)])
    n = np.zeros(2, np.float32)
    road, velocity = np.float32([(scale * x, 0), (20, 5)]), np.float32([(5 + faster, 0), (0, 0)])
    return Detections(boxes, n + 1, np.int32([0, 1]), np.array(tracks), n, road, n + 1, velocity)


def metrics(seen, frames=18):
    own, said = OverTime(CLASSES), []
    lead = (Happening("lead", True, 5, 20.0, np.inf),)
    for k in range(frames):
        frame = Frame(IMAGE, k * STEP, k, "", None, Ego(15.0, 0.0))
        truth = Truth("road", moving=moving_of(objects(k), CLASSES, NOWHERE, lead))
        said.append(own.add(frame, truth, Scene(k, k * STEP, frame.size, seen(k), events=())))
    said.append(dict(own.end()))
    gathered = {}
    for frame, parts in enumerate(said):
        for name, part in parts.items():
            gathered.setdefault(name, []).append((frame, part))
    return known(weighted(gathered, np.ones((1, len(said)))))


def test_the_truth_is_perfect():
    found = metrics(objects)
    for name in ("vehicle.hota", "vehicle.idf1", "person.mota"):
        assert found[f"tracking.road.{name}"] == pytest.approx(1)
    assert found["distance.road.vehicle.median_rel"] == found["speed.road.vehicle.median_mps"] == 0
    assert found["events.road.time_to_collision.median_rel"] == pytest.approx(0, abs=1e-6)
    assert (found["flicker.road.gaps"], found["events.road.lead.recall"]) == (0, 0)


def test_errors_of_metres_and_speed_are_told_by_band():
    found = metrics(lambda k: objects(k, scale=1.1, faster=2.0))
    assert found["distance.road.vehicle.20-40m.median_rel"] == pytest.approx(0.1, abs=1e-3)
    assert found["distance.road.person.median_rel"] == 0
    assert found["speed.road.vehicle.median_mps"] == pytest.approx(2)
    assert found["events.road.time_to_collision.median_rel"] == pytest.approx(1.1 * 10 / 8 - 1, abs=1e-3)


def test_another_number_is_a_switch():
    found = metrics(lambda k: objects(k, tracks=(5 if k < 9 else 8, 6)))
    assert found["tracking.road.vehicle.switches"] == 1
    assert found["tracking.road.vehicle.idf1"] == pytest.approx(0.5)


def test_what_is_low_or_in_a_region_counts_neither_way():
    def more(k):
        seen, low = objects(k), np.float32([(900, 300, 910, 312)])
        return replace(
            seen,
            **{
                name: np.concatenate([value, value[:1] + (90 if name == "track" else 0)])
                for name in ("score", "class_id", "track", "age_ms", "road", "sigma_m", "velocity")
                for value in [getattr(seen, name)]
            },
            xyxy=np.concatenate([seen.xyxy, low]),
        )

    assert metrics(more)["tracking.road.vehicle.mota"] == pytest.approx(1)


@pytest.mark.parametrize(("of", "mota"), [("person", -1.0), ("vehicle", 1.0)])
def test_a_region_of_a_recorded_drive_excuses_its_own_class_only(of, mota):
    """One right vehicle and two false ones in each frame, in a region as large as the picture."""
    own, ids = OverTime(CLASSES), [CLASSES.index("vehicle"), CLASSES.index(of)]
    for k in range(5):
        true = np.float32([(100, 300, 200, 400), (0, 0, 1280, 720)])
        told = Detections(true, np.float32([1, 0]), np.int32(ids), np.array([1, 9]))
        boxes = np.float32([(100, 300, 200, 400), (600, 300, 700, 400), (900, 300, 999, 400)])
        seen = Detections(boxes, np.ones(3, np.float32), np.full(3, ids[0], np.int32), np.array([9, 6, 7]))
        frame, truth = Frame(IMAGE, k * STEP, k), truth_of(Scene(k, k * STEP, (1280, 720), told), DRIVE)
        own.add(frame, truth, Scene(k, k * STEP, frame.size, seen))
    found = known(weighted({key: [(0, said)] for key, said in own.end().items()}, np.ones((1, 1))))
    assert found["tracking.drive.vehicle.mota"] == pytest.approx(mota)
    assert numbers_of(truth.moving, seen) == {9: 1}


def test_without_stages_there_is_only_flicker():
    def bare(k):
        seen = objects(k)
        return Detections(seen.xyxy, seen.score, seen.class_id)

    assert {name.partition(".")[0] for name in metrics(bare)} == {"flicker", "events"}


def test_a_track_has_the_number_of_what_it_lies_on():
    moving = moving_of(objects(0), CLASSES, NOWHERE)
    assert numbers_of(moving, objects(0, tracks=(1, 2))) == {1: 5, 2: 6}

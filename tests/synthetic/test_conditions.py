"""Hours, weather, glass and the own vehicle: what they do to pictures and to truth."""

from functools import lru_cache

import numpy as np
import pytest

from perception.synthetic import Conditions, World, default_camera, random_camera

SIZE = (320, 192)
NAMES = ["low_sun", "dusk", "night", "tunnel", "fog", "rain", "snow", "drops", "dirt", "ego"]


@lru_cache
def rendered(names: str, seed: int = 4):
    return World(seed, default_camera(SIZE), conditions=Conditions.parse(names)).render(3.0)


def grey(scene) -> np.ndarray:
    return scene.frame.image.mean(2)


@pytest.mark.parametrize("name", [*NAMES, "night+rain+drops+ego"])
def test_names_are_read_back_and_scenes_repeat(name):
    assert set(str(Conditions.parse(name)).split("+")) - {"day"} == set(name.split("+"))
    assert rendered(name).frame.image.tobytes() == rendered.__wrapped__(name).frame.image.tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_each_condition_is_another_picture_of_the_same_drive(name):
    day, other = rendered("day"), rendered(name)
    assert np.abs(grey(day) - grey(other)).mean() > 0.1
    assert (other.truth.drivable.labels <= day.truth.drivable.labels).mean() > 0.98


@pytest.mark.parametrize("text", ["", "nacht", "night+day", "rain+fog", "ego+ego", "night,rain"])
def test_other_names_are_refused(text):
    with pytest.raises(ValueError, match="joined by"):
        Conditions.parse(text)


def test_a_night_is_dark_but_for_the_road_ahead_and_the_lamps():
    day, night = (np.array([grey(rendered(name, k)) for k in range(4)]) for name in ("day", "night"))
    assert night.mean() < 0.65 * day.mean()
    assert night[:, 130:170, 130:190].mean() > 1.3 * night[:, :25].mean()
    assert night.max() > 120


def test_fog_takes_away_contrast_far_ahead_and_truth_about_what_is_hidden():
    clear, fog = ([rendered(name, k) for k in range(4)] for name in ("day", "fog"))
    far = slice(SIZE[1] * 4 // 10, SIZE[1] // 2)
    steps = [np.mean([np.abs(np.diff(grey(r)[far])).mean() for r in scenes]) for scenes in (fog, clear)]
    assert steps[0] < 0.8 * steps[1]
    assert sum(len(r.truth.detections) for r in fog) < sum(len(r.truth.detections) for r in clear)


def test_nothing_is_true_of_what_the_own_vehicle_covers():
    for seed in range(3, 9):
        plain, scene = rendered("rain", seed), rendered("rain+ego", seed)
        covered = (plain.truth.drivable.labels == 1) & (scene.truth.drivable.labels == 0)
        lines = np.concatenate([line.image for line in scene.truth.lanes]).astype(int)
        assert not covered[lines[:, 1], lines[:, 0]].any()
        assert not scene.paint[covered].any()


def test_edges_of_the_road_lie_where_drivable_ground_ends():
    for seed in range(8):
        r = World(seed, random_camera(np.random.default_rng(seed), SIZE)).render(3.0)
        labels = r.truth.drivable.labels
        for line in (x for x in r.truth.lanes if x.kind == 4):
            x, y = line.image[line.road[:, 0] < 25].astype(int).T
            left, right = labels[y, np.maximum(x - 9, 0)], labels[y, np.minimum(x + 9, SIZE[0] - 1)]
            assert len(x) == 0 or (left != right).mean() > 0.5


def test_training_sees_every_condition():
    drawn = [Conditions.random(np.random.default_rng(k)) for k in range(300)]
    assert {name for x in drawn for name in str(x).split("+")} == {"day", *NAMES}
    assert 0.3 < np.mean([x.ego for x in drawn]) < 0.6

"""How thresholds are chosen."""

import math
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from perception import bundle
from perception.errors import DataError
from perception.labels.synthetic import Worlds
from perception.types import Detections, Scene
from tests.folders import picture, write_folder
from tools.thresholds import (
    ENOUGH,
    SCORES,
    BestScore,
    Reading,
    allowed,
    areas,
    best_found,
    best_reading,
    completed,
    curve,
    found_and_read,
    readings,
    rendered,
    worlds,
)

SIZE = (640, 384)


def seen(number: int, score: float, class_id: int, right: bool = True) -> tuple[Scene, Scene]:
    """A picture with one object of a class, and one box that was found there, at the object or elsewhere."""
    box, kind = np.array([[10, 10, 60, 60]], np.float32), np.array([class_id], np.int32)
    found = Detections(box if right else box + 300, np.array([score], np.float32), kind)
    return Scene(number, 0, SIZE, Detections(box, np.ones(1, np.float32), kind)), Scene(
        number, 0, SIZE, found
    )


def test_a_class_with_few_objects_takes_the_median_of_the_others():
    metric = BestScore(("car", "tram", "bus"))
    for k in range(ENOUGH):  # cars: right ones at 0.55, wrong ones at 0.45, and between them the best
        metric.update(*seen(k, 0.55, 0))
        metric.update(*seen(ENOUGH + k, 0.45, 0, right=False))
        metric.update(*seen(2 * ENOUGH + k, 0.41, 1))
    metric.update(*seen(3 * ENOUGH, 0.9, 2))
    chosen = metric.chosen()
    assert 0.45 <= chosen["car"][0] <= 0.55
    assert chosen["tram"][0] <= 0.41
    assert chosen["tram"][1] == 1.0
    assert chosen["bus"][0] == pytest.approx((chosen["car"][0] + chosen["tram"][0]) / 2, abs=0.01)
    assert math.isnan(chosen["bus"][1])
    assert chosen["bus"][2] == 1


def test_rendered_scenes_choose_for_a_class_with_few_objects():
    chosen = {"car": (0.5, 0.8, ENOUGH), "tram": (0.5, math.nan, 2), "bus": (0.5, math.nan, 0)}
    others = {"car": (0.4, 0.9, 99), "tram": (0.38, 0.7, ENOUGH), "bus": (0.42, math.nan, 3)}
    assert completed(chosen, others) == {**chosen, "tram": others["tram"]}


def test_a_threshold_of_rendered_scenes(tiny_bundle):
    found = rendered(tiny_bundle, Worlds.parse("synthetic:3:12"), 0.5)
    assert found["vehicle"][2] >= ENOUGH
    assert all(SCORES[0] <= score <= SCORES[-1] for score, _, _ in found.values())


@pytest.mark.parametrize("text", ["9:80", "data:DIR", "synthetic:x"])
def test_what_names_no_rendered_scenes_is_refused(text):
    with pytest.raises(DataError, match=r"expected synthetic:SEED"):
        worlds(text)


def test_too_few_objects_of_every_class_are_refused():
    metric = BestScore(("car",))
    metric.update(*seen(0, 0.5, 0))
    with pytest.raises(DataError, match="30 objects or more"):
        metric.chosen()


def test_each_threshold_of_the_drivable_area_has_the_mean_of_the_sets(tiny_bundle, tmp_path):
    network, spec = onnx.load(tiny_bundle / "network.onnx"), bundle.read(tiny_bundle)
    undecided = next(w for w in network.graph.initializer if w.name == "drivable.map.b.w")
    undecided.CopyFrom(numpy_helper.from_array(0 * numpy_helper.to_array(undecided), undecided.name))
    onnx.save(network, tiny_bundle / "network.onnx")
    bundle.write(tiny_bundle, spec)
    data = write_folder(tmp_path / "data")
    for path in data.rglob("images/*.png"):  # not blank
        picture(path, np.kron([[20, 200], [90, 40]], np.ones((32, 48))))
    found = areas(tiny_bundle, data, "val")
    assert {t: round(iou, 1) for t, iou in found.items() if 0.4 <= t <= 0.55} == {
        **dict.fromkeys((0.4, 0.45), 0.5),  # all is drivable, and half of each picture is
        **dict.fromkeys((0.5, 0.55), 0.0),
    }


def test_the_curve_of_a_bundle_is_of_all_crops(tiny_bundle, tmp_path):
    found = readings(tiny_bundle, write_folder(tmp_path / "data"), "val")
    assert found[0].known_read >= found[-1].known_read
    assert 0 <= found[-1].false_reads <= found[0].false_reads <= 1


def test_a_higher_threshold_reads_fewer_signs_and_fewer_other_things():
    known = np.arange(100) < 50
    score = np.where(known, np.linspace(0.1, 2, 100), np.linspace(0, 1, 100)).astype(np.float32)
    right = known & (np.arange(100) % 5 > 0)
    found = curve(score, known, right)
    assert [r.threshold for r in found[:2]] == [0.2, 0.25]
    assert found[0].known_read == (right & (score >= 0.2)).sum() / 50
    assert found[0].false_reads == 1
    assert found[-1].false_reads < 0.3
    assert sorted((r.known_read for r in found), reverse=True) == [r.known_read for r in found]


def test_the_reading_with_the_best_f1_that_leaves_few_signs_unread():
    low, mean, high = Reading(0.2, 0.99, 0.3), Reading(0.5, 0.985, 0.1), Reading(0.8, 0.97, 0.0)
    assert max((low, mean, high), key=lambda r: r.f1) is high
    assert best_reading([low, mean, high]) is mean
    assert mean.f1 == pytest.approx(2 * 0.985 / (0.985 + 0.1 + 1))


def test_signs_boxes_are_chosen_by_what_is_found_and_read(tiny_bundle, tmp_path):
    f1 = found_and_read(tiny_bundle, write_folder(tmp_path / "data"), "val", 0.45, 0.5)
    assert list(f1) == pytest.approx(SCORES)
    assert all(0 <= value <= 1 for value in f1.values())
    assert best_found({0.4: 0.7841, 0.46: 0.7838, 0.5: 0.77}) == 0.46


def test_open_bundles_are_tuned_on_open_pictures(folder, tiny_bundle):
    def seen():
        dataset = allowed(tiny_bundle, folder, "train")
        return {s.image.relative_to(folder).parts[0] for s in (*dataset.samples, *dataset.crops)}

    assert {"camvid", "gtsdb", "signs", "streets_id"} <= seen()
    (tiny_bundle / "ledger.csv").write_text("")
    spec = bundle.read(tiny_bundle)
    bundle.write(tiny_bundle, replace(spec, info={"ledger": {"commercial": True}}))
    assert {"gtsdb", "carla"} <= seen()
    assert not {"camvid", "idd", "signs", "streets_id"} & seen()

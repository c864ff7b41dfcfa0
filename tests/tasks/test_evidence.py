"""Evidence that adds up: sums, medians and rankings of frames that count more than once."""

import numpy as np
import pytest

from perception.tasks.evidence import FORMULAS, Counts, Distances, Ranked, metrics, split, weighted


def counts(kind, *values):
    return Counts(kind, np.array(values, float))


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("hits", (3, 1, 3, 2), {"precision": 3 / 4, "recall": 3 / 5, "f1": 2 / 3}),
        ("hits", (0, 0, 0, 0), {"precision": 0, "recall": 0, "f1": 0}),
        ("objects", (0, 2, 0, 1), {"precision": 0, "recall": 0, "f1": 0}),
        ("objects", (0, 2, 0, 0), {}),  # no object: nothing is known
        ("iou", (1, 4), {"iou": 1 / 4}),
        ("iou", (0, 0), {"iou": 1}),
        ("pixels", (3, 1, 3, 2), {"precision": 3 / 4, "recall": 3 / 5}),
        ("area", (3, 4), {"drivable": 3 / 4}),
        ("boxes", (1, 3, 2), {"vehicles": 1 / 2, "objects": 3 / 2}),
        ("lines", (0, 0), {}),  # no frame
        ("tusimple", (1.5, 0.5, 1, 2), {"accuracy": 3 / 4, "fp": 1 / 4, "fn": 1 / 2}),
        ("culane", (2, 1, 2), {"culane_precision": 2 / 3, "culane_recall": 1 / 2, "culane_f1": 4 / 7}),
        ("classes", (3, 0, 0, 3, 1, 0), {"top1": 3 / 4, "macro_recall": 1 / 2}),
        ("ece", (0,) * 45, {}),
        ("ece", (2, 1.0, 1) * 15, {"ece": 0}),
        ("ece", (2, 1.5, 1) * 15, {"ece": 0.25}),
    ],
)
def test_formulas_by_hand(kind, values, expected):
    assert metrics({"a": counts(kind, *values)}) == pytest.approx({f"a.{k}": v for k, v in expected.items()})
    assert expected.keys() <= set(FORMULAS[kind].names)


def test_names_of_evidence():
    assert split("detection.town.person/found_small") == ("detection.town.person", "_small")
    assert split("lanes.drawn") == ("lanes.drawn", "")
    assert metrics({"/road": counts("metres", 1, 1, 1, 0)}) == {"precision_m": 0.5, "recall_m": 1}


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(0)
    return [random_frame(rng) for _ in range(30)]


def random_frame(rng):
    n = int(rng.integers(0, 12))
    right = rng.random((10, n)) < 0.5
    boxes = Ranked(
        int(right[0].sum() + 1), rng.random(n).astype(np.float32), right, rng.random((10, n)) < 0.9
    )
    hits = counts("hits", *rng.integers(0, 9, 4))
    return {"a.car": boxes, "b": hits, "c/apart": Distances(rng.random(int(rng.integers(0, 4))))}


def gathered(frames):
    return {name: [(i, frame[name]) for i, frame in enumerate(frames)] for name in frames[0]}


@pytest.mark.parametrize("seed", range(5))
def test_a_weight_is_how_often_a_frame_is_there(frames, seed):
    """Against the plain metrics of a list with the frames repeated."""
    weights = np.random.default_rng(seed).integers(0, 4, (1, len(frames)))
    repeated = [frame for frame, n in zip(frames, weights[0], strict=True) for _ in range(n)]
    expected = weighted(gathered(repeated), np.ones((1, len(repeated))))
    got = weighted(gathered(frames), weights.astype(float))
    assert {k: v[0] for k, v in got.items()} == pytest.approx({k: v[0] for k, v in expected.items()})
    apart = np.concatenate([frame["c/apart"].values for frame in repeated])
    assert got["c.median_m"] == pytest.approx(np.median(apart))


def test_a_choice_without_objects_says_nothing(frames):
    got = weighted(gathered(frames), np.zeros((2, len(frames))))
    assert np.isnan(got["a.coco_ap"]).all()
    assert np.isnan(got["c.median_m"]).all()
    assert (got["b.f1"] == 0).all()

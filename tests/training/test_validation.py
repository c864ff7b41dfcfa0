"""The best weights on val are kept, with thresholds that suit them; a run may end early."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from perception.errors import DataError
from perception.evaluation.records import FrameRecord
from perception.model.network import Network
from perception.tasks.evidence import Ranked
from perception.training.analysis.thresholds import thresholds
from perception.training.analysis.validation import Validation
from perception.training.checkpoint import BEST, load_checkpoint
from perception.training.classes import vocabulary
from perception.training.config import Config
from perception.training.data import found
from perception.training.loop import Trainer
from tests.batches import smooth

TINY = Config(
    tasks=("detection", "drivable"),
    detection={"classes": ("forklift", "pallet")},
    sources={},
    steps=6,
    batch=2,
    crops=0,
    size=(64, 32),
    sizes={},
    threads=1,
    workers=0,
    eval_every=1,
)


def test_the_best_weights_are_kept_and_the_run_ends_when_none_are_better(mine, tmp_path):
    config = replace(TINY, data=(f"coco:{mine}",), held_out=0.3, patience=2)
    trainer, validation = Trainer(None, tmp_path, config), Validation(None, config)
    for trainer.step, score in enumerate([0.2, 0.4, 0.3, 0.1], 1):
        assert not trainer.ended
        validation._choose(trainer, {"detection": score}, {"forklift": score})
    best = load_checkpoint(tmp_path / BEST)
    assert (best["step"], best["best"], best["thresholds"]) == (2, 0.4, {"forklift": 0.4})
    assert trainer.ended


def test_an_interruption_does_not_begin_the_count_of_worse_evaluations_anew(mine, tmp_path):
    config = replace(TINY, data=(f"coco:{mine}",), held_out=0.3, patience=2)
    trainer, validation = Trainer(None, tmp_path, config), Validation(None, config)
    for score in (0.4, 0.3):
        validation._choose(trainer, {"detection": score}, {})
    trainer.save()
    resumed = Trainer(None, tmp_path, config)
    resumed.resume()
    Validation(None, config)._choose(resumed, {"detection": 0.3}, {})
    assert resumed.ended


@pytest.mark.parametrize("change", [{"held_out": 0.4}, {"val": ("coco:other",)}, {"steps": 7}])
def test_scores_on_other_pictures_are_not_compared(mine, tmp_path, change):
    config = replace(TINY, data=(f"coco:{mine}",), held_out=0.3)
    trainer = Trainer(None, tmp_path, config)
    trainer.best, trainer.worse, trainer.thresholds = 0.9, 2, {"forklift": 0.3}
    trainer.save()
    resumed = Trainer(None, tmp_path, replace(config, **change))
    resumed.resume()
    kept = (0.9, 2, {"forklift": 0.3}) if "steps" in change else (-math.inf, 0, {})
    assert (resumed.best, resumed.worse, resumed.thresholds) == kept


def test_pictures_to_choose_by_are_judged(mine, tmp_path):
    config = replace(TINY, data=(f"coco:{mine}",), held_out=0.3, steps=2, eval_every=0)
    trainer = Trainer(None, tmp_path / "run", config)
    trainer.run(validation := Validation(None, config))
    assert [(row["step"], list(row["scores"])) for row in validation.history] == [
        (1, ["detection"]),
        (2, ["detection"]),
    ]


def test_a_run_that_time_ends_is_judged_too(mine, tmp_path):
    config = replace(TINY, data=(f"coco:{mine}",), held_out=0.3, steps=10**6, minutes=1e-6, eval_every=0)
    trainer = Trainer(None, tmp_path / "run", config)
    trainer.run(validation := Validation(None, config))
    assert [row["step"] for row in validation.history] == [trainer.step] == [1]
    assert load_checkpoint(tmp_path / "run" / BEST)["step"] == 1


@pytest.mark.parametrize(("every", "due"), [(0, 10), (3, 4)])
def test_each_tenth_of_the_run_is_judged_by_steps_or_by_time(mine, tmp_path, every, due):
    config = replace(TINY, data=(f"coco:{mine}",), held_out=0.3, steps=10**6, eval_every=every)
    trainer, validation = Trainer(None, tmp_path, config), Validation(None, config)
    judged = []
    for trainer.step in range(1, 12):
        trainer.before, trainer.progress = (trainer.step - 1) / 11, trainer.step / 11
        judged += [trainer.step] if validation._is_due(trainer) else []
    assert (len(judged), judged[-1]) == (due, 11)


def test_evaluation_without_pictures_is_refused():
    with pytest.raises(DataError, match="expected pictures to evaluate on"):
        Validation(None, TINY)


def test_a_folder_without_a_val_split_is_refused_before_training(tmp_path):
    row = {"img": "yard/images/a.jpg", "split": "train", "w": 64, "h": 48, "labelled": [], "boxes": []}
    (tmp_path / "det.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(DataError, match="expected labels of the split 'val'"):
        Validation(tmp_path, TINY)


@pytest.mark.parametrize(
    ("task", "message"),
    [("signs", "got signs alone"), ("lanes", "expected labels of lanes.*got those of det")],
)
def test_pictures_that_say_nothing_of_a_task_are_refused_before_training(mine, task, message):
    config = replace(TINY, tasks=(task,), detection={"classes": ()}, classes={"forklift": "vehicle"})
    with pytest.raises(DataError, match=message):
        Validation(None, replace(config, data=(f"coco:{mine}",), held_out=0.3))


OWN = replace(
    TINY, tasks=("detection",), detection={"classes": ("forklift",)}, classes={"Gabelstapler": "forklift"}
)


@pytest.fixture
def own(tmp_path):
    """Two pictures in our own format, whose class is called otherwise than in the network."""
    rows = []
    for split, image in zip(("train", "val"), smooth(2, (64, 48)), strict=True):
        cv2.imwrite(str(tmp_path / f"{split}.png"), image)
        box = [5, 5, 30, 30, "Gabelstapler", ""]
        row = {"img": f"{split}.png", "split": split, "w": 64, "h": 48, "labelled": ["Gabelstapler"]}
        rows.append(json.dumps({**row, "boxes": [box]}) + "\n")
    (tmp_path / "det.jsonl").write_text("".join(rows))
    return tmp_path


@pytest.mark.parametrize("named", [True, False])
def test_data_in_our_own_format_are_judged_in_the_classes_of_the_network(own, named):
    config = replace(OWN, val=(f"data:{own}",) if named else ())
    network = Network(config.tasks, "hard", vocabulary(config).by_task)
    _, found = Validation(own, config).judged(network, config.size)
    assert list(found) == ["detection"]


def test_data_in_our_own_format_may_have_another_name(own):
    config = replace(OWN, data=(f"yard=data:{own}",))
    assert found.survey(None, config)["yard"].boxes == {"forklift": 1}
    with pytest.raises(DataError, match=r"expected a class of vehicle.*got Gabelstapler.*say which is which"):
        found.survey(None, replace(config, detection={"classes": ()}, classes={}))


def record(score, right, objects=5):
    hits = np.tile(np.array(right), (10, 1))
    said = Ranked(objects, np.array(score, np.float32), hits, np.ones_like(hits))
    return FrameRecord("d", 0, 0, "", (), {"detection.mine.forklift": said})


def test_a_threshold_is_picked_where_f1_is_best():
    scores, right = [0.9, 0.8, 0.7, 0.6, 0.3, 0.2], [True, True, True, True, False, False]
    assert thresholds([record(scores, right)]) == {"forklift": pytest.approx(0.45)}


def test_of_few_objects_no_threshold_is_picked():
    assert thresholds([record([0.9], [True], objects=4)]) == {}
    assert thresholds([record([0.9], [False])]) == {}

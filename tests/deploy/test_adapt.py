"""`perception adapt`: another camera is learnt, the old domains are kept, or nothing is written."""

from __future__ import annotations

import json

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest

from deploy import build
from deploy.adapt import command, gate
from deploy.adapt.adapt import adapt
from deploy.adapt.material import Wanted
from perception import bundle
from perception.errors import BundleError, DataError, SinkError
from perception.training import ledger
from perception.training.adapt.fit import Recipe
from perception.training.adapt.mixed import ALL
from tests.batches import SIZE, smooth

QUICK = {"scenes": 2, "recipe": Recipe(steps=40, batch=4, pool=3, lr=1e-2)}
FILES = build.FILES["fp32"]


def write_masks(folder, images, halves=(0, 1)):
    """Pictures and masks: the upper and the lower half, 1 drivable."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for k, image in enumerate(images):
        cv2.imwrite(str(folder / f"images/p{k}.png"), image)
        rows = np.repeat([[half] for half in halves], image.shape[0] // 2, 0)
        cv2.imwrite(str(folder / f"masks/p{k}.png"), rows.repeat(image.shape[1], 1).astype(np.uint8))
    return folder


@pytest.fixture
def roads(tmp_path):
    return write_masks(tmp_path / "roads", smooth(4, (96, 54)))


def write_boxes(folder, name, size=(96, 54)):
    """Two pictures, each with a box of a class that is called `name`, as COCO has them."""
    (folder / "annotations").mkdir(parents=True)
    for k, image in enumerate(smooth(2, size)):
        cv2.imwrite(str(folder / f"p{k}.png"), image)
    table = {
        "images": [
            {"id": k, "file_name": f"p{k}.png", "width": size[0], "height": size[1]} for k in range(2)
        ],
        "categories": [{"id": 1, "name": name}],
        "annotations": [{"id": k, "image_id": k, "category_id": 1, "bbox": [5, 5, 30, 30]} for k in range(2)],
    }
    (folder / "annotations/instances_a.json").write_text(json.dumps(table))
    return f"coco:{folder}"


@pytest.fixture
def old(tmp_path):
    return [write_boxes(tmp_path / "before", "car")]


def answers(folder, image):
    session = ort.InferenceSession(str(folder / FILES["main"]), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": image[None]}), strict=True))


def test_labelled_frames_teach_their_task_and_the_others_stay(small, roads, old, tmp_path):
    found = adapt(Wanted([f"masks:{roads}"], old=old, **QUICK), small, tmp_path / "out")
    image = smooth(1, SIZE, 5)[0]
    before, after = (answers(folder, image) for folder in (small, tmp_path / "out"))
    assert [(task, gain.better) for task, gain in found.gains.items()] == [("drivable", True)]
    change = {name: np.abs(after[name] - before[name]).max() / np.abs(before[name]).max() for name in before}
    assert change.pop("drivable.map") > 0.02
    assert max(change.values()) < 0.01, "but for rounding"
    assert (tmp_path / "out/signs.fp32.onnx").read_bytes() == (small / "signs.fp32.onnx").read_bytes()


def test_the_bundle_tells_what_it_was_adapted_to(small, roads, old, tmp_path):
    adapt(Wanted([f"masks:{roads}"], old=old, **QUICK), small, tmp_path / "out")
    said = bundle.read(tmp_path / "out").info["adapted"]
    assert (said["labelled"], said["unlabelled"], said["old"]) == (4, 0, old)
    assert said["shares"] == {"drivable": 1.0}
    assert said["held_out"]["drivable"]["after"] > said["held_out"]["drivable"]["before"]
    rows = [row for row in ledger.of_bundle(tmp_path / "out") if row.source == "adapted"]
    assert [(row.image, row.labels) for row in rows] == [(f"images/p{k}.png", "drivable") for k in range(4)]


def test_unlabelled_frames_change_the_statistics_alone(small, roads, old, tmp_path, capsys):
    command.adapt(Wanted((), str(roads / "images"), old, **QUICK), small, tmp_path / "out")
    image = smooth(1, SIZE, 5)[0]
    before, after = (answers(folder, image) for folder in (small, tmp_path / "out"))
    assert all(np.abs(after[name] - before[name]).max() > 1e-3 for name in before)
    assert bundle.read(tmp_path / "out").info["adapted"]["unlabelled"] == 4
    said = capsys.readouterr().out
    assert "the old data label nothing of lanes, drivable, signs: not judged" in said
    assert "written with 100 % of the change, which keeps the old domains" in said


def scored(**of):
    return {task: (score, "IoU") for task, score in of.items()}


def test_the_largest_share_that_keeps_the_old_domains_is_taken():
    def attempt(shares):
        return scored(a=0.9 - 0.008 * shares[ALL], b=0.6)

    tried = gate.largest(scored(a=0.9, b=0.5), attempt, [ALL], {}, [])
    assert [own.shares[ALL] for own in tried] == [1.0, 0.75, 0.5]
    assert [own.fallen for own in tried] == [["a"], ["a"], []]


def test_only_the_head_that_costs_too_much_gets_less():
    def attempt(shares):
        return scored(a=0.9, signs=0.9 - 0.02 * shares["b"])

    tried = gate.largest(scored(a=0.9, signs=0.9), attempt, ["a", "b"], {"signs": ["b"]}, [])
    assert tried[-1].shares == {"a": 1.0, "b": 0.25}


def test_a_fall_that_no_head_explains_costs_all_of_them():
    tried = gate.largest(
        scored(c=0.9), lambda shares: scored(c=0.9 - 0.008 * shares["a"]), ["a", "b"], {}, []
    )
    assert tried[-1].shares == {"a": 0.5, "b": 0.5}


def test_a_bundle_that_costs_too_much_is_refused_and_the_metric_named():
    told = r"a \(IoU\) 90\.0 to 80\.0 with 25 % of the change; nothing is written"
    with pytest.raises(gate.Refused, match=told) as error:
        gate.largest(scored(a=0.9, b=0.5), lambda shares: scored(a=0.8, b=0.5), [ALL], {}, [])
    assert "b (IoU)" not in str(error.value)
    assert len(error.value.tried) == 4


def test_what_fell_is_shown(capsys):
    command.show([gate.Try({ALL: 0.5}, gate.compared(scored(a=0.9), scored(a=0.8)))], ())
    assert "80.0 fell" in capsys.readouterr().out


def test_frames_that_teach_nothing_are_refused_with_exit_code_1(small, roads, old, tmp_path, capsys):
    still = Wanted([f"masks:{roads}"], None, old, recipe=Recipe(2, 2, pool=1, lr=1e-12), scenes=2)
    assert command.adapt(still, small, tmp_path / "out") == 1
    assert "refused: expected frames that teach something, got drivable (IoU)" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_task_that_says_nothing_any_more_has_fallen():
    assert gate.compared(scored(a=0.9), {})["a"].fell


def test_old_data_that_judge_nothing_are_refused(small, roads, tmp_path):
    clip = cv2.VideoWriter(str(tmp_path / "old.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 10, (96, 54))
    for image in smooth(2, (96, 54)):
        clip.write(image)
    clip.release()
    old = [str(tmp_path / "old.mp4")]
    with pytest.raises(DataError, match=r"expected labels that judge a task, got none\. Name labelled data"):
        adapt(Wanted([f"masks:{roads}"], old=old, **QUICK), small, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_frame_in_several_files_is_refused(small, tmp_path):
    same = write_masks(tmp_path / "same", [smooth(1, (96, 54))[0]] * 3)
    with pytest.raises(DataError, match=r"got 3 that show one thing: p0\.png, p1\.png, p2\.png"):
        adapt(Wanted([f"masks:{same}"], **QUICK), small, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_frames_of_another_shape_are_refused(small, roads, tmp_path):
    write_masks(tmp_path / "tall", smooth(2, (96, 80)))
    with pytest.raises(
        DataError, match="expected frames of one camera, got pictures of 96 x 54 and of 96 x 80"
    ):
        adapt(Wanted([f"masks:{roads}"], str(tmp_path / "tall/images"), **QUICK), small, tmp_path / "out")


def test_labels_of_other_classes_are_refused(small, tmp_path):
    mine = write_boxes(tmp_path / "mine", "walrus")
    with pytest.raises(DataError, match=r"expected a class of vehicle.*got walrus"):
        adapt(Wanted([mine], **QUICK), small, tmp_path / "out")


def test_labels_of_no_frame_are_refused(small, roads, tmp_path):
    for image in (roads / "images").iterdir():
        image.unlink()
    with pytest.raises(DataError, match="expected"):
        adapt(Wanted([f"masks:{roads}"], **QUICK), small, tmp_path / "out")


@pytest.mark.parametrize("change", ["necks", "added", "floats"])
def test_a_bundle_that_cannot_be_adapted_is_refused(small, roads, tmp_path, change):
    spec = bundle.read(small)
    tasks, files, shapes = dict(spec.tasks), {"fp32": FILES}, {}
    if change == "necks":
        model = (small / FILES["main"]).read_bytes()
        network = onnx.load_from_string(model)
        for tensor in network.graph.initializer:
            tensor.name = tensor.name.replace("trunk.neck.", "trunk.necks.lanes.")
        onnx.save(network, str(small / FILES["main"]))
    elif change == "added":
        tasks["level"] = bundle.TaskSpec("level", ("a", "b"), ("level.scores",), kind="image")
        shapes = {"level.scores": (1, 2, 16, 24)}
    else:
        files = {"int8": FILES}
    bundle.write(small, bundle.ModelSpec("small", "1", SIZE, tasks, files, shapes=shapes))
    with pytest.raises(
        BundleError, match=r"sharing=hard|without added tasks, got level|with fp32 files, got int8"
    ):
        adapt(Wanted([f"masks:{roads}"], **QUICK), small, tmp_path / "out")


def test_nothing_to_adapt_to_is_refused(small, tmp_path):
    with pytest.raises(DataError, match="--data FOLDER or --unlabelled CLIP"):
        adapt(Wanted(**QUICK), small, tmp_path / "out")


def test_an_output_that_is_an_input_is_refused(small, roads):
    with pytest.raises(SinkError, match="a place of its own"):
        adapt(Wanted([f"masks:{roads}"], **QUICK), small, roads)


def test_labelled_frames_decide_about_the_statistics(small, roads, old, tmp_path, capsys):
    night = write_masks(tmp_path / "night", smooth(4, (96, 54)) // 16) / "images"
    command.adapt(Wanted([f"masks:{roads}"], str(night), old, **QUICK), small, tmp_path / "out")
    said = bundle.read(tmp_path / "out").info["adapted"]
    left = "seen worse with its statistics" in capsys.readouterr().out
    assert (said["unlabelled"], set(said["shares"])) == ((0, {"drivable"}) if left else (4, {ALL}))

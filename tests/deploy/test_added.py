"""A task is added to the shipped bundle, and taken out: the old part stays as it is, to the bit."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper

import perception
from deploy.added import command
from deploy.added.add import Wanted, add
from deploy.added.graft import NECK, TAPS, Head, code_of, grafted, load, same_part, tap_of
from deploy.added.remove import remove
from deploy.added.same import Way, compared, prove
from perception import bundle
from perception.bundle import SHIPPED
from perception.errors import BundleError, DataError, PerceptionError
from perception.load import select
from perception.model.added import AddedHead
from perception.training import ledger
from perception.training.added.judge import confusion
from perception.training.added.recipe import Recipe, recipe

QUICK = Recipe(steps=150, views=1, batch=8, lr=3e-3)


def squares(colours, side=16):
    return colours.repeat(side, 0).repeat(side, 1)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Dark and bright pictures, of two drives each."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for name, level in (("dark", 40), ("bright", 200)):
        (folder / name).mkdir()
        for drive in "ab":
            for number in range(3):
                image = squares(rng.integers(level - 40, level + 40, (6, 10, 3), np.uint8))
                cv2.imwrite(str(folder / name / f"{drive}_{number}.png"), image)
    return folder


@pytest.fixture(scope="module")
def added(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("added") / "new"
    return add(Wanted("level", [str(data)], recipe=QUICK), None, out), out


def test_it_learns_and_runs_from_the_bundle(added, data):
    told, out = added
    matrix = confusion(out, "level", told.judged)
    assert matrix.sum() == len(told.judged) > 0
    assert np.diag(matrix).sum() == matrix.sum()
    scene = perception.load(out, threads=1)(cv2.imread(str(data / "dark/a_0.png")))
    assert scene.image_classes["level"].score.argmax() == told.told.classes.index("dark")


def test_old_outputs_are_the_same_to_the_bit(added):
    images = [np.random.default_rng(k).integers(0, 256, (120, 200, 3), np.uint8) for k in range(2)]
    found = compared(SHIPPED, added[1], images)
    assert {way.precision for way in found} == {"fp32", "int8", "trt.int8"}
    assert all(way.same == way.frames == 2 for way in found)


@pytest.fixture(scope="module")
def area(tmp_path_factory):
    """A map, whose head reads finer features, too: the right half of a picture is bright."""
    folder, rng = tmp_path_factory.mktemp("area"), np.random.default_rng(1)
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    (folder / "classes.csv").write_text("value,name\n0,dark\n1,bright\n")
    for drive in "ab":
        for number in range(2):
            mask = np.repeat(np.arange(10) >= 2 + 3 * number, 16)[None].repeat(96, 0).astype(np.uint8)
            image = squares(rng.integers(0, 80, (6, 10, 3), np.uint8)) + 140 * mask[..., None]
            cv2.imwrite(str(folder / f"images/{drive}_{number}.png"), image)
            cv2.imwrite(str(folder / f"masks/{drive}_{number}.png"), mask)
    out = folder / "new"
    return add(Wanted("area", [str(folder)], recipe=QUICK), None, out), out


def test_a_head_that_reads_finer_features_learns_and_leaves_the_old_part_alone(area):
    told, out = area
    for precision, matrix in told.confusion.items():
        assert np.diag(matrix).sum() > 0.9 * matrix.sum(), precision
    images = (cv2.imread(str(example.image)) for example in told.judged)
    assert all(way.same for way in compared(SHIPPED, out, images))


@pytest.mark.parametrize("precision", ["int8", "trt.int8"])
def test_details_are_rounded_as_the_features_that_they_join(area, precision):
    told, out = area
    model = load(out / told.spec.files[precision]["main"])
    codes = [code_of(model, name) for name in (TAPS[8], "added.area.details", "added.area.all")]
    assert len({(float(code.scale), int(code.zero)) for code in codes}) == 1


def test_features_for_which_there_is_no_place_are_refused(data, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage._replace(free=1000))
    with pytest.raises(PerceptionError, match=r"expected 0.\d GB for features in .*, got 0.0 GB; set TMPDIR"):
        add(Wanted("level", [str(data)], recipe=QUICK), None, tmp_path / "new")


@torch.no_grad()
def test_a_file_says_what_the_head_that_learnt_says():
    torch.manual_seed(0)
    head = AddedHead([64, 32], 8, 8, detail=4).eval()
    weights = {name: value.numpy() for name, value in head.state_dict().items()}
    model = load(SHIPPED / bundle.read(SHIPPED).files["fp32"]["main"])
    made = Head("area", "area.maps", weights, {})
    joined = grafted(model, made, (8, 4), (640, 384), "fp32")
    names = [*(tap_of(model, stride, "fp32") for stride in (8, 4)), "area.maps"]
    joined.graph.output.extend(helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in names[:2])
    session = ort.InferenceSession(joined.SerializeToString(), providers=["CPUExecutionProvider"])
    image = np.random.default_rng(0).integers(0, 256, (1, 384, 640, 3), np.uint8)
    *features, answer = session.run(names, {session.get_inputs()[0].name: image})
    said = head([torch.from_numpy(own) for own in features])
    assert torch.allclose(said, torch.from_numpy(answer), rtol=1e-3, atol=1e-3)


@torch.no_grad()
def test_larger_details_change_no_answer():
    torch.manual_seed(0)
    head = AddedHead([3, 2], 4, 5, detail=2)
    features = [torch.rand(1, 3, 4, 6), torch.rand(1, 2, 8, 12)]
    was, details = head(features), head.details(features)
    head.scale_details(7.0)
    assert torch.allclose(head.details(features), 7 * details)
    assert torch.allclose(head(features), was, atol=1e-5)


def test_another_part_is_noticed(added):
    spec = bundle.read(SHIPPED)
    before, after = (SHIPPED / spec.files["int8"]["main"], added[1] / spec.files["int8"]["main"])
    changed = onnx.load(str(after))
    changed.graph.initializer[0].raw_data = bytes(len(changed.graph.initializer[0].raw_data))
    assert same_part(before.read_bytes(), after.read_bytes(), ["drivable.map"])
    assert not same_part(before.read_bytes(), changed.SerializeToString(), ["lanes.map", "drivable.map"])


def test_without_it_the_bundle_is_the_old_one(added, tmp_path):
    remove("level", added[1], tmp_path / "old")
    spec, old = bundle.read(SHIPPED), bundle.read(tmp_path / "old")
    assert (old.tasks, old.shapes, old.files) == (spec.tasks, spec.shapes, spec.files)
    for precision, files in spec.files.items():
        was, now = (load(folder / files["main"]) for folder in (SHIPPED, tmp_path / "old"))
        assert now.SerializeToString() == was.SerializeToString(), precision


@pytest.fixture
def some_files(tmp_path):
    """Makes a copy of the shipped bundle with some precisions, and other fields."""

    def make(*precisions, **fields):
        shutil.copytree(SHIPPED, tmp_path / "some")
        spec = bundle.read(SHIPPED)
        files = {precision: spec.files[precision] for precision in precisions}
        bundle.write(tmp_path / "some", replace(spec, files=files, **fields))
        return tmp_path / "some"

    return make


def test_a_bundle_without_fp32_files_is_enough(some_files, data, tmp_path):
    found = add(Wanted("level", [str(data)], recipe=QUICK), some_files("int8"), tmp_path / "new")
    assert list(found.spec.files) == list(found.confusion) == ["int8"]
    assert bundle.read(tmp_path / "new").info["added"]["level"]["images"] == len(found.learnt)


def test_a_bundle_without_features_to_learn_from_is_refused_at_once(some_files, tmp_path):
    with pytest.raises(BundleError, match="expected a bundle with fp32 files"):
        add(Wanted("level", ["nowhere"]), some_files("trt.int8"), tmp_path / "new")


@pytest.mark.parametrize("change", [{}, {"input_size": (640, 352)}])
def test_bundles_that_cannot_be_compared_are_refused(some_files, change):
    other = some_files(*(["int8"] if not change else bundle.read(SHIPPED).files), **change)
    with pytest.raises(BundleError, match=r"none of precision fp32|one input size"):
        compared(SHIPPED, other, [])


def test_a_bundle_that_lacks_an_output_is_not_compared(tmp_path):
    remove("drivable", SHIPPED, tmp_path / "less")
    with pytest.raises(BundleError, match=r"none of output drivable\.map"):
        compared(SHIPPED, tmp_path / "less", [])


@pytest.mark.parametrize("place", ["full", "full/file/new"])
def test_a_folder_that_cannot_be_filled_is_refused_at_once(tmp_path, place):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("mine")
    for write in (
        lambda out: add(Wanted("x", ["nowhere"]), None, out),
        lambda out: remove("x", SHIPPED, out),
    ):
        with pytest.raises(PerceptionError, match=r"--out .*expected"):
            write(tmp_path / place)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["file"]


def test_nothing_is_written_if_the_task_cannot_be_judged(data, tmp_path):
    (tmp_path / "bad.png").write_text("no picture")
    rows = [f"{data}/{name}/{drive}_0.png,{name},train" for name in ("dark", "bright") for drive in "ab"]
    (tmp_path / "t.csv").write_text("\n".join(["image,class,split", *rows, "bad.png,dark,val"]))
    with pytest.raises(DataError, match="expected an image"):
        add(Wanted("level", [str(tmp_path / "t.csv")], recipe=QUICK), None, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_empty_ledger_stays(some_files, tmp_path):
    folder = some_files("int8")
    spec = bundle.read(folder)
    (folder / "ledger.csv").write_text(ledger.to_csv([]))
    bundle.write(folder, replace(spec, info={"ledger": {}}))
    assert remove("drivable", folder, tmp_path / "less").info["ledger"]["sources"] == {}


def test_a_task_can_be_taken_out_of_the_shipped_bundle(tmp_path):
    spec = remove("drivable", SHIPPED, tmp_path / "less")
    assert "drivable" not in spec.tasks
    assert perception.load(tmp_path / "less", threads=1)(np.zeros((64, 96, 3), np.uint8)).drivable is None


def test_a_bundle_is_known_by_its_name(tmp_path):
    assert "drivable" not in remove("drivable", Path("road-open"), tmp_path / "less").tasks
    command.same(Path("road-open"), Path("road-open"), ["synthetic:7:1"], 1)


def test_what_others_read_stays(tmp_path):
    with pytest.raises(PerceptionError, match="signs does"):
        remove("detection", SHIPPED, tmp_path / "less")


@pytest.mark.parametrize("name", ["lanes", "image", "No name", ""])
def test_a_name_that_cannot_be_is_refused(name, data, tmp_path):
    with pytest.raises(PerceptionError, match=r"expected a (new )?name"):
        add(Wanted(name, [str(data)]), None, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_boxes_need_a_detected_class(data, tmp_path):
    rows = [f"{data}/{kind}/a_0.png,1,1,9,9,{kind}" for kind in ("dark", "bright")]
    (tmp_path / "t.csv").write_text("\n".join(["image,x1,y1,x2,y2,class", *rows]))
    with pytest.raises(PerceptionError, match="--objects"):
        add(Wanted("state", [str(tmp_path / "t.csv")], objects="tree"), None, tmp_path / "new")


def test_a_network_shared_otherwise_is_refused():
    other = NECK.format(0).replace("neck", "necks.lanes")
    node = helper.make_node("Relu", ["x"], [other])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", other)]
    model = helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:]))
    with pytest.raises(BundleError, match="share one encoder"):
        tap_of(model, 8, "fp32")


@pytest.mark.parametrize("stride", TAPS)
def test_the_shipped_network_has_features_at_every_stride(stride):
    spec = bundle.read(SHIPPED)
    for precision, files in spec.files.items():
        assert tap_of(load(SHIPPED / files["main"]), stride, precision) == TAPS[stride]


@pytest.mark.parametrize("change", [{"kind": "poem"}, {"name": "lanes"}])
def test_a_bundle_with_another_kind_is_refused(added, change):
    spec = bundle.read(added[1])
    task = replace(spec.tasks["level"], **change)
    with pytest.raises(BundleError, match="kinds"):
        select(replace(spec, tasks={**spec.tasks, task.name: task}), None)


@pytest.mark.parametrize("change", [{"kind": ["image"]}, {"outputs": ("a", "b")}, {"network": "signs"}])
def test_an_added_task_that_cannot_be_is_refused(added, tmp_path, change):
    spec = bundle.read(added[1])
    task = replace(spec.tasks["level"], **change)
    with pytest.raises(BundleError, match=r"added task|no text"):
        bundle.write(tmp_path, replace(spec, tasks={**spec.tasks, "level": task}))


def test_settings_are_checked():
    assert recipe(["steps=5", "lr=0.1"]) == Recipe(steps=5, lr=0.1)


def test_maps_alone_read_finer_features_by_themselves_and_nothing_is_finer_than_the_finest():
    assert Recipe().of("map").strides == (8, 4)
    assert Recipe(stride=4).of("map").strides == (4,)
    assert Recipe(detail=0).of("map").strides == (8,)
    assert Recipe().of("image").strides == (32,)
    assert Recipe(detail=8).of("image").strides == (32, 16)
    with pytest.raises(DataError, match="detail=8: expected 0 with stride=4"):
        Recipe(stride=4, detail=8).of("map")


@pytest.mark.parametrize(
    "wrong",
    [
        "step=5",
        "detail=-2",
        "steps=a",
        "steps=0",
        "held_out=1",
        "hidden=-3",
        "seed=-1",
        "lr=inf",
        "weight_decay=nan",
    ]
    + ["stride=-4", "views=0", "lr=-1", "detail=-2"],
)
def test_a_setting_that_cannot_be_is_named(wrong):
    with pytest.raises(DataError, match=rf"--set {wrong.partition('=')[0]}"):
        recipe([wrong])


def test_the_ledger_has_no_path_of_this_machine(added):
    rows = [row for row in ledger.of_bundle(added[1]) if row.source == "level"]
    images = [example.image for example in added[0].learnt]
    assert [row.image for row in rows] == [f"{image.parent.name}/{image.name}" for image in images]


def test_names_that_look_like_markup_are_shown_as_they_are(added, capsys):
    odd = replace(added[0].told, classes=("[red]", "[/bold]"))
    counted = [replace(example, truth="[red]") for example in added[0].learnt]
    command._show("level", replace(added[0], told=odd, learnt=counted))
    command.say("level in [new]")
    told = capsys.readouterr().out
    assert all(text in told for text in ("[red]", "[/bold]", "[new]"))


def test_what_differs_is_told_in_words():
    ways = [Way("fp32", "onnxruntime", 1, 4, 4), Way("int8", "openvino", 2, 4, 1)]
    told = "got 1 of 4 frames the same in int8 with openvino, threads: 2; the bundles are of different"
    with pytest.raises(BundleError, match=told):
        prove(ways)
    with pytest.raises(BundleError, match="got no frame to compare"):
        prove([])

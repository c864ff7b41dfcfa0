"""`perception quantize`: a bundle with every precision, or nothing."""

from __future__ import annotations

import inspect

import cv2
import pytest

from deploy.command import quantize
from deploy.folder import put
from deploy.precisions import CALIBRATED, file_names
from perception import bundle
from perception.cli import bundles
from perception.errors import BundleError, DataError, PerceptionError, SinkError
from perception.model.specs import FRAME_TASKS, task_spec
from tests.batches import smooth
from tests.disks import files_end_at
from tests.float_networks import DEEP, SIZE, float_network


@pytest.fixture
def lanes(tmp_path):
    """A bundle that sees lanes, fp32 only."""
    folder = tmp_path / "lanes"
    folder.mkdir()
    float_network(folder / "network.fp32.onnx")
    (folder / "README.md").write_text("the card")
    (folder / "ledger.csv").write_text("image,source,licence,labels,teachers\n")
    task = bundle.TaskSpec("lanes", ("unknown",), ("lanes.map",), settings={"threshold": 0.5})
    files = {"fp32": {"main": "network.fp32.onnx"}}
    shapes = {"lanes.map": (1, 4, 8, 12)}
    info = {
        "ledger": {},
        "licence": "free",
        "metrics": {"fp32": {"lanes.f1": 0.5}, "int8": {"lanes.f1": 0.4}},
    }
    spec = bundle.ModelSpec("lanes", "1", SIZE, {"lanes": task}, files, shapes=shapes, info=info)
    bundle.write(folder, spec)
    return folder


@pytest.fixture
def drive(tmp_path):
    folder = tmp_path / "drive"
    folder.mkdir()
    for number, image in enumerate(smooth(6, SIZE)):
        cv2.imwrite(str(folder / f"{number}.png"), image)
    return str(folder)


def test_every_precision_is_written_and_the_rest_of_the_bundle_stays(lanes, drive, tmp_path, capsys):
    quantize(lanes, tmp_path / "out", sources=[drive], count=4)
    spec, old = bundle.read(tmp_path / "out"), bundle.read(lanes)
    assert list(spec.files) == ["fp32", *CALIBRATED]
    assert (spec.tasks, spec.shapes, spec.sha256["network.fp32.onnx"]) == (
        old.tasks,
        old.shapes,
        old.sha256["network.fp32.onnx"],
    )
    assert (spec.info["calibration_images"], spec.info["licence"]) == (4, "free")
    assert set(spec.info["metrics"]) == {"fp32"}, "the others are of files that were replaced"
    assert list(spec.info["parity"]) == list(CALIBRATED)
    assert all(set(noise) == {"lanes.map"} for noise in spec.info["parity"].values())
    assert (tmp_path / "out/README.md").read_text() == "the card"
    assert (spec.info["ledger"], spec.sha256["ledger.csv"]) == ({}, old.sha256["ledger.csv"])
    assert "trt.int8" in capsys.readouterr().out


def test_fp16_needs_no_images_and_the_other_files_stay(lanes, drive, tmp_path):
    quantize(lanes, tmp_path / "out", sources=[drive], count=4)
    quantize(tmp_path / "out", tmp_path / "half", wanted=["fp16"])
    old, new = bundle.read(tmp_path / "out"), bundle.read(tmp_path / "half")
    assert list(new.files) == ["fp32", "fp16", *CALIBRATED]
    assert new.sha256["network.int8.onnx"] == old.sha256["network.int8.onnx"]
    assert new.info == old.info
    assert (tmp_path / "half/network.fp16.onnx").is_file()


def test_a_bundle_can_be_quantised_in_its_place(lanes, drive):
    quantize(lanes, lanes, sources=[drive], count=4)
    assert list(bundle.read(lanes).files) == ["fp32", *CALIBRATED]
    assert (lanes / "README.md").read_text() == "the card"


def test_a_folder_with_other_files_is_left_alone(lanes, drive, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/README.md").write_text("three days of work")
    with pytest.raises(PerceptionError, match="expected a new or an empty folder, got one with files"):
        quantize(lanes, tmp_path / "mine", sources=[drive])
    with pytest.raises(SinkError, match="expected a place of its own for the output"):
        quantize(lanes, tmp_path / "drive", sources=[drive])
    assert [path.read_text() for path in (tmp_path / "mine").iterdir()] == ["three days of work"]


def test_a_full_disk_leaves_the_old_bundle(lanes, tmp_path):
    made, before = tmp_path / "made", {path.name: path.read_bytes() for path in lanes.iterdir()}
    made.mkdir()
    for name in before:
        (made / name).write_bytes(b"new")
    (made / "network.fp32.onnx").write_bytes(bytes(2000))
    with files_end_at(1000), pytest.raises(SinkError, match=r"network\.fp32\.onnx: .*free the disk"):
        put(made, lanes)
    assert {path.name: path.read_bytes() for path in lanes.iterdir()} == before


def test_a_layer_can_stay_in_float_and_costs_are_shown(lanes, drive, tmp_path, capsys):
    quantize(lanes, tmp_path / "out", sources=[drive], count=4, left=[DEEP], sensitivity=True)
    text = capsys.readouterr().out
    assert "all layers" in text
    assert "stem" in text
    assert (tmp_path / "out/network.scales.json").read_text().count(f'"{DEEP}": "named by --float"') == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "guess"}, "expected a method of minmax"),
        ({"equal": "last"}, "expected where to equalise of none, first, all"),
        ({"left": ["nose"]}, "got nose"),
        ({"wanted": ["int4"]}, "expected precisions of fp16, int8, trt.int8, got int4"),
        ({"sources": []}, "expected --data, labelled pictures, to draw frames from"),
        ({"bundle": "nowhere"}, "expected a model bundle"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(lanes, drive, tmp_path, options, message):
    given = {"bundle": lanes, "sources": [drive], "count": 4, **options}
    with pytest.raises(PerceptionError, match=message):
        quantize(given.pop("bundle"), tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_frames_and_sign_crops_come_from_labelled_pictures(folder, exported_bundle, tmp_path):
    quantize(exported_bundle, tmp_path / "out", [str(folder)], count=2)
    assert bundle.read(tmp_path / "out").files == file_names(
        {"main": "network.fp32.onnx", "signs": "signs.fp32.onnx"}, CALIBRATED
    )
    with pytest.raises(DataError, match="sign crops"):
        quantize(exported_bundle, tmp_path / "other", sources=[str(folder / "signs")], count=2)


def test_a_bundle_without_floats_is_refused(exported_bundle, folder, tmp_path):
    spec = bundle.read(exported_bundle)
    (exported_bundle / "model.json").unlink()
    files = {"int8": spec.files["fp32"]}
    bundle.write(exported_bundle, bundle.ModelSpec("x", "1", spec.input_size, spec.tasks, files))
    with pytest.raises(BundleError, match="expected a bundle with fp32 files, got int8 only"):
        quantize(exported_bundle, tmp_path / "out", [str(folder)])


@pytest.fixture
def exported_bundle(exported, tmp_path):
    """A bundle of the exported network's fp32 files."""
    path = tmp_path / "whole"
    path.mkdir()
    for file in ("network.fp32.onnx", "signs.fp32.onnx"):
        (path / file).write_bytes((exported / file).read_bytes())
    tasks = {name: task_spec(name) for name in (*FRAME_TASKS, "signs")}
    files = {"fp32": {"main": "network.fp32.onnx", "signs": "signs.fp32.onnx"}}
    bundle.write(path, bundle.ModelSpec("whole", "1", (96, 64), tasks, files))
    return path


def test_the_command_line_has_the_defaults_of_what_it_calls():
    given, own = (inspect.signature(function).parameters for function in (bundles.quantize, quantize))
    for name, same in (("method", "method"), ("equalise", "equal"), ("frames", "count"), ("seed", "seed")):
        assert given[name].default == own[same].default

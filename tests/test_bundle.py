"""A bundle that is not whole is refused, and the message says what to do."""

import dataclasses
import json
import os
from pathlib import Path
from random import Random

import pytest

from perception import bundle, bundle_values
from perception.errors import BundleError
from perception.types import VOID


def edit(path, **fields):
    model = json.loads((path / "model.json").read_text())
    (path / "model.json").write_text(json.dumps({**model, "checksum": "", **fields}))


def test_what_is_written_is_read(tiny_bundle):
    spec = bundle.read(tiny_bundle)
    assert bundle.write(tiny_bundle, spec) == spec == bundle.read(tiny_bundle)
    assert list(spec.tasks) == ["detection", "lanes", "signs", "drivable"]
    assert spec.input_size == (640, 384)
    assert spec.shapes["signs.logits"] == (None, 43)


def test_no_folder(tmp_path):
    with pytest.raises(BundleError, match=r"nowhere: expected a model bundle.*Check the path"):
        bundle.read(tmp_path / "nowhere")


def test_a_bundle_of_the_package_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert bundle.folder("road") == bundle.folder(Path("road")) == bundle.folder(None) == bundle.SHIPPED
    assert bundle.folder("./elsewhere/road") == Path("elsewhere/road")
    (tmp_path / "road").mkdir()
    assert bundle.folder("road") == Path("road"), "a folder is meant rather than a name"


def test_no_such_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (*bundle.packaged(), "", "..", "."):
        assert bundle.folder(name).is_dir()
    with pytest.raises(BundleError, match=r"rod: expected .*model.json or one of road\b.*found none"):
        bundle.read(bundle.folder("rod"))


def test_model_json_is_not_json(tiny_bundle):
    (tiny_bundle / "model.json").write_text("{")
    with pytest.raises(BundleError, match="expected JSON"):
        bundle.read(tiny_bundle)


@pytest.mark.parametrize("text", ["[]", '{"format": 2}', "{}"])
def test_a_foreign_format(tiny_bundle, text):
    (tiny_bundle / "model.json").write_text(text)
    with pytest.raises(BundleError, match=r"expected bundle format 1, got .*Export the bundle"):
        bundle.read(tiny_bundle)


@pytest.mark.parametrize(
    "fields",
    [
        {"tasks": 3},
        {"input_size": [640]},
        {"colour": "red"},
        {"files": None},
        {"files": {"int8": {"main": 1.5, "signs": "a"}}},
    ],
)
def test_wrong_fields(tiny_bundle, fields):
    edit(tiny_bundle, **fields)
    with pytest.raises(BundleError, match=r"model\.json: expected the fields of a bundle, got"):
        bundle.read(tiny_bundle)


@pytest.mark.parametrize("value", [None, 5, "x", []])
@pytest.mark.parametrize("field", ["sha256", "info"])
def test_a_field_that_is_no_object(tiny_bundle, field, value):
    edit(tiny_bundle, **{field: value})
    with pytest.raises(BundleError, match=f"{field} .*, which is no object"):
        bundle.read(tiny_bundle)


@pytest.mark.parametrize("value", [None, 5, [], {}, [[1]]])
@pytest.mark.parametrize("field", ["name", "classes", "outputs", "needs", "network", "settings", "kind"])
def test_a_field_of_a_task_of_another_kind(tiny_bundle, field, value):
    tasks = json.loads(text_of(tiny_bundle))["tasks"]
    edit(tiny_bundle, tasks={**tasks, "lanes": {**tasks["lanes"], field: value}})
    harmless = {
        ("needs", "[]"),
        ("outputs", "[]"),
        ("settings", "{}"),
        *(("kind", v) for v in ("None", "[]", "{}")),
    }
    if (field, str(value)) in harmless:
        assert bundle.read(tiny_bundle).name == "tiny"
    else:
        with pytest.raises(BundleError, match=r"task .*: |task .* without classes"):
            bundle.read(tiny_bundle)


def test_a_checksum_in_the_free_part_stays(tiny_bundle):
    spec = dataclasses.replace(bundle.read(tiny_bundle), info={"archive": {"checksum": ""}})
    bundle.write(tiny_bundle, spec)
    assert bundle.read(tiny_bundle).info == {"archive": {"checksum": ""}}


def test_a_missing_file(tiny_bundle):
    (tiny_bundle / "signs.onnx").unlink()
    with pytest.raises(BundleError, match=r"signs\.onnx: expected a network file.*No such file"):
        bundle.read(tiny_bundle)


def test_one_flipped_bit(tiny_bundle):
    data = bytearray((tiny_bundle / "network.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (tiny_bundle / "network.onnx").write_bytes(data)
    with pytest.raises(BundleError, match=r"network\.onnx: expected sha256 .*, got .*copy the bundle again"):
        bundle.read(tiny_bundle)


def test_a_ledger_is_part_of_the_bundle(tiny_bundle):
    (tiny_bundle / "ledger.csv").write_text("image\n")
    spec = dataclasses.replace(bundle.read(tiny_bundle), info={"ledger": {}})
    assert "ledger.csv" in bundle.write(tiny_bundle, spec).sha256
    (tiny_bundle / "ledger.csv").write_text("another\n")
    with pytest.raises(BundleError, match=r"ledger\.csv: expected sha256"):
        bundle.read(tiny_bundle)
    (tiny_bundle / "ledger.csv").unlink()
    with pytest.raises(BundleError, match=r"expected a ledger of the bundle, got No such file"):
        bundle.write(tiny_bundle, spec)


def test_a_file_without_checksum(tiny_bundle):
    edit(tiny_bundle, sha256={})
    with pytest.raises(BundleError, match="expected sha256 None"):
        bundle.read(tiny_bundle)


def test_a_file_outside_the_bundle(tiny_bundle):
    edit(tiny_bundle, files={"int8": {"main": "../network.onnx", "signs": "signs.onnx"}})
    with pytest.raises(BundleError, match="outside the bundle"):
        bundle.read(tiny_bundle)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"classes": ()}, "'lanes' without classes"),
        ({"needs": ("sonar",)}, "'lanes' needs 'sonar'"),
        ({"network": "radar"}, "needs network 'radar'"),
        ({"name": "lane"}, "task 'lane' under another name"),
    ],
)
def test_a_spec_that_contradicts_itself_is_not_written(tiny_bundle, change, complaint):
    spec = bundle.read(tiny_bundle)
    before = (tiny_bundle / "model.json").read_text()
    tasks = {**spec.tasks, "lanes": dataclasses.replace(spec.tasks["lanes"], **change)}
    with pytest.raises(BundleError, match=complaint):
        bundle.write(tiny_bundle, dataclasses.replace(spec, tasks=tasks))
    assert (tiny_bundle / "model.json").read_text() == before


@pytest.mark.parametrize("field", ["tasks", "files"])
def test_an_empty_spec_is_not_written(tiny_bundle, field):
    with pytest.raises(BundleError, match=f"no (network )?{field}"):
        bundle.write(tiny_bundle, dataclasses.replace(bundle.read(tiny_bundle), **{field: {}}))


def text_of(path) -> str:
    return (path / "model.json").read_text()


def test_no_flipped_bit_of_the_description_is_accepted(tiny_bundle):
    whole, random = (tiny_bundle / "model.json").read_bytes(), Random(0)
    for _ in range(600):
        data = bytearray(whole)
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        (tiny_bundle / "model.json").write_bytes(data)
        with pytest.raises(BundleError):
            bundle.read(tiny_bundle)


def test_swapped_class_names_are_found(tiny_bundle):
    text = text_of(tiny_bundle).replace('"vehicle"', '"x"').replace('"person"', '"vehicle"')
    (tiny_bundle / "model.json").write_text(text.replace('"x"', '"person"'))
    with pytest.raises(BundleError, match=r"expected checksum .*, got .*copy the bundle again, or empty"):
        bundle.read(tiny_bundle)


@pytest.mark.parametrize("change", [{"checksum": ""}, {"checksum": None}])
def test_an_older_bundle_has_no_checksum(tiny_bundle, change):
    model = json.loads(text_of(tiny_bundle)) | change
    (tiny_bundle / "model.json").write_text(json.dumps({k: v for k, v in model.items() if v is not None}))
    assert bundle.read(tiny_bundle).name == "tiny"


@pytest.mark.parametrize(
    ("task", "change", "complaint"),
    [
        ("lanes", {"settings": {"threshold": 1e308}}, r"1e\+308 instead of a number from 1e-06 to 0.999999"),
        ("lanes", {"settings": {"edge_threshold": -1}}, "edge_threshold: -1 instead"),
        ("lanes", {"settings": {"min_length": "24 px", "new": [1, {"deep": 1e9}]}}, "1000000000.0 instead"),
        ("detection", {"settings": {"threshold": {"vehicle": 2.0}}}, "threshold: 2.0 instead"),
        ("detection", {"settings": {"max_objects": 2.5}}, "2.5 instead of a whole number from 1"),
        ("detection", {"settings": {"max_objects": True, "nms_iou": 0}}, "nms_iou: 0 instead"),
        ("signs", {"classes": ["stop"]}, r"1 classes for signs.logits \[None, 43\]"),
        ("detection", {"classes": ["a", "b"]}, "'detection' with 2 classes for detection.scores8"),
        ("lanes", {"classes": ["line", "line"]}, "'lanes': classes with a name twice"),
        ("lanes", {"classes": ["li\0ne"]}, "the text 'li.x00ne', which is no name"),
        ("lanes", {"classes": "line"}, "'lanes': classes that are no list of names"),
        ("lanes", {"outputs": [["lanes.map"]]}, "'lanes': outputs that are no list of names"),
        ("lanes", {"settings": []}, "."),
        ("lanes", {"network": "m" * 300}, "which is no name"),
    ],
)
def test_a_value_out_of_its_range(tiny_bundle, task, change, complaint):
    tasks = json.loads(text_of(tiny_bundle))["tasks"]
    edit(tiny_bundle, tasks={**tasks, task: {**tasks[task], **change}})
    with pytest.raises(BundleError, match=complaint):
        bundle.read(tiny_bundle)


@pytest.mark.parametrize(
    "fields", [{"input_size": [0, 384]}, {"input_size": [640.0, 384]}, {"shapes": {"lanes.map": [1, -8]}}]
)
def test_a_size_out_of_its_range(tiny_bundle, fields):
    edit(tiny_bundle, **fields)
    with pytest.raises(BundleError, match="instead of a whole number"):
        bundle.read(tiny_bundle)


def with_maps(path, *counts, factor=2):
    """The bundle with a map task for each count of classes."""
    model = json.loads(text_of(path))
    for k, count in enumerate(counts):
        names = [f"c{number}" for number in range(count)]
        task = {"name": f"m{k}", "classes": names, "outputs": [f"m{k}.maps"], "needs": [], "network": "main"}
        model["tasks"][f"m{k}"] = {**task, "settings": {"factor": factor}, "kind": "map"}
        model["shapes"][f"m{k}.maps"] = [1, count * 4, 48, 80]
    edit(path, tasks=model["tasks"], shapes=model["shapes"])


@pytest.mark.parametrize("factor", ["2", None, [2], {}, True, 2.0])
def test_the_factor_of_a_map_is_a_whole_number(tiny_bundle, factor):
    with_maps(tiny_bundle, 3, factor=factor)
    with pytest.raises(BundleError, match=r"factor|instead of a whole number"):
        bundle.read(tiny_bundle)


def test_all_maps_are_numbered_in_one_byte(tiny_bundle):
    assert bundle_values.MAP_CLASSES == VOID
    with_maps(tiny_bundle, *[51] * 5)
    assert len(bundle.read(tiny_bundle).tasks) == 9
    with_maps(tiny_bundle, 52, *[51] * 4)
    with pytest.raises(BundleError, match="256 classes of maps instead of at most 255"):
        bundle.read(tiny_bundle)


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": 1e999}', "[" * 10**5, "9" * 5000, "\0"])
def test_json_that_is_no_good(tiny_bundle, text):
    (tiny_bundle / "model.json").write_text(text)
    with pytest.raises(BundleError, match="expected JSON"):
        bundle.read(tiny_bundle)


@pytest.mark.parametrize("name", ["model.json", "network.onnx"])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir])
def test_a_device_is_no_file_of_a_bundle(tiny_bundle, name, make):
    (tiny_bundle / name).unlink()
    make(tiny_bundle / name)
    with pytest.raises(BundleError, match="no regular file"):
        bundle.read(tiny_bundle)

"""A bundle that is not whole is refused, and the message says what to do."""

import dataclasses
import json

import pytest

from perception import bundle
from perception.errors import BundleError


def edit(path, **fields):
    model = json.loads((path / "model.json").read_text())
    (path / "model.json").write_text(json.dumps({**model, **fields}))


def test_what_is_written_is_read(tiny_bundle):
    spec = bundle.read(tiny_bundle)
    assert bundle.write(tiny_bundle, spec) == spec == bundle.read(tiny_bundle)
    assert list(spec.tasks) == ["detection", "lanes", "signs", "drivable"]
    assert spec.input_size == (640, 384)
    assert spec.shapes["signs.logits"] == (None, 43)


def test_no_folder(tmp_path):
    with pytest.raises(BundleError, match=r"nowhere: expected a model bundle.*Check the path"):
        bundle.read(tmp_path / "nowhere")


def test_model_json_is_not_json(tiny_bundle):
    (tiny_bundle / "model.json").write_text("{")
    with pytest.raises(BundleError, match="expected JSON"):
        bundle.read(tiny_bundle)


@pytest.mark.parametrize("text", ["[]", '{"format": 2}', "{}"])
def test_a_foreign_format(tiny_bundle, text):
    (tiny_bundle / "model.json").write_text(text)
    with pytest.raises(BundleError, match=r"expected bundle format 1, got .*Export the bundle"):
        bundle.read(tiny_bundle)


@pytest.mark.parametrize("fields", [{"tasks": 3}, {"input_size": [640]}, {"colour": "red"}, {"files": None}])
def test_wrong_fields(tiny_bundle, fields):
    edit(tiny_bundle, **fields)
    with pytest.raises(BundleError, match=r"model\.json: expected the fields of a bundle, got"):
        bundle.read(tiny_bundle)


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

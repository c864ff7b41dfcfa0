"""Between two bundles."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from perception import bundle
from perception.bundle import MAIN, SHIPPED
from perception.errors import BundleError
from perception.model.specs import CROPS
from perception.training import ledger
from perception.training.data.licences import ORIGINS
from tests.float_networks import SIZE, float_network
from tools.between import between, front, front_scales

TASK = bundle.TaskSpec("lanes", ("unknown",), ("lanes.map",), settings={"threshold": 0.5})


@pytest.fixture
def lineage(tmp_path):
    """A bundle, and one with the same network whose weights are twice as large and stored as half."""
    for name, factor, kind in (("old", 1, np.float32), ("new", 2, np.float16)):
        path = tmp_path / name / "network.fp32.onnx"
        path.parent.mkdir()
        model = onnx.load(str(float_network(path)))
        for tensor in model.graph.initializer:
            if tensor.data_type == onnx.TensorProto.FLOAT:
                value = factor * numpy_helper.to_array(tensor)
                half = ".half" if kind == np.float16 else ""
                tensor.CopyFrom(numpy_helper.from_array(value.astype(kind), tensor.name + half))
        onnx.save(model, str(path))
        files = {"fp32": {"main": path.name}}
        bundle.write(path.parent, bundle.ModelSpec("lanes", "1", SIZE, {"lanes": TASK}, files))
    return tmp_path


def weights(folder):
    graph = onnx.load(str(folder / "network.fp32.onnx")).graph
    return {tensor.name.removesuffix(".half"): numpy_helper.to_array(tensor) for tensor in graph.initializer}


def test_weights_are_the_weighted_mean_and_stored_as_in_the_new_one(lineage):
    between(lineage / "old", lineage / "new", lineage / "out", 0.75)
    old, out = weights(lineage / "old"), weights(lineage / "out")
    halves = [name for name, value in out.items() if value.dtype == np.float16]
    assert len(halves) > 3
    for name in halves:
        np.testing.assert_allclose(out[name], 1.75 * old[name], rtol=2e-3, atol=1e-3)
    assert list(bundle.read(lineage / "out").files) == ["fp32"]


def recorded(folder, rows):
    (folder / bundle.LEDGER).write_text(ledger.to_csv(rows))
    (folder / "README.md").write_text("a card")
    info = {bundle.LEDGER_INFO: ledger.summary(rows), "licence": "free"}
    bundle.write(folder, replace(bundle.read(folder), info=info))


def of(image, source):
    return ledger.Row(image, source, ORIGINS[source].licence, "lanes", "")


OPEN, CLOSED = of("gtsdb/images/a.png", "gtsdb"), of("camvid/images/a.png", "camvid")


@pytest.mark.parametrize("old", [[CLOSED, OPEN], []])
def test_weights_that_forbid_commercial_use_still_do(lineage, old):
    if old:
        recorded(lineage / "old", old)
    recorded(lineage / "new", [OPEN])
    between(lineage / "old", lineage / "new", lineage / "out", 0.75)
    info = bundle.read(lineage / "out").info
    assert (info[bundle.LEDGER_INFO]["commercial"], info["licence"].split()[0]) == (False, "research")
    assert set(ledger.of_bundle(lineage / "out")) == {OPEN, *(old or ledger.unrecorded("old"))}
    assert not (lineage / "out" / "README.md").exists()


def test_weights_that_allow_commercial_use_still_do(lineage):
    for name in ("old", "new"):
        recorded(lineage / name, [OPEN])
    between(lineage / "old", lineage / "new", lineage / "out", 0.75)
    info = bundle.read(lineage / "out").info
    assert (info[bundle.LEDGER_INFO]["commercial"], info["licence"].split()[0]) == (True, "commercial")
    assert (lineage / "out" / "README.md").read_text() == "a card"


def test_another_network_is_refused(lineage):
    path = lineage / "old" / "network.fp32.onnx"
    model = onnx.load(str(path))
    model.graph.initializer[0].name = "other"
    onnx.save(model, str(path))
    files = {"fp32": {"main": path.name}}
    bundle.write(lineage / "old", bundle.ModelSpec("lanes", "1", SIZE, {"lanes": TASK}, files))
    with pytest.raises(BundleError, match="expected two bundles of one network"):
        between(lineage / "old", lineage / "new", lineage / "out", 0.5)


def networks(folder):
    return {kind: onnx.load(str(folder / file)) for kind, file in bundle.read(folder).files["fp32"].items()}


def test_the_sign_network_keeps_scaled_copies_of_the_first_layers(tmp_path):
    shutil.copytree(SHIPPED, tmp_path / "new")
    for kind, model in networks(SHIPPED).items():
        for tensor in front({MAIN: model, CROPS: model})[kind == MAIN]:
            value = numpy_helper.to_array(tensor) + np.float32(0.1)
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
        onnx.save(model, str(tmp_path / "new" / bundle.read(SHIPPED).files["fp32"][kind]))
    bundle.write(tmp_path / "new", bundle.read(SHIPPED))
    between(SHIPPED, tmp_path / "new", tmp_path / "out", 0.5)
    mixed = networks(tmp_path / "out")
    assert len(front(mixed)[0]) == 5
    for own, shared, scale in zip(*front(mixed), front_scales(mixed), strict=True):
        copied = scale[:, None, None, None] * numpy_helper.to_array(shared)
        np.testing.assert_allclose(numpy_helper.to_array(own), copied, rtol=1e-4, atol=1e-5)

"""The exported files say what the trained network says."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from deploy.build import FILES
from perception.model.fuse import macs
from perception.model.network import normalise
from perception.model.specs import FRAME_TASKS, OUTPUTS
from tests.batches import SIZE


def run(path, images):
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: images}), strict=True))


def normal(images):
    return normalise(torch.from_numpy(images).permute(0, 3, 1, 2))


@torch.no_grad()
def test_every_output_of_the_frame_network(network, exported, pictures):
    seen = run(exported / FILES["fp32"]["main"], pictures["main"][:1])
    expected = network(normal(pictures["main"][:1]), FRAME_TASKS)
    assert set(seen) == set(expected) == {name for task in FRAME_TASKS for name in OUTPUTS[task]}
    for name, value in expected.items():
        np.testing.assert_allclose(seen[name], value, rtol=1e-4, atol=1e-4 * value.abs().max().item())
        assert value.std() > 0.05, "this comparison would not see a fault"


@torch.no_grad()
@pytest.mark.parametrize("count", [1, 3, 7])
def test_any_number_of_sign_crops(network, exported, pictures, count):
    crops = pictures["signs"][:count]
    (seen,) = run(exported / FILES["fp32"]["signs"], crops).values()
    expected = network.crops(normal(crops))["signs.logits"]
    np.testing.assert_allclose(seen, expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())


@pytest.mark.parametrize("precision", FILES)
@pytest.mark.parametrize(("kind", "shape"), [("main", [1, 64, 96, 3]), ("signs", ["n", 64, 64, 3])])
def test_the_input_is_the_camera_s_bytes(exported, precision, kind, shape):
    session = ort.InferenceSession(str(exported / FILES[precision][kind]), providers=["CPUExecutionProvider"])
    (node,) = session.get_inputs()
    assert (node.type, node.shape) == ("tensor(uint8)", shape)
    assert {node.type for node in session.get_outputs()} == {"tensor(float)"}


def test_only_convolutions_are_left(exported):
    graph = onnx.load(str(exported / FILES["fp32"]["main"])).graph
    kinds = {node.op_type for node in graph.node}
    assert {"BatchNormalization", "Sigmoid"} & kinds == set()
    assert kinds >= {"Conv", "Relu", "DequantizeLinear", "Transpose"}


def test_arithmetic_is_counted_by_the_picture(network):
    small = macs(network, SIZE, FRAME_TASKS)
    assert macs(network, (2 * SIZE[0], SIZE[1]), FRAME_TASKS) == 2 * small
    assert 1.3e9 < small * (640 * 384) / (SIZE[0] * SIZE[1]) < 1.9e9

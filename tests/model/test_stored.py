"""The float networks of a bundle, read back as they are."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from perception import bundle
from perception.bundle import SHIPPED
from perception.model.fuse import CropNetwork, FrameNetwork
from perception.model.network import Network, normalise
from perception.model.stored import stored
from tests.batches import smooth

TASKS = ("detection", "lanes", "signs", "drivable")


def exported(folder, sharing):
    """A bundle of which only the float weights are true."""
    network = Network(TASKS, sharing)
    frames = FrameNetwork(network, tuple(t for t in TASKS if t != "signs"), ())
    for kind, module in (("main", frames), ("signs", CropNetwork(network))):
        own = {n: p for n, p in module.named_parameters() if kind == "signs" or ".signs." not in n}
        values = [numpy_helper.from_array(p.detach().numpy(), name) for name, p in own.items()]
        node = helper.make_node("Identity", ["x"], ["y"])
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
        onnx.save(
            helper.make_model(helper.make_graph([node], "g", *[[e] for e in ends], values)), folder / kind
        )
    spec = bundle.read(SHIPPED)
    files = {"fp32": {"main": "main", "signs": "signs"}}
    bundle.write(folder, bundle.ModelSpec("new", "1", spec.input_size, spec.tasks, files))
    return frames


@torch.no_grad()
def test_the_shipped_network_is_read_back_exactly():
    image = smooth(1, bundle.read(SHIPPED).input_size)
    images = normalise(torch.from_numpy(image.transpose(0, 3, 1, 2).copy()))
    frames = stored(SHIPPED).frames
    seen = frames.network(images, frames.tasks)
    session = ort.InferenceSession(str(SHIPPED / "network.fp32.onnx"), providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_outputs()]
    for name, value in zip(names, session.run(names, {"image": image}), strict=True):
        np.testing.assert_allclose(seen[name].numpy(), value, atol=1e-3, err_msg=name)


@pytest.mark.parametrize("sharing", ["separate", "branch1", "branch3"])
def test_how_tasks_share_is_told_by_the_names(tmp_path, sharing):
    frames = exported(tmp_path, sharing)
    found = stored(tmp_path)
    assert found.sharing == sharing
    weights = dict(found.frames.named_parameters())
    own = {name: value for name, value in frames.named_parameters() if ".signs." not in name}
    assert all(torch.equal(weights[name], value) for name, value in own.items())

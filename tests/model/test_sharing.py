"""What every sharing architecture promises."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest
import torch

from deploy.export import export_crops, export_frames
from perception.model.network import Network, normalise
from perception.model.shape import DEFAULT, Shape
from perception.model.sharing import SHARING
from perception.training.objective import losses
from tests.batches import make_batch

TASKS = ("detection", "lanes", "signs", "drivable")
FRAMES = ("detection", "lanes", "drivable")
PARAMETERS = {  # whose gradient a task's loss must not enter: the other heads'
    task: [other for other in TASKS if other != task] for task in TASKS
}
BATCH = make_batch()


SMALL = Shape((16, 32, 48, 48), (2, 1, 2, 1), 32)


def network(sharing, tasks=TASKS, shape=DEFAULT):
    torch.manual_seed(0)
    return Network(tasks, sharing, shape=shape)


@pytest.fixture(params=SHARING)
def sharing(request):
    return request.param


@torch.no_grad()
@pytest.mark.parametrize(("size", "shape"), [((64, 96), DEFAULT), ((32, 160), DEFAULT), ((64, 96), SMALL)])
def test_views_have_the_heads_widths_and_strides(sharing, size, shape):
    trunk = network(sharing, shape=shape).trunk
    assert trunk.widths == (shape.neck,) * 3
    views = trunk(torch.zeros(1, 3, *size), FRAMES)
    assert set(views) == set(FRAMES)
    for levels in views.values():
        shapes = [tuple(x.shape) for x in levels]
        strides = zip(trunk.widths, (8, 16, 32), strict=True)
        assert shapes == [(1, w, size[0] // s, size[1] // s) for w, s in strides]


@torch.no_grad()
@pytest.mark.parametrize("task", FRAMES)
def test_a_task_alone_says_what_it_says_with_the_others(sharing, task):
    whole = network(sharing).eval()
    images = normalise(BATCH.images)
    together, alone = whole(images), whole(images, [task])
    assert {name.split(".")[0] for name in alone} == {task}
    for name, value in alone.items():
        torch.testing.assert_close(value, together[name])


@pytest.mark.parametrize("tasks", [(task,) for task in TASKS])
def test_a_network_of_one_task_is_trained_like_any_other(sharing, tasks):
    found = losses(network(sharing, tasks), BATCH)
    assert set(found) == set(tasks)


@pytest.mark.parametrize("task", TASKS)
def test_a_loss_reaches_the_trunk_and_no_other_head(sharing, task):
    whole = network(sharing).train()
    losses(whole, BATCH)[task].backward()
    moved = {name for name, p in whole.named_parameters() if p.grad is not None and p.grad.any()}
    assert any(name.startswith("trunk.") for name in moved)
    assert {name.split(".")[1] for name in moved if name.startswith("heads.")} == {task}


def test_only_what_is_called_sharing_shares(sharing):
    whole = network(sharing).train()
    reached = {}
    for task, loss in losses(whole, BATCH).items():
        found = torch.autograd.grad(
            loss, list(whole.trunk.parameters()), retain_graph=True, allow_unused=True
        )
        reached[task] = {i for i, g in enumerate(found) if g is not None}
    common = reached["lanes"] & reached["drivable"]
    assert bool(common) == (sharing not in ("separate", "soft"))
    assert (whole.trunk.penalty() is not None) == (sharing == "soft")


@torch.no_grad()
@pytest.mark.parametrize("shape", [DEFAULT, SMALL])
def test_it_is_exported(sharing, tmp_path, shape):
    whole = network(sharing, shape=shape).eval()
    export_frames(whole, (96, 64), tmp_path / "frames.onnx")
    export_crops(whole, tmp_path / "crops.onnx")
    images = BATCH.images[:1].permute(0, 2, 3, 1).contiguous().numpy()
    session = ort.InferenceSession(str(tmp_path / "frames.onnx"), providers=["CPUExecutionProvider"])
    expected = whole(normalise(BATCH.images[:1]))
    for node, value in zip(session.get_outputs(), session.run(None, {"image": images}), strict=True):
        np.testing.assert_allclose(value, expected[node.name].numpy(), atol=1e-3, err_msg=node.name)


@torch.no_grad()
def test_gates_tell_of_their_shares():
    trunk = network("mixture").trunk
    trunk(torch.zeros(2, 3, 32, 32), FRAMES)
    told = trunk.telemetry()
    assert len(told) == 9
    assert sum(told.values()) == pytest.approx(3)

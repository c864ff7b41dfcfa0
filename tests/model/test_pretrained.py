"""A bundle can be trained on: the pretrained network says what the files say."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
import torch

from perception import bundle
from perception.bundle import SHIPPED
from perception.errors import BundleError
from perception.model.blocks import RepConv
from perception.model.network import Network, normalise
from perception.model.pretrained import load_pretrained
from perception.model.shape import Shape
from tests.batches import smooth

TASKS = ("detection", "lanes", "signs", "drivable")


def bytes_of(images):
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy())


@pytest.fixture(scope="module")
def pictures():
    return smooth(2, bundle.read(SHIPPED).input_size), smooth(5, (64, 64), seed=1)


@pytest.fixture(scope="module")
def _pretrained(pictures):
    network = Network(TASKS)
    load_pretrained(network, SHIPPED, *map(bytes_of, pictures))
    return network


@pytest.fixture
def pretrained(_pretrained):
    """A copy: in training a pass changes the norms' statistics."""
    return copy.deepcopy(_pretrained)


def stored(kind, images):
    """What the float file says, by output."""
    path = SHIPPED / bundle.read(SHIPPED).files["fp32"][kind]
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_outputs()]
    batches = [image[None] for image in images] if kind == "main" else [images]
    answers = [session.run(names, {session.get_inputs()[0].name: batch}) for batch in batches]
    return {name: np.concatenate(parts) for name, *parts in zip(names, *answers, strict=True)}


@torch.no_grad()
@pytest.mark.parametrize("training", [False, True])
def test_frames_are_seen_as_before(pretrained, pictures, training):
    seen = pretrained.train(training)(normalise(bytes_of(pictures[0])))
    for name, value in stored("main", pictures[0]).items():
        np.testing.assert_allclose(seen[name].numpy(), value, atol=5e-3, err_msg=name)


@torch.no_grad()
def test_signs_are_read_as_before(pretrained, pictures):
    seen = pretrained.eval().crops(normalise(bytes_of(pictures[1])))
    np.testing.assert_allclose(
        seen["signs.logits"].numpy(), stored("signs", pictures[1])["signs.logits"], atol=5e-3
    )


def test_every_path_of_a_pretrained_block_learns(pretrained):
    block = next(m for m in pretrained.modules() if isinstance(m, RepConv) and m.identity is not None)
    channels = block.norm.num_features
    loss = block.train()(torch.randn(2, channels, 8, 8)).square().sum() + block.norm.weight.sum()
    loss.backward()
    assert all(p.grad is not None and p.grad.any() for p in (block.conv.weight, block.point, block.identity))


def test_a_bundle_of_another_network_is_refused(pictures):
    network = Network(("lanes",))
    network.heads["lanes"].map = torch.nn.Conv2d(64, 8, 1)
    with pytest.raises(BundleError, match=r"lanes\.map.*expected weights \(8, 64, 1, 1\), got \(32"):
        load_pretrained(network, SHIPPED, *map(bytes_of, pictures))


@torch.no_grad()
@pytest.mark.parametrize("sharing", ["encoder_decoder", "cross_stitch", "separate"])
def test_tasks_with_parts_of_their_own_begin_with_the_shared_ones(pictures, sharing):
    network = Network(TASKS, sharing)
    load_pretrained(network, SHIPPED, *map(bytes_of, pictures))
    seen = network.eval()(normalise(bytes_of(pictures[0])))
    for name, value in stored("main", pictures[0]).items():
        np.testing.assert_allclose(seen[name].numpy(), value, atol=5e-3, err_msg=name)


def test_a_bundle_shared_in_another_way_is_refused(pictures):
    with pytest.raises(BundleError, match="train with the `sharing` and the `shape` of the bundle"):
        load_pretrained(Network(TASKS, "branch2"), SHIPPED, *map(bytes_of, pictures))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (Shape(widths=(48, 64, 128, 144)), r"encoder\.stem.*expected weights \(48"),
        (Shape(neck=48), r"neck.*expected weights \(48"),
        (Shape(depths=(1, 2, 4, 2)), r"got one with network\.trunk\.encoder\.stages\.1\.2"),
        (Shape(depths=(1, 3, 5, 2)), r"got one without trunk\.encoder\.stages\.2\.4"),
    ],
)
def test_a_bundle_of_another_shape_is_refused(pictures, shape, message):
    with pytest.raises(BundleError, match=f"{message}.*the `shape` of the bundle"):
        load_pretrained(Network(TASKS, shape=shape), SHIPPED, *map(bytes_of, pictures))


def test_a_bundle_without_signs_leaves_that_head_alone(pictures, tmp_path):
    spec = bundle.read(SHIPPED)
    for path in SHIPPED.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tasks = {name: task for name, task in spec.tasks.items() if name != "signs"}
    files = {precision: {"main": own["main"]} for precision, own in spec.files.items()}
    bundle.write(tmp_path, replace(spec, tasks=tasks, files=files))
    torch.manual_seed(0)
    network = Network(TASKS)
    fresh = {name: x.clone() for name, x in network.heads["signs"].named_parameters()}
    load_pretrained(network, tmp_path, *map(bytes_of, pictures))
    assert all(torch.equal(x, fresh[name]) for name, x in network.heads["signs"].named_parameters())


def test_a_class_that_keeps_its_name_keeps_its_weights(pictures, pretrained):
    torch.manual_seed(0)
    classes = {"detection": ("forklift", "person"), "signs": ("hard_hat", "stop")}
    network = Network(TASKS, classes=classes)
    new = network.heads["detection"].scores[0].weight[0].clone()
    load_pretrained(network, SHIPPED, *map(bytes_of, pictures))
    ours = bundle.read(SHIPPED).tasks
    for head, task, mine in ((lambda n: n.scores[0], "detection", 1), (lambda n: n.classify[1], "signs", 1)):
        kept, before = (head(n.heads[task]).weight for n in (network, pretrained))
        assert torch.equal(kept[mine], before[ours[task].classes.index(classes[task][mine])])
    assert torch.equal(network.heads["detection"].scores[0].weight[0], new)

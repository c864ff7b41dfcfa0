"""A network adapts to a few frames: by statistics, by its heads, and by a share of the change."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import repeat

import numpy as np
import pytest
import torch

from perception import bundle
from perception.errors import DataError
from perception.labels.vocabulary import Vocabulary
from perception.model.network import normalise
from perception.training.adapt.align import align
from perception.training.adapt.fit import PARTS, Recipe, fit
from perception.training.adapt.frames import Frequent, Labelled, check_one_camera, labelled, repeated
from perception.training.adapt.mixed import ALL, mixed
from perception.training.adapt.start import planes
from perception.training.data import foreign
from perception.training.objective import losses
from tests.batches import SIZE, known_maps, make_batch, smooth, trained

QUICK = Recipe(steps=3, pool=1, lr=1e-2)
NORM = "trunk.encoder.stem.norm"


@pytest.fixture(scope="module")
def network():
    return trained()


def weights(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def moved(before, after):
    return {name for name, value in after.items() if not torch.equal(value, before[name])}


@pytest.mark.parametrize("parts", PARTS)
def test_only_what_may_move_moves(network, parts):
    before = weights(network)
    after = fit(copy.deepcopy(network), repeat(make_batch()), ["lanes"], Recipe(parts, steps=2, pool=1))
    names = moved(before, after.state_dict())
    others = {n for n in names if not n.startswith(("heads.lanes", "trunk"))}
    trunk = {n for n in names if n.startswith("trunk")}
    assert any(n.startswith("heads.lanes") for n in names)
    assert not others, "no other head, and no head that reads crops"
    assert not {n for n in names if "running" in n}
    assert bool(trunk) == (parts != "heads")
    assert any("conv" in n for n in trunk) == (parts == "all")
    assert f"{NORM.removesuffix('norm')}conv.weight" not in names, "sign crops are read by it"


def test_the_loss_falls(network):
    def loss(net):
        return float(losses(net, make_batch(), exact=True, tasks=["lanes"])["lanes"].detach())

    recipe = Recipe(steps=20, pool=1, lr=1e-2, ema=0.5)
    assert loss(fit(copy.deepcopy(network), repeat(make_batch()), ["lanes"], recipe)) < 0.98 * loss(network)


def test_time_ends_the_learning(network):
    heard = []
    fit(
        copy.deepcopy(network),
        repeat(make_batch()),
        ["lanes"],
        Recipe(steps=10**6, pool=1),
        1e-9,
        heard.append,
    )
    assert heard == [1.0]


def test_a_loss_that_is_no_number_is_named(network):
    broken = copy.deepcopy(network)
    torch.nn.init.constant_(broken.heads["lanes"].map.bias, float("nan"))
    with pytest.raises(DataError, match="got NaN or infinity of lanes"):
        fit(broken, repeat(make_batch()), ["lanes"], QUICK)


def test_without_a_prior_the_statistics_are_those_of_the_frames(network):
    images, made = smooth(4, SIZE), copy.deepcopy(network)
    align(made, images, prior=0.0)
    x = made.trunk.encoder.stem.conv(normalise(planes(images)))
    norm = made.get_submodule(NORM)
    torch.testing.assert_close(norm.running_mean, x.mean((0, 2, 3)), rtol=1e-3, atol=1e-4)


def test_the_statistics_are_blended_as_frames_count(network):
    images, whole, part = smooth(4, SIZE), copy.deepcopy(network), copy.deepcopy(network)
    align(whole, images, prior=0.0)
    align(part, images, prior=12.0)
    before, new, got = (net.get_submodule(NORM).running_var for net in (network, whole, part))
    torch.testing.assert_close(got, 0.75 * before + 0.25 * new)


def test_a_share_of_the_change_lies_between(network):
    new = trained(1)
    half = mixed(network.state_dict(), new, {ALL: 0.5}).state_dict()
    name = f"{NORM}.running_mean"
    torch.testing.assert_close(half[name], (network.state_dict()[name] + new.state_dict()[name]) / 2)
    assert not moved(weights(network), mixed(network.state_dict(), new, {}).state_dict())


def test_the_share_of_one_head_changes_that_head_alone(network):
    old, new = weights(network), trained(1)
    names = moved(old, mixed(old, new, {"lanes": 1.0}).state_dict())
    assert names
    assert all(name.startswith("heads.lanes.") for name in names)


def test_frames_that_are_one_are_refused_and_repeats_are_named():
    one, other = smooth(2, (64, 36))
    noisy = np.clip(one.astype(int) + 1, 0, 255).astype(np.uint8)
    assert repeated([one, other, one], ["a", "b", "c"]) == [
        "c is the same frame as a: it teaches nothing new"
    ]
    with pytest.raises(DataError, match="expected frames that differ, got 2 that show one thing: a, b"):
        repeated([one, one.copy()], ["a", "b"])
    assert repeated([one, other, np.roll(noisy, 20, 1)], ["a", "b", "c"]) == []


def test_a_class_that_is_hardly_shown_is_neither_learnt_nor_unlearnt(mine):
    pictures = foreign.read(f"coco:{mine}", Vocabulary(("forklift", "pallet")))
    ids = pictures.vocabulary.object_ids
    forklift, pallet = ids.index("forklift"), ids.index("pallet")
    for sample in Frequent(pictures, frozenset({"pallet"})):
        assert sample.boxes.sure.tolist() == (sample.boxes.label == pallet).tolist()
        assert (sample.negative_weight[forklift], sample.negative_weight[pallet]) == (0, 1)


def test_half_of_the_frames_teaches_the_classes_of_all(mine):
    """Of 12 boxes, 6 each of two classes, none is frequent; of 24 both are, for either half, too."""
    pictures = foreign.read(f"coco:{mine}", Vocabulary(("forklift", "pallet")))
    few, twice = (Labelled((pictures,) * count, ("detection",), (), ()) for count in (1, 2))
    classes = [{part.classes for part in given.samples(pictures.told[::2])} for given in (few, twice)]
    assert classes == [{frozenset()}, {frozenset({"forklift", "pallet"})}]


def spec_of(*classes):
    spec = bundle.read(bundle.SHIPPED)
    task = replace(spec.tasks["detection"], classes=classes)
    return replace(spec, tasks={**spec.tasks, "detection": task})


def test_classes_of_ones_own_that_are_hardly_shown_are_not_learnt(mine, roads):
    sets, spec = [f"coco:{mine}", f"masks:{roads}"], spec_of("forklift", "pallet")
    given = labelled(sets, spec)
    assert given.tasks == ("drivable",)
    assert "expected 10 boxes of a class, got 6 forklift, 6 pallet: objects are not learnt" in given.warnings
    with pytest.raises(DataError, match=r"got 6 forklift, 6 pallet\. Label more"):
        labelled(sets[:1], spec)
    assert labelled(sets[:1], spec_of("forklift", "vehicle")).tasks == ("detection",), "scenes show vehicles"


def test_a_batch_that_says_nothing_is_passed_over(network):
    silent = make_batch()
    silent = replace(silent, maps=known_maps(silent))
    before = weights(network)
    after = fit(copy.deepcopy(network), repeat(silent), ["lanes"], QUICK)
    assert not moved(before, after.state_dict())


def test_frames_of_two_cameras_are_refused():
    check_one_camera([(640, 360), (1280, 720)])
    with pytest.raises(DataError, match="got pictures of 640 x 360 and of 640 x 480"):
        check_one_camera([(640, 360), (640, 480)])

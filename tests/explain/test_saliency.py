"""Maps lie where the network looked, depend on what it learnt, and foretell what matters."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from perception.explain.drise import drise, mask
from perception.explain.explainer import tensor_of
from perception.explain.faithful import areas
from perception.explain.saliency import METHODS, saliency
from perception.explain.sanity import rank_correlation, shuffled, spearman
from perception.explain.targets import BoxTarget, LineTarget, SignTarget, score_of
from tests.explain.local import SIZE, Local

TARGET = BoxTarget((36.0, 20.0, 52.0, 36.0), 0)


def picture():
    image = np.full((SIZE[1], SIZE[0], 3), 40, np.uint8)
    image[20:36, 36:52] = 250
    image += np.random.default_rng(0).integers(0, 5, image.shape, np.uint8)
    return image


def seen(network):
    return lambda image: {name: value.numpy() for name, value in network(tensor_of(image)).items()}


def why(network, method="gradient_activation"):
    return saliency(network, network.trunk, tensor_of(picture()), [TARGET], METHODS[method])[0]


def share_near(saliency, margin=12):
    return saliency[20 - margin : 36 + margin, 36 - margin : 52 + margin].sum() / saliency.sum()


@pytest.mark.parametrize("method", ["gradient_activation", "layer_cam"])
def test_heat_lies_at_the_object_where_the_head_looks_locally(method):
    assert why(Local(), method).sum() == pytest.approx(1, abs=1e-4)
    assert share_near(why(Local(), method)) > 0.95


def test_grad_cam_spreads_over_all_that_is_bright():
    image = picture()
    image[:16, :16] = 250
    network = Local()
    far = saliency(network, network.trunk, tensor_of(image), [TARGET], METHODS["grad_cam"])[0]
    near = saliency(network, network.trunk, tensor_of(image), [TARGET])[0]
    assert far[:16, :16].sum() > 100 * near[:16, :16].sum()


def test_shuffled_weights_change_the_map():
    torch.manual_seed(0)
    network = Local()
    network.heads.weight.data.normal_()
    before, same = why(network), why(shuffled(network, ()))
    assert rank_correlation(before, same) == pytest.approx(1)
    after = [rank_correlation(before, why(shuffled(network, ("heads",), seed))) for seed in range(8)]
    assert np.mean(after) < 0.9


def test_shuffling_keeps_the_values_and_the_other_parts():
    network = Local()
    other = shuffled(network, ("heads",))
    assert torch.equal(
        other.heads.weight.flatten().sort().values, network.heads.weight.flatten().sort().values
    )
    assert not torch.equal(other.heads.weight, network.heads.weight)
    assert torch.equal(other.trunk[0].weight, network.trunk[0].weight)


def test_a_good_map_inserts_early_and_deletes_early():
    network, image = Local(), picture()
    score = lambda shown: score_of(TARGET, seen(network)(shown))  # noqa: E731
    good = why(network)
    best, worst = areas(score, image, good), areas(score, image, -good)
    assert best.insertion > worst.insertion
    assert best.deletion < worst.deletion


def test_masks_find_what_the_gradient_finds():
    network = Local()
    (found,) = drise(seen(network), picture(), [TARGET], 200, grid=8)
    place = np.unravel_index(found.argmax(), found.shape)
    assert 12 <= place[0] < 44
    assert 28 <= place[1] < 60


def test_masks_are_open_by_half():
    rng = np.random.default_rng(0)
    masks = np.stack([mask(rng, SIZE) for _ in range(50)])
    assert masks.shape == (50, SIZE[1], SIZE[0])
    assert masks.min() == 0
    assert masks.max() == 1
    assert masks.mean() == pytest.approx(0.5, abs=0.02)


def test_the_score_of_a_box_falls_with_its_distance():
    outputs = Local()(tensor_of(picture()))
    at = [float(BoxTarget((36.0 + dx, 20.0, 52.0 + dx, 36.0), 0).score(outputs)) for dx in (0, 4, 40)]
    assert at[0] > at[1] > at[2]


def test_the_score_of_a_line_is_its_mean_probability():
    parts = torch.full((1, 8, 3, 4), -9.0)
    parts[0, 1, 0, 0] = 9.0  # the cell at row 0, column 1, of the first map
    rows, columns = torch.tensor([0, 0]), torch.tensor([1, 2])
    target = LineTarget("lanes.map", 2, rows, columns)
    assert float(target.score({"lanes.map": parts})) == pytest.approx(0.5, abs=1e-3)
    assert float(target.evidence({"lanes.map": parts})) == pytest.approx(0)


def test_what_speaks_for_all_signs_speaks_for_none():
    target, logits = SignTarget(1), torch.tensor([[1.0, 2.0, 0.0]])
    evidence = [float(target.evidence({"signs.logits": logits + more})) for more in (0, 5)]
    assert evidence[0] == pytest.approx(evidence[1], abs=1e-5)
    score = float(target.score({"signs.logits": logits}))
    assert evidence[0] == pytest.approx(np.log(score / (1 - score)), abs=1e-5)


def test_rank_correlation_gives_equal_values_their_mean_rank():
    assert spearman(np.array([1, 2, 2, 3]), np.array([1, 2, 2, 9])) == pytest.approx(1)
    assert spearman(np.array([1, 2, 3]), np.array([9, 4, 1])) == pytest.approx(-1)
    assert spearman(np.array([1, 1, 1]), np.array([9, 4, 1])) == 0

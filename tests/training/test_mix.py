"""Source-balanced batches that depend on the seed and their number alone."""

from __future__ import annotations

from dataclasses import astuple
from itertools import islice

import numpy as np
import pytest
import torch

from perception.tasks.batch import CERTAIN, UNKNOWN
from perception.tasks.detection import CLASSES
from perception.training.augment import Place
from perception.training.data.mix import Mix
from perception.training.data.sample import Boxes, Sample, negative_weights

PLACE = Place((64, 32))
SIGNS = [
    (np.full((30, 30, 3), 9 * k, np.uint8), np.array([3, 3, 27, 27], np.float32), k % 4) for k in range(9)
]
IMAGE = np.random.default_rng(0).integers(0, 256, (48, 72, 3), np.uint8)


def frames(**sizes):
    """Samples by source: each with a box of the class that has the source's place."""
    found = {}
    for label, (name, count) in enumerate(sizes.items()):
        box = Boxes.of([([0, 0, 72, 48], CLASSES[label], True, -1)])
        one = Sample(IMAGE, box, negative_weights(vehicle=1), np.full((48, 72), CERTAIN, np.uint8))
        found[name] = [one] * count
    return found


def mix(found, shares, **changes):
    settings = {"batch": 3, "crops": 4, "paste": 0.5, "seed": 5, **changes}
    return Mix(
        found, shares, settings.pop("signs", SIGNS), settings.pop("places", [(PLACE, 1.0)]), **settings
    )


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(astuple(a), astuple(b), strict=True))


def test_a_run_that_starts_later_sees_the_same_batches():
    found, shares = frames(a=4, b=2), {"a": 1.0, "b": 1.0}
    first = list(islice(mix(found, shares), 5))
    torch.rand(7)  # what else was drawn in between does not matter
    later = list(islice(mix(found, shares, start=3), 2))
    assert same(first[3], later[0])
    assert same(first[4], later[1])
    assert not same(first[3], first[4])


def test_another_seed_gives_other_batches():
    found = frames(a=4)
    one, other = (next(iter(mix(found, {"a": 1.0}, seed=seed))) for seed in (1, 2))
    assert not torch.equal(one.images, other.images)


def test_a_worker_gives_the_same_batches():
    found = frames(a=4)
    loader = torch.utils.data.DataLoader(mix(found, {"a": 1.0}), batch_size=None, num_workers=1)
    workers = iter(loader)
    assert all(same(a, b) for a, b in islice(zip(mix(found, {"a": 1.0}), workers, strict=False), 3))
    del workers


def test_sources_have_their_share_whatever_their_size():
    chosen = mix(frames(a=1, b=50, c=3, d=2), {"a": 3.0, "b": 1.0, "c": 0.0}, signs=[], batch=60)
    labels = torch.cat([batch.labels[batch.valid] for batch in islice(chosen, 5)])
    counts = np.bincount(labels, minlength=4) / len(labels)
    assert chosen.names == ["a", "b"]
    np.testing.assert_allclose(counts[:4], [0.75, 0.25, 0, 0], atol=0.08)


def test_an_empty_source_leaves_its_share_to_the_others():
    chosen = mix(frames(a=0, b=2), {"a": 9.0, "b": 1.0})
    assert (chosen.names, chosen.odds) == (["b"], [1.0])


def test_a_batch_has_the_shapes_and_types_it_says():
    batch = next(iter(mix(frames(a=2), {"a": 1.0}, paste=1.0)))
    assert tuple(batch.images.shape) == (3, 3, 32, 64)
    assert tuple(batch.maps.shape) == (3, 4, 16, 32)
    assert tuple(batch.crops.shape) == (4, 3, 64, 64)
    assert batch.images.dtype == batch.maps.dtype == batch.crops.dtype == torch.uint8
    assert batch.boxes.shape[:2] == batch.labels.shape == batch.sure.shape == batch.valid.shape
    assert (batch.maps[:, 0] >= CERTAIN).all()
    assert (batch.maps[:, 1:] == UNKNOWN).all()
    assert torch.equal(batch.negative_weight, torch.tensor(np.stack([negative_weights(vehicle=1)] * 3)))


def test_frames_without_boxes_say_so():
    batch = next(iter(mix({"a": [Sample(IMAGE)]}, {"a": 1.0}, paste=1.0)))
    assert not batch.has_boxes.any()
    assert not batch.valid.any()
    assert not batch.negative_weight.any()


def test_rare_signs_are_shown_more_often_than_they_occur():
    signs = [(*SIGNS[0][:2], 0)] * 40 + [(*SIGNS[1][:2], 1)]
    batch = next(iter(mix(frames(a=1), {"a": 1.0}, signs=signs, crops=200, batch=1, paste=0.0)))
    assert (batch.crop_signs == 1).float().mean().item() == pytest.approx(0.25 + 0.5 / 41, abs=0.1)


def test_without_signs_there_are_no_crops():
    batch = next(iter(mix(frames(a=1), {"a": 1.0}, signs=[])))
    assert tuple(batch.crops.shape) == (0, 3, 64, 64)
    assert len(batch.crop_signs) == 0


def test_rendered_signs_are_read_and_not_pasted():
    found = mix(frames(idd=1), {"idd": 1.0}, signs=SIGNS[:1], rendered=SIGNS[1:2])
    assert list(found.to_paste) == [0]
    assert set(next(iter(found)).crop_signs.tolist()) <= {0, 1}
    assert 1 in {sign for batch in islice(found, 9) for sign in batch.crop_signs.tolist()}


def test_a_step_sees_one_size_and_costs_about_the_same_whatever_it_is():
    places = [(PLACE, 1.0), (Place((128, 64)), 1.0), (Place((32, 32)), 1.0)]
    found = mix(frames(a=2), {"a": 1.0}, batch=8, places=places)
    shapes = {tuple(batch.images.shape) for batch in islice(found, 24)}
    assert shapes == {(8, 3, 32, 64), (2, 3, 64, 128), (16, 3, 32, 32)}


def test_blank_frames_teach_that_nothing_is_there():
    batch = next(iter(mix(frames(a=2), {"a": 1.0}, batch=6, blank=1.0, paste=0.0)))
    assert batch.has_boxes.all()
    assert not batch.valid.any()
    assert (batch.negative_weight == 1).all()
    assert set(np.unique(batch.maps)) <= {0, UNKNOWN}
    assert (batch.maps == 0).float().mean() > 0.2


def test_made_crops_have_their_share():
    makers = [(share, lambda _, sign=sign: (*SIGNS[0][:2], sign)) for share, sign in ((0.25, -1), (0.5, 40))]
    batch = next(iter(mix(frames(a=1), {"a": 1.0}, crops=200, batch=1, made=makers)))
    assert (batch.crop_signs == -1).float().mean().item() == pytest.approx(0.25, abs=0.09)
    assert (batch.crop_signs == 40).float().mean().item() == pytest.approx(0.5, abs=0.1)

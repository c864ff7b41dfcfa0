"""Source-balanced batches: every data set has its share of every epoch, whatever its size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from perception.tasks.batch import Batch
from perception.training.augment import Item, Place, augment, sign_crop
from perception.training.data.blank import blank
from perception.training.data.chosen import OURS, Chosen
from perception.training.data.cutouts import Cutout
from perception.training.data.sample import Sample
from perception.training.data.signs import Sign, by_class
from perception.training.paste import cover_with_bonnet, paste_signs, paste_things

CROP, MARGIN = 64, 1.2  # sign crops: see perception.kernels.cpu.sign_crops


def collate(
    frames: Sequence[tuple[Item, Sample]], crops: Sequence[tuple[np.ndarray, int]], chosen: Chosen = OURS
) -> Batch:
    """Placed frames, each with the sample it came from, and sign crops with their class.

    `chosen`: to the ids of the network that learns from them.
    """
    boxes = [chosen.boxes(item.boxes) for item, _ in frames]
    most = max(1, *(len(b.label) for b in boxes))

    def padded(rows: Sequence[np.ndarray], shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        out = torch.zeros(len(rows), most, *shape, dtype=dtype)
        for place, row in zip(out, rows, strict=True):
            place[: len(row)] = torch.from_numpy(row)
        return out

    def planes(images: Sequence[np.ndarray]) -> Tensor:
        """(n, 3, h, w), the channels last in memory as they are in the pictures."""
        return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)

    return Batch(
        images=planes([item.image for item, _ in frames]),
        maps=torch.from_numpy(np.stack([item.maps for item, _ in frames])),
        boxes=padded([b.xyxy for b in boxes], (4,), torch.float32),
        labels=padded([b.label for b in boxes], (), torch.int64),
        sure=padded([b.sure for b in boxes], (), torch.bool),
        valid=torch.tensor([[k < len(b.label) for k in range(most)] for b in boxes]),
        signs=padded([b.sign for b in boxes], (), torch.int64),
        negative_weight=torch.from_numpy(
            np.stack([chosen.negative_weight(sample.negative_weight) for _, sample in frames])
        ),
        has_boxes=torch.tensor([sample.boxes is not None for _, sample in frames]),
        crops=planes([crop for crop, _ in crops] or [np.zeros((CROP, CROP, 3), np.uint8)])[: len(crops)],
        crop_signs=torch.tensor([chosen.sign(sign) for _, sign in crops], dtype=torch.int64),
    )


class Mix(IterableDataset[Batch]):
    """Endless batches. Batch `i` depends on the seed and `i` alone, so a resumed run sees the same ones."""

    def __init__(
        self,
        frames: Mapping[str, Sequence[Sample]],
        shares: Mapping[str, float],
        signs: Sequence[Sign],
        places: Sequence[tuple[Place, float]],
        *,
        batch: int,
        crops: int,
        paste: float,
        seed: int,
        start: int = 0,
        rendered: Sequence[Sign] = (),
        cutouts: Sequence[Cutout] = (),
        stand: float = 0.0,
        bonnet: float = 0.0,
        blank: float = 0.0,
        made: Sequence[tuple[float, Callable[[np.random.Generator], Sign]]] = (),
        chosen: Chosen = OURS,
    ) -> None:
        """`places`: how frames are shown and how often, one for all frames of a batch.

        `batch`: frames of the first place; of a larger one fewer, of a smaller one more, so that a step costs
        about the same. `paste`, `stand`, `bonnet`, `blank`: shares of frames that get signs, cut-outs and an
        own vehicle laid in, and that show nothing. `rendered` signs are read, but not pasted: photographs
        get photographed ones. `made`: shares of the crops that are made when they are asked for, and by whom.
        `chosen`: the classes of the network.
        """
        self.frames = {
            name: samples for name, samples in frames.items() if samples and shares.get(name, 0) > 0
        }
        total = sum(shares[name] for name in self.frames)
        self.names = list(self.frames)
        self.odds = [shares[name] / total for name in self.names]
        self.signs, self.crops, self.chosen = chosen.known([*signs, *rendered]), crops, chosen
        self.places = [place for place, _ in places]
        self.turns = np.array([share for _, share in places]) / sum(share for _, share in places)
        self.counts = [
            max(1, round(batch * np.prod(places[0][0].size) / np.prod(p.size))) for p in self.places
        ]
        self.paste, self.seed, self.start = paste, seed, start
        self.stand, self.bonnet, self.blank, self.made = stand, bonnet, blank, made
        self.to_paste = by_class(chosen.known(signs))
        self.to_stand = {c.name: [d for d in cutouts if d.name == c.name] for c in cutouts}
        self.of_class = _indices_by_class(self.signs)

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        index = self.start + first
        while True:
            rng = np.random.default_rng((self.seed, index))
            which = int(rng.choice(len(self.places), p=self.turns))
            items = [self._frame(self.places[which], rng) for _ in range(self.counts[which])]
            crops = [self._crop(rng) for _ in range(self.crops if self.signs else 0)]
            yield collate(items, crops, self.chosen)
            index += step

    def _frame(self, place: Place, rng: np.random.Generator) -> tuple[Item, Sample]:
        if rng.random() < self.blank:
            sample = blank(place.size, rng, self.chosen)
            return augment(sample, place, rng), sample
        samples = self.frames[self.names[int(rng.choice(len(self.names), p=self.odds))]]
        sample = samples[int(rng.integers(len(samples)))]
        scale = place.scale(sample.image.shape[1::-1])
        if self.to_stand and sample.boxes is not None and rng.random() < self.stand:
            sample = paste_things(sample, self.to_stand, scale, rng)
        if self.to_paste and sample.boxes is not None and rng.random() < self.paste:
            sample = paste_signs(sample, self.to_paste, scale, rng)
        if rng.random() < self.bonnet:
            sample = cover_with_bonnet(sample, rng)
        return augment(sample, place, rng), sample

    def _crop(self, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        """Half of the crops by class, half as they come: rare signs are learnt, frequent ones kept."""
        chance = rng.random()
        for share, make in self.made:
            if 0 <= chance < share:
                image, box, sign = make(rng)
                return sign_crop(image, box, rng, CROP, MARGIN), sign
            chance -= share
        if rng.random() < 0.5:
            rows = self.of_class[int(rng.choice(list(self.of_class)))]
            row = rows[int(rng.integers(len(rows)))]
        else:
            row = int(rng.integers(len(self.signs)))
        image, box, sign = self.signs[row]
        return sign_crop(image, box, rng, CROP, MARGIN), sign


def _indices_by_class(signs: Sequence[Sign]) -> dict[int, list[int]]:
    rows: dict[int, list[int]] = {}
    for row, (_, _, sign) in enumerate(signs):
        rows.setdefault(sign, []).append(row)
    return rows

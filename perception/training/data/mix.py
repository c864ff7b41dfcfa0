"""Source-balanced batches: every data set has its share of every epoch, whatever its size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from perception.letterbox import Letterbox
from perception.tasks.batch import Batch
from perception.tasks.detection import CLASSES
from perception.training.augment import Item, Place, augment, sign_crop
from perception.training.data.cutouts import Cutout
from perception.training.data.sample import Sample
from perception.training.data.signs import Sign, by_class
from perception.training.paste import cover_with_bonnet, paste_signs, paste_things

CROP, MARGIN = 64, 1.2  # sign crops: see perception.kernels.cpu.sign_crops


def collate(items: Sequence[Item], crops: Sequence[tuple[np.ndarray, int]]) -> Batch:
    most = max(1, *(len(item["label"]) for item in items))

    def padded(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        out = torch.zeros(len(items), most, *shape, dtype=dtype)
        for row, item in zip(out, items, strict=True):
            row[: len(item[name])] = item[name]
        return out

    valid = torch.tensor([[k < len(item["label"]) for k in range(most)] for item in items])
    pixels = (
        np.stack([crop for crop, _ in crops]).transpose(0, 3, 1, 2) if crops else np.zeros((0, 3, CROP, CROP))
    )
    return Batch(
        images=torch.stack([item["image"].as_subclass(Tensor).flip(0) for item in items]),
        maps=torch.stack([item["maps"].as_subclass(Tensor)[:, 1::2, 1::2] for item in items]),
        boxes=padded("boxes", (4,), torch.float32),
        labels=padded("label", (), torch.int64),
        sure=padded("sure", (), torch.bool),
        valid=valid,
        signs=padded("sign", (), torch.int64),
        absence=torch.stack([item["absence"] for item in items]),
        has_boxes=torch.tensor([item["has_boxes"] for item in items]),
        crops=torch.from_numpy(np.ascontiguousarray(pixels, dtype=np.uint8)),
        crop_signs=torch.tensor([sign for _, sign in crops], dtype=torch.int64),
    )


class Mix(IterableDataset[Batch]):
    """Endless batches. Batch `i` depends on the seed and `i` alone, so a resumed run sees the same ones."""

    def __init__(
        self,
        frames: Mapping[str, Sequence[Sample]],
        shares: Mapping[str, float],
        signs: Sequence[Sign],
        place: Place,
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
        made: Sequence[tuple[float, Callable[[np.random.Generator], Sign]]] = (),
    ) -> None:
        """`paste`, `stand`, `bonnet`: shares of frames that get signs, cut-outs and a bonnet laid in.

        `rendered` signs are read, but not pasted: photographs get photographed ones. `made`: shares of the
        crops that are made when they are asked for, and by whom.
        """
        self.frames = {
            name: samples for name, samples in frames.items() if samples and shares.get(name, 0) > 0
        }
        total = sum(shares[name] for name in self.frames)
        self.names = list(self.frames)
        self.odds = [shares[name] / total for name in self.names]
        self.signs, self.place, self.batch, self.crops = [*signs, *rendered], place, batch, crops
        self.paste, self.seed, self.start = paste, seed, start
        self.stand, self.bonnet, self.made = stand, bonnet, made
        self.to_paste = by_class(signs)
        self.to_stand = {c.name: [d for d in cutouts if d.name == c.name] for c in cutouts}
        self.of_class = _indices_by_class(self.signs)

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        index = self.start + first
        while True:
            rng = np.random.default_rng((self.seed, index))
            torch.manual_seed(int(rng.integers(2**62)))
            items = [self._frame(rng) for _ in range(self.batch)]
            yield collate(items, [self._crop(rng) for _ in range(self.crops if self.signs else 0)])
            index += step

    def _frame(self, rng: np.random.Generator) -> Item:
        samples = self.frames[self.names[int(rng.choice(len(self.names), p=self.odds))]]
        sample = samples[int(rng.integers(len(samples)))]
        scale = float(Letterbox.fit(sample.image.shape[1::-1], self.place.deployed).scale[0])
        if self.to_stand and sample.boxes is not None and rng.random() < self.stand:
            sample = paste_things(sample, self.to_stand, scale, rng)
        if self.to_paste and sample.boxes is not None and rng.random() < self.paste:
            sample = paste_signs(sample, self.to_paste, scale, rng)
        if rng.random() < self.bonnet:
            sample = cover_with_bonnet(sample, rng)
        item: dict[str, Any] = augment(sample, self.place, rng)
        known = sample.absence if sample.absence is not None else np.zeros(len(CLASSES), np.float32)
        return {**item, "absence": torch.from_numpy(known), "has_boxes": sample.boxes is not None}

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

"""The two ways of reading signs, from one checkpoint, on the same signs of the val split.

    python -m tools.sign_heads CHECKPOINT --data DIR [--json FILE]

(a) `SignHeadOnGrid`: class logits on the detection grid, in the pass that sees the whole frame.
(b) `SignHead`: a crop of each sign at the picture's own resolution.
Both are asked at the true boxes, whatever their doubt, so that only reading is compared. Signs are the
labelled boxes of whole pictures (GTSDB), and the crops of signs (GTSRB) pasted at their own size into those
pictures. Prints a table in Markdown; writes FILE and, beside it, the table as .md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch import Tensor

from perception.convention import STRIDES
from perception.kernels.cpu import sign_crops
from perception.labels.folder import Dataset, read_folder
from perception.labels.rows import read_image
from perception.labels.signs import SignCrop
from perception.letterbox import Letterbox
from perception.model.network import Network, normalise
from perception.sinks.files import write_whole
from perception.tasks.signs import CLASSES
from perception.tasks.signs.loss import LARGEST
from perception.training.checkpoint import load_checkpoint, load_network
from perception.types import Size

WAYS = {"grid": "(a) on the grid", "crops": "(b) native crops"}
SIZES = (0, 16, 24, 40, np.inf)  # pixels of the picture: longer sides of signs, grouped
PLACES = (4, 2)  # columns and rows of pasted crops in a picture's upper two thirds


@dataclass(frozen=True, eq=False)
class Picture:
    """A frame and the signs in it."""

    image: np.ndarray  # (H, W, 3) uint8 BGR
    xyxy: np.ndarray  # (n, 4) float32, pixels
    class_id: np.ndarray  # (n,) int


def sign_heads(
    checkpoint: Path,
    data: Annotated[Path, typer.Option(help="Folder of labelled pictures.")],
    json_path: Annotated[Path | None, typer.Option("--json", help="Write the metrics here.")] = None,
) -> None:
    """Compare the two sign heads of a checkpoint."""
    torch.set_num_threads(1)
    network = load_network(checkpoint)
    width, height = json.loads(load_checkpoint(checkpoint)["config"])["size"]
    dataset = read_folder(data, "val")
    sets = {"GTSDB": list(labelled(dataset)), "GTSRB, pasted": list(pasted(dataset))}
    rows = {name: compare(network, (width, height), pictures) for name, pictures in sets.items()}
    lines = list(table(rows))
    print("\n".join(lines))
    if json_path is not None:
        step = load_checkpoint(checkpoint)["step"]
        report = {"format": 1, "unit": "fraction", "step": step, "sets": rows, "table": lines}
        write_whole(json_path, (json.dumps(report, indent=1) + "\n").encode())
        write_whole(json_path.with_suffix(".md"), ("\n".join(lines) + "\n").encode())


def labelled(dataset: Dataset) -> Iterator[Picture]:
    """Pictures with people's boxes of signs whose class is known."""
    for sample in dataset.samples:
        if sample.boxes is None or not sample.boxes.reads:
            continue
        signs = [box for box in sample.boxes.boxes if isinstance(box.extra, int) and box.extra >= 0]
        xyxy = np.array([box.xyxy for box in signs], np.float32).reshape(-1, 4)
        yield Picture(read_image(sample.image), xyxy, np.array([box.extra for box in signs], int))


def pasted(dataset: Dataset, places: tuple[int, int] = PLACES, seed: int = 0) -> Iterator[Picture]:
    """Every sign crop, some to a picture, at its own size, in random places of real pictures."""
    rng = np.random.default_rng(seed)
    grounds = [read_image(s.image) for s in dataset.samples if s.boxes is not None and s.boxes.reads]
    crops = [dataset.crops[k] for k in rng.permutation(len(dataset.crops))]
    each = places[0] * places[1]
    for first in range(0, len(crops) if grounds else 0, each):
        ground = grounds[first // each % len(grounds)].copy()
        yield _paste(ground, crops[first : first + each], places, rng)


def _paste(
    image: np.ndarray, crops: Sequence[SignCrop], places: tuple[int, int], rng: np.random.Generator
) -> Picture:
    cell = np.array([image.shape[1] // places[0], image.shape[0] * 2 // 3 // places[1]])
    boxes = []
    for k, crop in enumerate(crops):
        patch = read_image(crop.image)[: cell[1], : cell[0]]
        room = cell - patch.shape[1::-1]
        x, y = (k % places[0], k // places[0]) * cell + rng.integers(0, room + 1)
        image[y : y + patch.shape[0], x : x + patch.shape[1]] = patch
        boxes.append(np.array(crop.xyxy) + (x, y, x, y))
    return Picture(image, np.array(boxes, np.float32), np.array([CLASSES.index(crop.name) for crop in crops]))


@torch.inference_mode()
def compare(network: Network, size: Size, pictures: Sequence[Picture]) -> list[dict[str, Any]]:
    """For all signs and for each group of sizes: how many, and the share that each way reads right."""
    side = np.concatenate([(p.xyxy[:, 2:] - p.xyxy[:, :2]).max(1) for p in pictures])
    true = np.concatenate([p.class_id for p in pictures])
    right = {
        way: np.concatenate([read(network, size, picture) for picture in pictures]) == true
        for way, read in (("grid", on_grid), ("crops", on_crops))
    }
    groups = [(0.0, np.inf), *pairwise(SIZES)]
    rows = []
    for least, most in groups:
        chosen = (side >= least) & (side < most)
        shares = {way: float(hits[chosen].mean()) for way, hits in right.items() if chosen.any()}
        limits = {"from": float(least), "to": None if np.isinf(most) else float(most)}
        rows.append({"pixels": limits, "signs": int(chosen.sum()), **shares})
    return rows


def on_crops(network: Network, size: Size, picture: Picture) -> np.ndarray:
    """(n,) classes read from crops; `size` does not matter."""
    crops = sign_crops(picture.image, picture.xyxy)
    return network.crops(_input(crops))["signs.logits"].argmax(1).numpy() if len(crops) else np.empty(0, int)


def on_grid(network: Network, size: Size, picture: Picture) -> np.ndarray:
    """(n,) classes read at the cell in the middle of each sign, on the level that training used for it."""
    box = Letterbox.fit((picture.image.shape[1], picture.image.shape[0]), size)
    maps = network(_input(box.apply(picture.image)[None]), ["signs_grid"])
    corners = box.to_network(picture.xyxy.reshape(-1, 2, 2))
    side, middle = (corners[:, 1] - corners[:, 0]).max(1), corners.mean(1)
    found = np.empty(len(middle), int)
    for k, level in enumerate(np.searchsorted(LARGEST, side, side="right")):
        grid = maps[f"signs_grid.logits{STRIDES[level]}"][0]
        x, y = np.clip(middle[k] // STRIDES[level], 0, np.array(grid.shape[:0:-1]) - 1).astype(int)
        found[k] = int(grid[:, y, x].argmax())
    return found


def _input(images: np.ndarray) -> Tensor:
    """(n, h, w, 3) uint8 BGR to the network's input."""
    return normalise(torch.from_numpy(images.transpose(0, 3, 1, 2)))


def table(sets: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    """Markdown, top-1 in percent."""
    yield "| signs | longer side, pixels | number | " + " | ".join(WAYS.values()) + " |"
    yield "|---|---|---:|---:|---:|"
    for name, rows in sets.items():
        for row in rows:
            shares = " | ".join(f"{100 * row[way]:.1f}" if way in row else "" for way in WAYS)
            yield f"| {name} | {_limits(row['pixels'])} | {row['signs']} | {shares} |"


def _limits(pixels: Mapping[str, float | None]) -> str:
    if pixels["to"] is None:
        return f"{pixels['from']:.0f} and more" if pixels["from"] else "all"
    return f"{pixels['from']:.0f}-{pixels['to']:.0f}" if pixels["from"] else f"below {pixels['to']:.0f}"


if __name__ == "__main__":
    typer.run(sign_heads)

"""Which images to calibrate on: a seeded draw, spread over data sets, or over time and light of drives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from perception.errors import DataError
from perception.interfaces import Source
from perception.kernels.cpu import sign_crops
from perception.letterbox import Letterbox
from perception.training.data.sample import Sample
from perception.training.data.signs import Sign
from perception.types import Frame, Size

COUNT = 192  # frames to calibrate on: the tails of their values are what ranges are taken from
CROPS = 8  # sign crops for each
CHOICE = 4  # frames of a drive that are looked at for each that is taken


def frames(sources: Mapping[str, Sequence[Sample]], size: Size, count: int, seed: int = 0) -> np.ndarray:
    """(count, h, w, 3) uint8 letterboxed images, the same number of each data set that is there.

    Raises DataError if there is none.
    """
    rng = np.random.default_rng(seed)
    full = [samples for samples in sources.values() if samples]
    if not full:
        raise DataError(f"expected training pictures of {', '.join(sources)} to calibrate on, found none")
    drawn = []
    for i in range(count):
        samples = full[i % len(full)]
        image = samples[int(rng.integers(len(samples)))].image
        drawn.append(_letterboxed(image, size))
    return np.stack(drawn)


def distinct(images: np.ndarray) -> int:
    """How many different ones there are: of a small data set some are drawn more than once."""
    return len({hash(image.tobytes()) for image in images})


def drives(sources: Sequence[Source], size: Size, count: int, seed: int = 0) -> np.ndarray:
    """(n, h, w, 3) uint8 letterboxed frames of recordings or folders of images, n <= `count`.

    As many of each; of one, frames are kept at equal distances in time, sorted by brightness, cut into groups
    of like light, and one of each group is drawn. Raises DataError if they hold no frame, or do not end.
    """
    if any(source.live for source in sources):
        raise DataError("expected recordings or images to calibrate on, got a live source; record it first")
    rng = np.random.default_rng(seed)
    shares = [len(part) for part in np.array_split(np.arange(count), max(1, len(sources)))]
    drawn = [
        image
        for source, share in zip(sources, shares, strict=True)
        if share
        for image in _spread_over_light(_spread_over_time(source, size, CHOICE * share), share, rng)
    ]
    if not drawn:
        raise DataError(f"expected drives with frames to calibrate on, got {len(sources)} without one")
    return np.stack(drawn)


def _spread_over_time(source: Source, size: Size, most: int) -> list[np.ndarray]:
    """At most `most` frames at equal distances; how long the recording is, nobody knows before its end.

    Every `stride`-th frame is kept; when there are twice too many, every other one goes and `stride` doubles.
    """
    kept: list[np.ndarray] = []
    stride = 1
    for number, frame in enumerate(_read(source)):
        if number % stride == 0:
            kept.append(_letterboxed(frame.image, size))
        if len(kept) > 2 * most:
            kept, stride = kept[::2], 2 * stride
    chosen = np.linspace(0, len(kept) - 1, min(most, len(kept))).round().astype(int)
    return [kept[i] for i in chosen]


def _read(source: Source) -> Iterator[Frame]:
    try:
        yield from source
    finally:
        source.close()


def _spread_over_light(
    images: Sequence[np.ndarray], count: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    ordered = sorted(images, key=lambda image: float(image.mean()))
    for group in np.array_split(np.arange(len(ordered)), count):
        if len(group):
            yield ordered[int(rng.choice(group))]


def _letterboxed(image: np.ndarray, size: Size) -> np.ndarray:
    return Letterbox.fit((image.shape[1], image.shape[0]), size).apply(image)


def crops(signs: Sequence[Sign], count: int, seed: int = 0) -> np.ndarray:
    """(count, 64, 64, 3) uint8 sign crops as the network is given them. Raises DataError without signs."""
    if not signs:
        raise DataError("expected training sign crops (signs.csv) to calibrate on, found none")
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(signs), count, replace=len(signs) < count)
    return np.concatenate([sign_crops(signs[row][0], signs[row][1][None]) for row in rows])

"""What each CUDA kernel must do, on a device given: the tests, the sanitizers and the mutants all run these.

`python -m tests.kernels.cuda_cases` runs them sanitized, in the environment `host_device.sanitized`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from perception.convention import MEAN, SCALE, STRIDES
from perception.errors import FrameError
from perception.kernels import launch, reference
from perception.kernels.device import DeviceArray
from perception.kernels.launch import Launches, Results
from perception.kernels.lines import PAINT
from perception.kernels.strokes import SOFT
from perception.letterbox import Letterbox
from perception.types import Size
from tests.kernels.host_device import KERNELS, HostDevice

Case = Callable[[HostDevice], None]
CASES: dict[str, list[Case]] = {}

SHRINKING = [((64, 36), (32, 32)), ((65, 37), (32, 24)), ((50, 7), (33, 21)), ((96, 31), (16, 40))]
GROWING = [((17, 9), (40, 40)), ((9, 17), (40, 30)), ((1, 1), (5, 3)), ((2, 200), (7, 20))]
SAME = [((30, 31), (30, 31)), ((1, 200), (7, 20))]  # width
SEEDS = (1, 0, 2)  # a shuffled order finds more, sooner
CLASSES = 3
SIGN = 2


def of(source: str) -> Callable[[Case], Case]:
    """Marks a case of a .cu file."""

    def mark(case: Case) -> Case:
        CASES.setdefault(source, []).append(case)
        return case

    return mark


def random(*key: int) -> np.random.Generator:
    return np.random.default_rng(key)


def picture(rng: np.random.Generator, size: Size) -> np.ndarray:
    return rng.integers(0, 256, (size[1], size[0], 3), np.uint8)


def padded(image: np.ndarray, pitch: int) -> np.ndarray:
    """Rows (h, n) or (h, w, 3) uint8 to (h, pitch); what is added is not to be seen."""
    rows = image.reshape(len(image), -1)
    return np.pad(rows, ((0, 0), (0, pitch - rows.shape[1])), constant_values=255)


def target(device: HostDevice, size: Size, dtype: type) -> DeviceArray:
    width, height = size
    return device.allocate((1, height, width, 3) if dtype is np.uint8 else (1, 3, height, width), dtype)


def check_forms(device: HostDevice, wanted: np.ndarray, make: Callable[[DeviceArray, float], None]) -> None:
    """`make` writes the input (h, w, 3) uint8 in each of its forms, `scale` given."""
    values, size = reference.normalised(wanted[None]), (wanted.shape[1], wanted.shape[0])
    forms = {
        np.uint8: wanted[None],
        np.float32: values,
        np.float16: values.astype(np.float16),
        np.int8: reference.quantised(values, 0.0125),
    }
    for dtype, want in forms.items():
        out = target(device, size, dtype)
        make(out, 0.0125)
        np.testing.assert_array_equal(device.get(out), want)


@of("preprocess.cu")
def letterbox(device: HostDevice) -> None:
    for k, (size, network) in enumerate(SHRINKING + GROWING + SAME):
        box, image = Letterbox.fit(size, network), picture(random(k), size)
        for there in (device.put(image), device.put(padded(image, 3 * size[0] + 5))):
            out = target(device, network, np.uint8)
            Launches(device).letterbox(there, box, out)
            np.testing.assert_array_equal(device.get(out)[0], reference.letterboxed(image, box))


@of("preprocess.cu")
def letterbox_forms(device: HostDevice) -> None:
    size = (16, 10)  # not resized: levels near both ends, where INT8 has no more steps
    box, image = Letterbox.fit(size, (16, 16)), picture(random(1), size)
    there = device.put(image)
    check_forms(
        device,
        reference.letterboxed(image, box),
        lambda out, scale: Launches(device).letterbox(there, box, out, scale),
    )


def shapes(network: Size, factor: int = 2) -> dict[str, tuple[int, ...]]:
    """Of the network's outputs, as in a bundle."""
    rows, columns = network[1] // 8, network[0] // 8
    levels = [(s, network[1] // s, network[0] // s) for s in STRIDES]
    return {
        **{f"detection.scores{s}": (1, CLASSES, h, w) for s, h, w in levels},
        **{f"detection.boxes{s}": (1, 4, h, w) for s, h, w in levels},
        "lanes.map": (1, 2 * factor**2, rows, columns),
        "lanes.edges": (1, factor**2, rows, columns),
        "drivable.map": (1, factor**2, rows, columns),
    }


def logits(rng: np.random.Generator, shape: tuple[int, ...], fill: float, bad: float = 0.0) -> np.ndarray:
    """float32, a share `fill` above 0; a share `bad` NaN or infinite."""
    size = np.abs(rng.normal(2, 1, shape)) + 1e-3
    values = np.where(rng.random(shape) < fill, size, -size)
    nowhere = rng.choice([np.nan, np.inf, -np.inf], shape, p=[0.8, 0.1, 0.1])
    return np.where(rng.random(shape) < bad, nowhere, values).astype(np.float32)


def wanted_objects(
    raw: dict[str, np.ndarray], thresholds: np.ndarray, limit: float, box: Letterbox, most: int
) -> np.ndarray:
    """(n, 6) float32 by the reference."""
    scores, boxes = ([raw[f"detection.{name}{s}"][0] for s in STRIDES] for name in ("scores", "boxes"))
    to_image = np.array((box.offset, box.scale, box.image), np.float64)
    with np.errstate(all="ignore"):
        most_of_them = launch.MAX_CANDIDATES
        found = reference.all_candidates(tuple(scores), tuple(boxes), thresholds, STRIDES, most_of_them)
        xyxy, score, class_id = reference.objects(found, limit, to_image, 1.0, most)
    return np.concatenate([xyxy, score[:, None], class_id[:, None]], axis=1).astype(np.float32)


class Apart:
    """The places of `Results`, each in memory of its own, so that no kernel can write beside one unseen."""

    def __init__(self, device: HostDevice, results: Results) -> None:
        self._device, self._results = device, results
        counts = device.allocate(results.places["counts"].shape, np.int32)
        self.at = {
            name: counts.part(place.begin, place.shape, place.dtype)
            if place.end <= counts.nbytes
            else device.allocate(place.shape, place.dtype)
            for name, place in results.places.items()
        }

    def read(self) -> dict[str, np.ndarray]:
        host = np.zeros(self._results.nbytes, np.uint8)
        for name, place in self._results.places.items():
            host[place.begin : place.end] = self._device.get(self.at[name]).view(np.uint8).ravel()
        return self._results.read(host)


def found_objects(
    device: HostDevice,
    raw: dict[str, np.ndarray],
    thresholds: np.ndarray,
    limit: float,
    box: Letterbox,
    most: int,
) -> np.ndarray:
    apart = Apart(device, Results.of({name: array.shape for name, array in raw.items()}, box.network, most))
    launches, at = Launches(device), apart.at
    there = {name: device.put(array) for name, array in raw.items()}
    launches.begin(at)
    launches.objects(there, device.put(thresholds), limit, box, 1.0, at)
    return apart.read()["detection.objects"]


def check_objects(
    device: HostDevice, raw: dict[str, np.ndarray], limit: float, box: Letterbox, most: int = 20
) -> np.ndarray:
    thresholds = np.array([0, 0.25, -0.5], np.float32)
    got = found_objects(device, raw, thresholds, limit, box, most)
    want = wanted_objects(raw, thresholds, limit, box, most)
    assert got.shape == want.shape
    np.testing.assert_array_equal(got[:, 5], want[:, 5])
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-3)
    return got


def heads(rng: np.random.Generator, network: Size, fill: float, bad: float = 0.0) -> dict[str, np.ndarray]:
    return {
        name: logits(rng, shape, fill, bad) if "scores" in name else logits(rng, shape, 0.3, bad) / 2
        for name, shape in shapes(network).items()
        if name.startswith("detection")
    }


@of("detection.cu")
def objects(device: HostDevice) -> None:
    for k, fill in enumerate([0.0, 0.01, 0.1, 0.4]):
        check_objects(device, heads(random(k), (96, 64), fill), 0.4, Letterbox.fit((200, 100), (96, 64)))


@of("detection.cu")
def no_object_comes_of_nan(device: HostDevice) -> None:
    for k, bad in enumerate([0.1, 0.9]):
        got = check_objects(
            device, heads(random(k), (96, 64), 0.1, bad), 0.4, Letterbox.fit((96, 64), (96, 64))
        )
        assert np.isfinite(got).all()


@of("detection.cu")
def equal_logits_are_in_the_order_of_the_cells(device: HostDevice) -> None:
    raw = heads(random(3), (96, 64), 0.5)
    steps = {name: np.rint(array) * np.float32(-0.5) for name, array in raw.items() if "scores" in name}
    got = check_objects(device, {**raw, **steps}, 0.99, Letterbox.fit((96, 64), (96, 64)), most=400)
    assert len(np.unique(got[:, 4])) < len(got) // 4


@of("detection.cu")
def of_more_than_there_is_place_for_the_best_are_taken(device: HostDevice) -> None:
    """Among 1300 candidates, all of one size and few of them far apart."""
    network = (224, 160)
    raw = heads(random(4), network, 1.0)
    for name in raw:
        if "boxes" in name:
            raw[name][:] = np.float32(1.2)
    raw["detection.scores8"][0, 0] -= 10
    for step in (0.0, 0.5):  # of logits: distinct, and with many that are equal
        rough = {
            k: np.rint(v / step) * np.float32(step) if step and "scores" in k else v for k, v in raw.items()
        }
        assert sum(int((v > 0.25).sum()) for k, v in rough.items() if "scores" in k) > 1200
        check_objects(device, rough, 0.2, Letterbox.fit((448, 320), network), most=1000)


@of("detection.cu")
def boxes_that_overlap_by_exactly_the_limit_stay(device: HostDevice) -> None:
    """Squares of two strides around each cell: next to each other, a third."""
    raw = heads(random(6), (96, 64), 0.3)
    even = {name: np.zeros_like(array) for name, array in raw.items() if "boxes" in name}
    check_objects(device, {**raw, **even}, 1 / 3, Letterbox.fit((96, 64), (96, 64)), most=100)


@of("detection.cu")
def the_best_in_order(device: HostDevice) -> None:
    """The largest 1000, descending; their first bytes are equal, or all of them differ."""
    for k, bits in enumerate([12, 62]):
        keys = random(k).choice(2**12, 2500, replace=False).astype(np.uint64)
        keys += random(k, 1).integers(0, 2**bits, 2500).astype(np.uint64) << np.uint64(12)
        sorted_ = device.allocate((1000,), np.uint64)
        for n in (0, 1000, 1001, 2500):
            count = device.put(np.array([n], np.int32))
            device.launch("detection.cu", "best", (1,), (1024,), device.put(keys), count, sorted_)
            want = np.zeros(1000, np.uint64)
            want[: min(n, 1000)] = np.sort(keys[:n])[::-1][:1000]
            np.testing.assert_array_equal(device.get(sorted_), want)


@of("maps.cu")
def labels(device: HostDevice) -> None:
    for k, (factor, rows, columns, size) in enumerate(
        [(2, 4, 6, (24, 16)), (4, 3, 5, (40, 24)), (1, 7, 3, (31, 29)), (3, 2, 2, (4, 5)), (1, 1, 1, (33, 9))]
    ):
        for bad in (0.0, 0.05):
            maps = logits(random(k), (factor**2, rows, columns), 0.5, bad)
            apart = Apart(device, Results.of({"drivable.map": (1, *maps.shape)}, size))
            Launches(device).begin(apart.at)
            Launches(device).labels(device.put(maps[None]), 0.3, apart.at)
            got = apart.read()["drivable.labels"]
            with np.errstate(all="ignore"):
                low, want, high = (reference.upsampled_labels(maps, 0.3 + d, size) for d in (1e-5, 0, -1e-5))
            assert ((got == want) | (low != high)).all()  # float32 against float64, next to the threshold


def found_cells(device: HostDevice, maps: np.ndarray) -> Apart:
    apart, launches = Apart(device, Results.of({"lanes.map": (1, *maps.shape)}, (8, 8))), Launches(device)
    launches.begin(apart.at)
    launches.lane_cells(device.put(maps[None]), apart.at)
    return apart


CELL_CASES = [(2, 5, 7, 0.1), (4, 12, 20, 0.02), (1, 3, 11, 1.0), (2, 6, 8, 0.0), (3, 1, 1, 0.5)]


@of("maps.cu")
def edge_cells(device: HostDevice) -> None:
    for k, (factor, rows, columns, fill) in enumerate(CELL_CASES):
        edges = 2 * logits(random(k), (factor**2, rows, columns), fill, 0.05)
        edges[0, 0, 0] = SOFT  # not above itself
        apart = Apart(device, Results.of({"lanes.edges": (1, *edges.shape)}, (8, 8)))
        Launches(device).begin(apart.at)
        Launches(device).edge_cells(device.put(edges[None]), apart.at)
        got, (cells, values) = apart.read(), reference.lane_cells(edges, SOFT)
        order = np.argsort(got["lanes.edge_cells"])
        np.testing.assert_array_equal(got["lanes.edge_cells"][order], cells)
        np.testing.assert_array_equal(got["lanes.edge_logits"][order], values)


@of("maps.cu")
def lane_cells(device: HostDevice) -> None:
    for k, (factor, rows, columns, fill) in enumerate(CELL_CASES):
        maps, half = 2 * logits(random(k), (2 * factor**2, rows, columns), fill, 0.05), factor**2
        maps[0, 0, 0], maps[half, 0, 0] = SOFT, PAINT  # not above themselves
        got = found_cells(device, maps).read()
        cells, values = reference.lane_cells(maps[:half], SOFT)
        order = np.argsort(got["lanes.cells"])
        np.testing.assert_array_equal(got["lanes.cells"][order], cells)
        np.testing.assert_array_equal(got["lanes.logits"][order], values)
        np.testing.assert_array_equal(got["lanes.paint"], reference.packed(maps[half:]))


@of("maps.cu")
def too_many_lane_cells_are_counted_but_not_written(device: HostDevice) -> None:
    maps = logits(random(0), (32, 32, 40), 1.0)
    apart = found_cells(device, maps)
    with pytest.raises(FrameError, match="got 20480"):
        apart.read()
    cells, values, paint = (device.get(apart.at[f"lanes.{name}"]) for name in ("cells", "logits", "paint"))
    assert len(np.unique(cells)) == len(cells)
    np.testing.assert_array_equal(values, reference.pixel_shuffle(maps[:16]).ravel()[cells])
    np.testing.assert_array_equal(paint, reference.packed(maps[16:]))


@of("finite.cu")
def what_is_not_finite_is_a_fault(device: HostDevice) -> None:
    for bad in (None, np.nan, np.inf, -np.inf):
        apart, values = (
            Apart(device, Results.of({}, (8, 8))),
            random(0).normal(size=(1, 3, 100)).astype(np.float32),
        )
        values[0, 0, :2] = np.finfo(np.float32).max, -0.0
        if bad is not None:
            values[0, 2, 99] = bad
        Launches(device).begin(apart.at)
        Launches(device).check({"a": device.put(values), "b": device.put(np.zeros(7, np.float32))}, apart.at)
        assert apart.read()["faults"].tolist() == [int(bad is not None)]


@of("signs.cu")
def sign_crops(device: HostDevice) -> None:
    for k, (size, n, share, side) in enumerate(
        [((50, 40), 100, 0.5, 16), ((33, 61), 9, 0.4, 23), ((1, 1), 3, 1.0, 8), ((20, 20), 0, 0.0, 8)]
    ):
        rng = random(k)
        image, corner = picture(rng, size), rng.uniform(0, size, (n, 2))
        box = np.concatenate([corner, corner + rng.uniform(0, 30, (n, 2))], axis=1)
        class_id = np.where(rng.random(n) < share, SIGN, 1)
        found = np.concatenate([box, rng.random((n, 1)), class_id[:, None]], axis=1).astype(np.float32)
        check_crops(device, image, found, side)


def check_crops(device: HostDevice, image: np.ndarray, found: np.ndarray, side: int) -> None:
    size, rows = (image.shape[1], image.shape[0]), np.full((100, 6), np.nan, np.float32)
    rows[: len(found)] = found
    at = {
        "detection.objects": device.put(rows),
        "detection.count": device.put(np.array([len(found)], np.int32)),
    }
    crops = device.allocate((launch.MAX_SIGNS, 3, side, side), np.float32)
    Launches(device).sign_crops(device.put(padded(image, 3 * size[0] + 1)), size, SIGN, crops, at)
    got = device.get(crops) * SCALE + MEAN
    signs = found[found[:, 5] == SIGN][: launch.MAX_SIGNS]
    want = reference.sign_crops(image, signs[:, :4], side).transpose(0, 3, 1, 2)
    apart = np.abs(got[: len(signs)] - want)
    assert apart.max(initial=0) <= 1.01  # the rounding of a level
    assert (apart > 0.01).sum() <= apart.size / 50  # of few
    np.testing.assert_allclose(got[len(signs) :], 114, rtol=1e-6)


def run(sources: Sequence[str], folder: Path = KERNELS, sanitize: bool = False) -> Iterator[str]:
    """The names of the cases of .cu files, each once it is done, in three orders of threads."""
    for seed in SEEDS:
        for case in (case for source in sources for case in CASES[source]):
            device = HostDevice(seed, folder, sanitize)
            case(device)
            device.close()
            yield case.__name__


if __name__ == "__main__":
    for name in run(tuple(CASES), sanitize=True):
        print(name)

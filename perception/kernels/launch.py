"""The steps of a frame on a device: which kernel runs on how many threads, and where the results lie.

All results of a frame are parts of one buffer, so that one small copy brings them to the host:

    results = Results.of(shapes, box.network, max_objects=100, sign_classes=43)
    buffer, host = device.allocate((results.nbytes,), np.uint8), device.pinned((results.nbytes,), np.uint8)
    at = results.on(buffer)
    ... each frame: launches.begin(at), the network, launches.objects(..., at), launches.labels(..., at), ...
    device.download(host, buffer); device.synchronize()
    found = results.read(host)

Nothing is allocated for a frame but, with the first, room for candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt, prod
from typing import Any

import numpy as np

from perception.convention import STRIDES
from perception.errors import FrameError
from perception.kernels.device import Device, DeviceArray
from perception.kernels.lines import PAINT
from perception.kernels.strokes import SOFT
from perception.letterbox import Letterbox
from perception.types import Size

FORMS = {np.dtype(t): k for k, t in enumerate((np.uint8, np.float32, np.float16, np.int8))}
AREA, AREA_LABELS = "drivable.map", "drivable.labels"  # an output of the network, and what is made of it
DECODED = ("detection", "lanes", AREA.partition(".")[0], "signs")  # tasks whose outputs have kernels
MAX_CANDIDATES = 1000  # MOST in detection.cu
MAX_SIGNS = 16  # crops a frame
LEAST_ROOM = 16384  # for cells of the line map and of that of edges: see `room`
MOST_INDEX = (1 << 31) - 1  # what the kernels count with
ALIGNMENT = 256  # bytes: what TensorRT wants of an output
COUNTS = ("detection.count", "detection.candidates", "lanes.count", "lanes.edge_count", "faults")


@dataclass(frozen=True)
class DeviceFrame:
    """A frame on its way through a device."""

    tensor: DeviceArray  # the network's input
    image: DeviceArray  # (H, W, 3) uint8, BGR
    box: Letterbox


@dataclass(frozen=True)
class Place:
    begin: int  # byte
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def end(self) -> int:
        return self.begin + prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class Results:
    """Which result of a frame lies where in one buffer of `nbytes`."""

    places: Mapping[str, Place]
    nbytes: int

    @classmethod
    def of(
        cls,
        shapes: Mapping[str, Sequence[int]],
        network: Size,
        max_objects: int = 100,
        sign_classes: int = 0,
    ) -> Results:
        """For a network with outputs of these shapes and input size; `sign_classes` 0: no signs are read."""
        parts: dict[str, tuple[tuple[int, ...], Any]] = {}
        if "detection.scores8" in shapes:
            parts["detection.objects"] = (max_objects, 6), np.float32
        if AREA in shapes:
            parts[AREA_LABELS] = (network[1], network[0]), np.uint8
        if "lanes.map" in shapes:
            cells = prod(shapes["lanes.map"]) // 2
            parts["lanes.cells"] = (room(cells),), np.int32
            parts["lanes.logits"] = (room(cells),), np.float32
            parts["lanes.paint"] = (-(-cells // 32),), np.uint32
        if "lanes.edges" in shapes:
            cells = prod(shapes["lanes.edges"])
            parts["lanes.edge_cells"] = (room(cells),), np.int32
            parts["lanes.edge_logits"] = (room(cells),), np.float32
        if sign_classes:
            parts["signs.logits"] = (MAX_SIGNS, sign_classes), np.float32
        for name, shape in shapes.items():  # of added tasks: as the network gives them
            if name.partition(".")[0] not in DECODED:
                parts[name] = tuple(shape), np.float32
        return cls._packed(parts)

    @classmethod
    def _packed(cls, parts: Mapping[str, tuple[tuple[int, ...], Any]]) -> Results:
        int32 = np.dtype(np.int32)
        places = {name: Place(4 * k, (1,), int32) for k, name in enumerate(COUNTS)}
        places["counts"] = Place(0, (len(COUNTS),), int32)
        end = ALIGNMENT
        for name, (shape, dtype) in parts.items():
            places[name] = Place(end, shape, np.dtype(dtype))
            end += -(-(places[name].end - end) // ALIGNMENT) * ALIGNMENT
        return cls(places, end)

    def on(self, buffer: DeviceArray) -> dict[str, DeviceArray]:
        """The parts of a buffer of `nbytes` on the device, by name."""
        return {name: buffer.part(p.begin, p.shape, p.dtype) for name, p in self.places.items()}

    def read(self, buffer: np.ndarray) -> dict[str, np.ndarray]:
        """Views of a buffer (nbytes,) uint8 that has come from the device, cut to what was found.

        `faults` (1,) int32 is not 0 if the network's answer was not finite, see `Launches.check`.
        Raises FrameError if the map of lines or of edges has more cells on lines than there is room for.
        """
        views = {
            name: buffer[p.begin : p.end].view(p.dtype).reshape(p.shape) for name, p in self.places.items()
        }
        objects, _, cells, edges, _ = views["counts"].tolist()
        found = {"lanes.cells": cells, "lanes.logits": cells}
        found |= {"lanes.edge_cells": edges, "lanes.edge_logits": edges, "detection.objects": objects}
        for name in found.keys() & views.keys():
            most = len(views[name])
            if found[name] > most:
                raise FrameError(
                    f"{name}: expected at most {most}, got {found[name]}; is this a picture of a road?"
                )
            views[name] = views[name][: found[name]]
        return {name: view for name, view in views.items() if name not in (*COUNTS[:-1], "counts")}


def room(cells: int) -> int:
    """For cells on lines, of a map of so many: five times what a picture full of lines has."""
    return max(LEAST_ROOM, cells // 4)


class Launches:
    """Each method puts one step into the stream of the device. Arrays are the device's."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._keys: DeviceArray | None = None
        self._sorted = device.allocate((MAX_CANDIDATES,), np.uint64)

    def letterbox(self, image: DeviceArray, box: Letterbox, out: DeviceArray, scale: float = 1.0) -> None:
        """Network input from a BGR image (H, W, 3) uint8, or (H, pitch) where rows are padded.

        The form of `out`: uint8 (1, h, w, 3) as it is; float32 or float16 (1, 3, h, w) normalised; int8
        (1, 3, h, w) normalised, in steps of `scale`. Raises ValueError for other shapes, FrameError for an
        image whose places have no 32-bit numbers.
        """
        places = 3 * prod(box.image), *(a * b for a, b in zip(box.image, box.inner, strict=True))
        if max(places) > MOST_INDEX:
            raise FrameError(
                f"expected at most {MOST_INDEX // 3} pixels, and shorter sides, of an image, got {box.image}",
                "make it smaller or use device='cpu'",
            )
        before = _ints(_bgr(image, box.image), *box.image, *box.inner, *box.offset)
        target = _target(out, box.network, scale)
        self._per_pixel("preprocess.cu", "letterbox", box.network, image, *before, *target)

    def begin(self, at: Mapping[str, DeviceArray]) -> None:
        """Set the counts to 0, once a frame, before anything is found. `at` is what `Results.on` gives."""
        self._device.fill(at["counts"], 0)

    def check(self, raw: Mapping[str, DeviceArray], at: Mapping[str, DeviceArray]) -> None:
        """Set faults if one of the float32 arrays has a NaN or an infinity in it."""
        for array in raw.values():
            _expect(array, array.shape, np.float32)
            total, faults = prod(array.shape), at["faults"]
            self._per_cell("finite.cu", "check_finite", total, array, *_ints(total), faults)

    def objects(
        self,
        raw: Mapping[str, DeviceArray],
        thresholds: DeviceArray,
        nms_iou: float,
        box: Letterbox,
        smallest: float,
        at: Mapping[str, DeviceArray],
    ) -> None:
        """detection.objects and its count, from scores (1, classes, h, w) and boxes (1, 4, h, w) of `raw`.

        `thresholds` (classes,) float32 logits; `smallest` image pixels: the least side of an object.
        """
        (classes,) = thresholds.shape
        _expect(thresholds, (classes,), np.float32)
        scores, boxes = (
            [_level(raw[f"detection.{name}{stride}"], channels, box.network, stride) for stride in STRIDES]
            for name, channels in (("scores", classes), ("boxes", 4))
        )
        total = sum(prod(level.shape) for level in scores)
        keys, found = self._room(total), at["detection.objects"]
        count, grid = at["detection.candidates"], _ints(classes, box.network[1], box.network[0])
        self._per_cell(
            "detection.cu", "candidates", total, *scores, thresholds, *grid, *_ints(total), keys, count
        )
        self._device.launch("detection.cu", "best", (1,), (1024,), keys, count, self._sorted)
        geometry = _floats(nms_iou, *box.offset, *box.scale, *box.image, smallest)
        most = _ints(found.shape[0])
        rest = (*grid, *geometry, *most, found, at["detection.count"])
        self._device.launch("detection.cu", "objects", (1,), (1024,), self._sorted, count, *boxes, *rest)

    def _room(self, total: int) -> DeviceArray:
        """For that many candidates: for all cells, so that none is lost."""
        if self._keys is None or self._keys.shape[0] < total:
            self._keys = self._device.allocate((total,), np.uint64)
        return self._keys

    def labels(self, parts: DeviceArray, threshold: float, at: Mapping[str, DeviceArray]) -> None:
        """AREA_LABELS from a map (1, f * f, h, w) of logits, such as AREA."""
        labels = at[AREA_LABELS]
        size = (labels.shape[1], labels.shape[0])
        before, after = _ints(*_map(parts, 1)), _ints(*size)
        limit = _floats(threshold)
        self._per_pixel("maps.cu", "upsampled_labels", size, parts, *before, *limit, labels, *after)

    def lane_cells(self, parts: DeviceArray, at: Mapping[str, DeviceArray]) -> None:
        """lanes.cells, lanes.logits, lanes.paint from (1, 2 f * f, h, w) logits: line, paint."""
        cells, logits, paint = at["lanes.cells"], at["lanes.logits"], at["lanes.paint"]
        before = (*_ints(*_map(parts, 2)), *_floats(SOFT, PAINT), *_ints(cells.shape[0]))
        total = prod(parts.shape) // 2
        self._per_cell(
            "maps.cu", "lane_cells", total, parts, *before, cells, logits, at["lanes.count"], paint
        )

    def edge_cells(self, parts: DeviceArray, at: Mapping[str, DeviceArray]) -> None:
        """lanes.edge_cells, lanes.edge_logits from (1, f * f, h, w) logits."""
        cells, logits = at["lanes.edge_cells"], at["lanes.edge_logits"]
        before = (*_ints(*_map(parts, 1)), *_floats(SOFT), *_ints(cells.shape[0]))
        total, count = prod(parts.shape), at["lanes.edge_count"]
        self._per_cell("maps.cu", "edge_cells", total, parts, *before, cells, logits, count)

    def sign_crops(
        self, image: DeviceArray, size: Size, sign: int, crops: DeviceArray, at: Mapping[str, DeviceArray]
    ) -> None:
        """Of the first objects of class `sign` what `reference.sign_crops` gives, normalised; else grey.

        `image` as with `letterbox`, of `size`; crops (n, 3, side, side) float32.
        """
        n, _, side, _ = crops.shape
        _expect(crops, (n, 3, side, side), np.float32)
        found, count = at["detection.objects"], at["detection.count"]
        before, after = _ints(_bgr(image, size), *size), _ints(side)
        grid = (-(-side * side // 256), n)
        arguments = (image, *before, found, count, *_ints(sign), crops, *after)
        self._device.launch("signs.cu", "sign_crops", grid, (256,), *arguments)

    def _per_pixel(self, source: str, kernel: str, size: Size, *arguments: Any) -> None:
        grid = (-(-size[0] // 32), -(-size[1] // 8))
        self._device.launch(source, kernel, grid, (32, 8), *arguments)

    def _per_cell(self, source: str, kernel: str, total: int, *arguments: Any) -> None:
        self._device.launch(source, kernel, (-(-total // 256),), (256,), *arguments)


def _ints(*values: int) -> tuple[np.int32, ...]:
    return tuple(np.int32(value) for value in values)


def _floats(*values: float) -> tuple[np.float32, ...]:
    return tuple(np.float32(value) for value in values)


def _expect(array: DeviceArray, shape: tuple[int, ...], dtype: Any) -> None:
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(f"expected {np.dtype(dtype)} {shape}, got {array.dtype} {array.shape}")


def _bgr(image: DeviceArray, size: Size) -> int:
    """Bytes from row to row of a BGR image of that size."""
    width, height = size
    if len(image.shape) == 2 and image.shape[1] >= 3 * width:
        _expect(image, (height, image.shape[1]), np.uint8)
        return image.shape[1]
    _expect(image, (height, width, 3), np.uint8)
    return 3 * width


def _target(out: DeviceArray, network: Size, scale: float) -> tuple[Any, ...]:
    """The last arguments of the preprocessing kernels: where to, in which form, of which size."""
    width, height = network
    if out.dtype not in FORMS:
        raise ValueError(f"expected {[str(t) for t in FORMS]}, got {out.dtype}")
    _expect(out, (1, height, width, 3) if out.dtype == np.uint8 else (1, 3, height, width), out.dtype)
    return out, *_ints(FORMS[out.dtype]), *_floats(scale), *_ints(width, height)


def _level(array: DeviceArray, channels: int, network: Size, stride: int) -> DeviceArray:
    _expect(array, (1, channels, network[1] // stride, network[0] // stride), np.float32)
    return array


def _map(parts: DeviceArray, maps: int) -> tuple[int, int, int]:
    """Factor, rows and columns of (1, maps * f * f, rows, columns)."""
    _, channels, rows, columns = parts.shape
    factor = isqrt(channels // maps)
    _expect(parts, (1, maps * factor * factor, rows, columns), np.float32)
    return factor, rows, columns

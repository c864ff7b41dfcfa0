"""The CUDA kernels on the device, against what they mean: one small frame through all of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deploy.doctor.finding import Finding, degraded, ok, refused
from deploy.doctor.machine import Machine
from perception.convention import SCALE, STRIDES
from perception.errors import BackendUnavailable, FrameError
from perception.kernels import reference
from perception.kernels.device import Device, DeviceArray
from perception.kernels.launch import AREA, AREA_LABELS, MAX_CANDIDATES, MAX_SIGNS, Launches, Results
from perception.kernels.strokes import SOFT
from perception.letterbox import PAD, Letterbox

BOX = Letterbox.fit((180, 100), (96, 64))
CLASSES, SIGN, CROP, MOST = 3, 2, 64, 20
LIMIT, SMALLEST, THRESHOLD = 0.4, 1.0, 0.0
THRESHOLDS = np.array([0, 0.25, -0.5], np.float32)
GREY = 1.01 / SCALE  # one grey level of a normalised picture
NEAR = 1e-2  # pixels, scores
STRAY = 1e-3  # share of labels that may lie on the other side of the threshold
ADVICE = "Use device='cpu'. Delete ~/.cache/perception/kernels and take the nvcc of this device's CUDA"

Arrays = dict[str, np.ndarray]


def known_answers(machine: Machine) -> Finding:
    """Compiles the kernels if that was not done yet, which takes a minute on a small Jetson."""
    from perception.kernels.cuda import CudaDevice

    try:
        device = CudaDevice()
        wrong, names = checked(device)
        device.close()
    except (BackendUnavailable, FrameError) as error:
        return refused(error, ADVICE)
    if wrong:
        return degraded(f"{device.name} computes otherwise than the reference: {', '.join(wrong)}", ADVICE)
    return ok(f"{len(names)} results on {device.name} as by the reference", kernels=names)


def checked(device: Device) -> tuple[list[str], list[str]]:
    """Names of the results that differ, and of all."""
    inputs = frame()
    got, want = on_device(device, inputs), by_reference(inputs)
    return [name for name in want if not same(name, got[name], want[name])], list(want)


def same(name: str, got: np.ndarray, want: np.ndarray) -> bool:
    if got.shape != want.shape:
        return False
    if name == AREA_LABELS:
        return bool((got != want).mean() <= STRAY)
    tolerance = GREY if name == "crops" else NEAR
    return bool(np.allclose(got, want, rtol=1e-4, atol=tolerance))


def frame() -> Arrays:
    """An image and outputs of a network, the same everywhere."""
    rng = np.random.default_rng(11)
    width, height = BOX.network
    inputs: Arrays = {"image": rng.integers(0, 256, (BOX.image[1], BOX.image[0], 3), np.uint8)}
    for stride in STRIDES:
        shape = height // stride, width // stride
        inputs[f"detection.scores{stride}"] = _normal(rng, -1, (1, CLASSES, *shape))
        inputs[f"detection.boxes{stride}"] = _normal(rng, 0, (1, 4, *shape)) / 2
    inputs["lanes.map"] = _normal(rng, -2, (1, 2 * 16, height // 8, width // 8))
    inputs[AREA] = _normal(rng, 0, (1, 16, height // 8, width // 8))
    inputs["lanes.edges"] = _normal(rng, -2, (1, 16, height // 8, width // 8))
    return inputs


def _normal(rng: np.random.Generator, mean: float, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(mean, 1, shape).astype(np.float32)


def on_device(device: Device, inputs: Mapping[str, np.ndarray]) -> Arrays:
    """As a frame goes: everything in one stream, one buffer comes back."""
    there = {name: _put(device, array) for name, array in inputs.items()}
    shapes = {name: array.shape for name, array in inputs.items() if name != "image"}
    results = Results.of(shapes, BOX.network, MOST)
    buffer, host = device.allocate((results.nbytes,), np.uint8), device.pinned((results.nbytes,), np.uint8)
    tensor = device.allocate((1, 3, BOX.network[1], BOX.network[0]), np.float32)
    crops = device.allocate((MAX_SIGNS, 3, CROP, CROP), np.float32)
    thresholds = _put(device, THRESHOLDS)
    launches, at = Launches(device), results.on(buffer)
    launches.begin(at)
    launches.letterbox(there["image"], BOX, tensor)
    launches.objects(there, thresholds, LIMIT, BOX, SMALLEST, at)
    launches.labels(there[AREA], THRESHOLD, at)
    launches.lane_cells(there["lanes.map"], at)
    launches.edge_cells(there["lanes.edges"], at)
    launches.sign_crops(there["image"], BOX.image, SIGN, crops, at)
    copies = {
        name: np.empty(array.shape, array.dtype) for name, array in (("input", tensor), ("crops", crops))
    }
    device.download(host, buffer)
    device.download(copies["input"], tensor)
    device.download(copies["crops"], crops)
    device.synchronize()
    found = results.read(host)
    for cells, logits in (("lanes.cells", "lanes.logits"), ("lanes.edge_cells", "lanes.edge_logits")):
        order = np.argsort(found[cells])
        found |= {name: found[name][order] for name in (cells, logits)}
    return {**found, **copies}


def _put(device: Device, array: np.ndarray) -> DeviceArray:
    target = device.allocate(array.shape, array.dtype)
    device.upload(target, array)
    return target


def by_reference(inputs: Mapping[str, np.ndarray]) -> Arrays:
    image, lanes = inputs["image"], inputs["lanes.map"][0]
    objects = _objects(inputs)
    cells, logits = reference.lane_cells(lanes[:16], SOFT)
    edge_cells, edge_logits = reference.lane_cells(inputs["lanes.edges"][0], SOFT)
    return {
        "input": reference.normalised(reference.letterboxed(image, BOX)[None]),
        "detection.objects": objects,
        AREA_LABELS: reference.upsampled_labels(inputs[AREA][0], THRESHOLD, BOX.network),
        "lanes.cells": cells,
        "lanes.logits": logits,
        "lanes.paint": reference.packed(lanes[16:]),
        "lanes.edge_cells": edge_cells,
        "lanes.edge_logits": edge_logits,
        "crops": _crops(image, objects),
    }


def _objects(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n, 6) float32: box, score, class."""
    scores = tuple(inputs[f"detection.scores{stride}"][0] for stride in STRIDES)
    boxes = tuple(inputs[f"detection.boxes{stride}"][0] for stride in STRIDES)
    found = reference.all_candidates(scores, boxes, THRESHOLDS, STRIDES, MAX_CANDIDATES)
    to_image = np.array((BOX.offset, BOX.scale, BOX.image), np.float64)
    xyxy, score, class_id = reference.objects(found, LIMIT, to_image, SMALLEST, MOST)
    return np.concatenate([xyxy, score[:, None], class_id[:, None]], axis=1).astype(np.float32)


def _crops(image: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """(MAX_SIGNS, 3, CROP, CROP): of the first objects that are signs, then grey."""
    signs = objects[objects[:, 5] == SIGN, :4][:MAX_SIGNS]
    levels = np.full((MAX_SIGNS, CROP, CROP, 3), PAD, np.uint8)
    levels[: len(signs)] = reference.sign_crops(image, signs, CROP)
    return reference.normalised(levels)

"""The decode kernels that numba compiles here, against what they mean."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deploy.doctor.finding import Finding, ok, unusable
from deploy.doctor.machine import Machine
from perception.convention import STRIDES

SIZE = (96, 64)  # width, height
NEAR = 1e-3  # pixels, scores
ADVICE = (
    "Delete the caches (__pycache__ of perception, ~/.cache/numba), then pip install --force-reinstall numba"
)


def known_answers(machine: Machine) -> Finding:
    """Every kernel once; `perception.kernels.reference` says what must come out."""
    try:
        import numba
    except (ImportError, OSError) as error:
        return unusable(f"numba does not load: {error}", "pip install --force-reinstall 'numba>=0.59'")
    names, wrong = [], []
    for name, got, wanted in comparisons():
        names.append(name)
        if not same(got, wanted):
            wrong.append(name)
    if wrong:
        return unusable(f"numba {numba.__version__} computes wrongly: {', '.join(wrong)}", ADVICE)
    return ok(f"numba {numba.__version__}: {len(names)} kernels as their reference", kernels=names)


def same(got: np.ndarray, wanted: np.ndarray) -> bool:
    if got.shape != wanted.shape:
        return False
    if wanted.dtype == np.uint8:
        return bool((got == wanted).all())
    return bool(np.allclose(got, wanted, rtol=1e-4, atol=NEAR))


def comparisons() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Kernel, its result, the reference's. Types as a frame brings them: others would be compiled anew."""
    from perception.kernels import cpu, reference

    rng = np.random.default_rng(7)
    image = rng.integers(0, 256, (2 * SIZE[1], 2 * SIZE[0], 3), np.uint8)
    half = np.empty((SIZE[1], SIZE[0], 3), np.uint8)
    cpu.halve(image, half)
    yield "halve", half, reference.halved(image)
    maps = _blobs()
    yield "labels", cpu.upsampled_labels(maps, 0.0, SIZE), reference.upsampled_labels(maps, 0.0, SIZE)
    scores = tuple(rng.normal(-1, 1, (4, 64 // s, 96 // s)).astype(np.float32) for s in STRIDES)
    boxes = tuple(rng.normal(0, 0.5, (4, 64 // s, 96 // s)).astype(np.float32) for s in STRIDES)
    thresholds = np.zeros(4, np.float32)
    found = cpu.all_candidates(scores, boxes, thresholds, STRIDES, 99)
    wanted = reference.all_candidates(scores, boxes, thresholds, STRIDES, 99)
    yield "candidates", _table(found), _table(wanted)
    box = np.array([(0.0, 4.0), (0.5, 0.5), (192.0, 112.0)])
    objects = cpu.objects(wanted, 0.5, box, 1.0, 20)
    yield "objects", _table(objects), _table(reference.objects(wanted, 0.5, box, 1.0, 20))
    yield "strokes", *_strokes(maps)


def _blobs() -> np.ndarray:
    """(4, 16, 24) float32 logits of a band across the map, far from the threshold but at its edges."""
    from perception.kernels import reference

    y, x = np.mgrid[0.5:32, 0.5:48]
    full = 6 - 2 * np.abs(y - 8 - 0.3 * x)
    assert reference.pixel_shuffle(np.zeros((4, 16, 24))).shape == full.shape
    return np.ascontiguousarray(
        full.reshape(16, 2, 24, 2).transpose(1, 3, 0, 2).reshape(4, 16, 24), np.float32
    )


def _strokes(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points of the strokes, compiled and as plain Python."""
    from perception.kernels import cpu, strokes

    found = []
    for follow in (cpu.strokes, strokes.strokes):
        points, begins = np.zeros((200, 4)), np.zeros(9, np.int64)
        count = follow(maps, (0, 0), np.zeros((32, 48), np.bool_), 0.5, points, begins)
        found.append(points[: begins[count]])
    return found[0], found[1]


def _table(found: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """(n, 6): box, score, class."""
    return np.concatenate([found[0], found[1][:, None], found[2][:, None]], axis=1)

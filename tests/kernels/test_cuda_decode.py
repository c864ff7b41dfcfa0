"""The steps on a device, in the sizes of the network, against the tasks' own decoders on the processor."""

from itertools import pairwise

import numpy as np
import pytest

from perception.convention import MEAN, SCALE
from perception.errors import FrameError
from perception.kernels import cpu
from perception.kernels.launch import LEAST_ROOM, Launches, Results
from perception.kernels.lines import PAINT
from perception.kernels.strokes import SOFT
from perception.letterbox import Letterbox
from perception.tasks.detection.decode import SMALLEST
from perception.tasks.detection.decode import decode as decode_objects
from perception.tasks.drivable.decode import decode as decode_area
from perception.tasks.lanes.decode import LaneSettings
from perception.tasks.lanes.decode import decode as decode_lanes
from perception.types import Frame
from tests.conftest import SHAPES, SIZE
from tests.kernels.host_device import HostDevice

IMAGES = [(1280, 720), (640, 384), (333, 777)]
THRESHOLDS = np.array([0.0, -0.16, 0.16, -0.4, -0.49, 0.4], np.float32)


def noise(names: str, seed: int, mean: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(mean, 1, shape).astype(np.float32)
        for name, shape in SHAPES.items()
        if name.startswith(names)
    }


def results(raw: dict[str, np.ndarray], step: str, *arguments, device: HostDevice) -> dict[str, np.ndarray]:
    """Of one step, `Launches.STEP(*arguments, at)`, in one buffer."""
    places = Results.of({name: array.shape for name, array in raw.items()}, SIZE)
    buffer, host = device.allocate((places.nbytes,), np.uint8), device.pinned((places.nbytes,), np.uint8)
    at, launches = places.on(buffer), Launches(device)
    launches.begin(at)
    getattr(launches, step)(*arguments, at)
    device.download(host, buffer)
    device.synchronize()
    return places.read(host)


@pytest.mark.parametrize("size", IMAGES)
@pytest.mark.parametrize("mean", [-9.0, -3.0, -1.5, 0.0])  # none, some, a thousand, all
def test_objects(size, mean):
    device, box = HostDevice(seed=1), Letterbox.fit(size, SIZE)
    raw = {**noise("detection.scores", 1, mean), **noise("detection.boxes", 2, 0.5)}
    there = {name: device.put(array) for name, array in raw.items()}
    args = there, device.put(THRESHOLDS), 0.5, box, SMALLEST
    found = results(raw, "objects", *args, device=device)["detection.objects"]
    wanted = decode_objects(raw, box, THRESHOLDS, 0.5, 100)
    assert (len(wanted) > 0) == (mean > -9)
    np.testing.assert_array_equal(found[:, 5], wanted.class_id)
    np.testing.assert_allclose(found[:, :4], wanted.xyxy, atol=2e-3)
    np.testing.assert_allclose(found[:, 4], wanted.score, atol=1e-6)


@pytest.mark.parametrize("size", IMAGES)
def test_drivable_area(size):
    device, box = HostDevice(), Letterbox.fit(size, SIZE)
    raw = noise("drivable", 0, 0)
    found = results(raw, "labels", device.put(raw["drivable.map"]), -0.3, device=device)["drivable.labels"]
    wanted = decode_area(raw["drivable.map"][0], box, -0.3)
    assert 0.2 < wanted.mean() < 0.8
    assert (box.inside(found) == wanted).mean() > 0.99999


def lines() -> np.ndarray:
    """(1, 8, h, w) logits: three lines, one of them dashed in the paint."""
    rows, columns = SIZE[1] // 2, SIZE[0] // 2
    y, x = np.mgrid[:rows, :columns]
    maps = np.full((2, rows, columns), -6, np.float32)
    for at in (80, 160, 240):
        near = np.abs(x - at + (y - rows) * (at - 160) / 400) < 3
        maps[0][near] = 3
        maps[1][near & ((at != 160) | (y // 12 % 2 == 0))] = 3
    parts = maps.reshape(2, rows // 2, 2, columns // 2, 2).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(parts.reshape(1, 8, rows // 2, columns // 2))


def test_lanes_are_the_same_from_the_cells():
    device, box, maps = HostDevice(seed=2), Letterbox.fit((1280, 720), SIZE), lines()
    found = results({"lanes.map": maps}, "lane_cells", device.put(maps), device=device)
    line, paint = np.full(maps[0, :4].size, SOFT, np.float32), found["lanes.paint"].view(np.uint8)
    line[found["lanes.cells"]] = found["lanes.logits"]
    bits = np.unpackbits(paint, bitorder="little")[: line.size]
    shape = 1, 2 * maps.shape[2], 2 * maps.shape[3]
    flat = np.concatenate([line.reshape(shape), 2 * bits.reshape(shape) + np.float32(PAINT - 1)])  # f = 1
    settings, frame = LaneSettings(0.5, 24), Frame(np.zeros((720, 1280, 3), np.uint8), 0, 0)
    wanted = decode_lanes(maps[0], frame, box, settings)
    got = decode_lanes(flat, frame, box, settings)
    assert [lane.kind for lane in got] == [lane.kind for lane in wanted] == [1, 2, 1]
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(a.image, b.image)


def test_sign_crops_are_those_that_the_reader_takes():
    rng, device = np.random.default_rng(3), HostDevice()
    image, corner = rng.integers(0, 256, (720, 1280, 3), np.uint8), rng.uniform(0, (1250, 700), (5, 2))
    found = np.zeros((100, 6), np.float32)
    found[:5, :4] = np.concatenate([corner, corner + rng.uniform(5, 90, (5, 2))], axis=1)
    found[:5, 5] = 5
    at = {
        "detection.objects": device.put(found),
        "detection.count": device.put(np.array([5], np.int32)),
    }
    crops = device.allocate((16, 3, 64, 64), np.float32)
    Launches(device).sign_crops(device.put(image), (1280, 720), 5, crops, at)
    got = device.get(crops)[:5] * SCALE + MEAN
    assert (
        np.abs(got - cpu.sign_crops(image, found[:5, :4]).transpose(0, 3, 1, 2)).max() < 2.5
    )  # OpenCV's 1/32


def test_letterbox_is_what_the_network_on_the_processor_sees():
    device, box = HostDevice(), Letterbox.fit((1280, 720), SIZE)
    image = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    out = device.allocate((1, SIZE[1], SIZE[0], 3), np.uint8)
    Launches(device).letterbox(device.put(image), box, out)
    np.testing.assert_array_equal(device.get(out)[0], box.apply(image))


def test_places_do_not_overlap_and_suit_tensorrt():
    places = Results.of(SHAPES, SIZE, sign_classes=43).places
    spans = sorted((p.begin, p.end) for name, p in places.items() if "." in name and "count" not in name)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
    assert places["signs.logits"].begin % 256 == 0
    assert set(Results.of({}, SIZE).read(np.zeros(256, np.uint8))) == {"faults"}


@pytest.mark.parametrize(("output", "step"), [("lanes.map", "lane_cells"), ("lanes.edges", "edge_cells")])
def test_a_map_that_is_all_line_fails_the_frame(output, step):
    device, maps = HostDevice(), np.ones(SHAPES[output], np.float32)
    with pytest.raises(FrameError, match=f"at most {LEAST_ROOM}, got"):
        results({output: maps}, step, device.put(maps), device=device)


def test_a_larger_map_has_more_room():
    """A road at 16 times the cost: 36147 cells of its edges lie on lines."""
    cells, edges = 11829, 36147
    places = Results.of({"lanes.map": (1, 8, 368, 656), "lanes.edges": (1, 4, 368, 656)}, (2624, 1472))
    host = np.zeros(places.nbytes, np.uint8)
    host[:20].view(np.int32)[:] = 0, 0, cells, edges, 0
    found = places.read(host)
    assert (len(found["lanes.cells"]), len(found["lanes.edge_logits"])) == (cells, edges)


def test_memory_is_taken_once():
    device, box = HostDevice(), Letterbox.fit((1280, 720), SIZE)
    raw, launches = noise("detection", 0, -3), Launches(device)
    places = Results.of(SHAPES, SIZE)
    at = places.on(device.allocate((places.nbytes,), np.uint8))
    there, thresholds = {name: device.put(a) for name, a in raw.items()}, device.put(THRESHOLDS)
    taken = []
    for _ in range(3):
        launches.begin(at)
        launches.objects(there, thresholds, 0.5, box, 1.0, at)
        taken.append(device.allocated)
    assert taken[0] == taken[1] == taken[2]


@pytest.mark.parametrize(
    ("shape", "dtype", "out"),
    [
        ((720, 1281, 3), np.uint8, (1, 384, 640, 3)),
        ((720, 1280, 3), np.float32, (1, 384, 640, 3)),
        ((720, 3839), np.uint8, (1, 384, 640, 3)),
        ((720, 1280, 3), np.uint8, (1, 3, 384, 640)),
    ],
)
def test_other_shapes_are_refused(shape, dtype, out):
    device = HostDevice()
    with pytest.raises(ValueError, match="expected"):
        Launches(device).letterbox(
            device.allocate(shape, dtype), Letterbox.fit((1280, 720), SIZE), device.allocate(out, np.uint8)
        )


def test_images_that_are_too_large_for_the_kernels_are_refused():
    device = HostDevice()
    out, small = device.allocate((1, 384, 640, 3), np.uint8), device.allocate((1, 1, 3), np.uint8)
    for size in ((40_000, 20_000), (1, 1 << 23)):
        with pytest.raises(
            FrameError, match=r"at most 715827882 pixels.*make it smaller or use device='cpu'"
        ):
            Launches(device).letterbox(small, Letterbox.fit(size, SIZE), out)

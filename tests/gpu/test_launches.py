"""The steps of a frame through pycuda equal those on the processor, whose kernels are the same files."""

from __future__ import annotations

import numpy as np

from perception.kernels.cuda import CudaDevice
from perception.kernels.device import Device
from perception.kernels.launch import Launches, Results
from perception.letterbox import Letterbox
from tests.conftest import SHAPES, SIZE
from tests.gpu.on_fake import count, on_fake
from tests.kernels.host_device import HostDevice

BOX = Letterbox.fit((321, 183), SIZE)
SIGNS = 43


def results(device: Device) -> dict[str, np.ndarray]:
    """All steps of one frame, over random outputs of a network."""
    rng = np.random.default_rng(5)
    launches, places = Launches(device), Results.of(SHAPES, SIZE, sign_classes=SIGNS)
    buffer, host = device.allocate((places.nbytes,), np.uint8), device.pinned((places.nbytes,), np.uint8)
    at = places.on(buffer)
    image = device.allocate((183, 321, 3), np.uint8)
    device.upload(image, rng.integers(0, 256, image.shape, np.uint8))
    raw = {name: device.allocate(shape, np.float32) for name, shape in SHAPES.items()}
    for array in raw.values():
        device.upload(array, rng.normal(-3.5, 1.5, array.shape).astype(np.float32))
    thresholds = device.allocate((6,), np.float32)
    device.upload(thresholds, np.zeros(6, np.float32))
    network = device.allocate((1, 3, SIZE[1], SIZE[0]), np.float32)
    crops = device.allocate((16, 3, 64, 64), np.float32)
    device.fill(buffer, 0)
    launches.begin(at)
    launches.letterbox(image, BOX, network)
    launches.objects(raw, thresholds, 0.6, BOX, 1.0, at)
    launches.labels(raw["drivable.map"], 0.0, at)
    launches.lane_cells(raw["lanes.map"], at)
    launches.edge_cells(raw["lanes.edges"], at)
    launches.sign_crops(image, BOX.image, 5, crops, at)
    seen = {"network": np.empty(network.shape, np.float32), "crops": np.empty(crops.shape, np.float32)}
    device.download(seen["network"], network)
    device.download(seen["crops"], crops)
    device.download(host, buffer)
    device.synchronize()
    return {**seen, **places.read(host)}


def in_order(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """With the cells of lines sorted: the device writes them in any order."""
    sorted_ = dict(found)
    for cells, logits in (("lanes.cells", "lanes.logits"), ("lanes.edge_cells", "lanes.edge_logits")):
        order = np.argsort(found[cells])
        sorted_ |= {name: found[name][order] for name in (cells, logits)}
    return sorted_


@on_fake()
def test_every_step_through_pycuda_equals_that_on_the_processor():
    device = CudaDevice()
    expected, got = results(HostDevice()), results(device)
    assert len(expected["detection.objects"]) > 10
    expected, got = in_order(expected), in_order(got)
    for name, values in expected.items():
        np.testing.assert_array_equal(got[name], values, name)
    assert count("synchronises") == 1

"""The CUDA half: one upload and one kernel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from perception.kernels.device import Device, DeviceArray
from perception.kernels.launch import DeviceFrame, Launches
from perception.letterbox import Letterbox
from perception.types import Size


class CudaPreprocess:
    """Letterbox into `tensor_for(size)`, the input of a network for that size on `device`.

    The image is copied once, into memory that the device can fetch from or read, as large as the largest
    image so far; on an integrated device the upload is then none. What was enqueued for the last frame must
    be done, as it is when its results are there.
    """

    def __init__(self, device: Device, tensor_for: Callable[[Size], DeviceArray]) -> None:
        self._device, self._tensor_for = device, tensor_for
        self._launches = Launches(device)
        self._host, self._image = device.frame_buffer((1,), np.uint8)

    def __call__(self, image: np.ndarray, box: Letterbox) -> DeviceFrame:
        if image.size > self._host.size:  # doubled at least: the device frees none before its end
            size = max(image.size, 2 * self._host.size)
            self._host, self._image = self._device.frame_buffer((size,), np.uint8)
        host = self._host[: image.size].reshape(image.shape)
        there = self._image.part(0, image.shape, np.uint8)
        np.copyto(host, image)
        self._device.upload(there, host)
        tensor = self._tensor_for(box.network)
        self._launches.letterbox(there, box, tensor)
        return DeviceFrame(tensor, there, box)

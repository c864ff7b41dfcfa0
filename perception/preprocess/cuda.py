"""The CUDA half: one upload and one kernel."""

from __future__ import annotations

import numpy as np

from perception.kernels.device import Device, DeviceArray
from perception.kernels.launch import DeviceFrame, Launches
from perception.letterbox import Letterbox


class CudaPreprocess:
    """Letterbox into `tensor`, the input of a network on `device`, valid until the next call.

    The image is copied once, into memory that the device can fetch from or read; on an integrated device the
    upload is then none. What was enqueued for the last frame must be done, as it is when its results are
    there.
    """

    def __init__(self, device: Device, tensor: DeviceArray) -> None:
        self._device, self._tensor = device, tensor
        self._launches = Launches(device)
        self._host, self._image = device.frame_buffer((1, 1, 3), np.uint8)

    def __call__(self, image: np.ndarray, box: Letterbox) -> DeviceFrame:
        if image.shape != self._host.shape:  # with the first frame, and when a camera changes its size
            self._host, self._image = self._device.frame_buffer(image.shape, np.uint8)
        np.copyto(self._host, image)
        self._device.upload(self._image, self._host)
        self._launches.letterbox(self._image, box, self._tensor)
        return DeviceFrame(self._tensor, self._image, box)

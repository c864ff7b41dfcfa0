"""The networks on a CUDA device, between the kernels: one small download and one wait for a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from perception.errors import FrameError
from perception.interfaces import Tensor
from perception.kernels.device import Device, DeviceArray
from perception.kernels.launch import AREA, DeviceFrame, Launches, Results
from perception.types import RawOutputs, Size


class Runner(Protocol):
    """A network in the device's memory, such as `trt.TrtRunner`."""

    inputs: Mapping[str, Any]  # name -> (shape, dtype)
    outputs: Mapping[str, Any]

    def bind(self, name: str, array: DeviceArray) -> None: ...
    def run(self) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Settings:
    """What the tasks decode with; None: that task is not run."""

    thresholds: np.ndarray | None = None  # (classes,) float32, logits
    nms_iou: float = 0.5
    max_objects: int = 100
    smallest: float = 1.0  # image pixels, the least side of an object
    sign: int | None = None  # the class of objects that are signs to be read
    area: float | None = None  # logit above which a place of AREA counts
    lanes: bool = False


class CudaBackend:
    """Two networks and what is done to their answers, all in one stream.

    `main` sees the frame, `signs` the crops of traffic signs, of which the first MAX_SIGNS are read. The
    preprocessing writes into `tensor`. `device` stays open: it may have other networks.
    """

    device = "cuda"

    def __init__(self, device: Device, settings: Settings, main: Runner, signs: Runner | None = None) -> None:
        self._device, self._settings, self._main, self._signs = device, settings, main, signs
        self._launches = Launches(device)
        self.tensor = self._bound(main, main.inputs)["image"]
        self.input_size: Size = (self.tensor.shape[3], self.tensor.shape[2])
        self._raw = self._bound(main, main.outputs)
        self._crops = None if signs is None else self._bound(signs, signs.inputs)["crops"]
        classes = 0 if signs is None else signs.outputs["signs.logits"][0][1]
        shapes = {name: array.shape for name, array in self._raw.items()}
        self._results = Results.of(shapes, self.input_size, settings.max_objects, classes)
        self._buffer = device.allocate((self._results.nbytes,), np.uint8)
        self._host = device.pinned((self._results.nbytes,), np.uint8)
        self._at = self._results.on(self._buffer)
        for name in self._raw.keys() & self._at.keys():  # outputs that go to the host as they are
            main.bind(name, self._at[name])
            self._raw[name] = self._at[name]
        if signs is not None:
            signs.bind("signs.logits", self._at["signs.logits"])
        self._thresholds: DeviceArray | None = None
        if settings.thresholds is not None:
            self._thresholds = device.allocate(settings.thresholds.shape, np.float32)
            device.upload(self._thresholds, settings.thresholds)
            device.synchronize()

    def __call__(self, tensor: Tensor) -> RawOutputs:
        """Raises FrameError if the device fails or the network's answer is not finite."""
        try:
            self._enqueue(tensor)
        finally:  # also after an error: the next frame writes where this one reads
            self._device.synchronize()
        found = self._results.read(self._host)
        if found.pop("faults")[0]:
            raise FrameError(
                "expected finite network outputs, got NaN or infinity. "
                "If every frame does it, the bundle was exported wrongly"
            )
        return found

    def close(self) -> None:
        for runner in filter(None, (self._main, self._signs)):
            runner.close()

    def _enqueue(self, frame: DeviceFrame) -> None:
        at, launches, settings = self._at, self._launches, self._settings
        launches.begin(at)
        self._main.run()
        launches.check(self._raw, at)
        if self._thresholds is not None:
            rest = settings.nms_iou, frame.box, settings.smallest, at
            launches.objects(self._raw, self._thresholds, *rest)
        if self._signs is not None and self._crops is not None and settings.sign is not None:
            launches.sign_crops(frame.image, frame.box.image, settings.sign, self._crops, at)
            self._signs.run()
        if settings.area is not None:
            launches.labels(self._raw[AREA], settings.area, at)
        if settings.lanes:
            launches.lane_cells(self._raw["lanes.map"], at)
            if "lanes.edges" in self._raw:
                launches.edge_cells(self._raw["lanes.edges"], at)
        self._device.download(self._host, self._buffer)

    def _bound(self, runner: Runner, tensors: Mapping[str, Any]) -> dict[str, DeviceArray]:
        """Memory for `tensors` of `runner`, by name."""
        arrays = {name: self._device.allocate(shape, dtype) for name, (shape, dtype) in tensors.items()}
        for name, array in arrays.items():
            runner.bind(name, array)
        return arrays

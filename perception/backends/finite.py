"""No NaN gets past here: an answer that is not finite is a failed frame, not an empty scene."""

from __future__ import annotations

from perception.errors import FrameError
from perception.interfaces import Backend, Tensor
from perception.kernels import cpu
from perception.types import RawOutputs


class FiniteBackend:
    """Another backend, with its answers checked."""

    def __init__(self, backend: Backend) -> None:
        self.device = backend.device
        self.input_size = backend.input_size
        self.close = backend.close
        self._backend = backend

    def __call__(self, tensor: Tensor) -> RawOutputs:
        """Raises FrameError, naming the outputs that hold a NaN or an infinity."""
        raw = self._backend(tensor)
        floats = {name: array for name, array in raw.items() if array.dtype.kind == "f"}
        bad = [name for name, array in floats.items() if not cpu.all_finite(array.ravel())]  # of one shape
        if bad:
            raise FrameError(
                f"expected finite network outputs, got NaN or infinity in {', '.join(bad)}. "
                "If every frame does it, the bundle was exported wrongly"
            )
        return raw

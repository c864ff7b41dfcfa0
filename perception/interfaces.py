"""The seams of the runtime. Anything that fits is welcome; nothing here is inherited from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from perception.letterbox import Letterbox
from perception.types import Frame, RawOutputs, Scene, Size

Tensor = Any  # "cpu": numpy uint8 (1, h, w, 3) BGR; "cuda": a device tensor of the kernels


class Source(Protocol):
    """Frames in time order. A recording ends; a live camera goes on and drops what is too old.

    A live one has `dropped: int` as well: frames that could be read, but a newer one came first, or nobody
    took them.
    """

    live: bool
    images: bool  # unrelated still images: results are stored by image name, not as a video

    @property
    def fps(self) -> float | None:
        """The usual rate of its frames; None: it has none, or does not know it."""

    @property
    def lost(self) -> int:
        """Frames that could not be read so far."""

    def __iter__(self) -> Iterator[Frame]: ...
    def close(self) -> None: ...


class Closable(Protocol):
    def close(self) -> None: ...


class Preprocess(Protocol):
    """Camera image to network input, on the device of the backend it was made for."""

    def __call__(self, image: np.ndarray, box: Letterbox) -> Tensor: ...


class Backend(Protocol):
    """A network. Outputs are host arrays, valid until the next call, named `task.output`.

    Those here take tensors of one size; `backends.sized` makes of such ones a network for every size.
    One that decodes on its device (`backends.cuda`) gives, in their place, what a task's `decode` makes of
    them first: see `kernels.launch.Results`.
    """

    device: str  # "cpu" or "cuda": where the input tensor must be
    input_size: Size  # (width, height) of the network input; where it takes any, what it was trained for

    def __call__(self, tensor: Tensor) -> RawOutputs: ...
    def close(self) -> None: ...


class Metric(Protocol):
    """Compares what was seen with the truth, frame by frame."""

    def update(self, truth: Scene, seen: Scene) -> None: ...
    def result(self) -> Mapping[str, float]: ...


class Painter(Protocol):
    """A task, a stage: what can paint its part of a scene. With `tints = True` it covers areas, so it comes
    before those that paint what must stay readable."""

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        """Paint its part of `scene` on a BGR image of `scene.size`, in place."""


class Task(Protocol):
    """One question put to the network: the run-time half. The training half is `head` and `loss`."""

    name: str
    classes: tuple[str, ...]
    outputs: tuple[str, ...]  # network outputs it reads; empty: it needs only what other tasks found
    needs: tuple[str, ...]  # tasks whose results it reads

    def decode(self, raw: RawOutputs, frame: Frame, box: Letterbox, scene: Scene) -> Scene:
        """`scene` with this task's field filled in. Later tasks see what earlier ones found."""

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        """Paint this task's part of `scene` on a BGR image of `scene.size`, in place."""


class Stage(Protocol):
    """What runs after the tasks, on the whole image, and may remember earlier frames."""

    name: str
    needs: tuple[str, ...]  # tasks and stages whose results it reads; it runs where all of them do
    remembers: (
        bool  # whether it keeps anything from frame to frame; on unrelated stills such a one does not run
    )
    longest_gap_s: float  # between two frames; after a longer one it is reset

    def __call__(self, frame: Frame, scene: Scene) -> Scene:
        """`scene` with what this stage adds. Stamps of frames increase between two resets."""

    def reset(self) -> None:
        """Forget everything: the next frame has nothing to do with those before. Track numbers go on."""

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        """Paint this stage's part of `scene` on a BGR image of `scene.size`, in place."""


class Sure(Protocol):
    """A task that can tell how far its answer can be trusted."""

    name: str

    def confidence(self, raw: RawOutputs, box: Letterbox, scene: Scene) -> float | None:
        """0..1, what its metric should come to. None: it found nothing, or `raw` holds too little of it."""


class Hearing(Protocol):
    """A stage that also hears what the network said, before it is called."""

    def hear(self, tasks: Sequence[Task], raw: RawOutputs, box: Letterbox) -> None:
        """`tasks`: those that ran. `raw`: valid until the frame is done. `box`: of the part looked at."""


class Sink(Protocol):
    """Where scenes go: a file, a window, a topic."""

    def write(self, frame: Frame, scene: Scene) -> None: ...
    def close(self) -> None: ...

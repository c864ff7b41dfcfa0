"""What a field of a `Scene` is outside of the program. `perception.fields` is the table of all.

Sinks, recorder, node, labelled drives and gate loop over the table and know no field by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from perception.comparison import Element, Table
from perception.messages import Record
from perception.messages.topics import VEHICLE_FRAME
from perception.types import Size

PIXEL, METRE, SCORE, SHARE, ANGLE = 1, 2, 3, 4, 5  # decimals of numbers in JSON: what they can mean

Value = TypeVar("Value")
Classes = Sequence[str]  # the names of a task's classes; empty for a field that no task fills


class Field(Protocol[Value]):
    """One field of a `Scene`, in every form in which it is written, read, counted and compared.

    A field derives from this and says what it has: the bodies here are those of one that is only in JSON.
    """

    name: str  # of the attribute of Scene, and of the key in JSON
    task: str = ""  # that fills it, in whose classes it is; "": none does
    topic: str = ""  # below /perception, /truth and the name of the node; "": it is in no message
    message: str = ""  # the type, "std_msgs/msg/Header"
    large: bool = False  # a message as large as an image, made only while somebody listens
    label_topic: str = ""  # of the node, with the names of the classes; "": they are in the messages
    tolerances: Mapping[str, Table] = {}  # of `compare`: "" everywhere, else DEVICE.PRECISION or "other"

    def to_json(self, value: Value, classes: Classes) -> Any:
        """What json.dumps takes; None: no key is written."""

    def from_json(self, value: Any, classes: Classes) -> Value | None:
        """What was written, to the rounding; None: JSON holds too little of it."""
        return None

    def to_message(
        self, value: Value, classes: Classes, header: Record, vehicle_frame: str = VEHICLE_FRAME
    ) -> Record:
        """The fields of a message of the type `message`; `vehicle_frame`: of points on the road."""
        raise ValueError(f"{self.name}: is in no message")

    def from_message(self, message: Any, classes: Classes, size: Size) -> Value:
        """Of an image of `size`. Raises PerceptionError for a message that cannot be meant."""
        raise ValueError(f"{self.name}: is in no message")

    def count(self, value: Value, classes: Classes) -> Mapping[str, float] | None:
        """What a run adds up; None: nothing."""
        return None

    def total(self, counts: Mapping[str, float], frames: int) -> Mapping[str, float]:
        """For the summary: of the sums of `count` over so many frames, what is told, the largest first."""
        return dict(sorted(counts.items(), key=lambda item: -item[1]))

    def class_map(self, value: Value, size: Size) -> np.ndarray | None:
        """(H, W) uint8 class ids of an image of `size`, for other programs; None: it has no such form."""
        return None

    def outline(self, value: Value) -> list[np.ndarray] | None:
        """What a page paints as an area: polygons (n, 2) in image pixels; None: it is no area."""
        return None

    def compare(self, was: Any, now: Any, size: Size) -> Iterator[Element]:
        """Two values in JSON, of one image of `size`: all that can differ, by names of its own."""
        yield from ()


def rounded(values: np.ndarray | float, decimals: int) -> Any:
    """(Lists of) Python floats; null for what is not finite, such as a road point above the horizon."""
    exact = np.round(np.asarray(values, np.float64), decimals) + 0.0  # + 0.0: no "-0.0"
    if np.isfinite(exact).all():
        return exact.tolist()
    return np.where(np.isfinite(exact), exact, None).tolist()  # type: ignore[call-overload]


def counted(class_ids: Iterable[int], classes: Classes) -> Mapping[str, int]:
    """How many there are of each class, by name, as they first come."""
    return Counter(classes[k] for k in class_ids)

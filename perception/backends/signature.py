"""What a network file for the CPU must take and give, whichever runtime reads it.

Types are named as numpy names them; None in a shape: any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from perception.bundle import Shape
from perception.errors import BundleError
from perception.types import Size


def input_size(path: str | Path, inputs: Sequence[tuple[str, Shape]]) -> Size:
    """(width, height) of the one input, which must be uint8 (n, h, w, 3). `inputs`: types and shapes."""
    match list(inputs):
        case [("uint8", (_, int(height), int(width), 3))]:
            return width, height
    raise BundleError(
        f"{path}: expected one input, uint8 (n, h, w, 3), got {list(inputs)}. Export the bundle again"
    )


def output_shape(
    path: str | Path, name: str, kind: str, shape: Shape, expected: Shape | None
) -> tuple[int, ...]:
    """The shape of an output without its batch axis, checked against the bundle's where that tells."""
    if kind != "float32" or None in shape[1:] or (expected and shape[1:] != expected[1:]):
        raise BundleError(
            f"{path}: expected output {name} to be float32 {expected or '(n, ...)'}, got {kind} {shape}. "
            "Export the bundle again"
        )
    return tuple(size for size in shape[1:] if size is not None)

"""The message definitions that lie beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

HERE = Path(__file__).parent


@cache
def definitions() -> Mapping[str, str]:
    """Type name ("vision_msgs/msg/Detection2D") -> .msg text, of vision_msgs and perception_msgs."""
    files = sorted(HERE.glob("*_msgs/msg/*.msg"))
    return MappingProxyType({f"{path.parents[1].name}/msg/{path.stem}": path.read_text() for path in files})


def fields(text: str) -> dict[str, str]:
    """The fields of a .msg text: name -> type as written ("float64", "vision_msgs/Point2D[]").

    >>> fields("# a point\\nfloat64 x  # metres\\nfloat64 y")
    {'x': 'float64', 'y': 'float64'}
    """
    lines = (line.partition("#")[0].split() for line in text.splitlines())
    return {words[1]: words[0] for words in lines if len(words) == 2}

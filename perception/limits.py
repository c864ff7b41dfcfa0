"""The most that is decoded of a file from elsewhere. `LIMITS` is the table; docs/limits.md shows it.

A few kilobytes can claim gigabytes. What is over a limit is refused before it is decoded, with a line that
names the variable that raises it. A limit is the environment variable PERCEPTION_MAX_NAME, and worker
processes inherit it.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from perception.errors import PerceptionError

MB = 1 << 20
LIMITS = {  # name -> default
    "PIXELS": 64 * MB,  # of a picture or a video frame: 8192 x 8192
    "CHUNK": 256 * MB,  # bytes of a chunk of a recorded drive, decompressed; recorders write 1 to 8 MB
    "SCHEMA": 1 << 17,  # bytes of a message definition in a recorded drive
    "DESCRIPTION": 4 * MB,  # bytes of a JSON or YAML description: a bundle, a camera, a calibration
    "DEPTH": 32,  # of lists and objects in one another, in such a description
}
PREFIX = "PERCEPTION_MAX_"
PNG = b"\x89PNG\r\n\x1a\n"


def limit(name: str) -> int:
    """A line of the table, or what the environment says instead. Raises PerceptionError."""
    text = os.environ.get(PREFIX + name, str(LIMITS[name]))
    if not text.isdecimal() or not 0 < int(text) < 1 << 62:
        raise PerceptionError(f"{PREFIX}{name}: expected a whole number above 0, got {text!r}")
    return int(text)


def check(name: str, size: int, what: str) -> None:
    """Raises PerceptionError if `size` is over the limit of that name."""
    if size > limit(name):
        raise PerceptionError(
            f"{what}: expected at most {limit(name):,}, got {size:,}. If the file is trustworthy, set "
            f"{PREFIX}{name}={size}"
        )


def regular(path: Path) -> Path:
    """The same path. Raises OSError: nothing there, or a device or pipe, whose reading may never end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "no regular file")
    return path


def check_png(data: bytes | memoryview) -> None:
    """Raises ValueError if a part of a PNG claims more bytes than there are: OpenCV would have the memory."""
    view = memoryview(data)
    at = len(PNG)
    while view[: len(PNG)] == PNG and at + 8 <= len(view):
        length = int.from_bytes(view[at : at + 4], "big")
        if length > len(view):
            raise ValueError(f"a part of {length:,} bytes in a PNG of {len(view):,}; it is damaged")
        at += length + 12


def tell_opencv() -> None:
    """OpenCV reads its own limit when it is loaded, and compares every picture's header with it."""
    text = os.environ.get(PREFIX + "PIXELS", "")
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = text if text.isdecimal() else str(LIMITS["PIXELS"])


def reason(error: Exception) -> str:
    """What OpenCV says of a picture, in one line."""
    if "CV_IO_MAX_IMAGE" in str(error):
        return f"it claims more than {limit('PIXELS'):,} pixels; if that is right, set {PREFIX}PIXELS"
    return " ".join(str(error).split())


def description(text: str) -> Any:
    """The value of a JSON description. Raises ValueError: no JSON, over a limit, or an infinite number."""
    _check_length(text)
    return _shallow(json_value(text))


def yaml_description(text: str, several: bool = False) -> Any:
    """The same of YAML; of `several` documents the first. Aliases are refused: a few stand for gigabytes.

    So is what is nested too deep, before the rest is read: each bracket takes the longer the more are open.
    """
    import yaml  # not needed to see

    _check_length(text)
    opened, most = 0, limit("DEPTH") + 1
    try:
        for event in yaml.parse(text, yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise ValueError("an alias (*name), which is not read here")
            opened += isinstance(event, yaml.CollectionStartEvent)
            opened -= isinstance(event, yaml.CollectionEndEvent)
            if opened > most:
                raise ValueError(_too_deep())
        return _shallow(next(yaml.safe_load_all(text), None) if several else yaml.safe_load(text))
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from None


def _check_length(text: str) -> None:
    if len(text) > limit("DESCRIPTION"):
        raise ValueError(f"{len(text):,} characters, more than {PREFIX}DESCRIPTION={limit('DESCRIPTION'):,}")


def _shallow(value: Any) -> Any:
    """The same value. Raises ValueError if it is nested deeper than the limit."""
    level, deepest = [value], limit("DEPTH")
    for _ in range(deepest + 1):
        level = [item for part in level for item in _inside(part)]
        if not level:
            return value
    raise ValueError(_too_deep())


def _too_deep() -> str:
    return f"lists or objects in more than {PREFIX}DEPTH={limit('DEPTH')} others"


def json_value(text: str) -> Any:
    """As json.loads, but what is nested too deep and numbers that are not finite are ValueErrors too."""
    try:
        return DECODER.decode(text)
    except RecursionError:
        raise ValueError("lists or objects that are nested too deep") from None


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _real(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]}, which is not finite")
    return value


def _whole(text: str) -> int:
    if len(text) > 19:
        raise ValueError(f"the number {text[:20]}, which does not fit into 64 bits")
    return int(text)


DECODER = json.JSONDecoder(parse_float=_real, parse_constant=_real, parse_int=_whole)

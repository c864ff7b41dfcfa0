"""The pictures by which the best weights are chosen: named by the user, or held out drive by drive."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from perception.errors import DataError
from perception.labels.vocabulary import Vocabulary
from perception.training.classes import vocabulary
from perception.training.config import Config
from perception.training.data import foreign
from perception.training.data.foreign import Pictures, Told

MOST = 200  # pictures that are looked at, evenly spaced
ADDED = re.compile(  # Roboflow: a hash of each altered copy; Cityscapes and IDD, Foggy Cityscapes; ACDC
    r"(_(jpe?g|png|bmp|webp|tiff?))?\.rf\.[0-9a-z]+$|_leftImg8bit(_foggy_beta_[\d.]+)?$|_rgb_anon$", re.I
)


def held_out(pictures: Pictures, share: float) -> tuple[Pictures, Pictures]:
    """What is learnt from, and what is held out: whole drives, about `share` of them by their hash.

    Frames of one drive are alike, so none is learnt from where another is judged by. If there is one drive
    only, its last frames are held out. Raises DataError for a single picture.
    """
    drives = sorted({drive_of(told.image) for told in pictures.told}, key=_place)
    if len(drives) == 1:
        held = last_frames([told.image for told in pictures.told], share)
    else:
        count = min(len(drives) - 1, max(1, sum(_place(drive) < share for drive in drives)))
        held = [drive_of(told.image) in drives[:count] for told in pictures.told]
    if not any(held):
        raise DataError(f"{pictures.name}: expected pictures to hold some out, got one. Set held_out=0")
    pairs = list(zip(pictures.told, held, strict=True))
    learnt, judged = (tuple(told for told, out in pairs if out is side) for side in (False, True))
    return _some(pictures, learnt), _some(pictures, judged)


def last_frames(images: Sequence[Path], share: float) -> list[bool]:
    """Which pictures of a drive are of its last frames, about `share` of them; of a single frame none.

    Altered copies of a frame are on one side.
    """
    places = [_frame(image) for image in images]
    order = sorted(set(places))
    first = max(1, min(len(order) - 1, round(len(order) * (1 - share))))
    return [place > order[first - 1] for place in places]


def _frame(image: Path) -> tuple[str | int, ...]:
    """Names in the order of their numbers; copies have one."""
    parts = re.split(r"(\d+)", ADDED.sub("", image.stem))
    return tuple(int(part) if part.isdecimal() else part for part in parts)


def drive_of(image: Path) -> str:
    """Its folder, and its name without the number of the frame: `a/drive7_00012.jpg` to `a/drive7`.

    What tools add behind the number (ADDED) goes first; all cameras of a drive are one.
    """
    stem = re.sub(r"[\s_.-]*\d+$", "", ADDED.sub("", image.stem))
    stem = re.sub(r"__CAM_[A-Z_]+$", "", stem)  # nuImages
    return f"{image.parent.name}/{stem or image.parent.parent.name}"


def _place(drive: str) -> float:
    """0 to 1, the same in every run and on every machine."""
    return int.from_bytes(hashlib.sha256(drive.encode()).digest()[:8], "big") / 2**64


def _some(pictures: Pictures, told: tuple[Told, ...]) -> Pictures:
    return replace(pictures, told=told)


def pictures(config: Config) -> list[Pictures]:
    """All pictures to choose by, data set by data set; empty: none are asked for.

    Pictures that are learnt from are left out. Raises DataError if none is left, or none can be held out.
    """
    if config.held_out > 0 and not config.data:
        raise DataError(
            f"held_out={config.held_out:g}: expected data sets in other formats to hold drives out of, got "
            "none. Of a folder in our own format the split val is held out: set held_out=0 and choose by it, "
            "--val data:FOLDER"
        )
    words = vocabulary(config)
    learnt = {told.image.resolve() for part in _learnt(config, words) for told in part.told}
    found = [foreign.read(text, words, "val") for text in config.val]
    found = [_some(p, tuple(t for t in p.told if t.image.resolve() not in learnt)) for p in found]
    for text, part in zip(config.val, found, strict=True):
        if not part.told:
            raise DataError(
                f"--val {text}: expected pictures that are not learnt from, got only such. Name others, or "
                "hold some out: --set held_out=0.2"
            )
    if config.held_out > 0:
        found += [held_out(foreign.read(text, words), config.held_out)[1] for text in config.data]
    return found


def _learnt(config: Config, words: Vocabulary) -> list[Pictures]:
    read = [foreign.read(text, words) for text in config.data]
    return [learnt_part(part, config) for part in read]


def learnt_part(pictures: Pictures, config: Config) -> Pictures:
    """Without what is held out."""
    return held_out(pictures, config.held_out)[0] if config.held_out > 0 else pictures


def spaced(parts: Sequence[Pictures], most: int = MOST) -> list[Told]:
    """At most so many of all pictures."""
    told = [one for part in parts for one in part.told]
    count = min(most, len(told))
    return [told[k * len(told) // count] for k in range(count)]

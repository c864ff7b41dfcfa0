"""Which examples of an added task are learnt from, and which it is judged by."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from perception.errors import DataError
from perception.labels.added import Example, Told, names_of
from perception.training.data.val import ADDED, drive_of, last_frames


def split(told: Told, share: float) -> tuple[list[Example], list[Example]]:
    """As the data say; where they do not, whole drives are held out, about `share` of them by their hash.

    Which ones is changed where a class would be on one side only. Of masks only the files are known here.
    Raises DataError: nothing to learn from or to judge by, or a class that is not among what is learnt from.
    """
    if any(example.split for example in told.examples):
        learnt = [example for example in told.examples if example.split == "train"]
        judged = [example for example in told.examples if example.split not in ("train", "")]
    else:
        learnt, judged = _by_drive(told, share)
    for part, what in ((learnt, "to learn from"), (judged, "to judge by")):
        if not part:
            raise DataError(
                f"expected pictures {what}, got none of {len(told.examples)}; name splits (train, val), or "
                "pictures of more than one drive"
            )
    missing = [name for name in told.classes if not counts(learnt)[name]]
    if missing:
        raise DataError(
            f"expected pictures of every class to learn from, got none of {', '.join(missing)} among "
            f"{len(learnt)}; leave the class out (--classes), or label more"
        )
    return learnt, judged


def counts(examples: Sequence[Example]) -> Counter[str]:
    """How often each class is labelled; of masks, in how many files it has a value."""
    return Counter(name for example in examples for name in names_of(example))


def _by_drive(told: Told, share: float) -> tuple[list[Example], list[Example]]:
    """A class of a single drive is held out by its last pictures."""
    drives = [drive_of(example.image) for example in told.examples]
    held = np.isin(drives, _first(drives, share))
    for name in told.classes:
        own = np.array([name in names_of(example) for example in told.examples])
        if held[own].all() or not held[own].any():
            held = _on_both_sides(held, own, drives, told, share)
    pairs = list(zip(told.examples, held, strict=True))
    return [example for example, out in pairs if not out], [example for example, out in pairs if out]


def _first(drives: Sequence[str], share: float) -> list[str]:
    """Those to hold out, by their hash; none of one."""
    found = sorted(set(drives), key=_place)
    return found[: min(len(found) - 1, max(1, sum(_place(drive) < share for drive in found)))]


def _on_both_sides(
    held: np.ndarray, own: np.ndarray, drives: Sequence[str], told: Told, share: float
) -> np.ndarray:
    """`held` (n,) with some examples of the class `own` (n,) on each side, where they are on one.

    A whole drive changes sides if that takes no class away from where it is; else the last pictures of the
    class are held out, or one picture changes sides, if that does. Where nothing does, it is learnt.
    """
    side = bool(held[own][0])
    found = sorted({drive for drive, mine in zip(drives, own, strict=True) if mine}, key=_place)
    frames = np.flatnonzero(own)
    last = np.zeros_like(own)
    last[frames] = last_frames([told.examples[k].image for k in frames], share)
    copies = np.array([f"{one.image.parent}/{ADDED.sub('', one.image.stem)}" for one in told.examples])
    moves = [np.isin(drives, drive) for drive in (reversed(found) if side else found)]
    moves += [own & (last != side), *(copies == copies[k] for k in (frames if side else frames[::-1]))]
    for move in moves:
        moved = np.where(move, not side, held)
        if _classes(told, held == side) == _classes(told, moved == side):
            return moved
    return held & (last | ~own)


def _classes(told: Told, chosen: np.ndarray) -> set[str]:
    return {name for k in np.flatnonzero(chosen) for name in names_of(told.examples[k])}


def _place(drive: str) -> float:
    """0 to 1, the same in every run and on every machine."""
    return int.from_bytes(hashlib.sha256(drive.encode()).digest()[:8], "big") / 2**64

"""Which examples of an added task are learnt from, and which it is judged by."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from perception.errors import DataError
from perception.labels.added import Example, MaskFile, Objects, Told
from perception.training.data.val import drive_of


def split(told: Told, share: float) -> tuple[list[Example], list[Example]]:
    """As the data say; where they do not, whole drives are held out, about `share` of them by their hash.

    Raises DataError: nothing to learn from or to judge by, or a class that is not among what is learnt from.
    """
    if any(example.split for example in told.examples):
        learnt = [example for example in told.examples if example.split == "train"]
        judged = [example for example in told.examples if example.split not in ("train", "")]
    else:
        learnt, judged = _by_drive(told.examples, share)
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
    found: Counter[str] = Counter()
    for example in examples:
        match example.truth:
            case str(name):
                found[name] += 1
            case Objects(names=names):
                found.update(names)
            case MaskFile(values=values):
                found.update(set(values.values()))
    return found


def _by_drive(examples: Sequence[Example], share: float) -> tuple[list[Example], list[Example]]:
    """Of each class of images by itself; of a single drive the last pictures are held out."""
    learnt: list[Example] = []
    judged: list[Example] = []
    groups: dict[str, list[Example]] = {}
    for example in examples:
        groups.setdefault(example.truth if isinstance(example.truth, str) else "", []).append(example)
    for group in groups.values():
        drives = sorted({drive_of(example.image) for example in group}, key=_place)
        if len(drives) == 1:
            first = max(1, round(len(group) * (1 - share)))
            learnt, judged = learnt + group[:first], judged + group[first:]
            continue
        chosen = set(drives[: min(len(drives) - 1, max(1, sum(_place(drive) < share for drive in drives)))])
        learnt += [example for example in group if drive_of(example.image) not in chosen]
        judged += [example for example in group if drive_of(example.image) in chosen]
    return learnt, judged


def _place(drive: str) -> float:
    """0 to 1, the same in every run and on every machine."""
    return int.from_bytes(hashlib.sha256(drive.encode()).digest()[:8], "big") / 2**64

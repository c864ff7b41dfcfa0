"""Labelled data: one file a format, one line in LABELS. Both training and evaluation read it here.

A reader gives pictures that are not yet read, with what is known of them task by task and which classes are
labelled exhaustively (`record`), and counts what it used and what it could not use, by reason (`tally`).
To add a format: a file with an opener that gives `Labelled`s, and a line in the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from perception.errors import DataError
from perception.labels import (
    bdd100k,
    classmasks,
    coco,
    culane,
    drive,
    kitti,
    own,
    scenario,
    synthetic,
    tusimple,
    unlabelled,
    voc,
    yolo,
)
from perception.labels.labelled import VAL, Asked, Labelled, Stills, spaced, split_place
from perception.labels.record import Record
from perception.labels.rows import image_size
from perception.labels.truth import RESIZED

LOOKED = 24  # pictures that tell whether lane lines were made for them

Opener = Callable[[str, Asked], list[Labelled]]

LABELS: dict[str, Opener] = {
    "data": own.open_data,
    "synthetic": synthetic.open_worlds,
    "scenario": scenario.open_scenarios,
    "video": unlabelled.open_video,
    "coco": coco.open_coco,
    "bdd100k": bdd100k.open_bdd100k,
    "tusimple": tusimple.open_tusimple,
    "culane": culane.open_culane,
    "drive": drive.open_drive_labels,
    "yolo": yolo.open_yolo,
    "kitti": kitti.open_kitti,
    "voc": voc.open_voc,
    "masks": classmasks.open_masks,
}
FILES = (  # the first of these that is in a folder tells its format
    ("det.jsonl", "data"),
    ("lanes_drawn.json", "data"),
    ("signs.csv", "data"),
    ("metadata.yaml", "drive"),
    ("annotations/instances_*.json", "coco"),
    ("images/100k", "bdd100k"),
    ("bdd100k/images/100k", "bdd100k"),
    ("label_data*.json", "tusimple"),
    ("test_label.json", "tusimple"),
    ("test_tasks_*.json", "tusimple"),
    ("list/*.txt", "culane"),
    *((name, "yolo") for name in yolo.FILES),
    ("training/label_2", "kitti"),
    ("label_2", "kitti"),
    ("Annotations/*.xml", "voc"),
    ("leftImg8bit", "masks"),
    ("masks", "masks"),
    ("*.csv", "data"),
)
NAMES = (  # of files
    (r".*\.(mcap(\.part)?|db3|bag(\.active)?)(\?.*)?", "drive"),
    (r"(.*/)?(label_data|test_label|test_tasks)[^/]*\.json", "tusimple"),
    (r".*\.json", "coco"),
    (r".*\.(mp4|mkv|avi|mov|webm|ts|m4v)", "video"),
)


def open_labelled(text: str, asked: Asked = VAL) -> list[Labelled]:
    """Labelled drives by their name on the command line. Raises DataError, SourceError.

    "drive.mcap", "drive:FOLDER"         a recording whose /truth/ topics say what there is to see
    "data:FOLDER[:SPLIT]"                pictures in the format of the driving data; SPLIT is val if not said
    "coco:ANNOTATIONS.json[:IMAGES]"     COCO boxes
    "bdd100k:FOLDER[:SPLIT]"             BDD100K as it is downloaded
    "tusimple:FOLDER", "culane:FOLDER[:LIST]"   lane lines
    "yolo:FOLDER[:SPLIT]", "kitti:FOLDER[:SPLIT]", "voc:FOLDER[:SPLIT]"   boxes
    "masks:FOLDER[:SPLIT]"               masks of the drivable area, Cityscapes' or by a table of classes
    "synthetic:SEED[:FRAMES][?conditions=NAMES]"   rendered pictures, by day or such as night+rain+ego
    "scenario:NAME:SEED[:FRAMES]"        a rendered drive with a plot, its tracks, metres and events
    "clip.mp4", "video:SOURCE"           a video without labels: only how steady the results are

    Without a prefix, the format is that of the files in the folder.
    """
    kind, rest = format_of(text)
    try:
        drives = LABELS[kind](rest, asked)
        for drive in drives:
            _check_lines(drive)
        return drives if asked.limit is None else [_thinned(drive, asked.limit) for drive in drives]
    except OSError as error:  # labels may name files that no system has, and unreadable ones
        raise DataError(f"{text}: expected labelled pictures, got: {error}"[:400]) from error


def _check_lines(drive: Labelled) -> None:
    """Raises DataError if most of their points lie outside the pictures: these have another size, then."""
    items = drive.items if isinstance(drive, Stills) else ()
    lined = [item for item in items if isinstance(item, Record | own.Picture) and "lanes" in item.tasks]
    looked = [item for item in spaced(lined, LOOKED) if item.image.exists()]
    inside = [
        ((line.image >= 0) & (line.image <= size)).all(1)
        for item in looked
        for size in (image_size(item.image),)
        for line in item.drawn
    ]
    points = np.concatenate([np.empty(0, bool), *inside])
    if 2 * points.sum() < len(points):
        raise DataError(
            f"{drive.name}: expected lane lines in the pictures, such as {looked[0].image}, got "
            f"{(~points).sum()} of {len(points)} points outside. {RESIZED}"
        )


def _thinned(drive: Labelled, limit: int) -> Labelled:
    if isinstance(drive, Stills):
        return drive.thinned(limit)
    raise DataError(
        f"{drive.name}: expected unrelated pictures to choose {limit} of, got a recorded drive. "
        "Leave --limit out"
    )


def format_of(text: str) -> tuple[str, str]:
    """The format of a name, and the name without its prefix. Raises DataError."""
    prefix, colon, rest = text.partition(":")
    if prefix in LABELS and colon and not Path(text).exists():
        return prefix, rest
    return _format(text), text


def _format(text: str) -> str:
    for pattern, kind in NAMES:
        if re.fullmatch(pattern, text, re.IGNORECASE):
            return kind
    folder, _ = split_place(text, "")
    for pattern, kind in FILES:
        if folder.is_dir() and any(folder.glob(pattern)):
            return kind
    got = "no such file or folder" if not folder.exists() else "files of none of these formats"
    prefixes = ", ".join(f"{name}:" for name in LABELS)
    near = get_close_matches(text.partition(":")[0], LABELS, 1)
    meant = f" (did you mean {near[0]}:?)" if near else ""
    raise DataError(
        f"{text}: expected a labelled drive or one of {prefixes}, got {got}{meant}. Put its format before it"
    )

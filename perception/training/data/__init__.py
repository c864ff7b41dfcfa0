"""Training data: one file a data set, one line here.

Each reader takes the data folder and returns the training samples it found there, with only the truth
that its data set has. A data set that is not in the folder gives no samples. `OPEN` reads only what a
network for commercial use may learn from (`licences`): it leaves out other data sets, drives and teachers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from perception.labels.vocabulary import OURS, Vocabulary
from perception.training.data import brazil, camvid, carla, clips, gtsdb, idd, road, roadscene, signs, streets
from perception.training.data.records import OPEN_TEACHERS
from perception.training.data.sample import Sample
from perception.training.data.signs import Sign

Readers = dict[str, Callable[[Path], list[Sample]]]

SOURCES: Readers = {
    "camvid": camvid.read,
    "idd": idd.read,
    "gtsdb": gtsdb.read,
    "roadseg_ru": road.read_roadseg_ru,
    "lums": road.read_lums,
    "streets_id": streets.read,
    "carla": carla.read,
    "roadscene": roadscene.read,
    "clips": clips.read,
    "brazil": brazil.read,
}
OPEN: Readers = {
    "gtsdb": partial(gtsdb.read, teachers=OPEN_TEACHERS),
    "roadseg_ru": partial(road.read_roadseg_ru, teachers=OPEN_TEACHERS),
    "lums": partial(road.read_lums, teachers=OPEN_TEACHERS),
    "carla": carla.read,
    "clips": partial(clips.read, teachers=OPEN_TEACHERS, drives=("kr",)),
    "brazil": brazil.read,
}
READERS = {"any": SOURCES, "open": OPEN}  # by what their licences must allow


def sign_crops(data: Path, licences: str, vocabulary: Vocabulary = OURS) -> list[Sign]:
    """Training crops of signs: GTSRB's, or those in scenes if licences must be "open"."""
    return signs.read(data, vocabulary) if licences == "any" else signs.in_scenes(OPEN["gtsdb"](data))

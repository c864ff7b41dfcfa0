"""Training data: one file a data set, one line here.

Each reader takes the data folder and returns the training samples it found there, with only the truth
that its data set has. A data set that is not in the folder gives no samples.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from perception.training.data import brazil, camvid, carla, clips, gtsdb, idd, road, roadscene, streets
from perception.training.data.sample import Sample

SOURCES: dict[str, Callable[[Path], list[Sample]]] = {
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

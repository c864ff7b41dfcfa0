"""Whose each picture and each teacher's label is, what the licence allows, and how to cite it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """A data set, a part of one, or a teacher."""

    path: str  # what the paths of its files begin with, in the data folder
    licence: str  # as found
    commercial: bool  # whether a network that learnt from it may be used commercially
    citation: str


ORIGINS = {
    "synthetic": Origin("synthetic:", "MIT, as this project", True, "rendered scenes of this project"),
    "gtsdb": Origin(
        "gtsdb/",
        "free for any purpose, to be cited",
        True,
        "GTSDB: Houben et al., Detection of Traffic Signs in Real-World Images, IJCNN 2013",
    ),
    "roadseg_ru": Origin(
        "road/roadseg_ru/",
        "CC BY 4.0 as stated; where the pictures come from is not known",
        True,
        "road masks of Russian country roads",
    ),
    "lums": Origin("road/lums/", "MIT and CC BY 4.0", True, "road masks of the LUMS campus in Lahore"),
    "carla": Origin("carla/", "MIT", True, "labelled pictures of the CARLA simulator"),
    "brazil": Origin(
        "brazil_lanes/", "MIT and CC BY 4.0", True, "lane lines of Brazilian roads, Mendeley Data"
    ),
    "clips_kr": Origin("clips/images/kr_", "CC BY 4.0", True, "single photographs of Korean roads"),
    "camvid": Origin(
        "camvid/",
        "CC BY-NC; lane paint from a GPL-3.0 repository's predictions",
        False,
        "CamVid: Brostow et al., Semantic Object Classes in Video, Pattern Recognition Letters 2009",
    ),
    "idd": Origin("idd/", "research use", False, "IDD-Lite: Varma et al., IDD, WACV 2019"),
    "streets_id": Origin(
        "streets_id/", "CC BY 4.0 as stated; doubtful", False, "street pictures from Indonesia"
    ),
    "roadscene": Origin(
        "roadscene/", "none named, to be cited", False, "RoadScene: Xu et al., FusionDN, AAAI 2020"
    ),
    "clips": Origin(
        "clips/", "videos in MIT or unlicensed repositories: research only", False, "frames of drives"
    ),
    "signs": Origin(
        "signs/",
        "none named",
        False,
        "GTSRB: Stallkamp et al., Man vs. Computer, Neural Networks 2012",
    ),
    "weak": Origin(
        "weak/", "an MIT model's output", True, "lane and road maps of a public network trained on BDD100K"
    ),
    "weak_boxes": Origin(
        "weak_boxes.jsonl", "an Apache-2.0 model's output", True, "boxes of a public COCO detector"
    ),
    "weak_boxes_2": Origin(
        "weak_boxes_2.jsonl", "an AGPL-3.0 model's output", False, "boxes of a stronger public COCO detector"
    ),
    "unrecorded": Origin(
        "unrecorded:", "not recorded", False, "whatever weights without a ledger have learnt from"
    ),
}


def is_open(path: str) -> bool:
    """Whether a file of the data folder may be used commercially; one of unknown origin may not."""
    try:
        return ORIGINS[origin(path)].commercial
    except KeyError:
        return False


def origin(path: str) -> str:
    """The name of the origin of a file of the data folder: the longest path wins. Raises KeyError."""
    fitting = [name for name, own in ORIGINS.items() if path.startswith(own.path)]
    if not fitting:
        raise KeyError(path)
    return max(fitting, key=lambda name: len(ORIGINS[name].path))

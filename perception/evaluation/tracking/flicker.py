"""How steady results are over a video, without truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from perception.types import Scene

LONGEST_GAP = 3  # frames
SHORTEST = 5  # frames of a track that is judged


def flicker(scenes: Iterable[Scene]) -> Mapping[str, float]:
    """Of the tracks that are seen in at least SHORTEST frames: how many have gaps of 1 to LONGEST_GAP frames.

    `seen`: the share with gaps in what was seen in the frames themselves, as without stages; `shown`: in what
    the stages give out. `tracks`: how many there are; `per_minute`: tracks begun per minute of an object.
    """
    seen: dict[int, list[int]] = {}
    shown: dict[int, list[int]] = {}
    stamps = []
    for place, scene in enumerate(scenes):
        stamps.append(scene.stamp_ns)
        found = scene.detections
        if found is None or found.track is None or found.age_ms is None:
            continue
        for track, age in zip(found.track.tolist(), found.age_ms.tolist(), strict=True):
            if track >= 0:
                shown.setdefault(track, []).append(place)
                if age == 0:
                    seen.setdefault(track, []).append(place)
    tracks = [track for track, frames in seen.items() if len(frames) >= SHORTEST]
    step = float(np.median(np.diff(stamps))) / 60e9 if len(stamps) > 1 else float("nan")
    minutes = step * sum(len(frames) for frames in shown.values())
    return {
        "tracks": len(tracks),
        "seen": _share([seen[track] for track in tracks]),
        "shown": _share([shown[track] for track in tracks]),
        "per_minute": len(shown) / minutes if minutes else float("nan"),
    }


def _share(tracks: list[list[int]]) -> float:
    gaps = [np.diff(frames) - 1 for frames in tracks]
    return (
        float(np.mean([((gap > 0) & (gap <= LONGEST_GAP)).any() for gap in gaps])) if gaps else float("nan")
    )

"""Judge the stages track, pitch and ground on drives with truth and no pictures.

    python -m tools.kitti_tracking DIR --json FILE [--no-ego]

DIR holds `detections/`, `ego/`, `truth/` and `cameras.csv`, see `perception.evaluation.tracking.folder`. The
boxes of `detections/` are followed at 10 Hz and at 2 Hz, which is every fifth frame. The boxes of `truth/`,
without their numbers, are used for distances only. `--no-ego` withholds the own speed and yaw rate.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from perception.evaluation.tracking.drive import Measured
from perception.evaluation.tracking.folder import drives
from perception.outputs import write_whole

CLASSES = ("vehicle", "person")


def main() -> None:
    parser = argparse.ArgumentParser(description="Judge tracking, distance and speed on drives with truth.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--json", type=Path, required=True, help="where all metrics go")
    parser.add_argument("--no-ego", action="store_true", help="the own motion is not known")
    given = parser.parse_args()
    report = judged(given.directory, not given.no_ego)
    write_whole(given.json, (json.dumps(report, indent=1) + "\n").encode())
    print("\n".join(lines(report)))


def judged(directory: Path, ego: bool) -> dict[str, Any]:
    """All metrics; fractions, metres, m/s and milliseconds."""
    runs = {"10hz": Measured(1), "2hz": Measured(5), "truth_boxes": Measured(1, boxes="truth")}
    sequences = []
    for drive in drives(directory):
        sequences.append(drive.name)
        own = drive if ego else replace(drive, ego={})
        for run in runs.values():
            run.add(own, drive)
    return {
        "format": 1,
        "directory": str(directory),
        "ego": ego,
        "sequences": sequences,
        **{name: run.result() for name, run in runs.items()},
    }


def lines(report: dict[str, Any]) -> list[str]:
    """A short text; percent."""
    out = []
    for rate in ("10hz", "2hz"):
        for name in CLASSES:
            of = report[rate][name]
            out.append(
                f"{rate:5} {name:8} HOTA {100 * of['hota']:5.1f}  IDF1 {100 * of['idf1']:5.1f}  "
                f"MOTA {100 * of['mota']:5.1f}  switches {of['switches']}"
            )
        speed = report[rate]["speed"]
        if speed["n"]:
            out.append(f"{rate:5} speed error median {speed['median']:.2f} m/s, mean {speed['mean']:.2f} m/s")
    for name, boxes in (("truth_boxes", "truth's boxes"), ("10hz", "detections")):
        of = report[name]["distance"]
        if not of["n"]:
            continue
        out.append(
            f"distance with the {boxes}: mean {100 * of['mean']:.1f} %, median {100 * of['median']:.1f} % "
            f"of {of['n']} vehicles"
        )
    out.append(f"time {report['10hz']['ms']:.3f} ms a frame")
    return out


if __name__ == "__main__":
    main()

"""Labels for two tasks that can be added, made from the driving data: the weather, and what a light shows.

    python -m tools.added_labels weather ../shared/data --out labels/weather.csv
    python -m tools.added_labels lights ../shared/data --out labels/lights.csv --sheet labels/lights.jpg

Weather: what the data sets say of their pictures. Lights: boxes of a teacher or of people, of at least SIDES
pixels; the state is told from the pixels, and a box whose lamps do not say it clearly is left out. The sheet
shows each box with its state, to be checked by eye. `--scenes N` adds rendered scenes.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from perception.synthetic import Conditions, World, random_camera
from perception.synthetic.blocks import BLOCK, Block
from perception.synthetic.scenery import TrafficLight
from perception.synthetic.traffic import LIGHT

ACDC = {"night": "night", "snow": "snow", "rain": "rain", "fog": "fog"}  # the references are clear days
CLIPS = {"day": "day", "night": "night", "rainy": "rain", "rain": "rain"}
DAY_SETS = {"camvid.csv": "camvid/images/{}.*", "idd.csv": "idd/images/{}.*"}
EVERY = 6  # of the day's pictures one is taken: there are far more than of all others
SIDES = (5, 12)  # pixels: the least width and height of a box
HUES = {"red": ((0, 9), (168, 180)), "amber": ((11, 28),), "green": ((45, 95),)}  # of OpenCV, 0 to 180
VIVID, BRIGHT = 95, 130  # least saturation and value of a lit lamp
CLEAR = 0.025  # of a box's pixels that must have one hue, three times as many as of any other
BURNT, MOST_BURNT = 250, 0.35  # a value that says no colour, and the share of a box that may have it
FAINT, DARK = (70, 60), 0.01  # saturation and value of a lamp that may be lit; off: less of the box than this
TEACHER = 0.5  # least score of a teacher's box
TILE = 48
WEATHERS = {
    "day": "day",
    "night": "night",
    "rain": "rain",
    "snow": "snow",
    "fog": "fog",
}  # class -> conditions
STATES = ("red", "amber", "green", "off")
HOURS = ("day", "day", "dusk", "night")  # of rendered scenes, in turn

Row = tuple[str, ...]


def weather(data: Path) -> Iterator[Row]:
    """image, class, split."""
    for _, row in _rows(data / "acdc_panels/acdc.csv"):
        yield str(data / row["img"]), ACDC.get(row["condition"], "day"), "val"
    for _, row in _rows(data / "clips/clips.csv"):
        if row["condition"] in CLIPS:
            yield str(data / row["img"]), CLIPS[row["condition"]], row["split"]
    for _, row in _rows(data / "roadscene/roadscene.csv"):
        if row["time"] != "dusk":
            yield str(data / row["img"]), row["time"], row["split"]
    for name, pattern in DAY_SETS.items():
        for number, row in _rows(data / name):
            if number % EVERY == 0:
                found = next(iter(sorted(data.glob(pattern.format(row["name"])))))
                yield str(found), "day", row["split"]


def lights(data: Path, sheet: Path | None) -> Iterator[Row]:
    """image, x1, y1, x2, y2, class, split."""
    tiles: dict[str, list[np.ndarray]] = {}
    for path, boxes, split in _light_boxes(data):
        image = cv2.imread(str(path))
        if image is None:
            continue
        for box in boxes:
            x1, y1, x2, y2 = (round(value) for value in box)
            part = image[max(0, y1) : y2, max(0, x1) : x2]
            state = state_of(part) if part.size else ""
            if state:
                tiles.setdefault(state, []).append(part)
                yield (str(path), *(f"{value:.1f}" for value in box), state, split)
    if sheet is not None:
        cv2.imwrite(str(sheet), _sheet(tiles))


def rendered_weather(folder: Path, scenes: int) -> Iterator[Row]:
    """Scenes of every class in turn; every fourth of a class is one to judge by."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(scenes):
        label = list(WEATHERS)[number % len(WEATHERS)]
        camera = random_camera(np.random.default_rng(number), (640, 360))
        seen = World(number, camera, conditions=Conditions.parse(WEATHERS[label])).render(1.0)
        path = folder / f"{label}{number}.png"
        cv2.imwrite(str(path), seen.frame.image)
        yield str(path.resolve()), label, "val" if number // len(WEATHERS) % 4 == 3 else "train"


def rendered_lights(folder: Path, scenes: int) -> Iterator[Row]:
    """Scenes of town roads in which all lights show the same; every fourth scene is one to judge by."""
    folder.mkdir(parents=True, exist_ok=True)
    seed = count = 0
    while count < scenes:
        seed, state = seed + 1, STATES[count % len(STATES)]
        camera = random_camera(np.random.default_rng(seed), (640, 360))
        world = World(seed, camera, conditions=Conditions(HOURS[seed % len(HOURS)]))
        if world.layout.setting not in ("town", "suburb"):
            continue
        world.block = _lit(world, STATES.index(state))  # type: ignore[assignment]
        seen = world.render(1.0)
        objects = seen.truth.detections
        assert objects is not None
        boxes = [box for box in objects.xyxy[objects.class_id == LIGHT].tolist() if _fits([*box, ""])]
        if boxes:
            path = folder / f"scene{seed}.png"
            cv2.imwrite(str(path), seen.frame.image)
            split = "val" if count // len(STATES) % 4 == 3 else "train"
            yield from ((str(path.resolve()), *(f"{v:.1f}" for v in box), state, split) for box in boxes)
        count += 1


def _lit(world: World, lamp: int) -> Callable[[int], Block]:
    """The blocks of a world with two lights each, and all lights in one state; no lamp has the number 3."""
    blocks = world.block
    right, left = world.layout.edges

    def block(k: int) -> Block:
        made = blocks(k)
        near = [TrafficLight(k * BLOCK + 12.0, d, 2.5, lamp) for d in (right - 0.6, left + 0.6)]
        kept = [replace(x, lamp=lamp) if isinstance(x, TrafficLight) else x for x in made.items]
        return replace(made, items=[*kept, *near])

    return block


def state_of(part: np.ndarray) -> str:
    """Of a BGR picture of a light: red, amber, green or off; "": the pixels do not say."""
    hsv = cv2.cvtColor(part, cv2.COLOR_BGR2HSV)
    lit = (hsv[..., 1] >= VIVID) & (hsv[..., 2] >= BRIGHT)
    thirds = np.array_split(np.arange(len(part)), 3)
    shares = {}
    for third, (name, ranges) in zip(thirds, HUES.items(), strict=True):
        hue = np.any([(hsv[..., 0] >= a) & (hsv[..., 0] <= b) for a, b in ranges], 0) & lit
        inside = np.zeros(len(part), bool)
        inside[max(0, third[0] - len(part) // 10) : third[-1] + 1 + len(part) // 10] = True
        shares[name] = float((hue & inside[:, None]).mean())
    best = max(shares, key=lambda name: shares[name])
    rest = max(share for name, share in shares.items() if name != best)
    if (hsv[..., 2] >= BURNT).mean() > MOST_BURNT:
        return ""
    if shares[best] >= CLEAR and shares[best] >= 3 * rest:
        return best
    faint = (hsv[..., 1] >= FAINT[0]) & (hsv[..., 2] >= FAINT[1])
    return "off" if faint.mean() < DARK and (hsv[..., 2] >= BRIGHT).mean() < DARK else ""


def _light_boxes(data: Path) -> Iterator[tuple[Path, list[list[float]], str]]:
    splits = {row["name"]: row["split"] for name in DAY_SETS for _, row in _rows(data / name)}
    splits |= {Path(row["img"]).stem: row["split"] for _, row in _rows(data / "roadscene/roadscene.csv")}
    for name in ("weak_boxes_2.jsonl", "acdc_panels/det.jsonl", "det.jsonl"):
        for line in (data / name).read_text().splitlines():
            row = json.loads(line)
            boxes = [b[:4] for b in row["boxes"] if b[4] == "traffic_light" and _fits(b)]
            path = data / row["img"]
            if boxes and (name != "det.jsonl" or row["img"].startswith("carla")):
                yield path, boxes, row.get("split") or splits.get(path.stem, "train")


def _fits(box: list[Any]) -> bool:
    score = box[6] if len(box) > 6 else 1.0
    return score >= TEACHER and box[2] - box[0] >= SIDES[0] and box[3] - box[1] >= SIDES[1]


def _sheet(tiles: dict[str, list[np.ndarray]], most: int = 160) -> np.ndarray:
    """A row of pictures for each state and every forty of them."""
    rows = []
    for state, parts in sorted(tiles.items()):
        step = max(1, len(parts) // most)
        shown = [cv2.resize(part, (TILE // 2, TILE)) for part in parts[::step][:most]]
        for first in range(0, len(shown), 40):
            row = np.full((TILE + 4, 40 * TILE // 2 + 70, 3), 255, np.uint8)
            cv2.putText(row, state, (2, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0))
            for k, tile in enumerate(shown[first : first + 40]):
                row[2 : 2 + TILE, 70 + k * TILE // 2 : 70 + (k + 1) * TILE // 2] = tile
            rows.append(row)
    return np.concatenate(rows)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with path.open(newline="") as file:
        yield from enumerate(csv.DictReader(file))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("weather", "lights"))
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sheet", type=Path, help="picture of the lights by their states")
    parser.add_argument("--scenes", type=int, default=0, help="rendered scenes, too")
    given = parser.parse_args()
    data = given.data.resolve()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    box = ("x1", "y1", "x2", "y2")
    if given.what == "weather":
        columns: tuple[str, ...] = ("image", "class", "split")
        rows = list(weather(data))
        rows += rendered_weather(given.out.parent / "rendered", given.scenes)
    else:
        columns, rows = ("image", *box, "class", "split"), list(lights(data, given.sheet))
        rows += rendered_lights(given.out.parent / "rendered", given.scenes)
    with given.out.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


if __name__ == "__main__":
    main()

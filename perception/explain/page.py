"""Pictures that say why: the frame with a find, its heat map beside it, and both from near."""

from __future__ import annotations

import cv2
import numpy as np

from perception.evaluation.report import html
from perception.evaluation.report.pictures import jpeg
from perception.explain.explainer import Explained, Explanation
from perception.explain.faithful import Areas
from perception.tasks import tags

WIDTH, HEIGHT = 640, 360  # of a picture
SHARPEST = 99.5  # percentile of the heat within the strongest region that is drawn full red
AROUND = 1.0  # sides of its box that are shown on each side of a find
LEAST = 96  # image pixels: the shortest side of what is shown from near
COLOUR = (60, 220, 255)  # of the box or line, BGR
DIM = 0.45  # brightness of what counts for nothing
TASKS = {"detection": "object", "lanes": "line", "signs": "sign"}
HOW = (
    "Each row explains one find. First the frame, with the find drawn in; then what the network's answer "
    "rests on: coloured places speak for it, from blue (a little) to red (most), dark ones make no "
    "difference; then both from near. Coloured are the places where gradient x activation of the encoder "
    "is positive (docs/explain.md)."
)
NOTHING = "Nothing was found in this frame, so there is nothing to explain."


def page(title: str, explained: Explained, areas: list[Areas | None]) -> str:
    """The whole page; `areas` of each explanation, None: not measured."""
    if not explained.found:
        picture = html.pictures(title, NOTHING, {"the frame": jpeg(explained.frame.image, WIDTH)})
        return html.page(f"{title}: nothing found", [html.note(NOTHING), picture])
    rows = [row(explained, one, own) for one, own in zip(explained.found, areas, strict=True)]
    return html.page(f"{title}: why", [html.note(HOW), *rows])


def row(explained: Explained, one: Explanation, areas: Areas | None) -> str:
    heat = explained.heat(one)
    marked, hot = drawn(explained.frame.image, one), over(explained.frame.image, heat)
    near = window(one, explained.frame.size)
    images = {
        "the find": jpeg(marked, WIDTH),
        "what it rests on": jpeg(drawn(hot, one, thin=True), WIDTH),
        "from near": jpeg(enlarged(hot[near]), WIDTH),
        "the picture from near": jpeg(enlarged(explained.frame.image[near]), WIDTH),
    }
    return html.pictures(title_of(one), caption(explained.inside(one), areas), images)


def title_of(one: Explanation) -> str:
    return f"{TASKS[one.find.task]}: {one.find.what.replace('_', ' ')}, score {one.find.score:.2f}."


def caption(inside: float, areas: Areas | None) -> str:
    text = f"{100 * inside:.0f} % of the heat lies in the box around it, the rest in its surroundings."
    if areas is None:
        return text
    return (
        f"{text} Insertion {areas.insertion:.2f} (1: it is found again as soon as the hottest pixels are "
        f"shown), deletion {areas.deletion:.2f} (0: it is lost as soon as they are hidden)."
    )


def drawn(image: np.ndarray, one: Explanation, thin: bool = False) -> np.ndarray:
    """A copy with the find's box or line."""
    canvas, thick = image.copy(), max(1, round((1 if thin else 2) * tags.scale_of(image)))
    if one.find.is_line:
        cv2.polylines(canvas, [np.rint(one.find.points).astype(np.int32)], False, COLOUR, thick, cv2.LINE_AA)
        return canvas
    (x1, y1), (x2, y2) = np.rint(one.find.points).astype(int).tolist()
    cv2.rectangle(canvas, (x1, y1), (x2, y2), COLOUR, thick)
    return canvas


def over(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The image, dim where there is no heat, coloured where there is."""
    said = heat[heat > heat.max() * 0.02]
    top = max(float(np.percentile(said, SHARPEST)) if said.size else 0.0, 1e-12)
    strength = np.sqrt(np.clip(heat / top, 0, 1)).astype(np.float32)
    colours = cv2.applyColorMap(np.rint(strength * 255).astype(np.uint8), cv2.COLORMAP_JET)
    share = (0.65 * np.clip(strength * 1.5, 0, 1))[..., None]
    shown = image * (DIM + (1 - DIM) * np.clip(strength * 2, 0, 1)[..., None])
    return np.rint(shown * (1 - share) + colours * share).astype(np.uint8)


def window(one: Explanation, size: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of the image around a find, in the shape of a picture of the page."""
    x1, y1, x2, y2 = one.find.xyxy.tolist()
    width, height = ((1 + 2 * AROUND) * side for side in (x2 - x1, y2 - y1))
    height = max(height, width * HEIGHT / WIDTH, LEAST)
    parts = []
    for middle, side, most in (
        ((y1 + y2) / 2, height, size[1]),
        ((x1 + x2) / 2, height * WIDTH / HEIGHT, size[0]),
    ):
        own = min(side, most)
        begin = min(max(middle - own / 2, 0), most - own)
        parts.append(slice(int(begin), int(begin + own)))
    return parts[0], parts[1]


def enlarged(part: np.ndarray) -> np.ndarray:
    """At least WIDTH wide."""
    grow = WIDTH / part.shape[1]
    return cv2.resize(part, None, fx=grow, fy=grow, interpolation=cv2.INTER_CUBIC) if grow > 1 else part

"""The page of `perception evaluate --corrupt`: a heat map of tasks and corruptions, and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from perception.corruptions import CORRUPTIONS
from perception.evaluation.corrupt.drives import Condition, under
from perception.evaluation.corrupt.selective import BEST, CONSTANT
from perception.evaluation.names import Name
from perception.evaluation.observe import OWN, PLAIN
from perception.evaluation.records import FrameRecord
from perception.evaluation.report import html
from perception.evaluation.report.pictures import View, again, jpeg
from perception.labels.labelled import Stills

NARROW = 320  # of a picture, pixels
NONE = "none"
MOST = "max. prob."
CONFIDENCE = (
    "",
    "constant",
    MOST,
    "confidence",
    "best",
    "excess, " + MOST,
    "excess",
    "gain",
    "better by, 95 %",
)
ABOUT_CONFIDENCE = (
    f"Constant: the order of chance; {MOST}: by the mean of the largest probabilities; best: by the loss. "
    "Excess: above the area of the best order. Gain: what confidence gains on chance, as a share of what the "
    f"best order gains. Better by: the area of {MOST} less that of confidence."
)
FACTS = ("bundle", "precision", "device", "runtime", "limit", "severities", "perception")


def rows_of_tasks(found: Mapping[str, Any]) -> Iterator[list[str]]:
    """Task, metric, clean, mPC, rPC, interval of rPC; in percent."""
    for task, own in found["tasks"].items():
        means = (percent(own[name]["value"]) for name in ("clean", "mpc", "rpc"))
        yield [task, own["metric"], *means, between(own["rpc"])]


def rows_of_corruptions(found: Mapping[str, Any]) -> Iterator[list[str]]:
    """Corruption, the rPC of each task in percent, who breaks first, pictures noticed in percent."""
    for kind, first in found["breaks_first"].items():
        cells = (own["corruptions"][kind]["rpc"]["value"] for own in found["tasks"].values())
        yield [kind, *map(percent, cells), first or NONE, percent(seen(found, kind))]


def rows_of_confidence(found: Mapping[str, Any]) -> Iterator[list[str]]:
    """Of each task a row for the columns CONFIDENCE, in percent."""
    for task, own in found["confidence"].items():
        areas = (percent(own["aurc"][order]["value"]) for order in (CONSTANT, PLAIN, OWN, BEST))
        excess = (percent(own["excess"][order]["value"]) for order in (PLAIN, OWN))
        yield [task, *areas, *excess, percent(own["gained"][OWN]["value"]), between(own["below_plain"])]


def seen(found: Mapping[str, Any], kind: str) -> float | None:
    """The share of pictures that the checks of a live camera notice, the mean over severities."""
    shares = list(found["noticed"][kind].values())
    return None if None in shares else sum(shares) / len(shares)


def percent(value: float | None) -> str:
    return "?" if value is None else f"{100 * value:.1f}"


def between(known: Mapping[str, float | None]) -> str:
    return f"{percent(known['low'])} to {percent(known['high'])}"


def page(found: Mapping[str, Any], pictures: str) -> str:
    """`pictures`: of `strip`."""
    severities = ", ".join(map(str, found["facts"]["severities"]))
    facts = {name: found["facts"].get(name) for name in FACTS} | {"severities": severities}
    head = ["", "metric", "clean", "mPC", "rPC", "95 % interval of rPC"]
    times = ", ".join(f"{task} {n}" for task, n in found["breaks_first_times"].items())
    return html.page(
        f"{facts['bundle']} under corruption",
        [
            html.note(", ".join(f"{name} {fact}" for name, fact in facts.items() if fact is not None)),
            html.table([head, *rows_of_tasks(found)]),
            html.note(
                "Percent. mPC: mean over corruptions and severities. rPC: mPC divided by the clean "
                f"performance. The goal is an rPC of {100 * found['goal']:.0f}."
            ),
            html.heading("What is left of the clean performance, percent"),
            heat(found),
            html.note(
                f"Mean over severities {severities}. Breaks first: the task that falls below "
                f"{100 * found['goal']:.0f} % at the lowest severity. How often: {times}. Noticed: "
                "pictures of which the checks of a live camera complain, of clean ones "
                f"{percent(found['noticed']['clean'])} %."
            ),
            *_sure(found),
            html.heading("Each severity, percent"),
            *(html.folded(task, html.table(_severities(found, task))) for task in found["tasks"]),
            html.heading("One picture under each corruption, as seen"),
            pictures,
        ],
    )


def _sure(found: Mapping[str, Any]) -> Iterator[str]:
    """What confidence is worth, where it was told."""
    if "confidence" in found:
        yield html.heading("Confidence: area under the risk-coverage curve, percent, lower is better")
        yield html.table([list(CONFIDENCE), *rows_of_confidence(found)])
        yield html.note(ABOUT_CONFIDENCE)


def heat(found: Mapping[str, Any]) -> str:
    """A table whose cells are the redder the less is left."""
    head = "".join(f"<th>{escape(name)}</th>" for name in ("", *found["tasks"], "breaks first", "noticed"))
    body = []
    for kind, first in found["breaks_first"].items():
        values = [own["corruptions"][kind]["rpc"]["value"] for own in found["tasks"].values()]
        cells = "".join(f"<td style='{_tint(value)}'>{percent(value)}</td>" for value in values)
        group = CORRUPTIONS[kind].group
        end = f"<td>{escape(first or NONE)}</td><td>{percent(seen(found, kind))}</td>"
        body.append(f"<tr><td>{kind} <small>{group}</small></td>{cells}{end}</tr>")
    return (
        f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _tint(kept: float | None) -> str:
    lost = 0.0 if kept is None else min(max(1 - kept, 0), 1)
    return f"background:rgba(192,57,43,{0.85 * lost:.2f})"


def _severities(found: Mapping[str, Any], task: str) -> list[list[str]]:
    """A row for each corruption: the performance at each severity, with its interval."""
    severities = found["facts"]["severities"]
    rows = [["", *(f"severity {severity}" for severity in severities)]]
    for kind, own in found["tasks"][task]["corruptions"].items():
        cells = (own["severities"][str(severity)] for severity in severities)
        rows.append([kind, *(f"{percent(cell['value'])} ({between(cell)})" for cell in cells)])
    return rows


def strip(
    found: Mapping[str, Any], drives: Sequence[Stills], clean: Iterable[FrameRecord], view: View
) -> str:
    """The frame that says something about the most tasks, clean and under each corruption."""
    best = max(clean, key=lambda record: len({Name.of(f"{key}.").task for key in record.evidence}))
    drive = next(drive for drive in drives if drive.name == best.drive)
    severities = found["facts"]["severities"]
    middle = severities[len(severities) // 2]
    kinds = {kind: under(Condition(kind, middle), drive) for kind in found["breaks_first"]}
    images = {}
    for name, own in {"clean": drive, **kinds}.items():
        for frame, truth in again(own, [best.seq]):
            images[name] = jpeg(view(own.name, frame, truth), NARROW)
    return html.pictures(best.drive, f"severity {middle}", images)

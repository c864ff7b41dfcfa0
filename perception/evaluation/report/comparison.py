"""The page of a comparison of two evaluations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from perception.evaluation import names
from perception.evaluation.compare import ENOUGH, TIMES, Comparison, Difference, Pairs
from perception.evaluation.names import Name
from perception.evaluation.report import charts, html
from perception.evaluation.report.evaluation import caption
from perception.evaluation.report.pictures import Shots

MARKS = ("better", "worse", "undecided")
SIGNS = {"better": "▲ better", "worse": "▼ worse", "undecided": "· undecided"}


@dataclass(frozen=True)
class Changed:
    """Places in the pairs of the frames that changed most, by task."""

    better: Mapping[str, Sequence[int]]
    worse: Mapping[str, Sequence[int]]


def comparison_page(found: Comparison, pairs: Pairs, changed: Changed, shots: Shots) -> str:
    """`shots`: pictures of the frames in `changed`."""
    return html.page(
        f"{found.after} against {found.before}",
        [
            *_head(found),
            *_charts(found),
            *_groups(found),
            html.heading("All metrics"),
            *_tables(found.differences),
            *_frames("Frames that got worse", pairs, changed.worse, shots),
            *_frames("Frames that got better", pairs, changed.better, shots),
        ],
    )


def table(differences: Sequence[Difference]) -> str:
    """A row for each metric."""
    rows = [["", "before", "after", "difference", "95 % interval", ""]]
    for own in differences:
        what = Name.of(own.name).what
        values = (names.text(what, own.before), names.text(what, own.after))
        change = names.text(what, own.value, signed=True)
        rows.append([own.name, *values, change, interval(own), SIGNS[own.mark]])
    return html.table(rows, {(i, 5): own.mark for i, own in enumerate(differences, 1)})


def interval(own: Difference) -> str:
    """`-1.2 to +0.4`."""
    if own.low != own.low:
        return "too few drives" if Name.of(own.name).task in names.OF_DRIVES else "too few frames"
    what = Name.of(own.name).what
    return f"{names.text(what, own.low, signed=True)} to {names.text(what, own.high, signed=True)}"


def _head(found: Comparison) -> Iterator[str]:
    basis = found.basis
    yield html.note(
        f"Before: {found.before}. After: {found.after}. Compared on the {basis.frames} frames that both "
        f"saw. Intervals: 95 %, paired bootstrap over {basis.units} {basis.unit}, {TIMES} draws. Better or "
        "worse is what has its whole interval on one side of zero; where nothing changed, one metric in "
        "twenty is so by chance."
    )
    if basis.only_before or basis.only_after:
        yield html.note(
            f"Left out: {basis.only_before} frames that only the one before saw, "
            f"{basis.only_after} that only the one after saw."
        )
    if basis.unit == "frames":
        yield html.note(
            "Frames were drawn one by one: those of one place or one drive look alike and make intervals "
            "look surer than they are."
        )
    elif not basis.unit.startswith("drives"):
        yield html.note(
            f"Fewer than {ENOUGH} drives: what is true of these need not be of others, and pictures that "
            "follow each other make intervals look surer than they are."
        )
    if basis.units < 2:
        yield html.note("One frame is too few to say how sure a difference is.")
    counts = {mark: sum(own.mark == mark for own in found.differences) for mark in MARKS}
    hues = {"better": "good", "worse": "bad", "undecided": "soft"}
    every = f"of {len(found.differences)} metrics"
    yield html.cards((hues[mark], mark, str(count), every) for mark, count in counts.items())


def _charts(found: Comparison) -> Iterator[str]:
    """Tasks, their sets, and on axes of their own what is no fraction."""
    if found.tasks:
        yield html.heading("By task, percent points")
        yield charts.whiskers([_whisker(task, own, 100) for task, own in found.tasks.items()])
    by_name = {own.name: own for own in found.differences}
    sets = [by_name[name] for members in names.judging(by_name).values() for name in members]
    if len(sets) > len(found.tasks):
        yield html.heading("By set, percent points")
        yield charts.whiskers([_whisker(own.name, own, 100) for own in sets])
    for text in dict.fromkeys(unit.text for unit in names.UNITS.values()):
        alike = [own for own in found.differences if (unit := _unit(own)) and unit.text == text]
        if alike:
            yield html.heading(f"In{text}" if text else "Numbers")
            yield charts.whiskers([_whisker(own.name, own, 1) for own in alike])


def _unit(own: Difference) -> names.Unit | None:
    return names.UNITS.get(Name.of(own.name).what)


def _whisker(label: str, own: Difference, scale: float) -> charts.Whisker:
    text = names.text(Name.of(own.name).what, own.value, signed=True)
    return charts.Whisker(label, scale * own.value, scale * own.low, scale * own.high, own.mark, text)


def _groups(found: Comparison) -> Iterator[str]:
    """The differences of the tasks by drive and by tag, with their intervals."""
    tasks = list(found.tasks)
    for title, groups in (("By drive", found.drives), ("By scene tag", found.tags)):
        if not groups:
            continue
        rows, marks = [["", *tasks]], dict[tuple[int, int], str]()
        for i, (group, known) in enumerate(groups.items(), 1):
            rows.append([group, *(_cell(known.get(task)) for task in tasks)])
            marks |= {(i, j): known[task].mark for j, task in enumerate(tasks, 1) if task in known}
        yield html.heading(title)
        yield html.note("Differences in percent points, and their 95 % intervals.")
        yield html.table(rows, marks)


def _cell(own: Difference | None) -> str:
    if own is None:
        return ""
    return f"{names.text(Name.of(own.name).what, own.value, signed=True)} ({interval(own)})"


def _tables(differences: Sequence[Difference]) -> Iterator[str]:
    by_name = {own.name: own for own in differences}
    for task, members in names.by_task(by_name).items():
        yield html.folded(f"{task} ({len(members)})", table([by_name[name] for name in members]))


def _frames(title: str, pairs: Pairs, tasks: Mapping[str, Sequence[int]], shots: Shots) -> Iterator[str]:
    if not tasks:
        return
    yield html.heading(title)
    for task, places in tasks.items():
        yield html.heading(task, 3)
        for before, after in ((pairs[0][i], pairs[1][i]) for i in places):
            text = f"before {caption(before, tags=False)}; after {caption(after)}"
            images = shots.get((before.drive, before.seq), {})
            yield html.pictures(f"{before.drive}, frame {before.seq}", text, images)

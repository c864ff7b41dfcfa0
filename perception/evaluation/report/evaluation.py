"""The page of one evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

import numpy as np

from perception.evaluation import names
from perception.evaluation.latency import latency
from perception.evaluation.names import Name
from perception.evaluation.records import FrameRecord, metrics
from perception.evaluation.report import charts, html
from perception.evaluation.report.pictures import Shots
from perception.evaluation.results import Result, grouped
from perception.evaluation.scores import frame_scores
from perception.evaluation.seeing import AGE
from perception.tasks.evidence import BINS, Counts, split

HUES = {task: f"var(--{task})" for task in html.COLOURS}
FACTS = ("bundle", "precision", "device", "perception", "pace", "deadline_ms")
TOTAL = "total"  # of all stages
LONG = 15  # rows of a table that is folded at first

Groups = Mapping[str, Sequence[FrameRecord]]


def evaluation_page(result: Result, worst: Mapping[str, Sequence[int]], shots: Shots) -> str:
    """`worst`: task -> places in the records; `shots`: pictures of frames. docs/metrics.md: the metrics."""
    records = result.records
    found = metrics(records)
    return html.page(
        f"{result.facts.get('bundle', 'A bundle')} on labelled drives",
        [
            *_head(result, found),
            *_groups("By drive", grouped(records, lambda record: (record.drive,))),
            *_groups("By scene tag", grouped(records, lambda record: record.tags)),
            html.heading("All metrics"),
            html.note("Percent, or the unit that is told. A row is a set, or one class or size of it."),
            *_tables(found),
            *_calibration(records),
            *_latency(result),
            *_worst(records, worst, shots),
        ],
    )


def reliability(records: Sequence[FrameRecord]) -> dict[str, np.ndarray]:
    """Name -> (bins with answers, 3): count, mean score, share right, of the evidence for calibration."""
    sums: dict[str, np.ndarray] = {}
    for record in records:
        for key, said in record.evidence.items():
            if isinstance(said, Counts) and said.kind == "ece":
                sums[split(key)[0]] = sums.get(split(key)[0], 0) + said.values
    found = {}
    for name, values in sums.items():
        bins = values.reshape(BINS, 3)
        bins = bins[bins[:, 0] > 0]
        if len(bins):
            found[name] = np.column_stack([bins[:, 0], bins[:, 1:] / bins[:, :1]])
    return found


def metric_table(found: Mapping[str, float], members: Sequence[str]) -> list[list[str]]:
    """A row for each set, class and size; a header row first."""
    columns = names.columns(members)
    rows: dict[str, dict[str, str]] = {}
    for name in members:
        own = Name.of(name)
        label = f"{own.row or own.task}{', ' * bool(own.size)}{own.size}"
        rows.setdefault(label, {})[own.what] = names.text(own.what, found[name])
    head = ["", *(names.PLAIN.get(what, what) for what in columns)]
    return [head] + [[label, *(row.get(what, "") for what in columns)] for label, row in rows.items()]


def _head(result: Result, found: Mapping[str, float]) -> Iterator[str]:
    facts, records = result.facts, result.records
    known = {key: facts[key] for key in FACTS if facts.get(key) is not None}
    yield html.note(", ".join(f"{key} {value}" for key, value in known.items()))
    for drive, reason in result.failed.items():
        yield f"<p class=worse>{escape(drive)} could not be evaluated: {escape(reason)}</p>"
    rows = [
        (html.hue(task), task, names.text("", value), what)
        for task, (value, what) in names.headlines(found).items()
    ]
    if times := latency(records)["ms"].get(TOTAL):
        told = f"p95; p50 {times['p50']:.1f}, p99 {times['p99']:.1f}"
        rows.append(("other", "time of a frame", f"{times['p95']:.1f} ms", told))
    count = len({record.drive for record in records})
    rows.append(("soft", "frames", str(len(records)), f"of {count} drive{'s' * (count != 1)}"))
    yield html.cards(rows)
    for drive in facts.get("drives", ()):
        yield from (html.note(f"{drive['name']}: {remark}") for remark in drive["remarks"])
        if lost := drive.get("lost"):
            yield html.note(f"{drive['name']}: {lost} frames could not be read")


def _groups(title: str, groups: Groups) -> Iterator[str]:
    """A chart and a table of the headlines of each group; nothing for a single one."""
    if len(groups) < 2:
        return
    scores = {name: names.headlines(metrics(own)) for name, own in groups.items()}
    tasks = [task for task in names.HEADLINES if any(task in own for own in scores.values())]
    yield html.heading(title)
    rows = {name: {task: value for task, (value, _) in own.items()} for name, own in scores.items()}
    yield charts.dots(rows, {task: HUES[task] for task in tasks})
    what = {task: next(own[task][1] for own in scores.values() if task in own) for task in tasks}
    head = ["", *(f"{task}, {what[task]}" for task in tasks), "frames"]
    body = [
        [name, *(names.text("", own[t]) if t in own else "" for t in tasks), str(len(groups[name]))]
        for name, own in rows.items()
    ]
    yield html.folded("As a table", html.table([head, *body]))


def _tables(found: Mapping[str, float]) -> Iterator[str]:
    for task, members in names.by_task(found).items():
        rows = metric_table(found, members)
        short = len(rows) < LONG
        title = task if short else f"{task} ({len(rows) - 1} rows)"
        yield html.folded(title, html.table(rows), is_open=short)


def _calibration(records: Sequence[FrameRecord]) -> Iterator[str]:
    plots = reliability(records)
    if not plots:
        return
    yield html.heading("Are scores what they say?")
    yield html.note(
        "Each circle is a bin of scores, its area how many answers fall into it. On the line, so many of a "
        "hundred answers are right as the score says; below it, scores promise too much."
    )
    tasks = {name: Name.of(f"{name}.").task for name in plots}
    plotted = [
        charts.calibration(bins, name, f"var(--{html.hue(tasks[name])})") for name, bins in plots.items()
    ]
    yield f"<div class=side>{''.join(plotted)}</div>"


def _latency(result: Result) -> Iterator[str]:
    deadline = result.facts.get("deadline_ms")
    found = latency(result.records, result.facts.get("dropped", 0), deadline)
    if not any(record.timing_ms for record in result.records):
        return
    yield html.heading("Time")
    yield html.note("Milliseconds of each stage: p50, p95, p99 over all frames, where it was evaluated.")
    times = {stage: (ms["p50"], ms["p95"], ms["p99"]) for stage, ms in found["ms"].items()}
    yield charts.bars(times, deadline)
    if deadline:
        told = AGE if AGE in times else TOTAL
        yield html.note(
            f"Later than {deadline:g} ms ({told}): {found['missed']} of {found['frames']} frames."
        )
    if found["dropped"]:
        yield html.note(f"Dropped, because the device was busy: {found['dropped']} frames.")


def _worst(records: Sequence[FrameRecord], worst: Mapping[str, Sequence[int]], shots: Shots) -> Iterator[str]:
    if not worst:
        return
    yield html.heading("Worst frames")
    yield html.note("As labelled, and as seen. A frame is shown once, under the task it is worst for.")
    for task, places in worst.items():
        yield html.heading(task, 3)
        for record in (records[i] for i in places):
            yield html.pictures(
                f"{record.drive}, frame {record.seq}",
                caption(record),
                shots.get((record.drive, record.seq), {}),
            )


def caption(record: FrameRecord, tags: bool = True) -> str:
    """`lanes 40.0, detection 93.1; weather:rainy`."""
    scores = ", ".join(f"{task} {100 * score.value:.1f}" for task, score in frame_scores(record).items())
    return "; ".join(filter(None, (scores, ", ".join(record.tags) if tags else "")))

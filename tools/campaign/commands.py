"""`perception run`, `record` and `node --bus` on a camera, and what they leave behind."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perception.sources import open_source
from tools.campaign.cameras import Camera, Sent
from tools.campaign.fault import Broken, Result, await_
from tools.campaign.picture import read
from tools.campaign.programs import DEADLINE_MS, NETWORK, Program, node_counts

COMMANDS = ("run", "record", "node")
READY = ("ok", "degraded")
RECORDED = re.compile(r"(\d+) frames, (\d+) dropped, (\d+) failed or lost")


def words(command: str, source: str, out: Path) -> list[str]:
    if command == "run":
        place = ["--out", str(out), "--no-video", "--shed", "none", "--deadline", str(DEADLINE_MS)]
        return ["run", source, *NETWORK, *place]
    if command == "record":
        return ["record", source, *NETWORK, "--out", str(out / "drive.mcap")]
    return ["node", "--bus", source, "--device", "cpu", "--runtime", "onnxruntime"]


@contextmanager
def running(
    command: str, place: str, folder: Path, absent: bool = False, **more: Any
) -> Iterator[tuple[Camera, Program]]:
    """On a camera, which is not started if it is `absent`."""
    camera = Camera(place, folder)
    if not absent:
        camera.start()
    program = Program(words(command, camera.source, folder / "out"), folder, **more)
    try:
        yield camera, program
    finally:
        program.kill()
        camera.close()


def await_ready(program: Program, since_s: float = 0.0) -> float:
    """When it first told that scenes are fresh."""
    return await_state(program, READY, since_s)


def await_state(program: Program, states: Sequence[str], since_s: float = 0.0) -> float:
    def first() -> float | None:
        return next(
            (told.at for told in program.states() if told.at >= since_s and told.state in states), None
        )

    def holds() -> bool:
        if not program.alive:
            raise Broken(f"it has ended with {program.code}: {program.said()[-300:]}")
        return first() is not None

    await_(holds, f"the state {' or '.join(states)}", 120.0)
    return first() or 0.0


def await_reasons(program: Program, names: frozenset[str], since_s: float) -> float:
    def first() -> float | None:
        return next(
            (told.at for told in program.states() if told.at >= since_s and told.reasons & names), None
        )

    await_(lambda: first() is not None, f"{' or '.join(sorted(names))} was not told")
    return first() or 0.0


def check(command: str, result: Result, folder: Path, sent: Sequence[Sent], program: Program) -> None:
    """What an ended command has left, and said."""
    out = folder / "out"
    if command == "run":
        _run(result, out, sent)
    elif command == "record":
        _recorded(result, out / "drive.mcap", sent, program)
    else:
        result.account(node_counts(program.said()), in_work=4)
    result.keeps_secrets(folder, [program.said()])


def _run(result: Result, out: Path, sent: Sequence[Sent]) -> None:
    summary = json.loads((out / "summary.json").read_text())
    scenes = [json.loads(line) for line in (out / "scenes.jsonl").read_text().splitlines()]
    result.account({name: count for name, count in summary.items() if isinstance(count, int)})
    result.expect(summary["answered"] == len(scenes), f"{summary['answered']} scenes, {len(scenes)} lines")
    for name in ("seq", "stamp_ns"):
        values = [scene[name] for scene in scenes]
        result.expect(values == sorted(set(values)), f"{name} repeats or goes back")
    result.invented = max(0, len(scenes) - len(sent))
    result.expect(not result.invented, f"{len(scenes)} scenes of {len(sent)} pictures")
    result.fresh([scene["age_ms"] for scene in scenes])


def _recorded(result: Result, path: Path, sent: Sequence[Sent], program: Program) -> None:
    counts = RECORDED.search(program.said())
    if counts is not None:
        answered, dropped, rest = map(int, counts.groups())
        result.account(
            {"captured": answered + dropped + rest, "answered": answered, "dropped": dropped, "lost": rest}
        )
    check_drive(result, path, sent)


def check_drive(result: Result, path: Path, sent: Sequence[Sent]) -> int:
    """How many pictures are in a recording; each was sent, and none is stamped much later than that."""
    done_ms = {one.number: one.done_ms for one in sent}
    readable = all(one.readable for one in sent)
    shift_ms = (time.time_ns() - time.monotonic_ns()) / 1e6
    frames, late_ms = 0, []
    for frame in open_source(str(path)):
        frames += 1
        number = read(frame.image)
        if number in done_ms:
            late_ms.append(frame.stamp_ns / 1e6 - shift_ms - done_ms[number])
        else:
            result.invented += number is not None or readable
    result.expect(not result.invented, f"{result.invented} recorded pictures were not sent")
    result.fresh(late_ms)
    return frames

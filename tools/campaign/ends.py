"""Family `signal`: processes that are stopped, paused and killed, at moments of all kinds."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from perception.errors import PerceptionError
from tools.campaign import commands
from tools.campaign.camera import RATE
from tools.campaign.cameras import Camera
from tools.campaign.commands import COMMANDS, await_ready, await_reasons, check, check_drive, running
from tools.campaign.fault import Desk, Fault, Result
from tools.campaign.kinds import GONE
from tools.campaign.lenses import settle
from tools.campaign.programs import Program
from tools.campaign.served import OUTAGE, serving

STOPPED = 130
SIGNALS = {"term": signal.SIGTERM, "hup": signal.SIGHUP, "int": signal.SIGINT}
MOMENTS = ("steady", "absent", "stalled", "loading", "twice")
PAUSES, PAUSE_S = 3, 1.5
PERIOD_S = 1 / RATE


def _prepare(moment: str, camera: Camera, program: Program) -> None:
    """Until it is time for the signal."""
    if moment == "loading":
        time.sleep(random.uniform(0.0, 1.5))
        return
    if moment == "absent":
        await_reasons(program, GONE, 0.0)
        return
    await_ready(program)
    if moment == "stalled":
        begun = time.monotonic()
        camera.stop()
        await_reasons(program, GONE, begun)


def stopped(command: str, name: str, moment: str, result: Result, desk: Desk) -> None:
    """It ends by itself, soon, and what it leaves is whole."""
    folder, number = desk.folder(), SIGNALS[name]
    with running(command, "pipe", folder, absent=moment == "absent") as (camera, program):
        _prepare(moment, camera, program)
        begun = time.monotonic()
        if moment == "twice":
            program.send(number)
        code = program.end(number)
        result.detected_ms, result.seen = 1e3 * (time.monotonic() - begun), f"exit code {code}"
        # Python itself was still starting; or it heard of it in code of its own, and tells that in this way
        early = (-number, -signal.SIGINT, 1) if moment == "loading" else ()
        result.expect(code in (STOPPED, *early), f"exit code {code}: {program.said()[-300:]}")
        if moment in ("steady", "stalled"):
            check(command, result, folder, camera.sent(), program)
        result.keeps_secrets(folder, [program.said()])


def serve_stopped(name: str, moment: str, result: Result, desk: Desk) -> None:
    folder = desk.folder()
    with serving("pipe", folder, absent=moment == "absent") as served:
        if moment == "steady":
            served.await_scene(lambda seen: True)
        begun = time.monotonic()
        code = served.program.end(SIGNALS[name])
        result.detected_ms, result.seen = 1e3 * (time.monotonic() - begun), f"exit code {code}"
        result.expect(code == STOPPED, f"exit code {code}")
        result.keeps_secrets(folder, [served.program.said()])


def paused(place: str, result: Result, desk: Desk) -> None:
    """The server itself stands still, while pictures pile up before it; none of these is given as fresh."""
    served = desk.served(place)
    settle(served)
    before = served.begin()
    for _ in range(PAUSES):
        time.sleep(random.uniform(0.0, PERIOD_S))  # it waits for a picture, reads it, or works on it
        served.program.send(signal.SIGSTOP)
        time.sleep(PAUSE_S)
        again = time.monotonic()
        served.program.send(signal.SIGCONT)
        back = served.camera.await_sent(round(1e3 * again))
        result.recovered_ms = 1e3 * served.await_scene_of(back).at - back.ms
        if (told := served.state_with(OUTAGE, again)) is not None:
            result.detected_ms = 1e3 * (told - again)
        settle(served)
    result.seen = "scenes go on"
    served.check(result, before)


def command_paused(command: str, place: str, result: Result, desk: Desk) -> None:
    folder = desk.folder()
    with running(command, place, folder) as (camera, program):
        await_ready(program)
        for _ in range(PAUSES):
            time.sleep(random.uniform(0.0, PERIOD_S))
            program.send(signal.SIGSTOP)
            time.sleep(PAUSE_S)
            program.send(signal.SIGCONT)
            time.sleep(2.0)
        code = program.end()
        result.seen = f"scenes go on, exit code {code}"
        result.expect(code == STOPPED, f"exit code {code}")
        check(command, result, folder, camera.sent(), program)


def killed(command: str, result: Result, desk: Desk) -> None:
    """What is left says that it is not whole, can be read, and does not stand in the way of the next one."""
    folder = desk.folder()
    with running(command, "pipe", folder) as (camera, program):
        await_ready(program)
        time.sleep(2.5)
        program.kill()
        left = sorted(path.name for path in (folder / "out").iterdir())
        result.seen = f"left: {', '.join(left)}"
        if command == "run":
            summary = json.loads((folder / "out" / "summary.json").read_text())
            result.expect(summary["status"] == "incomplete", f"the summary says {summary['status']}")
        else:
            frames = _salvaged(result, folder / "out" / "drive.mcap.part", camera)
            result.expect(frames > 0, "no frame is left of the recording")
        again = Program(commands.words(command, camera.source, folder / "out"), folder)
        try:
            begun = time.monotonic()
            result.recovered_ms = 1e3 * (await_ready(again) - begun)
        finally:
            again.kill()


def _salvaged(result: Result, path: Path, camera: Camera) -> int:
    try:
        return check_drive(result, path, camera.sent())
    except PerceptionError as error:
        result.wrong.append(str(error))
        return 0


def camera_dies(command: str, name: str, result: Result, desk: Desk) -> None:
    """Faults of a camera under the other commands; their account at the end."""
    from tools.campaign.kinds import KINDS

    kind, folder = KINDS[name], desk.folder()
    with running(command, "pipe", folder) as (camera, program):
        await_ready(program)
        time.sleep(1.0)
        before, files = program.memory_kb(), program.descriptors()
        begun = time.monotonic()
        last = camera.last()
        kind.inject(camera)
        if kind.reasons:
            told = await_reasons(program, kind.reasons, begun)
            due_ms = 1e3 * begun if last is None else max(1e3 * begun, last.ms + 1e3 / last.rate)
            result.detected_ms = 1e3 * told - due_ms
            result.seen = ", ".join(sorted(program.states()[-1].reasons))
        time.sleep(0.5)
        healed = time.monotonic()
        kind.heal(camera)
        back = camera.await_sent(round(1e3 * healed), good=True)
        if kind.reasons:
            result.recovered_ms = 1e3 * await_ready(program, healed) - back.ms
        time.sleep(0.5)
        result.measured((before, program.memory_kb()), (files, program.descriptors()))
        code = program.end()
        result.expect(code == STOPPED, f"exit code {code}")
        check(command, result, folder, camera.sent(), program)


def _faults() -> Iterator[Fault]:
    ends = f"exit code {STOPPED}"
    for place in ("pipe", "ts", "http", "rtsp"):
        yield Fault(f"pause.serve.{place}", "signal", "no stale scene", partial(paused, place))
    for command in COMMANDS:
        for place in ("pipe", "http"):
            play = partial(command_paused, command, place)
            yield Fault(f"pause.{command}.{place}", "signal", "no stale scene", play)
    for command in COMMANDS:
        for moment in MOMENTS:
            for name in SIGNALS if moment == "steady" else ("term",) if moment != "stalled" else ("int",):
                yield Fault(
                    f"{name}.{command}.{moment}", "signal", ends, partial(stopped, command, name, moment)
                )
    for name in SIGNALS:
        yield Fault(f"{name}.serve.steady", "signal", ends, partial(serve_stopped, name, "steady"))
    yield Fault("term.serve.absent", "signal", ends, partial(serve_stopped, "term", "absent"))
    for command in ("run", "record"):
        yield Fault(f"kill9.{command}", "signal", "what is left can be read", partial(killed, command))
    for command in ("run", "record"):
        for name in ("unplug", "kill", "stall", "freeze", "black", "corrupt", "cut"):
            yield Fault(f"{name}.pipe.{command}", "signal", name, partial(camera_dies, command, name))
    for name in ("unplug", "kill", "stall"):
        yield Fault(f"{name}.pipe.node", "signal", name, partial(camera_dies, "node", name))


FAULTS = tuple(_faults())

"""Family `disk`: full and read-only disks, files that are too large, folders that go away. Needs root."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from tools.campaign import commands
from tools.campaign.cameras import Camera
from tools.campaign.commands import await_ready, check_drive
from tools.campaign.fault import Absent, Desk, Fault, Result, await_
from tools.campaign.programs import TOKEN, Program
from tools.campaign.served import Served, serving

FAILED = 2
MB = 1 << 20


@contextmanager
def disk(folder: Path, megabytes: float, *options: str) -> Iterator[Path]:
    """A disk of its own in memory. Raises Absent where none may be mounted."""
    place = folder / "disk"
    place.mkdir()
    size = f"size={round(megabytes * MB)}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", ",".join([size, *options]), "campaign", str(place)],
        capture_output=True,
    )
    if done.returncode:
        raise Absent("no disk can be mounted: needs root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def _fails(
    result: Result, folder: Path, command: str, out: Path, text: str, limits: dict[int, int] | None = None
) -> Camera:
    """The command ends by itself, in one line that names the cause."""
    camera = Camera("pipe", folder)
    camera.start()
    program = Program(commands.words(command, camera.source, out), folder, limits=limits)
    try:
        code = program.wait(180.0)
        result.seen = f"exit code {code}"
        result.expect(code == FAILED, f"exit code {code}: {program.said()[-300:]}")
        result.expect(text in program.said(), f"expected {text!r} among {program.said()[-300:]!r}")
        result.expect("Traceback" not in program.said(), "a traceback")
        result.keeps_secrets(folder, [program.said()])
    finally:
        program.kill()
        camera.close()
    return camera


def full(command: str, result: Result, desk: Desk) -> None:
    folder = desk.folder()
    with disk(folder, 0.5 if command == "record" else 0.02) as place:
        camera = _fails(result, folder, command, place, "No space left")
        if command == "run":
            summary = json.loads((place / "summary.json").read_text())
            result.expect(summary["status"] == "incomplete", f"the summary says {summary['status']}")
        else:
            check_drive(result, place / "drive.mcap.part", camera.sent())


def read_only(command: str, result: Result, desk: Desk) -> None:
    folder = desk.folder()
    with disk(folder, 1, "ro") as place:
        _fails(result, folder, command, place, "Read-only file system")


def too_large(command: str, result: Result, desk: Desk) -> None:
    """A limit on the size of files (ulimit -f)."""
    folder = desk.folder()
    limits = {resource.RLIMIT_FSIZE: 300_000 if command == "record" else 12_000}
    _fails(result, folder, command, folder / "out", "too large", limits)


def in_the_way(command: str, result: Result, desk: Desk) -> None:
    folder = desk.folder()
    (folder / "out").write_text("a file where a folder is to be")
    _fails(result, folder, command, folder / "out", "expected to write it")


def folder_goes(command: str, result: Result, desk: Desk) -> None:
    """The folder of the results is removed while they are written."""
    folder = desk.folder()
    with commands.running(command, "pipe", folder) as (_, program):
        await_ready(program)
        shutil.rmtree(folder / "out")
        code = program.end()
        result.seen = f"exit code {code}"
        result.expect(code == FAILED, f"exit code {code}")
        result.expect("Traceback" not in program.said(), f"a traceback: {program.said()[-300:]}")


def ask(served: Served, do: str) -> tuple[int, str]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{served.port}/api/cameras/front/recording?do={do}",
        method="POST",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def serve_full(result: Result, desk: Desk) -> None:
    """The disk fills while `serve` records: the recording ends, and is said to; scenes go on; then again."""
    folder = desk.folder()
    with disk(folder, 560) as place, serving("pipe", folder, more=("--recordings", str(place))) as served:
        served.await_scene(lambda seen: True)
        before = served.begin()
        status, said = ask(served, "start")
        result.expect(status == 200, f"recording: {status} {said}")
        begun = time.monotonic()
        with suppress(OSError), (place / "filler").open("wb") as filler:
            while True:
                filler.write(bytes(MB))
        result.detected_ms = 1e3 * (served.await_reason(frozenset({"disk"}), begun) - begun)
        result.seen = served.last_reasons()
        (place / "filler").unlink()
        begun = time.monotonic()
        await_(lambda: ask(served, "start")[0] == 200, "a recording after the disk was freed")
        await_(lambda: "disk" not in served.viewer.states[-1].reasons, "the reason goes")
        result.recovered_ms = 1e3 * (time.monotonic() - begun)
        ask(served, "stop")
        served.await_scene(lambda seen: seen.at > begun)
        served.check(result, before)


def serve_refuses(megabytes: float, options: str, result: Result, desk: Desk) -> None:
    """A recording that cannot begin is refused; scenes go on."""
    folder = desk.folder()
    with (
        disk(folder, megabytes, *filter(None, [options])) as place,
        serving("pipe", folder, more=("--recordings", str(place))) as served,
    ):
        served.await_scene(lambda seen: True)
        before, begun = served.begin(), time.monotonic()
        status, said = ask(served, "start")
        result.seen = f"{status} {said[:40]}"
        result.expect(status == 409, f"{status} {said}")
        served.await_scene(lambda seen: seen.at > begun)
        served.check(result, before)


def _faults() -> Iterator[Fault]:
    for command in ("run", "record"):
        for name, play in (
            ("full", full),
            ("read_only", read_only),
            ("too_large", too_large),
            ("in_the_way", in_the_way),
            ("folder_goes", folder_goes),
        ):
            yield Fault(f"{name}.{command}", "disk", f"exit code {FAILED}", partial(play, command))
    yield Fault("full.serve", "disk", "disk", serve_full)
    yield Fault("no_room.serve", "disk", "refused", partial(serve_refuses, 5, ""))
    yield Fault("read_only.serve", "disk", "refused", partial(serve_refuses, 600, "ro"))


FAULTS = tuple(_faults())

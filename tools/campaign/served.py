"""A camera, `perception serve` on it, and one who looks; and what is known of them together."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.campaign.cameras import Camera, Sent, has_rtsp
from tools.campaign.fault import COUNTS, PATIENCE_S, Absent, Result, await_
from tools.campaign.programs import DEADLINE_MS, NETWORK, Program
from tools.campaign.viewer import Seen, Viewer, ages_ms, invented

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/")
OUTAGE = frozenset({"no_frames", "no_camera", "no_scenes", "login"})


IN_WORK = 4  # frames that a camera and its pipeline may hold


class Served:
    def __init__(self, camera: Camera, program: Program, viewer: Viewer, port: int) -> None:
        self.camera, self.program, self.viewer, self.port = camera, program, viewer, port
        self._from = 0  # of what was seen: later ones belong to this fault

    def begin(self) -> tuple[int, int]:
        """A new fault. Memory in kB and descriptors before it."""
        self._from = max(0, len(self.viewer.seen) - 1)
        return self.program.memory_kb(), self.program.descriptors()

    def state_with(self, names: frozenset[str], since_s: float) -> float | None:
        """When a reason of `names` was told first."""
        for state in list(self.viewer.states):
            if state.at >= since_s and state.reasons & names:
                return state.at
        return None

    def last_reasons(self) -> str:
        states = self.viewer.states
        return f"{states[-1].state}: {', '.join(sorted(states[-1].reasons))}" if states else "nothing"

    def await_reason(self, names: frozenset[str], since_s: float) -> float:
        await_(
            lambda: self.state_with(names, since_s) is not None,
            f"{' or '.join(sorted(names))} was not told (but {self.last_reasons()})",
        )
        return self.state_with(names, since_s) or 0.0

    def await_scene(self, fits: Callable[[Seen], bool], what: str = "a scene") -> Seen:
        found: list[Seen] = []

        def holds() -> bool:
            found[:] = [seen for seen in self.viewer.given[-200:] if fits(seen)]
            return bool(found)

        try:
            await_(holds, what)
        except Exception as error:
            error.args = (f"{error.args[0]} (state: {self.last_reasons()})",)
            raise
        return found[0]

    def await_scene_of(self, sent: Sent) -> Seen:
        """The first scene of a picture that was taken then or later."""

        def fits(seen: Seen) -> bool:
            later = (seen.number or 0) - sent.number
            return seen.number is not None and 0 <= later < 60_000

        return self.await_scene(fits, "a scene of the camera that is back")

    def check(self, result: Result, before: tuple[int, int]) -> None:
        """What holds after every fault."""
        result.expect(self.program.alive, f"serve has ended: {self.program.said()[-400:]}")
        whole = self.viewer.given
        given = [seen for seen in self.viewer.seen[self._from :] if not seen.withheld]
        time.sleep(0.15)  # what they show is in the log of the camera by then
        sent = self.camera.sent()
        strange = invented(whole, sent)
        result.invented = len(strange)
        result.expect(not strange, "; ".join(strange[:3]))
        result.fresh(ages_ms(given, sent))
        result.account(self.adding_up(), IN_WORK)
        if self.program.alive:
            after = self.program.memory_kb(), self.program.descriptors()
            result.measured((before[0], after[0]), (before[1], after[1]))
        result.keeps_secrets(self.camera.folder, [self.program.said()])

    def adding_up(self) -> dict[str, int]:
        """The counts, when nothing is just being counted."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and not (
            self.viewer.frames and 0 <= in_work(self.viewer.frames) <= IN_WORK
        ):
            time.sleep(0.1)
        return self.viewer.frames


class Desk:
    """Where one fault after the other is played: folders, and servers that faults may share."""

    def __init__(self) -> None:
        self._stack, self._shared = ExitStack(), ExitStack()
        self._served: Served | None = None
        self._key: object = None

    def folder(self) -> Path:
        return Path(self._stack.enter_context(TemporaryDirectory(prefix="campaign-")))

    def served(self, place: str, guarded: bool = False) -> Served:
        """A camera at that place and a server with one who looks; the one of the fault before, if it fits."""
        if self._served is None or self._key != (place, guarded):
            self.part()
            folder = Path(self._shared.enter_context(TemporaryDirectory(prefix="campaign-")))
            self._served = self._shared.enter_context(serving(place, folder, guarded=guarded))
            self._key = place, guarded
        return self._served

    def clear(self, broken: bool) -> None:
        """After a fault. What may be `broken` is not used again."""
        self._stack.close()
        if broken:
            self.part()

    def part(self) -> None:
        self._served = None
        self._shared.close()


def in_work(frames: Mapping[str, int]) -> int:
    return frames["captured"] - sum(frames[name] for name in COUNTS[1:])


def words(sources: Sequence[str], *more: str) -> list[str]:
    serve = ["serve", *sources, "--port", "0", "--shed", "none", "--deadline", str(DEADLINE_MS)]
    return [*serve, *NETWORK, *(("--keep", "0") if "--keep" not in more else ()), *more]


@contextmanager
def serving(
    place: str,
    folder: Path,
    *orders: str,
    more: Sequence[str] = (),
    guarded: bool = False,
    absent: bool = False,
) -> Iterator[Served]:
    """`orders`: of the camera at its start; `absent`: it is not started."""
    if place == "rtsp" and not has_rtsp():
        raise Absent("no GStreamer RTSP server: apt install python3-gi gir1.2-gst-rtsp-server-1.0")
    camera = Camera(place, folder, guarded)
    if not absent:
        camera.start(*orders)
    program = Program(words([f"front={camera.source}"], *more), folder)
    try:
        with looking(program) as (viewer, port):
            yield Served(camera, program, viewer, port)
    finally:
        program.kill()
        camera.close()


@contextmanager
def looking(program: Program) -> Iterator[tuple[Viewer, int]]:
    port = port_of(program)
    viewer = Viewer(port)
    try:
        yield viewer, port
    finally:
        viewer.close()


def port_of(program: Program) -> int:
    """Of the server, as soon as it listens. Raises Broken."""

    def said() -> bool:
        if not program.alive:
            raise TimeoutError(f"serve has ended with {program.code}: {program.said()[-400:]}")
        return program.out is not None and bool(ADDRESS.search(program.out.text))

    await_(said, "serve says where it listens", 120.0)
    assert program.out is not None
    found = ADDRESS.search(program.out.text)
    assert found is not None
    return int(found[1])

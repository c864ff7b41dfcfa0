"""One fresh process: how soon it sees the first scene, and how much memory a run takes.

    python -m perception.evaluation.bench.fresh CLIP BUNDLE RUNTIME START_NS [OUT]

START_NS is the monotonic clock when the process was started. With OUT it goes on to the end of the clip and
writes what `perception run` writes. Prints JSON.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from subprocess import run
from time import monotonic_ns
from typing import Any

import perception
from perception.devices import AUTO
from perception.errors import PerceptionError


def fresh(clip: str, bundle: Path, runtime: str = AUTO, out: Path | None = None) -> dict[str, float]:
    """Start such a process and wait: {"first_scene_s"}, and with `out` also {"peak_mb", "frames"}.

    Raises PerceptionError if it fails.
    """
    home = str(Path(perception.__file__).parents[1])
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    arguments = [clip, str(bundle), runtime, str(monotonic_ns()), *([str(out)] if out else [])]
    done = run(
        [sys.executable, "-m", __name__, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PerceptionError(f"{clip}: expected a run to the end, got: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def main(clip: str, bundle: str, runtime: str, start_ns: str, out: str | None = None) -> dict[str, float]:
    from perception.load import load
    from perception.sources import open_source

    pipeline, source = load(bundle, "cpu", runtime=runtime), open_source(clip)
    pipeline(next(iter(source)))
    report = {"first_scene_s": (monotonic_ns() - int(start_ns)) / 1e9}
    return report if out is None else {**report, **_whole_run(pipeline, source, Path(out))}


def _whole_run(pipeline: Any, source: Any, out: Path) -> dict[str, float]:
    from perception.pipeline import run
    from perception.sinks import OverlayVideo, SceneLines
    from perception.timing import USUAL_FPS

    sinks = [SceneLines(out / "scenes.jsonl", pipeline.tasks)]
    overlay = OverlayVideo(out / "overlay.mp4", source.fps or USUAL_FPS, pipeline.tasks)
    outcome = run(source, pipeline, [*sinks, overlay])
    return {"frames": outcome.answered, "peak_mb": _peak_mb()}


def _peak_mb() -> float:
    """The most memory this program held. Not `ru_maxrss`: that remembers the parent from before exec."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1000


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))

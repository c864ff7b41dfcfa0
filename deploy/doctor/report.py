"""One file with all that only the device itself can tell: `perception doctor --report FILE`.

Markdown for people, and at its end the same as JSON in a fence. A further run with the same FILE in another
power mode is added to it, so that one file has the speed of each mode.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from datetime import datetime, timezone
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from deploy.doctor.finding import Finding
from deploy.doctor.show import device, show, to_json
from perception.errors import PerceptionError, SinkError, brief
from perception.sinks.files import write_whole
from perception.terminal import terminal

FORMAT = 1
FENCE = "```"
FRAMES, ROUNDS, STARTS = 200, 8, 3
WIDTH = 110
TOTAL = "sum, not painted"
HEAD = "# Report of `perception doctor`"
# What no machine without the hardware can say, and the command that says it.
UNVERIFIED = (
    ("kernels on the GPU give what their reference gives", "perception doctor"),
    ("the INT8 engine agrees with its simulation on the CPU", "perception engine"),
    ("time of each stage and frames a second on the GPU", "perception bench --device cuda"),
    ("the same in each power mode", "sudo nvpmodel -m MODE && perception doctor --report FILE"),
    ("cameras give frames at their rate", "perception run 0 --max-frames 300"),
    ("after an hour it is as fast as before (watch tegrastats)", "perception run 0 --no-video"),
)

Measured = dict[str, Any]
Measure = Callable[[], Measured]


def on_the_cpu() -> Measured:
    """What `perception bench` measures, with fewer repetitions."""
    from perception.evaluation.bench.command import bench, rounded

    with redirect_stdout(StringIO()):  # its tables: the report has its own
        return rounded(bench(frames=FRAMES, rounds=ROUNDS, starts=STARTS))


def on_cuda() -> Measured:
    """The stages of `perception bench --device cuda`."""
    from perception.evaluation.bench.command import bench, rounded

    with redirect_stdout(StringIO()):
        return rounded(bench(frames=FRAMES, device="cuda"))


MEASURES: Mapping[str, Measure] = {"cpu": on_the_cpu, "cuda": on_cuda}  # device -> what to measure there


def write(
    path: Path, findings: list[Finding], console: Console, measures: Mapping[str, Measure] = MEASURES
) -> None:
    """Measure what works here and write `path`; runs in other power modes that it has are kept.

    Raises SinkError if it cannot be written, or is something else than a report.
    """
    earlier, mode = runs_of(path), power_mode(findings)
    run: dict[str, Any] = {
        "power_mode": mode,
        "time": _now(),
        "devices": _measured(findings, console, measures),
    }
    kept = [other for other in earlier if other["power_mode"] != mode]
    report = {
        "format": FORMAT,
        "doctor": to_json(findings),
        "runs": [*kept, run],
        "unverified": [{"what": what, "command": command} for what, command in UNVERIFIED],
    }
    write_whole(path, text(report, findings).encode())


def power_mode(findings: list[Finding]) -> str | None:
    """None where there are no modes."""
    modes = [finding.facts["mode"] for finding in findings if "mode" in finding.facts]
    return modes[0] if modes else None


def _measured(findings: list[Finding], console: Console, measures: Mapping[str, Measure]) -> dict[str, Any]:
    """Device -> what was measured on it, or why nothing was."""
    works = {"cpu": True, "cuda": device(findings) == "cuda"}
    found: dict[str, Any] = {}
    for name, usable in works.items():
        if not usable:
            found[name] = {"measured": None, "reason": "the probes above say why it cannot run"}
        elif name not in measures:
            found[name] = {"measured": None, "reason": f"run `perception bench --device {name}`"}
        else:
            with console.status(f"measuring on {name}"):
                found[name] = _tried(measures[name])
    return found


def _tried(measure: Measure) -> dict[str, Any]:
    try:
        return {"measured": measure(), "reason": ""}
    except PerceptionError as error:  # the other device is told of all the same
        return {"measured": None, "reason": str(error)}


def runs_of(path: Path) -> list[dict[str, Any]]:
    """The runs that an earlier report has; none if there is no file yet, or an empty one.

    Raises SinkError for a file that is something else: what is in it would be lost.
    """
    try:
        text = path.read_text()
        return _runs(text) if text else []
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise SinkError(
            f"{path}: expected a report of `perception doctor` to complete, or no file, got {brief(error)}; "
            "choose another --report"
        ) from error


def _runs(text: str) -> list[dict[str, Any]]:
    """Raises one of many errors if it is no report of this format."""
    match = re.search(rf"{FENCE}json\n(.*)\n{FENCE}", text, re.DOTALL)
    report = json.loads(match[1]) if match else {}
    if report.get("format") != FORMAT:
        raise ValueError(f"a text without the data of format {FORMAT}")
    runs: list[dict[str, Any]] = report["runs"]
    for own in (own for run in runs for own in run["devices"].values() if "figures" in own):
        own["measured"] = own.pop("figures")  # its name until 0.7
    _speed(runs)  # all that is read of them
    return runs


def text(report: dict[str, Any], findings: list[Finding]) -> str:
    """Tables, then the JSON."""
    out = StringIO()
    show(findings, terminal(file=out, width=WIDTH, no_color=True))
    parts = [
        f"{HEAD}\n",
        f"{FENCE}text\n{out.getvalue().strip()}\n{FENCE}\n",
        "## Speed\n",
        *_speed(report["runs"]),
    ]
    parts += ["", "## To be verified on this device\n"]
    parts += [f"- {item['what']}: `{item['command']}`" for item in report["unverified"]]
    data = json.dumps(report, indent=1)
    return "\n".join([*parts, "", "## Data\n", f"{FENCE}json\n{data}\n{FENCE}", ""])


def _speed(runs: list[dict[str, Any]]) -> list[str]:
    """Rows of a Markdown table: a stage of a device in a power mode."""
    rows = ["| power mode | device | stage | p50 ms | p95 ms | a second |", "|---|---|---|---|---|---|"]
    for run in runs:
        mode = run["power_mode"] or "none"
        for name, own in run["devices"].items():
            if own["measured"] is None:
                rows.append(f"| {mode} | {name} | not measured: {own['reason']} | | | |")
                continue
            stages = seen_stages(own["measured"])
            for stage, ms in stages.items():
                rows.append(f"| {mode} | {name} | {stage} | {ms['p50']:.2f} | {ms['p95']:.2f} | |")
            whole = sum(ms["p50"] for ms in stages.values())
            rows.append(f"| {mode} | {name} | {TOTAL} | {whole:.2f} | | {1000 / whole:.1f} |")
    return rows


def seen_stages(measured: Measured) -> dict[str, dict[str, float]]:
    """The stages of a frame without painting: what a robot computes."""
    return {
        name: ms for name, ms in measured["pipeline"]["stages_ms"].items() if name not in ("paint", "total")
    }


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")

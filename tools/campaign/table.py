"""The results as a table, and as JSON."""

from __future__ import annotations

import json
import os
import platform
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tools.campaign.fault import COUNTS, DETECTED_MS, RECOVERED_MS, Result

HEAD = (
    f"{'fault':28} {'seen':30} {'detected':>8} {'recovered':>9} "
    f"{'captured':>8} {'answered':>8} {'dropped':>7} {'failed':>6} {'lost':>5} "
    f"{'invented':>8} {'stale':>5} {'oldest':>6} {'MB':>11} {'files':>7} verdict"
)


def row(result: Result) -> str:
    counts = " ".join(
        f"{result.frames.get(name, '-'):>{width}}"
        for name, width in zip(COUNTS, (8, 8, 7, 6, 5), strict=True)
    )
    memory = (
        "-" if result.memory_kb is None else "{:.0f}>{:.0f}".format(*(kb / 1e3 for kb in result.memory_kb))
    )
    files = "-" if result.descriptors is None else "{}>{}".format(*result.descriptors)
    why = result.absent or "; ".join(result.wrong)
    return (
        f"{result.name:28} {result.seen[:30]:30} {_ms(result.detected_ms):>8} {_ms(result.recovered_ms):>9} "
        f"{counts} {result.invented:>8} {result.stale:>5} {_ms(result.oldest_ms):>6} {memory:>11} {files:>7} "
        f"{result.verdict} {why}".rstrip()
    )


def summary(results: Sequence[Result]) -> str:
    """Told in one paragraph; the floors are reported, because a busy machine misses them by itself."""
    verdicts = Counter(result.verdict for result in results)
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    lines = [f"{len(results)} faults: {told}"]
    for name, most in (("detected_ms", DETECTED_MS), ("recovered_ms", RECOVERED_MS)):
        times = sorted(value for result in results if (value := getattr(result, name)) is not None)
        if times:
            within = sum(value <= most for value in times)
            middle, late = times[len(times) // 2], times[min(len(times) - 1, int(0.9 * len(times)))]
            what = name.removesuffix("_ms")
            lines.append(
                f"{what} after ms: p50 {middle:.0f}, p90 {late:.0f}, most {times[-1]:.0f}; "
                f"{within} of {len(times)} within {most:.0f}"
            )
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    lines.append(f"machine: {os.cpu_count()} cores, load {load}")
    return "\n".join(lines)


def save(results: Sequence[Result], path: Path) -> None:
    told = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {"cores": os.cpu_count(), "load": os.getloadavg(), "kind": platform.machine()},
        "faults": [{**asdict(result), "verdict": result.verdict} for result in results],
    }
    path.write_text(json.dumps(told, indent=1) + "\n")


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"

"""The findings for people and for programs."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import perception
from deploy.doctor import DRIVER, ENGINE
from deploy.doctor.finding import DEGRADED, EXIT, OK, SKIPPED, UNUSABLE, Finding, worst

FORMAT = 1
SIGNS = {
    OK: "[green]ok[/]",
    SKIPPED: "[dim]-[/]",
    DEGRADED: "[yellow]degraded[/]",
    UNUSABLE: "[red]unusable[/]",
}
GPU = (DRIVER, "CUDA compiler", "pycuda", "TensorRT")  # all of them ok, and an engine: the GPU is used

Report = dict[str, Any]


def to_json(findings: list[Finding]) -> Report:
    """What `--json` prints. `device`: what "auto" takes on this machine."""
    verdict = worst(findings)
    return {
        "format": FORMAT,
        "perception": perception.__version__,
        "verdict": verdict,
        "exit": EXIT[verdict],
        "device": device(findings),
        "findings": [finding.to_json() for finding in findings],
    }


def device(findings: list[Finding]) -> str:
    found = {finding.name: finding for finding in findings}
    well = all(name in found and found[name].status == OK for name in GPU)
    return "cuda" if well and ENGINE in found and found[ENGINE].facts.get("engines") else "cpu"


def show(findings: list[Finding], console: Console) -> None:
    """A table, then what to do, the worst first, then one line that says it all."""
    table = Table("probe", "", "found", box=box.SIMPLE_HEAD, pad_edge=False)
    for finding in findings:
        table.add_row(finding.name, SIGNS[finding.status], escape(finding.seen))
    console.print(table)
    advised = [finding for finding in findings if finding.advice]
    for finding in sorted(advised, key=lambda finding: -EXIT[finding.status]):
        console.print(f"{SIGNS[finding.status]} [bold]{escape(finding.name)}[/]: {escape(finding.advice)}")
    console.print(f"\n{escape(summary(findings))}", highlight=False)


def summary(findings: list[Finding]) -> str:
    verdict = worst(findings)
    bad = [finding.name for finding in findings if finding.status == verdict]
    runs = {"cuda": "TensorRT on the GPU", "cpu": "INT8 on the CPU"}[device(findings)]
    if verdict == UNUSABLE:
        return f"unusable: perception cannot run here until this is mended: {', '.join(bad)}"
    if verdict == DEGRADED:
        return f"degraded: perception runs here with {runs}; see {', '.join(bad)}"
    return f"ok: perception runs here with {runs}"

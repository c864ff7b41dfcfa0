"""`perception doctor`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from deploy.doctor import PROBES, Probe
from deploy.doctor.examine import examine
from deploy.doctor.finding import EXIT, Finding, worst
from deploy.doctor.machine import Machine
from deploy.doctor.show import show, to_json
from perception.terminal import terminal


def doctor(
    as_json: bool = False,
    report: Path | None = None,
    machine: Machine | None = None,
    probes: Sequence[Probe] = PROBES,
) -> int:
    """Look at the machine, print what was found, and give the exit code: 0 ok, 1 degraded, 2 unusable.

    `report`: also measure the pipeline, and write or complete that file. Raises SinkError if it cannot be
    written, or is something else than a report, and that before it looks at anything.
    """
    if report is not None:
        from deploy.doctor.report import runs_of

        runs_of(report)
    console = terminal(stderr=True)
    machine = machine or Machine()
    with console.status("looking at this machine") as status:
        left = [probe.name for probe in probes]

        def told(finding: Finding) -> None:
            left.remove(finding.name)
            status.update(f"looking at this machine: {', '.join(left[:3])}")

        findings = examine(machine, probes, told)
    if as_json:
        print(json.dumps(to_json(findings), indent=1))
    else:
        show(findings, terminal())
    if report is not None:
        from deploy.doctor.report import write

        write(report, findings, console)
        console.print(f"report in {report}")
    return EXIT[worst(findings)]

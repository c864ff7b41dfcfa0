"""`perception evaluate --attack`: how often an attacker who knows the weights breaks each task."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from perception import bundle as bundles
from perception.attack import ATTACKS
from perception.attack.known import Known
from perception.attack.measure import BROKEN, attacked, summary
from perception.attack.page import COLUMNS, rows_of
from perception.errors import DataError, PerceptionError
from perception.evaluation import run
from perception.evaluation.bench.machine import machine
from perception.evaluation.corrupt.drives import stills
from perception.evaluation.observe import OWN, Observer
from perception.evaluation.run import Settings
from perception.model.stored import stored
from perception.outputs import write_whole
from perception.stages.consistent import Consistent
from perception.terminal import terminal


def defence(tasks: Collection[str]) -> tuple[str, ...]:
    """The stages that look for attacks, of those that these `tasks` allow."""
    return (Consistent.name, OWN) if set(Consistent.needs) <= set(tasks) else (OWN,)


def attack(drives: Sequence[str], settings: Settings, name: str, json_path: Path | None = None) -> int:
    """Attack labelled pictures by the float weights of the bundle, and judge what its pipeline makes of them;
    print a table and write JSON. The exit code.

    Raises PerceptionError for another attack; DataError, also if nothing could be attacked; BundleError.
    """
    if name not in ATTACKS:
        raise PerceptionError(f"--attack: expected {', '.join(ATTACKS)}, got {name!r}")
    kind = ATTACKS[name]
    config = replace(settings.pipeline, device="cpu")
    specs = bundles.read(config.folder).tasks
    tasks = [task for task in config.tasks or kind.tasks if task in specs]
    if strange := [task for task in tasks if task not in kind.tasks]:
        raise PerceptionError(f"--attack {name}: expected tasks of {', '.join(kind.tasks)}, got {strange[0]}")
    if config.tasks is not None:
        config = replace(config, tasks=tuple(dict.fromkeys((*config.tasks, *kind.needs))))
    config = replace(config, stages=defence(config.tasks or specs))
    settings = replace(settings, pipeline=config, parts=tuple(tasks), detail=False)
    opened = stills(run.open_drives(drives, settings))
    networks = stored(config.folder)
    with closing(config.load()) as pipeline:
        observer = Observer(pipeline)
        observer.begin(stills=True)
        rows = summary(attacked(opened, observer, Known(networks, pipeline, specs), kind, tasks))
    if not rows:
        raise DataError(
            f"{', '.join(drives)}: expected {kind.wanted} with labels of {', '.join(tasks)} that are found, "
            "got none; use other pictures, or more"
        )
    facts = {**config.facts(), "limit": settings.limit, "machine": machine()}
    facts |= {"attack": name, "unit": kind.unit, "steps": kind.steps, "broken": BROKEN}
    if json_path is not None:
        write_whole(json_path, (json.dumps({"facts": facts, "attacks": rows}, indent=1) + "\n").encode())
    table = Table(title=f"{name}, %", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in ("", kind.unit, *COLUMNS):
        table.add_column(column, justify="right" if column else "left")
    for row in rows_of(rows):
        table.add_row(*row)
    terminal().print(table)
    return 0

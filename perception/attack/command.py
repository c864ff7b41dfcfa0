"""`perception evaluate --attack pgd`: how often an attacker who knows the weights breaks each task."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from perception import bundle as bundles
from perception.attack.attacker import STEPS, Attacker
from perception.attack.goals import CELLS
from perception.attack.measure import BROKEN, attacked, summary
from perception.errors import DataError, PerceptionError
from perception.evaluation import run
from perception.evaluation.corrupt.drives import stills
from perception.evaluation.observe import OWN, Observer
from perception.evaluation.run import Settings
from perception.model.stored import stored
from perception.outputs import write_whole

ATTACKS = ("pgd",)
COLUMNS = ("", "grey levels", "adaptive", "frames", "clean", "attacked", "broken", "broken and not withheld")


def attack(drives: Sequence[str], settings: Settings, kind: str, json_path: Path | None = None) -> int:
    """Attack labelled pictures by the float weights of the bundle, and judge what its pipeline makes of them;
    print a table and write JSON. The exit code.

    Raises PerceptionError for another kind; DataError, also if nothing could be attacked; BundleError.
    """
    if kind not in ATTACKS:
        raise PerceptionError(f"--attack: expected {', '.join(ATTACKS)}, got {kind!r}")
    config = replace(settings.pipeline, device="cpu", stages=(OWN,))
    specs = bundles.read(config.folder).tasks
    tasks = [task for task in CELLS if task in specs and (config.tasks is None or task in config.tasks)]
    settings = replace(settings, pipeline=config, parts=tuple(tasks), detail=False)
    frames = (pair for drive in stills(run.open_drives(drives, settings)) for pair in drive)
    networks = stored(config.folder)
    with closing(config.load()) as pipeline:
        observer = Observer(pipeline)
        observer.begin(stills=True)
        rows = summary(attacked(frames, observer, Attacker(networks, pipeline, specs), tasks, tasks))
    if not rows:
        raise DataError(f"{', '.join(drives)}: expected labels of {', '.join(tasks)}, got none that is found")
    facts = {**config.facts(), "limit": settings.limit, "attack": kind, "steps": STEPS, "broken": BROKEN}
    if json_path is not None:
        write_whole(json_path, (json.dumps({"facts": facts, "attacks": rows}, indent=1) + "\n").encode())
    table = Table(title=f"{kind}, {STEPS} steps, %", title_justify="left")
    for column in COLUMNS:
        table.add_column(column, justify="right" if column else "left")
    for row in rows:
        shares = (f"{100 * row[name]:.1f}" for name in ("clean", "attacked"))
        broken = (f"{100 * row[name]['value']:.1f}" for name in ("success", "undetected"))
        start = (row["task"], str(row["epsilon"]), "yes" if row["adaptive"] else "no", str(row["frames"]))
        table.add_row(*start, *shares, *broken)
    Console().print(table)
    return 0

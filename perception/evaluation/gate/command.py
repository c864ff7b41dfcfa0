"""`perception gate`: exit code 0 if what is seen is as good as, or the same as, a reference; 1 if it is not.

What cannot be judged raises PerceptionError, of which the command line makes exit code 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.markup import escape

from perception.errors import DataError
from perception.evaluation.gate import scenes
from perception.evaluation.gate.regression import Finding, compare_scenes
from perception.evaluation.gate.tolerances import table_for
from perception.evaluation.report.junit import Case, write_junit
from perception.evaluation.seeing import Settings
from perception.sinks.scenes import read_scenes
from perception.terminal import terminal

SAME, DIFFERS = 0, 1
FALL = 0.01  # that of a metric which is borne, unless said otherwise
METRICS, SCENES = "metrics", "scenes"
OLD_NAMES = {"figures": METRICS}
RESULT = "result.json"


def gate(
    drives: Sequence[str],
    reference: Path,
    settings: Settings,
    workers: int = 1,
    tolerance: float | None = None,
    tolerances: Path | None = None,
    by: str | None = None,
    update: bool = False,
    junit: Path | None = None,
) -> int:
    """Judge, or with `update` make a new reference and judge nothing.

    by: "metrics" (labelled drives against an evaluation), "scenes" (any drives against stored scenes); None:
        what the reference is.
    tolerance: by how much a metric may fall; None: FALL. tolerances: a file of how far scenes may differ.
    Raises PerceptionError if it cannot be judged.
    """
    by = by and OLD_NAMES.get(by, by)
    if by not in (None, METRICS, SCENES):
        raise DataError(f"expected a gate by {METRICS} or {SCENES}, got {by!r}")
    console = terminal()
    by = by or (METRICS if (reference / RESULT).exists() else SCENES)
    for option, given, kind in (("--tolerance", tolerance, METRICS), ("--tolerances", tolerances, SCENES)):
        if given is not None and by != kind:
            raise DataError(
                f"{option}: expected a gate by {kind}, got one by {by}; leave it out, or --by {kind}"
            )
    if by == SCENES:
        cases = list(_by_scenes(drives, _folder(reference), settings, tolerances, update, console))
    else:
        from perception.evaluation.gate.evaluated import by_metrics

        allowed = FALL if tolerance is None else tolerance
        cases = by_metrics(drives, reference, settings, workers, allowed, update, console)
    if not cases and not update:
        raise DataError(
            f"{', '.join(drives)}: expected something to compare with {reference}, got no metric in common. "
            "Name drives that the reference has, with labels of its tasks"
        )
    if junit is not None:
        write_junit(cases, junit, "perception gate")
    failures = sum(case.failure is not None for case in cases)
    console.print(f"{len(cases)} checks, {failures} failed" + ("; the reference is new" if update else ""))
    return DIFFERS if failures and not update else SAME


def _folder(reference: Path) -> Path:
    """That of the scenes of an evaluation, or the folder itself."""
    return reference / SCENES if (reference / RESULT).exists() else reference


def _by_scenes(
    drives: Sequence[str],
    folder: Path,
    settings: Settings,
    tolerances: Path | None,
    update: bool,
    console: Console,
) -> Iterator[Case]:
    """A case for each field of each drive."""
    table_for("", "", tolerances)  # a damaged file is told before the drives are seen
    known = scenes.facts(settings)
    new = []
    with TemporaryDirectory() as scratch:
        for name, path in scenes.see(drives, settings, Path(scratch)):
            found = _findings(folder, name, path, known["backend"], tolerances, len(drives) == 1, update)
            _tell(console, name, found)
            yield from (Case(name, own.field, None if own.passed else str(own)) for own in found)
            new.append((name, path))
        for name, path in new if update else []:  # all, or none if a drive cannot be read
            scenes.store(folder, name, path, known)


def _findings(
    folder: Path, name: str, path: Path, backend: str, tolerances: Path | None, alone: bool, update: bool
) -> list[Finding]:
    try:
        stored = scenes.stored(folder, name, alone)
    except DataError:
        if update:
            return []  # the first reference of this drive
        raise
    table = table_for(scenes.backend_of(folder, name, backend), backend, tolerances)
    return compare_scenes(read_scenes(stored), read_scenes(path), table)


def _tell(console: Console, name: str, found: Sequence[Finding]) -> None:
    """What differs first comes first."""
    beyond = [own for own in found if not own.passed]
    verdict = "[bold red]differs[/]" if beyond else "[bold green]same[/]" if found else "new"
    console.print(f"{escape(name)}: {verdict}")
    for own in beyond:
        console.print(f"  {escape(str(own))}", soft_wrap=True, highlight=False)

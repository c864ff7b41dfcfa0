"""What runs after the tasks and may remember earlier frames. A new stage is one module and one line here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from perception.bundle import TaskSpec
from perception.errors import PerceptionError
from perception.interfaces import Stage

Make = Callable[[Mapping[str, TaskSpec]], Stage]  # the tasks that run, by name: their classes are named there

STAGES: dict[str, Make] = {}  # in the order in which they run


def ready(names: Iterable[str] | None, tasks: Sequence[TaskSpec]) -> tuple[Stage, ...]:
    """The named stages and those that they need, in the order of STAGES; None: all that `tasks` allow.

    Raises PerceptionError if there is no stage of a name, or it needs a task that does not run.
    """
    if isinstance(names, str):
        raise PerceptionError(f"expected a list of stages, got the text {names!r}; write stages=[{names!r}]")
    todo = list(STAGES if names is None else names)
    unknown = [name for name in todo if name not in STAGES]
    if unknown:
        raise PerceptionError(f"expected stages of {', '.join(STAGES)}, got {unknown[0]!r}")
    spec = {task.name: task for task in tasks}
    made = {name: make(spec) for name, make in STAGES.items()}
    chosen = set[str]()
    for name in todo:
        needed = _needed(name, made)
        missing = sorted(needed - set(STAGES) - set(spec))
        if not missing:
            chosen |= needed & set(STAGES)
        elif names is not None:
            raise PerceptionError(f"stage {name!r} needs {', '.join(missing)}; run these tasks as well")
    return tuple(stage for name, stage in made.items() if name in chosen)


def _needed(name: str, made: Mapping[str, Stage]) -> set[str]:
    """The stage itself, and the stages and tasks that it needs, directly or not."""
    own = made[name].needs if name in made else ()
    return {name}.union(*(_needed(other, made) for other in own))

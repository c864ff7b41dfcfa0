"""What runs after the tasks and may remember earlier frames. A new stage is one module and one line here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from perception.bundle import TaskSpec
from perception.errors import PerceptionError
from perception.interfaces import Stage

Made = Mapping[str, Any]  # the stages before, by name: one may read what another remembers
Make = Callable[
    [Mapping[str, TaskSpec], Made], Stage
]  # from the tasks that run, whose classes are named there


def _consistent(tasks: Mapping[str, TaskSpec], made: Made) -> Stage:
    from perception.stages.consistent import Consistent

    return Consistent(_classes(tasks, "detection"))


def _confidence(tasks: Mapping[str, TaskSpec], made: Made) -> Stage:
    from perception.stages.confidence import Confidence

    return Confidence()


def _mount(tasks: Mapping[str, TaskSpec], made: Made) -> Stage:
    from perception.stages.mount import Mounting

    return Mounting(_classes(tasks, "detection"), _road_edge(tasks))


def _track(tasks: Mapping[str, TaskSpec], made: Made) -> Stage:
    from perception.stages.track import Track

    return Track(_classes(tasks, "detection"), len(_classes(tasks, "signs")), _road_edge(tasks))


def _pitch(tasks: Mapping[str, TaskSpec], made: Made) -> Stage:
    from perception.stages.pitch import Pitch

    return Pitch(made["track"], _road_edge(tasks))


def _ground(tasks: Mapping[str, TaskSpec], made: Made) -> Stage:
    from perception.stages.ground import Ground

    return Ground(made["track"], made["pitch"])


def _steady(tasks: Mapping[str, TaskSpec], made: Made) -> Stage:
    from perception.stages.steady import Steady

    return Steady()


def _assist(tasks: Mapping[str, TaskSpec], made: Made) -> Stage:
    from perception.stages.assist import Assist

    return Assist(_classes(tasks, "detection"), _classes(tasks, "signs"))


STAGES: dict[str, Make] = {  # in the order in which they run
    "consistent": _consistent,
    "confidence": _confidence,  # before objects of earlier frames are among the found
    "mount": _mount,
    "track": _track,
    "pitch": _pitch,
    "ground": _ground,
    "steady": _steady,
    "assist": _assist,
}


def ready(
    names: Iterable[str] | None, tasks: Sequence[TaskSpec], mount: str | Path | None = None
) -> tuple[Stage, ...]:
    """The named stages and those that they need, in the order of STAGES; None: all that `tasks` allow.

    `mount`: the file of the stage of that name.
    Raises PerceptionError if there is no stage of a name, it needs a task that does not run, or a file is
    given that no stage uses or that is another.
    """
    if isinstance(names, str):
        raise PerceptionError(f"expected a list of stages, got the text {names!r}; write stages=[{names!r}]")
    todo = list(STAGES if names is None else names)
    unknown = [name for name in todo if name not in STAGES]
    if unknown:
        raise PerceptionError(f"expected stages of {', '.join(STAGES)}, got {unknown[0]!r}")
    spec = {task.name: task for task in tasks}
    made: dict[str, Stage] = {}
    for name, make in STAGES.items():
        made[name] = make(spec, made)
    chosen = set[str]()
    for name in todo:
        needed = _needed(name, made)
        missing = sorted(needed - set(STAGES) - set(spec))
        if not missing:
            chosen |= needed & set(STAGES)
        elif names is not None:
            raise PerceptionError(f"stage {name!r} needs {', '.join(missing)}; run these tasks as well")
    if mount is not None:
        _keep(made["mount"] if "mount" in chosen else None, Path(mount))
    return tuple(stage for name, stage in made.items() if name in chosen)


def _keep(stage: Any, file: Path) -> None:
    if stage is None:
        raise PerceptionError(f"{file}: expected the stage mount to run, which keeps its result there")
    stage.keep_in(file)


def _needed(name: str, made: Mapping[str, Stage]) -> set[str]:
    """The stage itself, and the stages and tasks that it needs, directly or not."""
    own = made[name].needs if name in made else ()
    return {name}.union(*(_needed(other, made) for other in own))


def _classes(tasks: Mapping[str, TaskSpec], name: str) -> tuple[str, ...]:
    return tasks[name].classes if name in tasks else ()


def _road_edge(tasks: Mapping[str, TaskSpec]) -> int:
    """The kind of lines that are no paint; -1: there are none."""
    classes = _classes(tasks, "lanes")
    return classes.index("road_edge") if "road_edge" in classes else -1

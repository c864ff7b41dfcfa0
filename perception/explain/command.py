"""`perception explain`: pages that say why each thing was found."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from perception import bundle as bundles
from perception.config import PipelineConfig
from perception.errors import PerceptionError
from perception.explain.explainer import Explained, Explainer
from perception.explain.faithful import Areas
from perception.explain.finds import FINDS
from perception.explain.page import NOTHING, page
from perception.model.stored import stored
from perception.outputs import locked
from perception.sinks.files import Stems, write_whole
from perception.sources import open_source
from perception.terminal import terminal
from perception.types import Frame

console = terminal()


def explain(
    source: str, config: PipelineConfig, out: Path, most: int, max_frames: int | None, check: bool
) -> None:
    """Write OUT/NAME.explain.html and OUT/NAME.explain.json for each frame. Raises PerceptionError.

    `check`: also measure insertion and deletion of each.
    """
    config = replace(config, tasks=chosen(config))
    networks = stored(config.folder)
    stems, count = Stems(), 0
    with closing(config.load()) as pipeline, locked(out):
        explainer = Explainer(pipeline, networks, config.tasks or ())
        for frame in _frames(source, max_frames):
            explained = explainer(frame, most)
            areas = [explainer.areas(one) if check else None for one in explained.found]
            count += 1
            _write(out / stems(frame), explained, areas)
    if not count:
        raise PerceptionError(f"{source}: expected frames to explain, got none; name a picture or a video")


def chosen(config: PipelineConfig) -> tuple[str, ...]:
    """The tasks whose finds are explained: those asked for, or all that the bundle has."""
    there = [
        name for name, task in bundles.read(config.folder).tasks.items() if name in FINDS and not task.kind
    ]
    wanted = there if config.tasks is None else config.tasks
    if not wanted or set(wanted) - set(there):
        raise PerceptionError(
            f"expected tasks of {', '.join(FINDS)} that the bundle has ({', '.join(there) or 'none'}), got "
            f"{', '.join(wanted) or 'none'}; only single finds are explained, no maps and no added tasks"
        )
    return tuple(wanted)


def _frames(source: str, max_frames: int | None) -> Iterator[Frame]:
    with closing(open_source(source)) as frames:
        yield from islice(frames, max_frames)


def _write(stem: Path, explained: Explained, areas: Sequence[Areas | None]) -> None:
    html, told = (stem.with_name(f"{stem.name}.explain.{kind}") for kind in ("html", "json"))
    write_whole(html, page(stem.name, explained, list(areas)).encode())
    write_whole(told, (json.dumps(record(explained, areas), indent=1) + "\n").encode())
    what = f"{len(explained.found)} explained" if explained.found else NOTHING
    console.print(f"{html}: {what}", markup=False, highlight=False, soft_wrap=True)


def record(explained: Explained, areas: Sequence[Areas | None]) -> dict[str, Any]:
    """For JSON. Pixels are those of the image."""
    found = []
    for one, area in zip(explained.found, areas, strict=True):
        heat = explained.heat(one)
        row, column = divmod(int(heat.argmax()), heat.shape[1])
        found.append(
            {
                "task": one.find.task,
                "class": one.find.what,
                "score": round(one.find.score, 4),
                "points" if one.find.is_line else "xyxy": _rounded(one.find),
                "hottest": [column, row],
                "heat_in_box": round(explained.inside(one), 4),
                **({} if area is None else {name: round(v, 4) for name, v in area._asdict().items()}),
            }
        )
    return {
        "source": explained.frame.source,
        "seq": explained.frame.seq,
        "size": explained.frame.size,
        "found": found,
    }


def _rounded(find: Any) -> list[Any]:
    values = find.points if find.is_line else find.points.ravel()
    rounded: list[Any] = values.astype(float).round(1).tolist()
    return rounded

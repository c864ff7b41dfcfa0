"""The pipeline over decoded frames, stage by stage."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice, repeat
from typing import Any, cast

import cv2

from perception.evaluation.bench.clock import TimedBackend, Times, timed
from perception.interfaces import Source, Task
from perception.pipeline import Pipeline
from perception.sinks.overlay import paint
from perception.tasks import maker
from perception.timing import Stages
from perception.types import Frame, Size

SIZE: Size = (1280, 720)
WARM_UP = 5  # frames


def time_stages(pipeline: Pipeline, source: Source, frames: int) -> dict[str, Any]:
    """Percentiles of each stage, and what everything around the networks costs beside them.

    `pipeline`: with one thread, so that the thread's processor time is all of it. `around`: preprocessing
    and all decoders, without the networks that a decoder runs.
    """
    watched, networks = _watched(pipeline)
    stages, network, around = Stages(), Times(), Times()
    for number, (frame, video_ms) in enumerate(islice(_frames(source), frames + WARM_UP)):
        scene, wall, cpu = timed(watched, frame)
        laps = [backend.lap() for backend in networks]
        _, paint_ms, _ = timed(paint, frame, scene, pipeline.tasks, "")
        if number >= WARM_UP:
            inside = sum(lap[0] for lap in laps), sum(lap[1] for lap in laps)
            network.add(*inside)
            around.add(wall - inside[0], cpu - inside[1])
            stages.add({"video": video_ms, **scene.timing_ms, "paint": paint_ms})
    ratio = around.medians()["cpu_ms"] / network.medians()["cpu_ms"]
    return {
        "frames": len(network.wall),
        "stages_ms": stages.percentiles(),
        "networks": network.medians(),
        "around": {**around.medians(), "share_of_networks": ratio},
    }


def _watched(pipeline: Pipeline) -> tuple[Pipeline, list[TimedBackend]]:
    """The same pipeline with every network timed."""
    networks = [TimedBackend(pipeline.backend)]
    tasks = [_with_timed_network(task, networks) for task in pipeline.tasks]
    return pipeline.with_tasks(tasks, networks[0]), networks


def _with_timed_network(task: Any, networks: list[TimedBackend]) -> Task:
    if getattr(task, "network", None) is None:
        return cast(Task, task)
    networks.append(TimedBackend(task.network))
    return maker(task.spec)(task.spec, networks[-1])


def _frames(source: Source) -> Iterator[tuple[Frame, float]]:
    """The source over and over: frames at SIZE, and how long reading each took, in milliseconds."""
    reading = chain.from_iterable(repeat(source))
    while True:
        frame, video_ms, _ = timed(next, reading)
        yield _resized(frame), video_ms


def _resized(frame: Frame) -> Frame:
    if frame.size == SIZE:
        return frame
    return Frame(cv2.resize(frame.image, SIZE), frame.stamp_ns, frame.seq, frame.source)

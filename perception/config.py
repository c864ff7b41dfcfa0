"""Which pipeline: all that `load` takes, as one record that commands, workers and nodes pass on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from perception import bundle as bundles
from perception.crop import WHOLE
from perception.devices import AUTO
from perception.load import load
from perception.pipeline import Pipeline
from perception.types import Frame

WARM_UP = 2  # frames: the first compiles kernels and fills caches


@dataclass(frozen=True)
class PipelineConfig:
    """The parameters of `perception.load`, by the same names. Can be pickled."""

    bundle: Path | None = None  # None: the shipped one
    device: str = AUTO
    tasks: tuple[str, ...] | None = None  # None: all of the bundle
    precision: str = "int8"
    threads: int | None = None  # of the network on the CPU; None: the cores, at most 4
    input_size: str = AUTO
    crop: str | None = None
    runtime: str = AUTO
    stages: tuple[str, ...] | None = ()  # None: all that the tasks allow
    mount: Path | None = None  # the file of the stage of that name

    @property
    def folder(self) -> Path:
        return bundles.folder(self.bundle)

    def load(self) -> Pipeline:
        """Raises as `perception.load`."""
        return load(**{f.name: getattr(self, f.name) for f in fields(self)})

    def load_warm(self) -> Pipeline:
        """As `load`, and it has run once: no real frame waits for the compiler."""
        from perception.stages.warm import warm_up

        pipeline = self.load()
        warm = pipeline.with_tasks(pipeline.tasks, stages=[s for s in pipeline.stages if not s.remembers])
        warm.crop = WHOLE  # that of the pipeline may not fit into so small a frame
        width, height = pipeline.backend.input_size
        for seq in range(WARM_UP):
            warm(Frame(np.zeros((height, width, 3), np.uint8), 0, seq))
        if pipeline.stages:
            warm_up()
        return pipeline

    def facts(self, pipeline: Pipeline | None = None) -> dict[str, Any]:
        """For JSON: what computes results. With the `pipeline` that does it, what runs in place of what was
        asked for, such as the device that "auto" came to. Raises BundleError."""
        from perception import __version__

        spec = bundles.read(self.folder)
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        told["mount"] = None if self.mount is None else str(self.mount)
        told |= {name: list(told[name]) for name in ("tasks", "stages") if told[name] is not None}
        told |= {"bundle": f"{spec.name} {spec.version}", "sha256": dict(spec.sha256)}
        if pipeline is not None:
            told |= {
                "device": pipeline.backend.device,
                "runtimes": pipeline.runtimes,
                "tasks": [task.name for task in pipeline.tasks],
                "stages": [stage.name for stage in pipeline.stages],
            }
            del told["runtime"]
        return {"perception": __version__, **told}


DEFAULT = PipelineConfig()

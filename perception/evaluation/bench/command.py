"""`perception bench`: times, speed against the machine's own peak, memory and start, in one run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import product
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from perception import bundle as bundles
from perception.backends import FOR_ANOTHER_DEVICE
from perception.backends.runtimes import FIRST, installed
from perception.bundle import ModelSpec
from perception.devices import AUTO
from perception.evaluation.bench.clock import interleaved, median
from perception.evaluation.bench.fresh import fresh
from perception.evaluation.bench.machine import machine
from perception.evaluation.bench.peak import SHAPES, ConvChain
from perception.evaluation.bench.stages import SIZE, time_stages
from perception.input_size import InputSize
from perception.load import load
from perception.redaction import redacted
from perception.sinks.files import write_whole
from perception.sinks.video import ENCODERS, Film, available
from perception.sources import open_recorded
from perception.terminal import terminal
from perception.types import Size

FORMAT = 1
CLIP_SOURCE, CLIP_FPS = "synthetic:7:40", 20.0
FRAMES, ROUNDS, STARTS = 300, 12, 5
THREADS = (1, 2)

Report = dict[str, Any]


def bench(
    json_path: Path | None = None,
    source: str | None = None,
    bundle: Path | None = None,
    frames: int = FRAMES,
    rounds: int = ROUNDS,
    starts: int = STARTS,
    device: str = "cpu",
    input_size: str = "auto",
    runtime: str = AUTO,
) -> Report:
    """Measure a bundle on this machine; print tables, and write JSON if asked to.

    `source`: a video; None: rendered scenes, encoded to H.264 first. `device`: "cpu", or "cuda", of which the
    stages alone are measured: its network waits in them. `input_size`: as for `load`, of the stages and the
    networks. `runtime`: of the stages and fresh processes; the main network is measured on every one that is
    installed. Raises BackendUnavailable, SourceError, BundleError, SinkError.
    """
    folder = bundles.folder(bundle)
    spec = bundles.read(folder)
    size = InputSize.parse(input_size).sizes(spec.input_size)(SIZE)
    console = terminal(stderr=True)
    with TemporaryDirectory() as temporary:
        with console.status("rendering a clip"):
            clip = source or str(_rendered(Path(temporary) / "clip.mp4"))
        report: Report = {
            "format": FORMAT,
            "bundle": f"{spec.name} {spec.version}",
            "clip": Path(redacted(source)).name if source else f"{CLIP_SOURCE} as H.264",
            "machine": machine(),
            "device": device,
            "input_size": list(size),
        }
        with console.status("stages, INT8, one thread"):
            report["pipeline"] = _stages(clip, folder, spec, frames, device, size, runtime)
        if device == "cpu":
            with console.status("networks, and the peak of this machine"):
                report |= time_networks(folder, spec, rounds, size)
            with console.status("fresh processes"):
                report["process"] = time_processes(clip, folder, Path(temporary), starts, runtime)
    show(report, terminal())
    if json_path is not None:
        write_whole(json_path, (json.dumps(rounded(report), indent=1) + "\n").encode())
    return report


def _rendered(path: Path) -> Path:
    """A video of rendered scenes."""
    frames = list(open_recorded(CLIP_SOURCE))
    film = Film(path, next(filter(available, ENCODERS)), frames[0].size, CLIP_FPS)
    for frame in frames:
        film.add(frame.image, frame.stamp_ns)
    film.finish()
    return path


def _stages(
    clip: str, folder: Path, spec: ModelSpec, frames: int, device: str, size: Size, runtime: str
) -> Report:
    with ExitStack() as stack:
        pipeline = load(folder, device, None, _fast(spec), 1, size, runtime=runtime)
        stack.callback(pipeline.close)
        source = open_recorded(clip)
        stack.callback(source.close)
        return {"runtimes": pipeline.runtimes, **time_stages(pipeline, source, frames)}


def time_networks(folder: Path, spec: ModelSpec, rounds: int, size: Size | None = None) -> Report:
    """The main network in every precision and number of threads beside the convolution peak, in turns.

    `size`: (width, height) of its input; None: that of the bundle. Rows are named "int8 1", those of other
    runtimes than the first "int8 1 openvino".
    """
    size = size or spec.input_size
    width, height = size
    image = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8)
    calls: dict[str, Callable[[], object]] = {}
    with ExitStack() as stack:
        precisions = sorted(spec.files.keys() - FOR_ANOTHER_DEVICE)
        for precision, threads, runtime in product(precisions, THREADS, installed()):
            pipeline = load(folder, "cpu", None, precision, threads, size, runtime=runtime)
            stack.callback(pipeline.close)
            name = f"{precision} {threads}" if runtime == FIRST else f"{precision} {threads} {runtime}"
            calls[name] = partial(pipeline.backend, image)
        chains = {chain.name: chain for chain in (ConvChain(*shape) for shape in SHAPES)}
        times = interleaved({**calls, **chains}, rounds)
    gops = {name: chain.operations / median(times[name].cpu) / 1e6 for name, chain in chains.items()}
    networks = {name: times[name].medians() for name in calls}
    macs = spec.info.get("macs", 0) * prod(size) / prod(spec.input_size)
    return {"network": networks, "peak": {"int8_gops": gops, **_reached(macs, networks, max(gops.values()))}}


def _reached(macs: float, networks: dict[str, dict[str, float]], peak: float) -> Report:
    """The speed of the INT8 network with one thread: against the peak, and against FP32."""
    fast, slow = networks.get("int8 1"), networks.get("fp32 1")
    report: Report = {}
    if fast and slow:
        report["int8_over_fp32"] = slow["cpu_ms"] / fast["cpu_ms"]
    if fast and macs:
        report["network_gops"] = 2 * macs / fast["cpu_ms"] / 1e6
        report["share_of_peak"] = report["network_gops"] / peak
    return report


def time_processes(clip: str, folder: Path, out: Path, starts: int, runtime: str) -> Report:
    """The memory of a run, and the time to the first scene of the starts after it: the disk is warm."""
    whole = fresh(clip, folder, runtime, out)
    runs = [fresh(clip, folder, runtime)["first_scene_s"] for _ in range(starts)]
    memory = {"peak_mb": whole["peak_mb"], "frames": whole["frames"]}
    return {"first_scene_s": median(runs), "first_scene_runs_s": runs, **memory}


def _fast(spec: ModelSpec) -> str:
    return "int8" if "int8" in spec.files else next(iter(spec.files))


def rounded(value: Any) -> Any:
    """Floats of a report to four digits behind the point."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


def show(report: Report, console: Console) -> None:
    """The report as tables."""
    width, height = report["input_size"]
    computed = ", ".join(sorted(set(report["pipeline"]["runtimes"].values())))
    frames = f"{report['pipeline']['frames']} frames, 1280 x 720"
    where = f"INT8, {report['device']}, {computed}"
    title = f"{report['clip']}, {frames} seen at {width} x {height}, {where}"
    stages = Table("stage", "p50 ms", "p95 ms", "p99 ms", title=title)
    for name, row in report["pipeline"]["stages_ms"].items():
        stages.add_row(name, *(f"{ms:.2f}" for ms in row.values()))
    console.print(stages)
    if "network" not in report:
        return
    networks = Table("network", "threads", "runtime", "wall ms", "CPU ms", title="main network")
    for name, row in report["network"].items():
        precision, threads, runtime = (*name.split(), FIRST)[:3]
        networks.add_row(precision, threads, runtime, *(f"{ms:.2f}" for ms in row.values()))
    facts = Table("", "", show_header=False, title=report["machine"]["processor"])
    for name, text in _facts(report):
        facts.add_row(name, text)
    console.print(networks, facts)


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    peak, around, process = report["peak"], report["pipeline"]["around"], report["process"]
    yield "INT8 convolution peak, 1 thread", f"{max(peak['int8_gops'].values()):.0f} GOP/s"
    if "share_of_peak" in peak:
        reached = f"{peak['network_gops']:.0f} GOP/s, {peak['share_of_peak']:.0%} of the peak"
        yield "network, INT8, 1 thread", reached
    if "int8_over_fp32" in peak:
        yield "INT8 against FP32, 1 thread", f"{peak['int8_over_fp32']:.2f} x"
    share = f"{around['cpu_ms']:.2f} ms, {around['share_of_networks']:.1%} of the networks"
    yield "preprocess and decodes", share
    starts = len(process["first_scene_runs_s"])
    yield "process start to first scene", f"{process['first_scene_s']:.2f} s, median of {starts}"
    yield "peak memory of a run", f"{process['peak_mb']:.0f} MB"

"""Build one TensorRT engine: `python -m deploy.engine_build JOB`, in a process of its own.

TensorRT takes minutes, may run out of memory and may crash: the caller's process must outlive that. JOB is
JSON: `onnx` and `plan` (paths), `options` (fields of EngineOptions), `timing` (a path or null). Lines of JSON
go to stdout: `{"phase", "step", "steps"}`, and on failure `{"kind", "fault"}`. Exit code 0 or FAILED. The
process ends when its stdin does, so that no builder outlives its caller.
"""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Thread
from typing import Any

from perception.backends import kept
from perception.backends import trt as tensorrt
from perception.backends.engine_cache import EngineOptions
from perception.backends.onnx_cut import cut
from perception.backends.onnx_size import resized
from perception.backends.trt import named
from perception.errors import BackendUnavailable, BundleError, PerceptionError, SinkError

FAILED = 2
SHOWN = 600  # characters of TensorRT's reasons
KINDS = {kind.__name__: kind for kind in (BackendUnavailable, BundleError, SinkError)}
Report = Callable[[str, int, int], None]  # phase, steps done, steps in all


def main(job: str) -> int:
    fields = json.loads(job)
    Thread(target=_end_with_the_caller, daemon=True).start()
    try:
        options = EngineOptions(**fields["options"])
        model = _model(Path(fields["onnx"]), options)
        timing = Path(fields["timing"]) if fields["timing"] else None
        plan = build(tensorrt.load(), model, options, timing, _say)
        _write(Path(fields["plan"]), plan)
    except PerceptionError as error:
        print(json.dumps({"kind": type(error).__name__, "fault": str(error)}), flush=True)
        return FAILED
    return 0


def _end_with_the_caller() -> None:
    while os.read(0, 4096):  # not sys.stdin: its lock would be held when the interpreter ends
        pass
    os._exit(FAILED)


def _say(phase: str, step: int, steps: int) -> None:
    print(json.dumps({"phase": phase, "step": step, "steps": steps}), flush=True)


def _model(path: Path, options: EngineOptions) -> bytes:
    """The network, cut to the outputs that are asked for, and for images of the size that is."""
    try:
        model = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: expected a network file, got {error.strerror}. Copy it again") from error
    model = model if options.outputs is None else cut(model, options.outputs)
    return model if options.size is None else resized(model, (options.size[0], options.size[1]))


def _write(path: Path, plan: bytes) -> None:
    try:
        path.write_bytes(plan)
    except OSError as error:
        raise SinkError(
            f"{path}: expected to write {len(plan)} bytes, got: {error.strerror}; "
            "free the disk or choose another XDG_CACHE_HOME"
        ) from error


def build(
    trt: Any, model: bytes, options: EngineOptions, timing: Path | None = None, report: Report = _say
) -> bytes:
    """The serialised engine of the ONNX `model`, for the device that is here.

    Raises BundleError if TensorRT refuses the network, BackendUnavailable if it cannot build it here.
    """
    faults: deque[str] = deque(maxlen=5)
    logger = tensorrt.logger(trt, faults)
    builder = trt.Builder(logger)
    _demand_dla(trt, builder, options)
    network = builder.create_network(_network_flags(trt, options))
    parser = trt.OnnxParser(network, logger)
    _parse(parser, model, faults)
    _fix_batch(network, options)
    config = builder.create_builder_config()
    _configure(trt, config, options, report)
    cache = _attach_timing(config, timing)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise BackendUnavailable(
            f"expected TensorRT {trt.__version__} to build the engine, got {_one_line(faults)}; "
            "`perception doctor` names the known faults of a version"
        )
    if timing is not None:
        kept.write(timing, bytes(memoryview(cache.serialize())))
    return bytes(memoryview(plan))


def _network_flags(trt: Any, options: EngineOptions) -> int:
    """Explicit batch before 10; strongly typed from 10 on, but for a DLA only from 11 on."""
    flags = [named(trt, "NetworkDefinitionCreationFlag.EXPLICIT_BATCH")]
    if not _by_flags(trt, options):
        flags.append(named(trt, "NetworkDefinitionCreationFlag.STRONGLY_TYPED"))
    return sum(1 << int(flag) for flag in flags if flag is not None)


def _by_flags(trt: Any, options: EngineOptions) -> bool:
    """Is precision a matter of the builder's flags? Before 10 always; up to 10 for a DLA, which knows no
    strong typing there."""
    old = named(trt, "NetworkDefinitionCreationFlag.STRONGLY_TYPED") is None
    return old or (options.dla_core is not None and named(trt, "BuilderFlag.FP16") is not None)


def _demand_dla(trt: Any, builder: Any, options: EngineOptions) -> None:
    """Raises BackendUnavailable if a DLA is asked for that is not there or cannot take the network."""
    if options.dla_core is None:
        return
    if not 0 <= options.dla_core < builder.num_DLA_cores:
        raise BackendUnavailable(
            f"expected DLA core {options.dla_core}, got {builder.num_DLA_cores} cores with TensorRT "
            f"{trt.__version__} on this device; Orin NX and AGX Orin have DLAs, with TensorRT up to 10.7 and "
            "from 11.4.1 on: leave out --dla"
        )
    if _by_flags(trt, options) and options.precision != "fp16":
        raise BackendUnavailable(
            f"expected fp16 for a DLA before TensorRT 11, got {options.precision}: there it takes no "
            "explicit Q/DQ, all of the network would fall back to the GPU; choose --precision fp16"
        )


def _parse(parser: Any, model: bytes, faults: deque[str]) -> None:
    if parser.parse(model):
        return
    said = [parser.get_error(index).desc() for index in range(parser.num_errors)]
    raise BundleError(
        f"expected a network that TensorRT parses, got {_one_line(said or faults)}; "
        "quantise or export the bundle again"
    )


def _fix_batch(network: Any, options: EngineOptions) -> None:
    """Give every input its fixed shape. Raises BundleError if one stays free."""
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        shape = tuple(tensor.shape)
        if shape[0] < 0 and options.batch:
            shape = (options.batch, *shape[1:])
            tensor.shape = shape
        if min(shape) < 0:
            raise BundleError(
                f"expected inputs of fixed size, got {tensor.name} {shape}; give the batch size, or export "
                "the bundle again"
            )


def _configure(trt: Any, config: Any, options: EngineOptions, report: Report) -> None:
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mb << 20)
    flags = {"trt.int8": ("BuilderFlag.INT8",), "fp16": ("BuilderFlag.FP16",), "fp32": ()}
    if _by_flags(trt, options):
        for name in flags[options.precision]:
            config.set_flag(named(trt, name))
    if options.dla_core is not None:
        config.default_device_type = trt.DeviceType.DLA
        config.DLA_core = options.dla_core
        config.set_flag(trt.BuilderFlag.GPU_FALLBACK)
    if named(trt, "IProgressMonitor") and named(trt, "IBuilderConfig.progress_monitor"):
        config.progress_monitor = _monitor(trt, report)


def _monitor(trt: Any, report: Report) -> Any:
    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self.steps[phase_name] = num_steps
            report(phase_name, 0, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            report(phase_name, step + 1, self.steps.get(phase_name, 0))
            return True  # go on

        def phase_finish(self, phase_name: str) -> None:
            self.steps.pop(phase_name, None)

    return Monitor()


def _attach_timing(config: Any, timing: Path | None) -> Any:
    """The timing cache of the file, or a new one if TensorRT does not take it; it must outlive the build."""
    cache = config.create_timing_cache(b"" if timing is None else kept.read(timing))
    if cache is None or not config.set_timing_cache(cache, ignore_mismatch=False):
        cache = config.create_timing_cache(b"")
        config.set_timing_cache(cache, ignore_mismatch=False)
    return cache


def _one_line(faults: Iterable[str]) -> str:
    """The end of it: what comes first is often only that there is no device to ask."""
    return " ".join(" | ".join(faults).split())[-SHOWN:] or "no reason from it"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

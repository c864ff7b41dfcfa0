"""OpenVINO beside onnxruntime: is it there, does it answer the same, and which of the two is faster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploy.doctor.finding import Finding, degraded, ok, refused, skipped
from deploy.doctor.machine import Machine
from deploy.doctor.network import NO_ANSWER, TOLERANCE, errors
from perception.backends.runtimes import VARIABLE, Network, fastest, installed, measured, times_of
from perception.devices import available_threads, first_processor
from perception.errors import PerceptionError

NAME = "openvino"
INSTALL = "pip install 'perception[openvino]'"
GAINS = {  # flag of /proc/cpuinfo -> what OpenVINO makes of it; best first
    "amx_int8": "With AMX it takes about half of onnxruntime's time for INT8",
    "avx512_vnni": "With VNNI it may be faster than onnxruntime; it is taken only if it is",
    "avx_vnni": "With VNNI it may be faster than onnxruntime; it is taken only if it is",
}
OTHERWISE = "pip install --upgrade openvino; until then it is left out by PERCEPTION_RUNTIME=onnxruntime"


def openvino(machine: Machine) -> Finding:
    """Its known answer, and its time beside onnxruntime's; or whether it is worth installing."""
    if NAME not in installed():
        flags = first_processor(machine.read("/proc/cpuinfo")).get("flags", "").split()
        return absent(flags)
    try:
        found = errors(NAME)
        if found is None:
            return skipped(NO_ANSWER)
        times = times_of(shipped_network(), installed(), measured)
    except PerceptionError as error:
        return refused(error, OTHERWISE)
    return verdict(found, times, machine.environ.get(VARIABLE) or None)


def absent(flags: list[str]) -> Finding:
    """`flags`: of the processor."""
    gain = next((said for flag, said in GAINS.items() if flag in flags), None)
    if gain is None:
        return skipped("not installed; onnxruntime computes the networks")
    return ok("not installed; onnxruntime computes the networks", f"{INSTALL}. {gain}", recommended=NAME)


def verdict(errors: Mapping[str, float], times: Mapping[str, float], named: str | None = None) -> Finding:
    """`errors`: of each precision. `times`: runtime -> ms. `named`: what PERCEPTION_RUNTIME says."""
    answer = ", ".join(f"{precision} within {error:.1%}" for precision, error in errors.items())
    facts: dict[str, Any] = {"errors": dict(errors), "ms": dict(times), "threads": available_threads()}
    if not all(error <= TOLERANCE for error in errors.values()):
        return degraded(f"OpenVINO gives another answer: {answer}", OTHERWISE, **facts)
    choice = fastest(times)
    told = ", ".join(f"{runtime} {ms:.1f} ms" for runtime, ms in times.items())
    taken = f"auto takes {choice}" if named is None else f"{VARIABLE} says {named}"
    threads = f"{facts['threads']} thread" + "s" * (facts["threads"] != 1)
    seen = f"known answer: {answer}; INT8, {threads}, processor time: {told}; {taken}"
    return ok(seen, recommended=choice, **facts)


def shipped_network() -> Network:
    """The main network as `perception run` has it."""
    from perception import bundle

    spec = bundle.read(bundle.SHIPPED)
    outputs = [name for task in spec.tasks.values() if task.network == bundle.MAIN for name in task.outputs]
    return Network(
        bundle.SHIPPED / spec.files["int8"][bundle.MAIN], tuple(outputs), None, spec.shapes, spec.input_size
    )

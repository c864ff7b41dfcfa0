"""The CUDA driver, its device and what compiles and launches kernels."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from typing import Any

from deploy.doctor.finding import Finding, degraded, ok, refused
from deploy.doctor.machine import Machine
from perception.driver import NO_DRIVER, Driver, look
from perception.errors import BackendUnavailable

CPU = "CPU INT8 backend"
TOOLKIT = "Install the CUDA toolkit of JetPack or of your distribution (apt: cuda-toolkit)"


def driver(machine: Machine) -> Finding:
    """Does it load and start, and which device has it?"""
    try:
        device = look()
    except BackendUnavailable as error:
        found = refused(error)
        if error.seen.startswith(NO_DRIVER):
            return replace(found, seen=f"{NO_DRIVER}: {CPU}", facts={"loader": error.seen})
        return replace(found, seen=f"{error.seen}: {CPU}")
    major, minor = device.capability
    kind = "integrated" if device.integrated else "discrete"
    seen = f"{device.name}, sm_{major}{minor}, {kind}, {device.memory_mb} MB, CUDA {_text(device.version)}"
    if device.devices > 1:
        seen += f", the first of {device.devices}"
    return ok(seen, **asdict(device))


def compiler(machine: Machine) -> Finding:
    """nvcc: there, not newer than the driver, and able to compile for the device."""
    from perception.kernels.compile import find_nvcc

    try:
        nvcc = find_nvcc()
    except BackendUnavailable as error:
        return refused(error)
    match = re.search(r"release (\d+)\.(\d+)", machine.run(nvcc, "--version") or "")
    if not match:
        return degraded(f"{nvcc} does not tell its version", TOOLKIT)
    targets = re.findall(r"compute_(\d+)", machine.run(nvcc, "--list-gpu-arch") or "")
    return _fits((int(match[1]), int(match[2])), targets, look())


def _fits(version: tuple[int, int], targets: list[str], device: Driver) -> Finding:
    seen, target = f"nvcc {_text(version)}", "".join(map(str, device.capability))
    facts: dict[str, Any] = {"nvcc": _text(version), "driver": _text(device.version), "targets": targets}
    if targets and target not in targets:
        advice = "Install the toolkit that came with this device; CUDA 13 has nothing for Xavier (sm_72)"
        return degraded(f"{seen} does not compile for sm_{target}", advice, **facts)
    if version[0] > device.version[0]:
        advice = f"Update the driver, or install the CUDA toolkit {device.version[0]}.x"
        return degraded(
            f"{seen} is newer than the driver, which runs CUDA {_text(device.version)}", advice, **facts
        )
    return ok(seen, **facts)


def pycuda(machine: Machine) -> Finding:
    """It is compiled for one Python and one CUDA, and breaks when either is replaced."""
    from perception.kernels import cuda

    try:
        built = cuda.driver().get_version()
    except BackendUnavailable as error:
        return refused(error)
    except OSError as error:
        return degraded(str(error), "")
    return ok(f"pycuda, built for CUDA {_text(built)}", built=list(built))


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version[:2]))

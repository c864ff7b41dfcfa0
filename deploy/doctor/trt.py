"""TensorRT. Only after the driver was found: without one its runtime ends the process."""

from __future__ import annotations

from deploy.doctor.finding import Finding, degraded, ok, refused
from deploy.doctor.machine import Machine
from perception.backends.cuda_ready import fault, numbers
from perception.driver import look
from perception.errors import BackendUnavailable

NEWER = "Install the TensorRT of JetPack 7.2; a preference file below /etc/apt/preferences.d may hold it back"


def tensorrt(machine: Machine) -> Finding:
    """It imports, is of a version this is written for, and has no fault known for this device."""
    from perception.backends.trt import load

    try:
        version = load().__version__
    except BackendUnavailable as error:
        return refused(error)
    known = fault(numbers(version), look().capability)
    if known:
        return degraded(known, NEWER, version=version)
    return ok(f"TensorRT {version}", version=version)

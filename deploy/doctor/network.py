"""The shipped networks and their known answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deploy.doctor.finding import Finding, degraded, ok, skipped, unusable
from deploy.doctor.machine import Machine
from perception.bundle import ModelSpec
from perception.errors import BundleError

ANSWER = Path(__file__).with_name("answer.json")
PICTURE = Path(__file__).with_name("answer.png")  # a rendered road, of which a pixel is ZOOM x ZOOM
SIGN = Path(__file__).with_name("answer_sign.png")  # whoever sees none is as unsure of each class: no spread
ZOOM = 4
SAMPLES = 48  # of each output, evenly spaced over the flattened array
PRECISIONS = ("int8", "fp32")  # those that run on the CPU
TOLERANCE = 0.1  # root mean square of the difference over that of the answer's spread

NO_ANSWER = "there is no known answer for the shipped bundle"

Answers = dict[str, dict[str, list[float]]]  # precision -> output -> samples


def known_answer(machine: Machine) -> Finding:
    """onnxruntime runs both networks in every precision, and they answer as where they were made."""
    try:
        import onnxruntime
    except (ImportError, OSError) as error:
        return unusable(
            f"onnxruntime does not load: {error}", "pip install --force-reinstall 'onnxruntime>=1.18'"
        )
    from perception.errors import PerceptionError

    try:
        found = errors("onnxruntime")
    except PerceptionError as error:
        return unusable(str(error), "Install perception again")
    return skipped(NO_ANSWER) if found is None else verdict(found, onnxruntime.__version__)


def errors(runtime: str) -> dict[str, float] | None:
    """Precision -> the largest relative difference of an output from the stored answer.

    None: there is no answer for the bundle that is shipped. Raises BundleError, BackendUnavailable.
    """
    from perception import bundle

    stored = json.loads(ANSWER.read_text())
    if checksums(bundle.read(bundle.SHIPPED)) != stored["sha256"]:
        return None
    found = answers(runtime)
    return {precision: _worst(found[precision], stored["answers"][precision]) for precision in found}


def verdict(errors: Mapping[str, float], version: str) -> Finding:
    """`errors`: of each precision, the largest relative difference of an output."""
    seen = ", ".join(f"{precision} within {error:.1%}" for precision, error in errors.items())
    facts: dict[str, Any] = {"errors": dict(errors), "onnxruntime": version, "tolerance": TOLERANCE}
    wrong = [precision for precision, error in errors.items() if not error <= TOLERANCE]
    if not wrong:
        return ok(f"onnxruntime {version}, known answer: {seen}", **facts)
    advice = "pip install --force-reinstall another version of onnxruntime, such as 'onnxruntime>=1.18'"
    if len(wrong) == len(errors):
        return unusable(f"onnxruntime {version} gives another answer: {seen}", advice, **facts)
    good = next(precision for precision in errors if precision not in wrong)
    return degraded(
        f"{', '.join(wrong)} gives another answer with onnxruntime {version}: {seen}",
        f"Use --precision {good}, or {advice}",
        **facts,
    )


def answers(runtime: str = "onnxruntime") -> Answers:
    """What the shipped networks say of the picture, here and now."""
    from perception import bundle
    from perception.backends.runtimes import Network, opened

    spec = bundle.read(bundle.SHIPPED)
    inputs = pictures()
    found: Answers = {}
    for precision in PRECISIONS:
        found[precision] = {}
        for network, file in spec.files[precision].items():
            names = [out for task in spec.tasks.values() if task.network == network for out in task.outputs]
            asked = Network(bundle.SHIPPED / file, tuple(names), 1, spec.shapes)
            raw = opened(asked, runtime)(inputs[network])
            found[precision] |= {name: samples(raw[name]) for name in names}
    return found


def checksums(spec: ModelSpec) -> dict[str, str]:
    """File -> sha256 of the networks that are asked."""
    files = [file for precision in PRECISIONS for file in spec.files[precision].values()]
    return {file: spec.sha256[file] for file in files}


def pictures() -> dict[str, np.ndarray]:
    """Input of each network, the same bytes on every machine: uint8 (1, h, w, 3)."""
    road = _read(PICTURE).repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)
    return {"main": np.ascontiguousarray(road[None]), "signs": _read(SIGN)[None]}


def _read(path: Path) -> np.ndarray:
    import cv2

    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise BundleError(f"{path}: expected a picture, got none. Install perception again")
    return image


def samples(array: np.ndarray) -> list[float]:
    flat = array.ravel()
    at = np.linspace(0, len(flat) - 1, SAMPLES).round().astype(int)
    return [round(float(value), 4) for value in flat[at]]


def _worst(found: Mapping[str, Any], stored: Mapping[str, Any]) -> float:
    return max(difference(np.array(found[name]), np.array(stored[name])) for name in stored)


def difference(got: np.ndarray, wanted: np.ndarray) -> float:
    """Root mean square of got - wanted, over the standard deviation of `wanted`; inf if it is not finite."""
    error = float(np.sqrt(np.mean((got - wanted) ** 2)) / np.std(wanted))
    return error if np.isfinite(error) else float("inf")

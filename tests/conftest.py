"""A small bundle with the outputs of the real one, so that tests need no trained network."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from perception import bundle
from perception.convention import STRIDES
from perception.tasks.signs import CLASSES as SIGNS
from tests.folders import write_folder

os.environ["PERCEPTION_RUNTIME"] = "onnxruntime"  # no test depends on what is faster here

ABSENT = (
    "no driving data",
    "no systemd-analyze",
    "has a CUDA driver",
    "no NVIDIA GPU",
    "cannot be had for this Python",
    "no network of one's own",
)
SIZE = (640, 384)  # network input
SHAPES: dict[str, tuple[int, ...]] = {
    **{f"detection.scores{s}": (1, 6, SIZE[1] // s, SIZE[0] // s) for s in STRIDES},
    **{f"detection.boxes{s}": (1, 4, SIZE[1] // s, SIZE[0] // s) for s in STRIDES},
    "lanes.map": (1, 8, SIZE[1] // 4, SIZE[0] // 4),
    "lanes.edges": (1, 4, SIZE[1] // 4, SIZE[0] // 4),
    "drivable.map": (1, 4, SIZE[1] // 4, SIZE[0] // 4),
}
LANES = ("unknown", "solid", "dashed", "double", "road_edge")
DETECTION = ("vehicle", "person", "cyclist", "motorbike", "traffic_light", "traffic_sign")
TASKS = (
    bundle.TaskSpec(
        "detection",
        DETECTION,
        tuple(name for name in SHAPES if name.startswith("detection")),
        settings={"threshold": dict.fromkeys(DETECTION, 0.4), "nms_iou": 0.6, "max_objects": 100},
    ),
    bundle.TaskSpec("lanes", LANES, ("lanes.map", "lanes.edges"), settings={"threshold": 0.5}),
    bundle.TaskSpec(
        "signs",
        SIGNS,
        ("signs.logits",),
        ("detection",),
        "signs",
        {"threshold": 0.5},
    ),
    bundle.TaskSpec("drivable", ("background", "drivable"), ("drivable.map",), settings={"threshold": 0.5}),
)


def answers(**logits: float) -> dict[str, np.ndarray]:
    """Outputs of the main network, all of one logit a task: nothing seen unless told (`lanes=3.0`)."""
    values = {name: logits.get(name.split(".")[0], -9.0) for name in SHAPES}
    return {name: np.full(shape, values[name], np.float32) for name, shape in SHAPES.items()}


@pytest.fixture(scope="session")
def _bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.networks import main_network, sign_network

    path = tmp_path_factory.mktemp("bundle")
    main_network(path / "network.onnx", SIZE, SHAPES)
    sign_network(path / "signs.onnx", 43)
    files = {"main": "network.onnx", "signs": "signs.onnx"}
    shapes = {**SHAPES, "signs.logits": (None, 43)}
    tasks = {task.name: task for task in TASKS}
    both = {"int8": files, "fp32": files}
    bundle.write(path, bundle.ModelSpec("tiny", "1", SIZE, tasks, both, shapes=shapes))
    return path


@pytest.fixture
def tiny_bundle(_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the small bundle, free to be damaged."""
    path = tmp_path / "tiny"
    path.mkdir()
    for file in _bundle.iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    return path


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """With PERCEPTION_SKIPS=fail, as in CI, a skipped test fails, but for what no set-up can give."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("PERCEPTION_SKIPS") == "fail":
        reason = str(report.longrepr)
        if not any(absent in reason for absent in ABSENT):
            report.outcome, report.longrepr = "failed", f"skipped where nothing should be: {reason}"
    return report


@pytest.fixture(autouse=True)
def _same_weights():
    """A network that a test makes starts from the same weights in every run."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture
def terminal():
    """Ctrl-C and a closed terminal are heard, by the test and by its children, as where a person types.

    A background job of a script is started with SIGINT ignored, one under nohup with SIGHUP, and so are
    its children.
    """
    heard = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in heard.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Labelled pictures in the format of the driving data: every part, a few of each."""
    return write_folder(tmp_path / "data")


@pytest.fixture
def driving_data() -> Path:
    """The folder of real pictures, for tests marked `data`."""
    path = Path(os.environ.get("PERCEPTION_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (path / "det.jsonl").exists():
        pytest.skip(f"no driving data in {path}: set PERCEPTION_DATA")
    return path

"""The node in a real ROS 2: two processes on a network of their own, judged by the pipeline on like frames.

`tools/ros2_env.sh .venv/ros2` makes the environment. A scenario is one run of `tests.node.ros2_peer`.
"""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

import perception
from perception.synthetic import World
from perception.types import Frame

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv" / "ros2" / "bin" / "python"
FRAMES = 6  # different ones, sent in turn
ALONE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--map-root-user")
LOOPBACK = "ip link set lo up && ip link set lo multicast on && ip route add 224.0.0.0/4 dev lo"
MEMORY = "mount -t tmpfs tmpfs /dev/shm"  # Fast DDS finds there what a killed node of another run has left
TIMEOUT_S = 300


def isolated(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it where there is no network but loopback and no shared memory but its own, so that no other ROS 2
    is met; all that it starts ends with it."""
    words = [*ALONE, "bash", "-c", f"{LOOPBACK} && {MEMORY} && {command}"]
    environ = {**os.environ, **environment}
    return subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=TIMEOUT_S)


@cache
def missing() -> str:
    """Why there can be no such test here; "": there can."""
    if not PYTHON.exists():
        return f"no ROS 2 in {PYTHON.parents[1]}: tools/ros2_env.sh makes one"
    try:
        tried = isolated("true")
    except OSError as error:
        return f"no network of one's own: {error}"
    return "" if tried.returncode == 0 else f"no network of one's own: {tried.stderr.strip()}"


@pytest.fixture(scope="module")
def drive():
    """Rendered frames; as JPEG, too. What that Python runs is compiled: no scenario waits for it."""
    if missing():
        pytest.skip(missing())
    for package in ("perception.kernels", "perception.stages"):
        subprocess.run([PYTHON, "-m", package], cwd=ROOT, check=True)
    world = World(7)
    frames = [world.render(k * 1.5).frame for k in range(FRAMES)]
    return frames, [cv2.imencode(".jpg", frame.image)[1] for frame in frames]


@pytest.fixture
def scenario(drive, tmp_path):
    """Plays one; what the peer heard."""

    def play(name: str, **environment: str) -> dict:
        frames, jpegs = drive
        camera = frames[0].camera
        intrinsics = np.array([camera.fx, camera.fy, camera.cx - 0.5, camera.cy - 0.5])
        named = {f"jpeg{k}": jpeg for k, jpeg in enumerate(jpegs)}
        np.savez(tmp_path / "frames.npz", raw=[f.image for f in frames], camera=intrinsics, **named)
        out = tmp_path / "heard.json"
        command = f"'{PYTHON}' -m tests.node.ros2_peer {name} '{tmp_path}/frames.npz' '{out}'"
        done = isolated(command, **environment)
        assert out.exists(), done.stderr + done.stdout
        return json.loads(out.read_text())

    return play


@pytest.fixture(scope="module")
def expected(drive):
    """What `Pipeline` says of a frame, by transport: [(detections, lanes), ...]."""
    frames, jpegs = drive
    decoded = [cv2.imdecode(jpeg, cv2.IMREAD_COLOR) for jpeg in jpegs]
    level = perception.CameraModel(
        frames[0].size, *(getattr(frames[0].camera, name) for name in ("fx", "fy", "cx", "cy"))
    )
    pipeline = perception.load(device="cpu", threads=1)
    images = {"raw": [frame.image for frame in frames], "jpeg": decoded}
    return {
        kind: [said(pipeline, pipeline(Frame(image, 0, 0, camera=level))) for image in those]
        for kind, those in images.items()
    }


def said(pipeline, scene):
    classes = {task.name: task.classes for task in pipeline.tasks}
    found = scene.detections
    rows = zip(found.class_id, found.score, found.xyxy.tolist(), strict=True)
    boxes = [[classes["detection"][k], float(score), *box] for k, score, box in rows]
    return boxes, [
        [classes["lanes"][line.kind], line.score, line.image.tolist(), line.road.tolist()]
        for line in scene.lanes
    ]


def assert_same(got, wanted):
    """Names are equal, numbers nearly."""
    assert len(got) == len(wanted)
    for mine, theirs in zip(got, wanted, strict=True):
        assert mine[0] == theirs[0]
        for a, b in zip(mine[1:], theirs[1:], strict=True):
            np.testing.assert_allclose(np.float64(a), np.float64(b), atol=1e-3)


def accounted(heard) -> int:
    """Frames whose fate the last diagnostics tell; failed are those too, whose result came too late."""
    last = heard["diagnostics"][-1]
    return sum(int(last[name]) for name in ("answered", "dropped", "failed", "lost"))


@pytest.mark.parametrize("kind", ["raw", "compressed"])
def test_a_camera_of_20_hz_is_answered_as_by_the_pipeline(scenario, expected, kind):
    transports = "LARGE_DATA" if kind == "raw" else "DEFAULT"
    heard = scenario(kind, FASTDDS_BUILTIN_TRANSPORTS=transports)
    assert accounted(heard) >= 0.99 * heard["sent"]
    assert heard["detections"]
    assert any(answer["content"] for answer in heard["lanes"])
    assert heard["labels"][0] == "vehicle"
    assert {"network_ms_p95", "age_ms_p99", "lost", "model"} <= set(heard["diagnostics"][-1])
    wanted = expected["raw" if kind == "raw" else "jpeg"]
    for answers, part in ((heard["detections"], 0), (heard["lanes"], 1)):
        for answer in answers:
            assert answer["frame_id"] == "front"
            assert_same(answer["content"], wanted[answer["frame"]][part])


def test_loss_in_transport_is_counted_and_its_cause_named(scenario):
    heard = scenario("lossy", FASTDDS_BUILTIN_TRANSPORTS="DEFAULT")
    warned = next(metrics for metrics in heard["diagnostics"] if "LARGE_DATA" in metrics["message"])
    assert warned["level"] in ("1", "3")  # WARN, or STALE if none came at all
    assert int(warned["received"]) < heard["sent"]


def test_a_network_slower_than_the_camera_drops_and_does_not_lag(scenario):
    heard = scenario("slow")
    assert accounted(heard) >= 0.99 * heard["sent"]
    assert int(heard["diagnostics"][-1]["dropped"]) > heard["sent"] / 4
    assert max(answer["age_ms"] for answer in heard["detections"]) < 2000  # a queue would grow to 4 s


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("-p deadline_ms:=100", "Write a DOUBLE with a point: 100.0"),
        ("-p jpeg_quality:=500", "Max: 100"),
        ("-p device:=gpu", "expected one of auto, cpu, cuda, got 'gpu'"),
        ("--params-file /nowhere.yaml", "Couldn't parse params file"),
        ("-p nonsense", "expected arguments such as --ros-args -p deadline_ms:=100.0"),
        ("--nonsense", "got: ['--nonsense']"),
    ],
)
def test_arguments_that_cannot_be_are_one_line(drive, arguments, says):
    done = isolated(f"'{PYTHON}' -m perception.node.ros2 --ros-args {arguments}")
    lines = [line for line in done.stderr.splitlines() if not line.startswith("[")]
    assert done.returncode == 1
    assert lines[-1].startswith("error: ")
    assert says in lines[-1]
    assert "Traceback" not in done.stderr


def test_the_events_are_found_by_the_name_that_humble_has(drive):
    there = "import rclpy.lifecycle, rclpy.executors, rclpy.qos_event, sys"
    hidden = "sys.modules['rclpy.event_handler'] = None"
    done = isolated(f"'{PYTHON}' -c \"{there}; {hidden}; import perception.node.ros2\"")
    assert done.returncode == 0, done.stderr


def test_transitions_parameters_and_enable(scenario):
    heard = scenario("lifecycle")
    refused, configured, activated, deactivated, cleaned = heard["states"][1:]
    assert heard["states"][0] == "unconfigured"
    assert refused == [False, "unconfigured"]
    assert [configured, activated] == [[True, "inactive"], [True, "active"]]
    assert [deactivated, cleaned] == [[True, "inactive"], [True, "unconfigured"]]
    assert [heard[name][0] for name in ("fixed", "range", "kind", "live")] == [False, False, False, True]
    assert "clean it up" in heard["fixed"][1]
    assert "switched off" in heard["off"]["message"]
    assert heard["subscriptions"] == 0


def test_a_killed_node_is_started_again(scenario):
    heard = scenario("restart", FASTDDS_BUILTIN_TRANSPORTS="UDPv4")  # shares no memory; why: docs/ros2.md
    assert heard["killed"] == -9
    assert 0 < heard["first"] < len(heard["detections"])
    assert heard["exit"] == 0


def test_cyclone_dds_reads_what_we_say(scenario, tmp_path):
    quiet = str(Path(__file__).with_name("no_type_objects.xml"))
    out = str(tmp_path / "cyclone.json")
    heard = scenario("cyclone", FASTDDS_DEFAULT_PROFILES_FILE=quiet, CYCLONE_OUT=out)
    mine = [[answer["stamp"], answer["content"]] for answer in heard["detections"]]
    assert any(content for _, content in mine)
    shared = {stamp for stamp, _ in mine} & {stamp for stamp, _ in heard["cyclone"]}
    assert len(shared) >= 0.9 * len(mine)
    assert [row for row in mine if row[0] in shared] == [row for row in heard["cyclone"] if row[0] in shared]

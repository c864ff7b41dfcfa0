"""The other side of the node in the tests with a real ROS 2: a camera that also listens and gives orders.

    .venv/ros2/bin/python -m tests.node.ros2_peer SCENARIO FRAMES.npz OUT.json

It runs in the ROS environment, starts the node as a second process, and writes down what it heard. The tests
judge that. It speaks to the node by rclpy alone.
"""

from __future__ import annotations

import array
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from perception_msgs.msg import LaneArray
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_srvs.srv import SetBool
from vision_msgs.msg import Detection2DArray, LabelInfo

from tests.node.heard import boxes

ROOT = Path(__file__).parents[2]
INSTALLED = Path(sys.prefix)
SCRIPT = INSTALLED / "lib" / "perception_ros" / "node"
CONFIG = INSTALLED / "share" / "perception_ros" / "config" / "perception.yaml"
PERIOD_S = 0.05  # 20 frames a second
PATIENCE_S = 120.0
WORD = "LARGE_DATA"
COUNTS = ("received", "answered", "dropped", "failed", "ignored")
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Node:
    """The node as a process, as `ros2 run perception_ros node` starts it."""

    def __init__(self, *parameters: str, script: Path = SCRIPT) -> None:
        options = [word for parameter in parameters for word in ("-p", parameter)]
        command = [sys.executable, script, "--ros-args", "--params-file", CONFIG, *options]
        self.process = subprocess.Popen(command, cwd=ROOT)

    def stop(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(20)


class Peer:
    def __init__(self, frames: Path) -> None:
        rclpy.init()
        self.frames = dict(np.load(frames))
        self.me = rclpy.create_node("camera")
        self.detections, self.lanes, self.diagnostics, self.labels = [], [], [], []
        self.sent: dict[int, int] = {}  # stamp -> frame
        self.ended = 0  # diagnostics that were there when the last frame was sent
        self._hear(Detection2DArray, "/perception/detections", lambda m: self._keep(self.detections, m))
        self._hear(LaneArray, "/perception/lanes", lambda m: self._keep(self.lanes, m))
        self._hear(DiagnosticArray, "/diagnostics", lambda m: self.diagnostics.append(plain(m.status[0])))
        self.me.create_subscription(LabelInfo, "/perception/label_info", self._labels, LATCHED)
        self.raw = self.me.create_publisher(Image, "/image", qos_profile_sensor_data)
        self.jpeg = self.me.create_publisher(CompressedImage, "/jpeg", qos_profile_sensor_data)
        self.info = self.me.create_publisher(CameraInfo, "/camera_info", qos_profile_sensor_data)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.me)
        Thread(target=self._executor.spin, daemon=True).start()

    def _hear(self, kind: Any, topic: str, receive: Callable[[Any], None]) -> None:
        self.me.create_subscription(kind, topic, receive, 10)

    def _keep(self, place: list[Any], message: Any) -> None:
        place.append((time.time_ns(), message))

    def _labels(self, message: Any) -> None:
        self.labels = [entry.class_name for entry in message.class_map]

    def until(self, holds: Callable[[], Any], what: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not holds():
            if time.monotonic() > end:
                raise SystemExit(f"waited in vain for {what}; diagnostics {self.diagnostics[-1:]}")
            time.sleep(0.02)

    def state(self) -> str:
        return self.call(GetState, "get_state", GetState.Request()).current_state.label

    def change(self, transition: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=transition))
        return self.call(ChangeState, "change_state", request).success

    def set(self, name: str, **value: Any) -> tuple[bool, str]:
        parameter = Parameter(name=name, value=ParameterValue(**value))
        answer = self.call(SetParameters, "set_parameters", SetParameters.Request(parameters=[parameter]))
        return answer.results[0].successful, answer.results[0].reason

    def call(self, kind: Any, name: str, request: Any) -> Any:
        client = self.me.create_client(kind, f"/perception/{name}")
        self.until(client.service_is_ready, name)
        future = client.call_async(request)
        self.until(future.done, f"an answer of {name}")
        self.me.destroy_client(client)
        return future.result()

    def stream(self, kind: str, count: int) -> None:
        """`count` frames, in turn, at 20 a second."""
        publisher = self.raw if kind == "raw" else self.jpeg
        self.until(publisher.get_subscription_count, "the node's subscription")
        time.sleep(0.5)  # until the node knows of this side, too
        messages = [self._message(kind, k) for k in range(len(self.frames["raw"]))]
        due = time.monotonic()
        for k in range(count):
            message, stamp = messages[k % len(messages)], time.time_ns()
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
            self.sent[stamp] = k % len(messages)
            info = self._camera_info()
            info.header = message.header
            self.info.publish(info)
            publisher.publish(message)
            due += PERIOD_S
            time.sleep(max(0.0, due - time.monotonic()))
        self.ended = len(self.diagnostics)

    def streamed(self, kind: str, count: int) -> bool:
        """The same; True. A slow machine withholds the first answers, which come too late."""
        self.stream(kind, count)
        return True

    def damaged(self) -> bool:
        """A picture that is none; True."""
        self.until(self.jpeg.get_subscription_count, "the node's subscription")
        message = CompressedImage(format="jpeg", data=array.array("B", b"no picture"))
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(time.time_ns(), 10**9)
        self.jpeg.publish(message)
        time.sleep(PERIOD_S)
        return True

    def _message(self, kind: str, k: int) -> Any:
        message = Image() if kind == "raw" else CompressedImage(format="jpeg")
        message.header.frame_id = "front"
        pixels = self.frames["raw"][k]
        data = pixels.tobytes() if kind == "raw" else self.frames[f"jpeg{k}"].tobytes()
        message.data = array.array("B", data)
        if kind == "raw":
            message.height, message.width, message.step = (*pixels.shape[:2], pixels.shape[1] * 3)
            message.encoding = "bgr8"
        return message

    def _camera_info(self) -> Any:
        fx, fy, cx, cy = self.frames["camera"].tolist()
        height, width = self.frames["raw"].shape[1:3]
        k = [fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0]
        return CameraInfo(height=height, width=width, distortion_model="plumb_bob", d=[0.0] * 5, k=k)

    def metrics(self) -> dict[str, str]:
        return self.diagnostics[-1] if self.diagnostics else {}

    def settled(self) -> bool:
        """All that was received has met its fate, by diagnostics that were made after the last frame."""
        received, *fates = (int(self.metrics().get(name, 0)) for name in COUNTS)
        return len(self.diagnostics) > self.ended + 1 and 0 < received == sum(fates)

    def report(self) -> dict[str, Any]:
        return {
            "sent": len(self.sent),
            "detections": [self._answer(at, m, boxes(m)) for at, m in self.detections],
            "lanes": [self._answer(at, m, lines(m)) for at, m in self.lanes],
            "diagnostics": self.diagnostics,
            "labels": self.labels,
        }

    def _answer(self, at: int, message: Any, content: Any) -> dict[str, Any]:
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        return {
            "stamp": stamp,
            "frame": self.sent.get(stamp, -1),
            "frame_id": message.header.frame_id,
            "age_ms": (at - stamp) / 1e6,
            "content": content,
        }


def plain(status: Any) -> dict[str, str]:
    values = {pair.key: pair.value for pair in status.values}
    return {"level": str(status.level[0]), "message": status.message, **values}


def lines(message: Any) -> list[Any]:
    return [
        [line.kind, line.score, [[p.x, p.y] for p in line.image], [[p.x, p.y] for p in line.road]]
        for line in message.lines
    ]


def stream(peer: Peer, kind: str, count: int, **how: Path) -> dict[str, Any]:
    topic = "image" if kind == "raw" else "jpeg"
    # The frames are no drive: what remembers would follow things that are not the same.
    own = ("autostart:=true", "threads:=1", "stages:=none")
    node = Node(f"transport:={kind}", f"image_topic:={topic}", *own, **how)
    peer.stream(kind, count)
    peer.until(peer.settled, "all frames to be accounted for")
    return {**peer.report(), "exit": node.stop()}


def raw(peer: Peer) -> dict[str, Any]:
    return stream(peer, "raw", 120)


def compressed(peer: Peer) -> dict[str, Any]:
    return stream(peer, "compressed", 120)


def slow(peer: Peer) -> dict[str, Any]:
    """A network that takes three periods of the camera."""
    return stream(peer, "compressed", 120, script=Path(__file__).with_name("slow_node.py"))


def lossy(peer: Peer) -> dict[str, Any]:
    """Raw images through a transport that is not made for them."""
    node = Node("transport:=raw", "image_topic:=image", "autostart:=true", "threads:=1")

    def warned() -> bool:
        peer.stream("raw", 20)
        return any(WORD in metrics["message"] for metrics in peer.diagnostics)

    peer.until(warned, f"a warning with {WORD}")
    return {**peer.report(), "exit": node.stop()}


def lifecycle(peer: Peer) -> dict[str, Any]:
    node = Node("image_topic:=jpeg", "transport:=compressed", "threads:=1")
    told: dict[str, Any] = {"states": [peer.state()]}

    def step(transition: int) -> None:
        told["states"].append([peer.change(transition), peer.state()])

    peer.set("bundle", type=4, string_value="/nowhere")
    step(Transition.TRANSITION_CONFIGURE)
    peer.set("bundle", type=4, string_value="")
    step(Transition.TRANSITION_CONFIGURE)
    told["fixed"] = peer.set("precision", type=4, string_value="fp32")
    told["range"] = peer.set("deadline_ms", type=3, double_value=-1.0)
    told["kind"] = peer.set("deadline_ms", type=2, integer_value=5)
    told["live"] = peer.set("deadline_ms", type=3, double_value=123.0)
    step(Transition.TRANSITION_ACTIVATE)
    peer.until(lambda: peer.damaged() and int(peer.metrics().get("failed", 0)), "a picture to be refused")
    peer.until(lambda: peer.streamed("compressed", 10) and peer.detections, "answers")
    peer.until(peer.settled, "all frames to be accounted for")
    peer.call(SetBool, "enable", SetBool.Request(data=False))
    peer.stream("compressed", 10)
    peer.until(lambda: peer.settled() and peer.metrics()["ignored"] == "10", "images to be ignored")
    told["off"] = peer.metrics()
    peer.call(SetBool, "enable", SetBool.Request(data=True))
    before = len(peer.detections)
    peer.until(lambda: peer.streamed("compressed", 10) and len(peer.detections) > before, "answers again")
    step(Transition.TRANSITION_DEACTIVATE)
    told["subscriptions"] = peer.jpeg.get_subscription_count()
    step(Transition.TRANSITION_CLEANUP)
    return {**told, **peer.report(), "exit": node.stop()}


def restart(peer: Peer) -> dict[str, Any]:
    """Killed without a word, started again; the camera goes on."""
    options = ("image_topic:=jpeg", "transport:=compressed", "threads:=1", "autostart:=true")
    node = Node(*options)
    peer.until(lambda: peer.streamed("compressed", 10) and peer.detections, "answers")
    killed = node.stop(signal.SIGKILL)
    time.sleep(0.5)  # what is on its way arrives
    first = len(peer.detections)
    node = Node(*options)

    def answered() -> bool:
        peer.stream("compressed", 10)
        return len(peer.detections) > first

    peer.until(answered, "answers after the restart")
    return {"killed": killed, "first": first, **peer.report(), "exit": node.stop()}


def cyclone(peer: Peer) -> dict[str, Any]:
    """Another stack listens, too."""
    out = Path(os.environ["CYCLONE_OUT"])
    listener = subprocess.Popen([sys.executable, "-m", "tests.node.cyclone_peer", str(out)], cwd=ROOT)
    peer.until(out.exists, "the Cyclone DDS reader")
    told = stream(peer, "compressed", 40)
    listener.wait(60)
    return {**told, "cyclone": json.loads(out.read_text())}


def main(scenario: str, frames: str, out: str) -> None:
    peer = Peer(Path(frames))
    told = globals()[scenario](peer)
    Path(out).write_text(json.dumps(told))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)  # the executor's thread is still spinning, and would keep a failure from being told

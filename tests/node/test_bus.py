"""The bus inside one process, a source that plays the camera, and the command."""

from __future__ import annotations

import sys
from threading import Event
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

from perception import messages
from perception.cli import app
from perception.errors import BackendUnavailable, PerceptionError
from perception.node.bus import InProcessBus
from perception.node.command import node, on_bus
from perception.node.loading import load
from perception.node.parameters import Settings
from perception.node.player import play
from perception.types import Frame
from tests.node.test_node import CAMERA
from tests.node.test_parameters import CONFIG

HEADER = "std_msgs/msg/Header"


def test_names_are_those_of_ros():
    bus = InProcessBus("perception")
    assert [bus.resolved(name) for name in ("~/lanes", "image", "/tf")] == [
        "/perception/lanes",
        "/image",
        "/tf",
    ]


def test_a_message_reaches_who_listens_at_that_time():
    bus, heard = InProcessBus(), []
    publisher = bus.publisher("image", HEADER)
    publisher.publish(messages.header(1, "early"))
    close = bus.subscribe("/image", HEADER, heard.append)
    publisher.publish(messages.header(2, "heard"))
    close()
    publisher.publish(messages.header(3, "late"))
    assert [message.frame_id for message in heard] == ["heard"]
    assert publisher.listeners() == 0


def test_a_latched_message_waits():
    bus, heard = InProcessBus(), []
    bus.publisher("~/label_info", HEADER, latched=True).publish(messages.header(1, "kept"))
    bus.subscribe("~/label_info", HEADER, heard.append)
    assert heard[0].frame_id == "kept"


def test_publishers_are_counted_until_they_close():
    bus = InProcessBus()
    publisher = bus.publisher("image", HEADER)
    assert bus.sources("image") == 1
    publisher.close()
    publisher.close()
    assert bus.sources("image") == 0


def test_the_timer_calls_until_it_is_closed():
    called = Event()
    close = InProcessBus().every(0.001, called.set)
    assert called.wait(10)
    close()


class Stills:
    live, images, lost, fps = False, True, 0, 50.0

    def __iter__(self):
        for seq in range(3):
            yield Frame(np.full((48, 64, 3), seq, np.uint8), 0, seq, camera=CAMERA)

    def close(self):
        pass


@pytest.mark.parametrize("transport", ["raw", "compressed"])
def test_a_source_plays_the_camera(transport):
    bus, pictures, infos, waits = InProcessBus(now_ns=lambda: 7), [], [], []
    bus.subscribe("image", "", pictures.append)
    bus.subscribe("camera_info", "", infos.append)
    assert play(Stills(), bus, Settings(transport=transport), max_frames=2, wait=waits.append) == 2
    read = messages.image_from if transport == "raw" else messages.compressed_from
    assert [read(picture)[0, 0, 0] for picture in pictures] == [0, 1]
    assert messages.stamp_ns(pictures[0].header) == 7
    assert messages.camera_from(infos[0]).cx == pytest.approx(CAMERA.cx)
    assert 0 < waits[1] <= 0.02


def test_the_command_runs_the_node_without_ros(tiny_bundle, capsys):
    on_bus("synthetic:7:4", Settings(bundle=str(tiny_bundle), device="cpu"))
    last = capsys.readouterr().out.splitlines()[-1]
    assert "4 received" in last
    assert "0 failed" in last


def test_without_rclpy_the_command_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "rclpy", None)
    monkeypatch.delitem(sys.modules, "perception.node.ros2", raising=False)
    with pytest.raises(BackendUnavailable, match=r"source /opt/ros.*--bus"):
        node()


@pytest.fixture
def told(monkeypatch):
    """Gives the command words, and gives what ROS hears of them."""

    def tell(*words: str) -> list[str]:
        heard: list[str] = []
        monkeypatch.setattr("perception.node.ros2", SimpleNamespace(main=heard.extend), raising=False)
        monkeypatch.setitem(sys.modules, "perception.node.ros2", sys.modules["perception.node"].ros2)
        result = CliRunner().invoke(app, ["node", *words], env={"HOME": "/home/me"})
        return heard if result.exit_code == 0 else result.stderr.split()

    return tell


def test_options_are_parameters_which_those_of_ros_overrule(told):
    own = ["--ros-args", "-p", "device:=cpu", "--device", "x"]
    heard = told("--device", "cuda", "--bundle=~/7", "--crop", "0,0,1,0.9", "--transport", "compressed", *own)
    assert heard[:9:2] == ["--ros-args", *(heard[k] for k in range(2, 9, 2))]
    assert heard[1:9:2] == ["-p"] * 4
    assert set(heard[2:9:2]) == {
        'transport:="compressed"',
        'bundle:="/home/me/7"',
        'device:="cuda"',
        'crop:="0,0,1,0.9"',
    }
    assert heard[9:] == own
    assert told("--device", "auto") == []


def test_private_names_of_ros_stay(told):
    own = ["--ros-args", "-r", "~/detections:=/front/objects", "-p", "bundle:=~/mine"]
    assert told(*own) == own


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--devise", "cuda"), "--devise"),
        (("image",), "(image)"),
        (("--max-frames", "3"), "--max-frames:"),
        (("--bus", "synthetic:7:1", "--ros-args", "-p", "threads:=1"), "--ros-args"),
        (("--bus", "synthetic:7:1", "image"), "(image)"),
    ],
)
def test_what_the_node_would_not_heed_is_refused(told, words, says):
    assert any(says in word for word in told(*words))


def test_an_impossible_setting_is_refused_before_anything_is_loaded():
    with pytest.raises(PerceptionError, match="one of raw, compressed"):
        on_bus("synthetic:7:1", Settings(transport="ffmpeg"))


def test_the_pipeline_is_loaded_warm_and_with_its_thresholds(tiny_bundle):
    loaded = load(Settings(bundle=str(tiny_bundle), tasks="detection, lanes", device="cpu", threads=1))
    assert [task.name for task in loaded.pipeline.tasks] == ["detection", "lanes"]
    assert loaded.thresholds["detection"] == 0.4
    assert loaded.model == "tiny 1"
    loaded.pipeline.close()


def test_the_launch_file_sets_the_transport_and_known_parameters():
    root = ElementTree.parse(CONFIG.parents[1] / "launch" / "perception.launch.xml").getroot()
    set_env = root.find("set_env")
    assert set_env.get("name") == "FASTDDS_BUILTIN_TRANSPORTS"
    names = {param.get("name") for param in root.iter("param")} - {None, "autostart", "use_sim_time"}
    assert names <= set(vars(Settings()))

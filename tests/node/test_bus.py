"""The bus inside one process, a source that plays the camera, and the command."""

from __future__ import annotations

import sys
from threading import Event
from xml.etree import ElementTree

import numpy as np
import pytest

from perception import messages
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
    on_bus("synthetic:7:4", tiny_bundle, device="cpu")
    last = capsys.readouterr().out.splitlines()[-1]
    assert "4 received" in last
    assert "0 failed" in last


def test_without_rclpy_the_command_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "rclpy", None)
    monkeypatch.delitem(sys.modules, "perception.node.ros2", raising=False)
    with pytest.raises(BackendUnavailable, match=r"source /opt/ros.*--bus"):
        node()


def test_an_impossible_setting_is_refused_before_anything_is_loaded():
    with pytest.raises(PerceptionError, match="one of raw, compressed"):
        on_bus("synthetic:7:1", transport="ffmpeg")


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

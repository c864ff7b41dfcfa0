"""The node on a bus in this process, without ROS: what it answers, what it drops, what it says of itself."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace

import cv2
import numpy as np
import pytest

from perception import messages
from perception.camera import CameraModel
from perception.errors import BundleError, PerceptionError
from perception.health import Limits
from perception.node.bus import InProcessBus
from perception.node.loading import load
from perception.node.node import KINDS, PerceptionNode
from perception.node.parameters import Settings
from tests.node.rig import IMAGE, NOW

CAMERA = CameraModel((64, 48), 50.0, 50.0, 32.0, 24.0)


def test_results_carry_the_header_of_the_image(rig):
    it = rig()
    it.hear("~/detections", "~/signs", "~/lanes")
    it.start()
    it.send(stamp_ns=NOW - 123)
    it.answered(1)
    for (message,) in it.heard.values():
        assert (messages.stamp_ns(message.header), message.header.frame_id) == (NOW - 123, "front")
    found = messages.detections_from(it.heard["~/detections"][0], ("vehicle",))
    np.testing.assert_array_equal(found.xyxy, [[10, 20, 30, 60]])


def test_large_results_are_made_only_for_listeners(rig):
    it = rig(jpeg_quality=50)
    sent, send = [], it.bus.send
    it.bus.send = lambda topic, *rest: (sent.append(topic), send(topic, *rest))
    it.start()
    it.send()
    it.answered(1)
    assert not {"/perception/drivable_mask", "/perception/overlay/compressed"} & set(sent)
    it.hear("~/drivable_mask", "~/overlay/compressed", "~/lane_markers")
    it.send()
    it.answered(2)
    assert [len(heard) for heard in it.heard.values()] == [1, 1, 1]
    assert it.heard["~/drivable_mask"][0].width == 64
    painted = messages.compressed_from(it.heard["~/overlay/compressed"][0])
    assert painted.mean() > 200  # the tasks painted it white


def test_the_newest_image_is_answered_and_the_others_are_counted(rig):
    it = rig()
    it.start()
    it.pipeline.go.clear()
    it.send(value=1)
    it.until(it.pipeline.busy.is_set)
    for value in (2, 3, 4):
        it.send(value=value)
    it.pipeline.go.set()
    it.answered(2)
    assert [frame.image[0, 0, 0] for frame in it.pipeline.frames] == [1, 4]
    assert [frame.seq for frame in it.pipeline.frames] == [0, 3]
    assert it.node.counting.counts().dropped == 2


def test_images_are_numbered_as_they_arrive(rig, monkeypatch):
    """Not when they are looked at: by then the next may be there, and two of a number are a cut."""
    it = rig()
    it.start()
    decode = KINDS["raw"][1]

    def slowly(message, white):
        if it.node.counting.counts().received == 1:
            it.send(value=2)
        return decode(message, white)

    monkeypatch.setitem(KINDS, "raw", (IMAGE, slowly))
    it.send(value=1)
    it.answered(2)
    assert [(frame.image[0, 0, 0], frame.seq) for frame in it.pipeline.frames] == [(1, 0), (2, 1)]


def test_an_image_that_waits_when_the_node_stops_is_dropped(rig):
    it = rig()
    it.start()
    it.pipeline.go.clear()
    it.send()
    it.until(it.pipeline.busy.is_set)
    it.send()
    it.pipeline.go.set()
    it.node.deactivate()
    counts = it.node.counting.counts()
    assert counts.received == counts.answered + counts.dropped == 2
    it.send()
    assert it.node.counting.counts().received == 2


@pytest.mark.parametrize("bad", [{"value": 13}, {"value": 66}, {"encoding": "32FC1"}, {"step": 7}])
def test_an_image_that_fails_is_counted_and_the_next_one_answered(rig, bad):
    it = rig()
    it.start()
    it.send(**bad)
    it.until(lambda: it.node.counting.counts().failed == 1)
    it.send()
    it.answered(1)
    assert it.node.status()["level"] == 1
    assert it.node.status()["message"].startswith(f"a frame failed: {it.values()['error']}")
    assert it.values()["failed"] == "1"


@pytest.mark.parametrize("bad", [{"value": 13}, {"value": 66}, {"encoding": "32FC1"}])
def test_many_failures_are_an_error_until_the_node_is_switched_off(rig, bad):
    it = rig()
    it.start()
    for k in range(10):
        it.send(**bad)
        it.until(lambda: it.node.counting.counts().failed == k + 1)  # noqa: B023 (at once)
    it.until(lambda: it.node.status()["level"] == 2)
    assert f"the last 10 frames failed: {it.values()['error']}" in it.node.status()["message"]
    it.node.deactivate()
    assert (it.node.status()["level"], it.node.status()["message"]) == (1, "inactive")


def test_switched_off_it_looks_at_nothing(rig):
    it = rig()
    it.start()
    assert it.node.enable(False) == "off, active"
    it.send()
    assert "switched off" in it.node.status()["message"]
    it.node.enable(True)
    it.send()
    it.answered(1)
    assert (it.values()["ignored"], len(it.pipeline.frames)) == ("1", 1)


def test_jpeg_comes_in_on_the_compressed_transport(rig):
    it = rig(transport="compressed")
    it.start()
    jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
    it.camera.publish(messages.compressed_image(jpeg, messages.header(NOW, "front")))
    it.answered(1)
    assert abs(int(it.pipeline.frames[0].image.mean()) - 90) <= 1


def test_camera_info_and_the_mount_give_metres(rig):
    it = rig(camera_height=2.0, camera_pitch=0.1)
    it.hear("~/lanes", "~/lane_markers")
    it.start()
    it.infos.publish(messages.camera_info(CAMERA, messages.header(NOW, "front")))
    it.send()
    it.answered(1)
    camera = it.pipeline.frames[0].camera
    assert (camera.fx, camera.height, camera.pitch) == (50.0, 2.0, 0.1)
    assert it.heard["~/lanes"][0].vehicle_frame == "base_link"
    wipe, line = it.heard["~/lane_markers"][0].markers
    assert (wipe.action, line.header.frame_id, line.points[0].x) == (3, "base_link", 4.0)


def test_rectified_images_have_the_camera_of_p(rig):
    it = rig(image_topic="front/image_rect")
    it.camera = it.bus.publisher("front/image_rect", IMAGE)
    it.start()
    record = messages.camera_info(
        replace(CAMERA, distortion=(0.3, 0.0, 0.0, 0.0, 0.0)), messages.header(NOW, "front")
    )
    it.infos.publish({**record, "p": [40.0, *record["p"][1:]]})
    it.send()
    it.answered(1)
    assert it.pipeline.frames[0].camera == replace(CAMERA, fx=40.0)


def test_the_camera_is_scaled_to_the_image_or_not_used(rig):
    it = rig()
    it.start()
    for size in ((128, 96), (128, 48)):
        camera = CameraModel(size, 100.0, 100.0, 64.0, 48.0)
        it.infos.publish(messages.camera_info(camera, messages.header(NOW, "front")))
        it.send()
        it.answered(1 + (size[1] == 48))
    assert it.pipeline.frames[0].camera.fx == 50.0
    assert it.pipeline.frames[1].camera is None
    assert "not used" in it.node.status()["message"]


def test_a_camera_file_is_stronger_than_camera_info(rig, tmp_path):
    CAMERA.save(tmp_path / "camera.json")
    it = rig(camera_file=str(tmp_path / "camera.json"))
    it.start()
    it.infos.publish(messages.camera_info(replace(CAMERA, size=(640, 480)), messages.header(NOW, "front")))
    it.send()
    it.answered(1)
    assert it.pipeline.frames[0].camera == CAMERA


def test_labels_are_kept_for_who_comes_later(rig):
    it = rig()
    it.node.configure()
    it.hear("~/label_info", "~/sign_label_info")
    labels, signs = (heard[0] for heard in it.heard.values())
    assert [entry.class_name for entry in labels.class_map] == ["vehicle"]
    assert labels.threshold == pytest.approx(0.4)
    assert [entry.class_name for entry in signs.class_map] == ["stop"]


def test_topics_of_tasks_that_do_not_run_are_not_there(rig):
    it = rig(names=("lanes",))
    it.start()
    assert it.bus.sources("~/lanes") == 1
    assert it.bus.sources("~/detections") == it.bus.sources("~/label_info") == 0


def test_it_goes_through_its_states_and_back(rig):
    it = rig()
    for _ in range(2):
        it.start()
        it.send()
        it.answered(1)
        it.node.deactivate()
        it.node.cleanup()
        assert it.node.state == "unconfigured"
        assert it.pipeline.closed
        assert it.bus.sources("~/detections") == it.bus.listeners("image") == 0


def test_the_size_and_the_part_that_were_set_are_loaded(tiny_bundle):
    settings = Settings(bundle=str(tiny_bundle), input_size="96x64", crop="100,0,1000,500")
    with closing(load(settings).pipeline) as pipeline:
        assert pipeline.size_for((1, 1)) == pipeline.backend.input_size == (96, 64)
        assert pipeline.crop.at((1280, 720)) == (100, 0, 1000, 500)


@pytest.mark.parametrize("settings", [{"camera_file": "/nowhere"}, {"bundle": "/nowhere"}])
def test_what_cannot_be_loaded_leaves_it_unconfigured(settings):
    node = PerceptionNode(InProcessBus(), Settings(**settings))
    with pytest.raises(PerceptionError, match="nowhere"):
        node.configure()
    assert node.state == "unconfigured"
    node.close()


def test_a_failing_load_can_be_tried_again(rig):
    it = rig()
    working, it.node._load = it.node._load, lambda settings: (_ for _ in ()).throw(BundleError("expected it"))
    with pytest.raises(BundleError):
        it.node.configure()
    it.node._load = working
    it.start()
    it.send()
    it.answered(1)


def test_settings_change_while_it_runs(rig):
    it = rig()
    it.start()
    assert it.node.refusal({"deadline_ms": 5.0}) is None
    assert "clean it up" in it.node.refusal({"transport": "compressed"})
    it.node.change({"deadline_ms": 5.0})
    it.send(stamp_ns=NOW - 300_000_000)
    it.answered(1)
    assert "scenes are 300 ms old, the deadline is 5" in it.node.status()["message"]


def test_metrics_are_published_by_the_timer(rig):
    it = rig()
    it.hear("/diagnostics")
    it.start()
    it.send()
    it.answered(1)
    it.node.report()
    status = it.heard["/diagnostics"][-1].status[0]
    values = {pair.key: pair.value for pair in status.values}
    assert (status.level, status.message, status.hardware_id) == (0, "active", "cpu")
    assert (values["answered"], values["age_ms_p50"], values["network_ms_p99"]) == ("1", "10.0", "5.0")


def test_a_result_that_is_too_old_is_not_published(rig):
    it = rig()
    it.hear("~/lanes")
    it.start()
    it.send(stamp_ns=NOW - 700_000_000)
    it.until(lambda: it.node.counting.counts().failed == 1)
    assert it.heard["~/lanes"] == []
    assert "withheld: it is 700 ms old" in it.values()["error"]
    assert "failed" not in it.node.status()["message"]
    assert "scenes are 700 ms old" in it.node.status()["message"]


def test_a_camera_that_falls_silent_is_published_at_once(rig):
    """Not by the next tick of the diagnostics, which nobody waits for here."""
    it = rig()
    it.hear("/diagnostics")
    it.start()
    it.send()
    it.answered(1)
    it.until(lambda: any(array.status[0].level == 3 for array in it.heard["/diagnostics"]))
    told = it.heard["/diagnostics"][-1].status[0]
    assert "none any more" in told.message


def test_of_a_clock_of_its_own_an_image_is_as_old_as_its_arrival(rig):
    """It waited for the network, and its stamp does not tell."""
    it = rig()
    it.hear("~/lanes")
    it.start()
    it.pipeline.go.clear()
    for _ in range(2):
        it.send(stamp_ns=5)
        it.until(it.pipeline.busy.is_set)
    it.node.health.limits = Limits(oldest_ms=40.0)
    time.sleep(0.05)
    it.pipeline.go.set()
    it.until(lambda: it.node.counting.counts().failed == 2)
    assert it.heard["~/lanes"] == []


def test_a_clock_that_is_ahead_makes_nothing_young(rig, monkeypatch):
    it = rig()
    it.hear("~/lanes")
    it.start()
    it.pipeline.go.clear()
    it.send(stamp_ns=NOW + 2_000_000_000)
    it.until(it.pipeline.busy.is_set)
    later = time.monotonic_ns() + 700_000_000
    monkeypatch.setattr("perception.node.node.time.monotonic_ns", lambda: later)
    it.pipeline.go.set()
    it.until(lambda: it.node.counting.counts().failed == 1)
    assert it.heard["~/lanes"] == []
    assert "withheld: it is 7" in it.values()["error"]
    assert "images are stamped 2000 ms in the future" in it.node.status()["message"]

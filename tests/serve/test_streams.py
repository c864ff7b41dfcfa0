"""What those who look get, over real sockets."""

import json
from contextlib import ExitStack
from socket import SHUT_RDWR

import cv2
import numpy as np
import pytest

from perception.errors import FrameError
from perception.serve import streams
from perception.serve.shot import HEAD
from perception.sinks.scenes import scene_to_json
from tests.serve.fakes import FakePipe, frame, served
from tests.sinks.fakes import TASKS, full
from tests.waiting import wait_until


def looked_at(front, lookers: int = 1) -> None:
    wait_until(lambda: sum(looker.hungry for looker in front.cameras["front"].studio._lookers) == lookers)


def parts(data: bytes):
    """JSON and picture of a live message."""
    (length,) = HEAD.unpack_from(data)
    head = json.loads(data[HEAD.size : HEAD.size + length])
    return head, cv2.imdecode(np.frombuffer(data[HEAD.size + length :], np.uint8), 1)


def pictures(socket):
    return (message for message in socket if isinstance(message, bytes))


def test_the_page_gets_the_picture_with_its_scene(front):
    with front.socket("/api/cameras/front/live") as socket:
        looked_at(front)
        front.give(7)
        scene, image = parts(next(pictures(socket)))
    assert (scene["seq"], image.shape) == (7, (64, 96, 3))
    assert abs(int(image.mean()) - 7) < 3
    assert scene["detections"] == scene_to_json(full(frame(7)), frame(7), TASKS)["detections"]
    assert scene["areas"].keys() == {"drivable"}
    assert scene["age_ms"] < 5000


def test_a_page_that_does_not_answer_gets_two_pictures_and_holds_up_nobody(front):
    with front.socket("/api/cameras/front/live") as stalled, front.socket("/api/cameras/front/live") as other:
        theirs = pictures(other)
        for seq in range(6):
            looked_at(front, 2 if seq < 2 else 1)
            front.give(seq)
            assert parts(next(theirs))[0]["seq"] == seq
            other.send("1")
        ours = pictures(stalled)
        assert [parts(next(ours))[0]["seq"] for _ in range(2)] == [0, 1]
        stalled.send("1")
        looked_at(front, 2)
        front.give(6)
        assert parts(next(ours))[0]["seq"] == 6


def test_connections_that_break_are_no_errors(front, caplog):
    for path, protocols in (("/api/cameras/front/live", None), ("/foxglove", ["foxglove.sdk.v1"])):
        with front.socket(path, subprotocols=protocols) as socket:
            socket.recv(timeout=20)
            socket.socket.shutdown(SHUT_RDWR)
    front.give(*range(4))
    wait_until(lambda: front.cameras["front"].studio.lookers == 0)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_nothing_is_made_while_nobody_looks_and_once_for_all_who_do(front, monkeypatch):
    made = []
    encode = cv2.imencode
    monkeypatch.setattr(cv2, "imencode", lambda *a: made.append(1) or encode(*a))
    front.give(0, 1, 2)
    wait_until(lambda: front.cameras["front"].account.answered == 3)
    assert not made
    assert front.cameras["front"].studio.made == 0
    with ExitStack() as stack:
        sockets = [stack.enter_context(front.socket("/api/cameras/front/live")) for _ in range(3)]
        looked_at(front, 3)
        front.give(3)
        assert [parts(next(pictures(s)))[0]["seq"] for s in sockets] == [3, 3, 3]
    assert len(made) == 1


def test_motion_jpeg_and_snapshots(front):
    with front.stream("/api/cameras/front/stream.mjpeg?painted") as answer:
        looked_at(front)
        front.give(200)
        head = b"".join(answer.readline() for _ in range(4))
        jpeg = answer.read(int(head.split(b"Content-Length: ")[1].split(b"\r")[0]))
    assert answer.headers.get_content_type() == "multipart/x-mixed-replace"
    painted = cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1)
    assert painted[60, 90, 2] > 200 > painted[60, 90, 0] + 100  # the square of the tasks


def test_scenes_and_health_as_events(front):
    with front.stream("/api/cameras/front/events") as answer:
        looked_at(front)
        front.give(5)
        found = {}
        while found.keys() != {"scene", "health"}:
            name, data, _ = (answer.readline().decode().strip() for _ in range(3))
            found[name.removeprefix("event: ")] = json.loads(data.removeprefix("data: "))
    assert found["scene"]["seq"] == 5
    assert found["health"]["health"]["state"] in ("starting", "ok")


def test_what_must_not_be_given_is_withheld_and_said(front):
    with front.socket("/api/cameras/front/live") as socket:
        looked_at(front)
        front.give(0, age_s=60)
        scene, _ = parts(next(pictures(socket)))
    assert "60" in scene["withheld"]
    assert not {"detections", "lanes", "signs", "drivable"} & scene.keys()
    assert scene["areas"] == {}


def test_the_state_is_told_and_probes_tell_it_too(front):
    assert front.ask("/readyz")[::2] == (503, b"starting\n")
    front.give(0)
    wait_until(lambda: front.ask("/readyz")[::2] == (200, b"ok\n"))
    assert front.json("/api/cameras/front")["frames"]["answered"] == 1
    lines = front.get("/metrics").decode().splitlines()
    assert 'perception_frames_total{camera="front",outcome="answered"} 1.0' in lines
    assert 'perception_state{camera="front",state="ok"} 1.0' in lines
    assert 'perception_scene_age_seconds_count{camera="front"} 1.0' in lines


def test_a_pipeline_that_fails_is_a_failed_state():
    pipe = FakePipe()
    pipe.error = FrameError("the network's answer is not finite")
    with served(pipe=pipe) as front:
        front.give(*range(12))
        wait_until(lambda: front.ask("/healthz")[0] == 503)
        said = front.json("/api/cameras/front")["health"]
    assert said["state"] == "failed"
    assert "not finite" in said["reasons"][0]["text"]


@pytest.mark.parametrize("path", ["/", "/login"])
def test_a_page_loads_nothing_from_elsewhere_and_runs_only_itself(front, path):
    body = front.get(path).decode()
    status, headers, _ = front.ask(path, Authorization="Bearer " + "a token of the tests, long")
    assert status == 200
    assert "://" not in body.replace("http://www.w3.org", "").replace("/^http/", "")
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src ")
    assert "'unsafe" not in policy


def test_a_camera_that_is_not_there(front):
    status, _, body = front.ask(
        "/api/cameras/rear/snapshot.jpg", Authorization="Bearer a token of the tests, long"
    )
    assert (status, body) == (404, b"expected a camera of front\n")


def test_a_camera_that_gives_no_picture_is_told(front, monkeypatch):
    monkeypatch.setattr(streams, "NEVER_S", 0.05)
    status, _, body = front.ask(
        "/api/cameras/front/snapshot.jpg", Authorization="Bearer a token of the tests, long"
    )
    assert (status, body) == (503, b"front: no picture comes: starting\n")

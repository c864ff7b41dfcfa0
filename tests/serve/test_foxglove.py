"""The Foxglove protocol, read by its specification: the bytes are those of a recording."""

import json
import struct
from contextlib import closing

import pytest
from mcap.reader import make_reader

from perception.camera import CameraModel
from perception.fields import RESULTS
from perception.messages import TOPICS, wire
from perception.serve.foxglove import PROTOCOLS
from perception.sinks import DriveRecorder
from tests.serve.fakes import frame, served
from tests.sinks.fakes import TASKS, full
from tests.waiting import wait_until

CAMERA = CameraModel((96, 64), 80.0, 80.0, 48.0, 32.0, height=1.5)
DETECTIONS, TYPE = RESULTS["detections"]


def advertised(socket):
    info, channels = (json.loads(socket.recv(timeout=20)) for _ in range(2))
    assert (info["op"], channels["op"]) == ("serverInfo", "advertise")
    return {channel["topic"]: channel for channel in channels["channels"]}


def subscribe(socket, *pairs):
    asked = [{"id": number, "channelId": channel["id"]} for number, channel in pairs]
    socket.send(json.dumps({"op": "subscribe", "subscriptions": asked}))


def data(socket):
    opcode, subscription, time_ns = struct.unpack_from("<BIQ", message := socket.recv(timeout=20))
    assert opcode == 1
    return subscription, time_ns, message[13:]


def looked_at(there, name="front"):
    wait_until(lambda: any(looker.hungry for looker in there.cameras[name].studio._lookers))


@pytest.mark.parametrize("protocol", ["foxglove.websocket.v1", "foxglove.sdk.v1"])
def test_both_names_of_the_protocol_are_taken(front, protocol):
    with front.socket("/foxglove", subprotocols=["other.v1", protocol]) as socket:
        assert socket.subprotocol == protocol
        channels = advertised(socket)
    ours = [RESULTS[name] for name in RESULTS.keys() - {"image_classes", "object_classes", "class_maps"}]
    assert channels.keys() == {topic for topic, _ in (*TOPICS.values(), *ours)}
    one = channels[DETECTIONS]
    assert (one["encoding"], one["schemaEncoding"], one["schemaName"]) == ("cdr", "ros2msg", TYPE)
    assert one["schema"] == wire.definition(TYPE)


def test_another_protocol_is_refused(front):
    with pytest.raises(Exception, match="400"):
        front.socket("/foxglove", subprotocols=["foxglove.websocket.v0"])


def test_the_bytes_are_those_of_a_recording(front, tmp_path):
    shown = frame(3, camera=CAMERA)
    with closing(DriveRecorder(tmp_path / "a.mcap", TASKS, jpeg_quality=80)) as sink:
        sink.write(shown, full(shown))
    with (tmp_path / "a.mcap").open("rb") as file:
        recorded = {
            c.topic: wire.store().deserialize_cdr(m.data, s.name)
            for s, c, m in make_reader(file).iter_messages()
        }
    with front.socket("/foxglove", subprotocols=PROTOCOLS) as socket:
        channels = advertised(socket)
        subscribe(socket, *enumerate(channels.values(), 10))
        looked_at(front)
        front.sources["front"].items.put(shown)
        for _ in list(recorded):
            number, time_ns, payload = data(socket)
            channel = list(channels.values())[number - 10]
            said = wire.store().deserialize_cdr(payload, channel["schemaName"])
            assert repr(said) == repr(recorded.pop(channel["topic"]))  # padding is random
            assert time_ns == shown.stamp_ns


def test_only_what_is_subscribed_to_comes_and_until_it_is_left(front):
    with front.socket("/foxglove", subprotocols=PROTOCOLS) as socket:
        channels = advertised(socket)
        subscribe(socket, (1, channels[DETECTIONS]))
        for seq in range(2):
            looked_at(front)
            front.give(seq)
            assert data(socket)[0] == 1
        socket.send(json.dumps({"op": "unsubscribe", "subscriptionIds": [1]}))
        subscribe(socket, (2, channels[TOPICS["image"][0]]))
        socket.send("no JSON")
        assert json.loads(socket.recv(timeout=20))["op"] == "status"
        looked_at(front)
        front.give(2, 3)
        assert data(socket)[0] == 2


def test_what_is_wrong_is_answered(front):
    with front.socket("/foxglove", subprotocols=PROTOCOLS) as socket:
        channels = advertised(socket)
        one = channels[DETECTIONS]
        for pairs in ([(1, {"id": 99})], [(1, one), (1, one)], [(-1, one)]):
            subscribe(socket, *pairs)
            assert json.loads(socket.recv(timeout=20))["op"] == "status"


@pytest.mark.parametrize(
    "text",
    [
        '{"op": "subscribe", "subscriptions": [{"id": 1e999, "channelId": 1}]}',
        '{"op": "unsubscribe", "subscriptionIds": [Infinity]}',
        '{"op": ' + 900 * "[" + 900 * "]" + "}",
        30_000 * "[",
        "[]",
    ],
    ids=["overflow", "infinity", "deep op", "deep", "list"],
)
def test_what_cannot_be_read_is_answered(front, text):
    with front.socket("/foxglove", subprotocols=PROTOCOLS) as socket:
        advertised(socket)
        socket.send(text)
        assert "expected a message of the protocol" in json.loads(socket.recv(timeout=20))["message"]


def test_topics_of_several_cameras_lie_below_their_names():
    with served("front", "rear") as there, there.socket("/foxglove", subprotocols=PROTOCOLS) as socket:
        channels = advertised(socket)
        subscribe(socket, (1, channels[f"/rear{DETECTIONS}"]))
        looked_at(there, "rear")
        there.give(0, name="rear")
        assert data(socket)[0] == 1
    assert f"/front{DETECTIONS}" in channels

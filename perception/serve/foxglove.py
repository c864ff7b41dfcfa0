"""The Foxglove WebSocket protocol: the messages that a recorded drive would hold, as they come.

As in https://github.com/foxglove/ws-protocol/blob/main/docs/spec.md. `foxglove.sdk.v1` is the same protocol
as `foxglove.websocket.v1` under another name; both are in use. Nothing is encoded that nobody has
subscribed to.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import anyio
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket

from perception.fields import FIELDS, RESULTS
from perception.limits import description
from perception.messages import TOPICS, wire
from perception.serve.camera import Camera
from perception.serve.shot import Shot
from perception.serve.streams import GONE, until_gone
from perception.serve.viewers import Viewer

PROTOCOLS = ("foxglove.sdk.v1", "foxglove.websocket.v1")
DATA = struct.Struct("<BIQ")  # opcode, subscription, time of the message in ns
MESSAGE_DATA = 1
WARNING, ERROR = 1, 2  # levels of a status


class Channel(NamedTuple):
    camera: str
    topic: str  # as recorded
    type_name: str
    shown: str  # as advertised


def channels(cameras: Mapping[str, Camera]) -> dict[int, Channel]:
    """By their ids. The topics of several cameras lie below the names of these."""
    found = [
        Channel(name, topic, kind, f"/{name}{topic}" if len(cameras) > 1 else topic)
        for name, camera in cameras.items()
        for topic, kind in _topics(camera)
    ]
    return dict(enumerate(found, 1))


async def foxglove(socket: WebSocket, cameras: Mapping[str, Camera], session: str) -> None:
    """One viewer."""
    offered = socket.scope.get("subprotocols", [])
    protocol = next((name for name in offered if name in PROTOCOLS), None)
    if protocol is None:
        text = f"expected a subprotocol of {', '.join(PROTOCOLS)}, got {', '.join(offered) or 'none'}\n"
        await socket.send_denial_response(PlainTextResponse(text, 400))
        return
    await socket.accept(protocol)
    there = channels(cameras)
    await socket.send_text(
        json.dumps({"op": "serverInfo", "name": "perception", "capabilities": [], "sessionId": session})
    )
    await socket.send_text(
        json.dumps({"op": "advertise", "channels": [_advertised(k, c) for k, c in there.items()]})
    )
    wanted: dict[int, Channel] = {}  # subscription -> channel
    news = {name: anyio.Event() for name in cameras}
    async with anyio.create_task_group() as group:
        for camera in cameras.values():
            group.start_soon(until_gone, partial(_send, socket, camera, wanted, news))
        try:
            while True:
                for answer in _heard(await socket.receive_text(), there, wanted):
                    await socket.send_text(json.dumps(answer))
                for event in news.values():
                    event.set()
        except GONE:
            group.cancel_scope.cancel()


async def _send(
    socket: WebSocket, camera: Camera, wanted: Mapping[int, Channel], news: dict[str, anyio.Event]
) -> None:
    """The frames of one camera, of which this viewer wants something."""

    def make(shot: Shot) -> list[bytes]:
        return list(messages(shot, {k: c for k, c in dict(wanted).items() if c.camera == camera.name}))

    with Viewer(camera.studio, make) as viewer:
        while True:
            if not any(channel.camera == camera.name for channel in wanted.values()):
                news[camera.name] = anyio.Event()
                await news[camera.name].wait()
                continue
            for data in await viewer.next():
                await socket.send_bytes(data)


def messages(shot: Shot, wanted: Mapping[int, Channel]) -> Iterator[bytes]:
    """What is sent of a frame for the subscriptions `wanted`."""
    by_topic = {channel.topic: subscription for subscription, channel in wanted.items()}
    for draft in shot.messages:
        if draft.topic in by_topic:
            head = DATA.pack(MESSAGE_DATA, by_topic[draft.topic], max(0, shot.frame.stamp_ns))
            yield head + draft.encode()


def _heard(text: str, there: Mapping[int, Channel], wanted: dict[int, Channel]) -> Iterator[dict[str, Any]]:
    """Do what a viewer asks; gives what it is answered."""
    try:
        said = description(text)
        match said["op"]:
            case "subscribe":
                for one in said["subscriptions"]:
                    yield from _subscribe(int(one["id"]), int(one["channelId"]), there, wanted)
            case "unsubscribe":
                for subscription in said["subscriptionIds"]:
                    wanted.pop(int(subscription), None)
            case other:
                yield _status(WARNING, f"{other!r} is not offered here")
    except (ValueError, TypeError, KeyError) as error:
        yield _status(ERROR, f"expected a message of the protocol, got: {error!r}")


def _subscribe(
    subscription: int, channel: int, there: Mapping[int, Channel], wanted: dict[int, Channel]
) -> Iterator[dict[str, Any]]:
    if channel not in there:
        yield _status(WARNING, f"there is no channel {channel}")
    elif subscription in wanted or there[channel] in wanted.values() or not 0 <= subscription < 1 << 32:
        yield _status(WARNING, f"subscription {subscription} of channel {channel} is there already, or no id")
    else:
        wanted[subscription] = there[channel]


def _status(level: int, text: str) -> dict[str, Any]:
    return {"op": "status", "level": level, "message": text}


def _topics(camera: Camera) -> Iterator[tuple[str, str]]:
    yield from TOPICS.values()
    for field in FIELDS:
        if field.topic and field.task in camera.look.classes:
            yield RESULTS[field.name]


def _advertised(number: int, channel: Channel) -> dict[str, Any]:
    return {
        "id": number,
        "topic": channel.shown,
        "encoding": "cdr",
        "schemaName": channel.type_name,
        "schema": wire.definition(channel.type_name),
        "schemaEncoding": "ros2msg",
    }

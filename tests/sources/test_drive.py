"""Bags that rosbags wrote, in all its formats: every picture, its stamp and its camera."""

import dataclasses
import re
from fractions import Fraction

import av
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from perception.errors import SourceError
from perception.messages import definitions, fill
from perception.sources import open_source
from perception.sources.drive import Drive
from tests.sources.bags import (
    CAMERA,
    FORMATS,
    IMAGE,
    JPEG,
    START,
    STEP,
    bare,
    calibration,
    drive_of,
    header,
    jpeg,
    mount,
    moved,
    raw,
    write_db3,
    write_mcap,
)
from tests.sources.clips import SIZE, number, picture

every_format = pytest.mark.parametrize("form", FORMATS)


@every_format
@pytest.mark.parametrize("kind", [raw, jpeg])
def test_every_picture_comes_in_order_with_its_stamp(tmp_path, form, kind):
    source = open_source(str(FORMATS[form](tmp_path / "bag", drive_of(12, kind))))
    frames = list(source)
    assert [number(f.image) for f in frames] == [f.seq for f in frames] == list(range(12))
    assert [f.stamp_ns for f in frames] == [START + k * STEP for k in range(12)]
    assert (source.live, source.images, source.lost) == (False, False, 0)
    assert source.fps == pytest.approx(20)
    assert {f.source for f in frames} == {IMAGE if kind is raw else JPEG}
    assert all(f.image.flags.writeable for f in frames)


@every_format
def test_a_raw_picture_is_the_same_bytes_and_its_camera_is_known(tmp_path, form):
    first, *_ = open_source(str(FORMATS[form](tmp_path / "bag", drive_of())))
    np.testing.assert_array_equal(first.image, picture(0))
    assert first.camera is not None
    assert first.camera.lens == CAMERA.lens
    for name, value in dataclasses.asdict(CAMERA).items():
        if name != "lens":
            np.testing.assert_allclose(getattr(first.camera, name), value, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("write", [write_mcap, write_db3])
def test_a_bare_file_needs_no_folder(tmp_path, write):
    path = bare(write(tmp_path / "bag", drive_of()))
    assert len(list(open_source(str(path)))) == len(list(open_source(str(path)))) == 12


def test_a_second_pass_starts_again(tmp_path):
    source = Drive(write_mcap(tmp_path / "bag", drive_of()))
    assert [f.seq for f in source] == [f.seq for f in source] == list(range(12))


def test_one_of_several_cameras_is_chosen_by_its_topic(tmp_path):
    said = [message for k in range(5) for message in (raw(k, "/left/image"), raw(k + 20, "/right/image"))]
    path = write_mcap(tmp_path / "bag", said)
    with pytest.raises(
        SourceError, match=r"2; choose one: .*bag\?topic=/left/image \(5 sensor_msgs/msg/Image\)"
    ):
        open_source(str(path))
    frames = list(open_source(f"{path}?topic=/right/image"))
    assert [number(f.image) for f in frames] == [20, 21, 22, 23, 24]


@pytest.mark.parametrize(("topic", "got"), [("/back", "nothing of that name"), ("/tf_static", "TFMessage")])
def test_a_missing_topic_is_answered_with_those_there(tmp_path, topic, got):
    path = write_mcap(tmp_path / "bag", drive_of())
    with pytest.raises(SourceError, match=rf"{got}; topics there: .*{IMAGE} \(12 sensor_msgs/msg/Image\)"):
        Drive(path, topic)


def test_a_bag_without_pictures_lists_its_topics(tmp_path):
    path = write_mcap(tmp_path / "bag", [calibration(), mount()])
    with pytest.raises(SourceError, match=r"pictures .*found none; topics there: /front/camera_info \(1 "):
        open_source(str(path))


def test_results_of_ours_are_no_camera(tmp_path):
    said = [*drive_of(3), raw(0, "/perception/drivable_mask"), raw(0, "/truth/drivable_mask")]
    assert Drive(write_mcap(tmp_path / "bag", said)).topic == IMAGE


def video(codec, encoder, count=30):
    """One packet a message, as cameras with an encoder send it."""
    context = av.CodecContext.create(encoder, "w")
    context.width, context.height, context.pix_fmt = *SIZE, "yuv420p"
    context.time_base, context.gop_size, context.max_b_frames = Fraction(1, 20), 10, 0
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=none"}
    frames = [av.VideoFrame.from_ndarray(picture(k), format="bgr24") for k in range(count)]
    packets = [packet for frame in [*frames, None] for packet in context.encode(frame)]
    return [jpeg(k, format=codec, data=bytes(packet)) for k, packet in enumerate(packets)]


@pytest.mark.parametrize(
    ("codec", "encoder"), [("h264", "libx264"), ("h265", "libx265"), ("hevc", "libx265")]
)
def test_video_packets_are_decoded(tmp_path, codec, encoder):
    if encoder not in av.codecs_available:
        pytest.skip(f"{encoder} cannot be had for this Python")
    source = open_source(str(write_mcap(tmp_path / "bag", video(codec, encoder))))
    frames = list(source)
    assert [number(f.image) for f in frames] == [f.seq for f in frames] == list(range(30))
    assert [f.stamp_ns for f in frames] == [START + k * STEP for k in range(30)]
    assert source.lost == 0


def test_a_lost_packet_costs_the_frames_to_the_next_key_frame(tmp_path):
    said = video("h264", "libx264")
    said[12] = jpeg(12, format="h264", data=b"noise")
    source = open_source(str(write_mcap(tmp_path / "bag", said)))
    frames = list(source)
    assert len(frames) + source.lost == 30
    assert 1 <= source.lost <= 8
    assert number(frames[-1].image) == frames[-1].seq == 29


def test_the_mount_is_followed_up_to_the_vehicle(tmp_path):
    said = [mount("mast", "cam"), moved("base_link", "mast", 0.4), moved("base_footprint", "base_link", 0.3)]
    first, *_ = Drive(write_mcap(tmp_path / "bag", [*said, calibration(), raw(0)]))
    assert first.camera.height == pytest.approx(CAMERA.height + 0.7)
    assert (first.camera.pitch, first.camera.yaw) == pytest.approx((CAMERA.pitch, CAMERA.yaw))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([calibration()], "no transform from base_footprint or base_link to 'cam'"),
        ([calibration(), mount("cam", "cam")], "no transform"),
        ([calibration(), moved("base_link", "cam", 0.0)], "a height of 0.05 to 20"),
        ([calibration(), mount()], r"it is of images \(96, 64\), these are \(96, 30\)"),
    ],
)
def test_a_camera_that_is_not_known_is_none_and_said_once(tmp_path, caplog, said, reason):
    flat = {"height": 30, "data": picture(0)[:30].tobytes()} if "these are" in reason else {}
    frames = list(Drive(write_mcap(tmp_path / "bag", [*said, *(raw(k, **flat) for k in range(3))])))
    assert [f.camera for f in frames] == [None] * 3
    assert len([r for r in caplog.records if "camera model" in r.getMessage()]) == 1
    assert re.search("/front/camera_info: no camera model: .*" + reason, caplog.text)


def test_a_calibration_holds_until_the_next(tmp_path):
    topic, kind, _, record = calibration()
    wider = {**record, "k": [70.0, *record["k"][1:]]}
    said = [mount(), calibration(), raw(0), raw(1), (topic, kind, START + 2 * STEP - 1, wider), raw(2)]
    frames = list(Drive(write_mcap(tmp_path / "bag", said)))
    assert [f.camera.fx for f in frames] == [CAMERA.fx, CAMERA.fx, 70.0]


@pytest.mark.parametrize("name", ["image_rect", "image_rect_color"])
def test_rectified_pictures_share_a_camera_info_and_have_its_p(tmp_path, name):
    topic, kind, time_ns, record = calibration()
    wider = {**record, "p": [70.0, *record["p"][1:]]}
    said = [mount(), (topic, kind, time_ns, wider), raw(0, f"/front/{name}")]
    first, *_ = Drive(write_mcap(tmp_path / "bag", said))
    assert (first.camera.fx, first.camera.fy, first.camera.distortion) == (70.0, CAMERA.fy, (0.0,) * 5)


def test_a_smaller_picture_has_a_scaled_camera(tmp_path):
    half = {"height": 32, "width": 48, "step": 144, "data": picture(0)[:32, :48].tobytes()}
    first, *_ = Drive(write_mcap(tmp_path / "bag", [mount(), calibration(), raw(0, **half)]))
    assert first.camera == dataclasses.replace(first.camera, size=(48, 32))
    assert first.camera.fx == pytest.approx(CAMERA.fx / 2)


def test_a_db3_without_definitions_is_read_as_standard_messages(tmp_path):
    import sqlite3

    path = bare(write_db3(tmp_path / "bag", drive_of()))
    base = sqlite3.connect(path)
    base.execute("delete from message_definitions")
    base.commit()
    base.close()
    assert len(list(Drive(path))) == 12


def test_stamps_without_a_header_time_are_those_of_the_recording(tmp_path):
    none = {"stamp": {"sec": 0, "nanosec": 0}, "frame_id": "cam"}
    frames = list(Drive(write_mcap(tmp_path / "bag", [raw(k, header=none) for k in range(3)])))
    assert [f.stamp_ns for f in frames] == [START + k * STEP for k in range(3)]


def test_the_definitions_of_the_results_are_there():
    assert {"vision_msgs/msg/Detection2DArray", "perception_msgs/msg/LaneArray"} <= definitions().keys()
    assert header(1)["stamp"] == {"sec": 1_700_000_000, "nanosec": STEP}


FOREIGN = {
    "foxglove_msgs/msg/CompressedVideo": (
        "builtin_interfaces/Time timestamp\nstring frame_id\nuint8[] data\nstring format",
        lambda head, data: (head.stamp, "cam", data, "h264"),
    ),
    "ffmpeg_image_transport_msgs/msg/FFMPEGPacket": (
        "std_msgs/Header header\nint32 width\nint32 height\nstring encoding\nuint64 pts\nuint8 flags\n"
        "bool is_bigendian\nuint8[] data",
        lambda head, data: (head, *SIZE, "libx264;yuv420p", 0, 0, False, data),
    ),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_video_messages_of_other_packages_are_decoded_by_their_definitions(tmp_path, kind):
    text, fields = FOREIGN[kind]
    store = get_typestore(Stores.LATEST)
    store.register(get_types_from_msg(text, kind))
    with Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topic = writer.add_connection("/video", kind, typestore=store)
        for _, _, time_ns, record in video("h264", "libx264", 12):
            head = fill(store.types.__getitem__, "std_msgs/msg/Header", record["header"])
            message = store.types[kind](*fields(head, np.frombuffer(record["data"], np.uint8)))
            writer.write(topic, time_ns, store.serialize_cdr(message, kind))
    frames = list(Drive(tmp_path / "bag"))
    assert [number(f.image) for f in frames] == list(range(12))
    assert [f.stamp_ns for f in frames] == [START + k * STEP for k in range(12)]

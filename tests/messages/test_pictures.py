"""Every encoding gives the picture that was put in; a message that lies about its data is refused."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from perception import messages
from perception.errors import FrameError
from perception.messages.pictures import ENCODINGS
from perception.sources.convert import to_bgr
from perception.white import White

SIZE = (8, 6)  # width, height
BGR = np.full((SIZE[1], SIZE[0], 3), (200, 90, 40), np.uint8)
GREY = np.full((SIZE[1], SIZE[0]), 77, np.uint8)
GREY12 = np.linspace(0, 4095, 24).astype(np.uint16).reshape(4, 6)


def yuv() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y (H, W), U and V (H * W / 4,) of BGR."""
    planar = cv2.cvtColor(BGR, cv2.COLOR_BGR2YUV_I420)
    return planar[: SIZE[1]], *planar[SIZE[1] :].reshape(2, -1)


def yuv420(kind: str) -> np.ndarray:
    """(H * 3 / 2, W) NV12 or NV21."""
    y, u, v = yuv()
    chroma = np.stack([u, v] if kind == "nv12" else [v, u], -1)
    return np.concatenate([y, chroma.reshape(-1, SIZE[0])])


def yuv422(uyvy: bool) -> np.ndarray:
    """(H, W, 2); BGR is of one colour."""
    y, u, v = yuv()
    colour = np.where(np.arange(SIZE[0]) % 2, v[0], u[0]).astype(np.uint8) + np.zeros_like(y)
    return np.stack([colour, y] if uyvy else [y, colour], -1)


def bayer(pattern: str) -> np.ndarray:
    """The mosaic of BGR whose top left 2 x 2 pixels have the colours that `pattern` names."""
    mosaic = np.empty(BGR.shape[:2], np.uint8)
    for k, colour in enumerate(pattern):
        mosaic[k // 2 :: 2, k % 2 :: 2] = BGR[0, 0, "bgr".index(colour)]
    return mosaic


def data_of(encoding: str) -> np.ndarray:
    """BGR or GREY in that encoding, its rows as rows of an array."""
    if "16" in encoding:
        return data_of(encoding.replace("16", "8")).astype(np.uint16) * 256 + 128  # bytes that differ
    if encoding.startswith("bayer"):
        return bayer(encoding.split("_")[1][:4])
    if encoding in ("nv12", "nv21"):
        return yuv420(encoding)
    if "yu" in encoding or "uyvy" in encoding:
        return yuv422(encoding in ("yuv422", "uyvy"))
    if encoding in ("mono8", "8UC1"):
        return GREY
    alpha = np.full((*GREY.shape, 1), 9, np.uint8)
    pixels = BGR[..., ::-1] if encoding.startswith("rgb") else BGR
    return np.concatenate([pixels, alpha], -1) if "a8" in encoding or encoding == "8UC4" else pixels


def image(encoding: str, padding: int = 0, big_endian: bool = False, **change) -> SimpleNamespace:
    data = data_of(encoding)
    if big_endian:
        data = data.astype(">u2")
    rows = np.ascontiguousarray(data).view(np.uint8).reshape(len(data), -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=255)
    record = {
        "encoding": encoding,
        "width": SIZE[0],
        "height": SIZE[1],
        "step": rows.shape[1],
        "is_bigendian": int(big_endian),
        "data": rows.tobytes(),
    }
    return SimpleNamespace(**{**record, **change})


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_gives_the_picture(encoding, padding):
    got = messages.image_from(image(encoding, 2 * padding if "16" in encoding else padding))
    grey = "mono" in encoding or encoding.endswith("C1")
    wanted = cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR) if grey else BGR
    assert got.dtype == np.uint8
    assert got.flags.c_contiguous
    assert np.abs(got.astype(int) - wanted).max() <= (4 if "yu" in encoding or "nv" in encoding else 1)


@pytest.mark.parametrize("encoding", [name for name, kind in ENCODINGS.items() if kind.bits == 16])
def test_both_byte_orders_are_read(encoding):
    np.testing.assert_array_equal(
        messages.image_from(image(encoding, big_endian=True)), messages.image_from(image(encoding))
    )


@pytest.mark.parametrize("brightest", [4095, 65535])
def test_deep_pixels_are_narrowed_as_files_are(brightest):
    deep = np.linspace(0, brightest, SIZE[0] * SIZE[1]).astype(np.uint16).reshape(SIZE[::-1])
    got = messages.image_from(image("mono16", data=deep.tobytes()))
    np.testing.assert_array_equal(got, to_bgr(deep))


@pytest.mark.parametrize(
    ("encoding", "change", "says"),
    [
        ("bgr8", {"step": 10}, "step"),
        ("bgr8", {"step": 1000}, "bytes for a 8 x 6"),
        ("bgr8", {"height": 7}, "bytes for a 8 x 6|got 144"),
        ("bgr8", {"data": b""}, "got 0"),
        ("bgr8", {"width": 0}, "at least one pixel"),
        ("yuyv", {"width": 7}, "even size"),
        ("nv12", {"height": 6, "data": bytes(48)}, "9 x 8 = 72 bytes"),
    ],
)
def test_an_image_that_lies_is_refused(encoding, change, says):
    with pytest.raises(FrameError, match=says):
        messages.image_from(image(encoding, **change))


@pytest.mark.parametrize("padding", [0, 5])
def test_a_step_that_a_simulator_leaves_out_is_told_by_the_size(padding):
    sent = image("bgr8", padding)
    np.testing.assert_array_equal(messages.image_from(SimpleNamespace(**{**vars(sent), "step": 0})), BGR)


def test_an_encoding_that_is_not_known_is_named():
    with pytest.raises(FrameError, match=r"an encoding of bgr8.*'32FC1'"):
        messages.image_from(SimpleNamespace(encoding="32FC1"))


def test_bgr8_is_not_copied():
    message = image("bgr8")
    assert np.shares_memory(messages.image_from(message), np.frombuffer(message.data, np.uint8))


def compressed(data: bytes, kind: str = "jpeg") -> SimpleNamespace:
    return SimpleNamespace(format=kind, data=data)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_jpeg_and_png_are_decoded(suffix):
    data = cv2.imencode(suffix, BGR)[1].tobytes()
    got = messages.compressed_from(compressed(data))
    assert np.abs(got.astype(int) - BGR).max() <= (3 if suffix == ".jpg" else 0)


@pytest.mark.parametrize("deep", [GREY12, cv2.cvtColor(GREY12, cv2.COLOR_GRAY2BGR)])
def test_a_deep_png_is_seen_as_the_raw_picture_is(deep):
    raw = SimpleNamespace(
        encoding="mono16", height=4, width=6, step=12, is_bigendian=0, data=GREY12.tobytes()
    )
    data = cv2.imencode(".png", deep)[1].tobytes()
    got = messages.compressed_from(compressed(data, "16UC1; png compressed"), White("topic"))
    np.testing.assert_array_equal(got, messages.image_from(raw, White("topic")))
    assert got.max() == 255


@pytest.mark.parametrize(
    ("data", "kind", "says"),
    [
        (b"", "jpeg", "got 0"),
        (b"no picture", "jpeg", "JPEG or PNG"),
        (cv2.imencode(".jpg", BGR)[1].tobytes()[:-40], "jpeg", "without an end"),
        (b"depth", "16UC1; compressedDepth png", "depth"),
    ],
)
def test_what_is_no_camera_picture_is_refused(data, kind, says):
    with pytest.raises(FrameError, match=says):
        messages.compressed_from(compressed(data, kind))

"""Images in messages, as (H, W, 3) uint8 BGR. By numpy and OpenCV: cv_bridge is bound to one numpy.

Encodings are those of sensor_msgs (image_encodings.hpp) and the two of NV12 cameras.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from perception.errors import FrameError
from perception.limits import check_png, reason
from perception.white import White

# A camera's pixels stay where its CameraInfo says, and as deep as they are.
COLOUR = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION


@dataclass(frozen=True)
class Encoding:
    """How pixels lie in a row."""

    channels: int  # values for each pixel
    to_bgr: int | None = None  # cv2 conversion; None: it is BGR
    bits: int = 8  # of a value
    rows: float = 1.0  # rows of data for each row of the image


BAYER = {
    "rggb": cv2.COLOR_BayerRGGB2BGR,
    "bggr": cv2.COLOR_BayerBGGR2BGR,
    "gbrg": cv2.COLOR_BayerGBRG2BGR,
    "grbg": cv2.COLOR_BayerGRBG2BGR,
}
DEEP = 16
ENCODINGS = {
    "bgr8": Encoding(3),
    "8UC3": Encoding(3),
    "rgb8": Encoding(3, cv2.COLOR_RGB2BGR),
    "bgra8": Encoding(4, cv2.COLOR_BGRA2BGR),
    "8UC4": Encoding(4, cv2.COLOR_BGRA2BGR),
    "rgba8": Encoding(4, cv2.COLOR_RGBA2BGR),
    "mono8": Encoding(1, cv2.COLOR_GRAY2BGR),
    "8UC1": Encoding(1, cv2.COLOR_GRAY2BGR),
    "mono16": Encoding(1, cv2.COLOR_GRAY2BGR, DEEP),
    "16UC1": Encoding(1, cv2.COLOR_GRAY2BGR, DEEP),
    "bgr16": Encoding(3, None, DEEP),
    "16UC3": Encoding(3, None, DEEP),
    "rgb16": Encoding(3, cv2.COLOR_RGB2BGR, DEEP),
    "bgra16": Encoding(4, cv2.COLOR_BGRA2BGR, DEEP),
    "rgba16": Encoding(4, cv2.COLOR_RGBA2BGR, DEEP),
    **{f"bayer_{name}8": Encoding(1, code) for name, code in BAYER.items()},
    **{f"bayer_{name}16": Encoding(1, code, DEEP) for name, code in BAYER.items()},
    "yuv422": Encoding(2, cv2.COLOR_YUV2BGR_UYVY),
    "uyvy": Encoding(2, cv2.COLOR_YUV2BGR_UYVY),
    "yuv422_yuy2": Encoding(2, cv2.COLOR_YUV2BGR_YUY2),
    "yuyv": Encoding(2, cv2.COLOR_YUV2BGR_YUY2),
    "nv12": Encoding(1, cv2.COLOR_YUV2BGR_NV12, rows=1.5),
    "nv21": Encoding(1, cv2.COLOR_YUV2BGR_NV21, rows=1.5),
}


def image_from(message: Any, white: White | None = None) -> np.ndarray:
    """Of a sensor_msgs/Image. A contiguous bgr8 image is not copied: it lies in the message.

    Deep pixels are narrowed as `perception.sources.convert.to_bgr` does, by the `white` of the topic. Raises
    FrameError for an encoding that is not known and for a step or size that does not fit the data.
    """
    encoding = ENCODINGS.get(message.encoding)
    if encoding is None:
        raise FrameError(f"Image: expected an encoding of {', '.join(ENCODINGS)}, got {message.encoding!r}")
    pixels = pixels_of(message, encoding, white)
    if encoding.to_bgr is None:
        return np.ascontiguousarray(pixels)
    try:
        return cv2.cvtColor(pixels, encoding.to_bgr)
    except cv2.error as error:  # an odd width of an encoding that shares colour between two pixels
        size = f"{message.width} x {message.height}"
        raise FrameError(f"Image: expected an even size for {message.encoding}, got {size}") from error


def grey_from(message: Any) -> np.ndarray:
    """(H, W) uint8 of a sensor_msgs/Image in mono8 or 8UC1."""
    if message.encoding not in ("mono8", "8UC1"):
        raise FrameError(f"mask: expected encoding mono8, got {message.encoding!r}")
    return pixels_of(message, ENCODINGS["mono8"])


def compressed_from(message: Any, white: White | None = None) -> np.ndarray:
    """Of a sensor_msgs/CompressedImage with JPEG, PNG or what else OpenCV reads. Raises FrameError.

    A JPEG that was cut off is refused, not filled with grey. Deep pixels are narrowed as by `image_from`.
    """
    data = np.frombuffer(message.data, np.uint8)
    if "compressedDepth" in message.format:
        raise FrameError(f"CompressedImage: expected a camera image, got {message.format!r}, a depth image")
    if _is_cut_jpeg(data):
        raise FrameError(f"CompressedImage: expected a whole JPEG, got {data.size} bytes without an end")
    try:
        check_png(data.data)
        image = cv2.imdecode(data, COLOUR) if data.size else None
    except (cv2.error, ValueError) as error:
        raise FrameError(
            f"CompressedImage: expected an image that can be decoded: {reason(error)}"
        ) from error
    if image is None:
        raise FrameError(f"CompressedImage: expected JPEG or PNG, got {data.size} B, {message.format!r}")
    if image.dtype == np.uint16:
        image = (white or White("one picture")).narrowed(image)
    if image.dtype != np.uint8:
        raise FrameError(f"CompressedImage: expected 8 or 16 bits a value, got {image.dtype}")
    return image


def pixels_of(message: Any, encoding: Encoding, white: White | None = None) -> np.ndarray:
    """(rows, W) or (rows, W, channels) uint8, a view of the data where its values are bytes."""
    height, width, step = int(message.height), int(message.width), int(message.step)
    if not height or not width:
        raise FrameError(f"Image: expected at least one pixel, got {width} x {height}")
    row = width * encoding.channels * encoding.bits // 8
    rows = int(height * encoding.rows)
    data = np.frombuffer(message.data, np.uint8)
    if not step and data.size % rows == 0:  # simulators leave it out; the size tells it
        step = data.size // rows
    if step < row:
        raise FrameError(
            f"Image: expected a step of {row} bytes or more for {width} pixels {message.encoding}, got {step}"
        )
    if data.size != rows * step:
        raise FrameError(
            f"Image: expected {rows} x {step} = {rows * step} bytes for a {width} x {height} "
            f"{message.encoding} image, got {data.size}"
        )
    values = data.reshape(rows, step)[:, :row]
    if encoding.bits == DEEP:
        deep = np.ascontiguousarray(values).view(">u2" if message.is_bigendian else "<u2")
        values = (white or White("one picture")).narrowed(deep.astype(np.uint16))
    return values if encoding.channels == 1 else values.reshape(rows, width, encoding.channels)


def _is_cut_jpeg(data: np.ndarray) -> bool:
    """Starts as a JPEG and has no end-of-image marker near its end, where some cameras pad with zeros."""
    if data.size < 4 or data[:2].tobytes() != b"\xff\xd8":
        return False
    return b"\xff\xd9" not in data[-4096:].tobytes()

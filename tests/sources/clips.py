"""Small videos with a known picture in every frame."""

from __future__ import annotations

import random
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIZE = (96, 64)
BITS = 6  # the frame number stands in the picture as white and black squares, in noise that fills the file


def picture(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    image = np.random.default_rng(number).integers(100, 156, (size[1], size[0], 3), np.uint8)
    for bit in range(BITS):
        image[16:32, 16 * bit : 16 * bit + 16] = 255 * (number >> bit & 1)
    return image


def number(image: np.ndarray) -> int:
    return sum((image[24, 16 * bit + 8].mean() > 128) << bit for bit in range(BITS))


def write_video(path: Path, frames: Iterable[np.ndarray], b_frames: int = 2, **options: str) -> Path:
    """25 fps, a key frame every 10 frames, B-frames between the others."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264" if "libx264" in av.codecs_available else "mpeg4", rate=25)
        stream.width, stream.height = SIZE
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = 10, b_frames
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return path


def timed(
    path: Path,
    places: Iterable[int],
    codec: str = "libx264",
    b_frames: int = 0,
    start_s: int = 0,
    sound_s: int = 0,
    **options: str,
) -> Path:
    """10 fps: pictures with these numbers at their times, perhaps with silence beside them."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.max_b_frames = b_frames
        sound = container.add_stream("aac", rate=8000) if sound_s else None
        for place in places:
            frame = av.VideoFrame.from_ndarray(picture(place), format="bgr24")
            frame.pts, frame.time_base = place + 10 * start_s, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            silence = np.zeros((1, 8000 * sound_s), np.float32)
            frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8000, 8000 * start_s
            container.mux([*sound.encode(frame), *sound.encode()])
    return path


def sound(path: Path) -> Path:
    """A second of silence, without a picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux([*stream.encode(frame), *stream.encode()])
    return path


def numbered(path: Path, **options: str) -> Path:
    """A video of 40 numbered frames."""
    return write_video(path, map(picture, range(40)), **options)


def damage(path: Path, packets: Iterable[int]) -> Path:
    """Overwrite some packets (counted in the order of the file) with noise, all but their length field."""
    with av.open(str(path)) as container:
        contents = [bytes(p) for p in container.demux(video=0) if p.size]
    data = path.read_bytes()
    for k in packets:
        noise = contents[k][:4] + random.Random(k).randbytes(len(contents[k]) - 4)
        data = data.replace(contents[k], noise)
    path.write_bytes(data)
    return path


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path

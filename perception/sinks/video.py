"""A painted video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.codec.codec import UnknownCodecError
from av.video.reformatter import Colorspace, VideoReformatter
from av.video.stream import VideoStream

from perception.colour import BT601, BT709, LIMITED, usual
from perception.errors import SinkError
from perception.interfaces import Painter
from perception.letterbox import Letterbox
from perception.sinks.files import PartFile
from perception.sinks.overlay import Rate, paint, status
from perception.types import Frame, Scene, Size

ENCODERS = {  # name -> options; the first that this FFmpeg has is taken
    "libx264": {"preset": "ultrafast", "crf": "23"},  # 720p in 6 ms; `veryfast` halves the file for 15 ms
    "mpeg4": {"b": "8M"},
}
THREADS = 2  # of the encoder, beside the pipeline; each holds frames in memory
MP4 = {"movflags": "hybrid_fragmented", "flush_packets": "1"}  # see Film
MATRIX = {BT601: Colorspace.ITU601, BT709: Colorspace.ITU709}
CLOCK = 60_000  # ticks a second: whole for 24, 25, 29.97 and 30 fps; mpeg4 takes at most 65535
KEY_FRAME_S = 2
LONGEST_STILL_S = 10  # a camera that was gone for an hour, or a clock that was set, is not an hour of video


class OverlayVideo:
    """`path` (mp4): every frame with what was seen in it.

    The first frame sets the size (an odd width or height grows by one pixel); later frames of another
    size are letterboxed into it. Frames are shown at their stamps, so that dropped frames do not change
    the speed; `fps` is the step where stamps do not advance. `close` completes the file, also after an
    interrupted run. If writing fails, nothing is left and SinkError is raised. The file says its colours:
    BT.709 from HD on, BT.601 below.
    """

    def __init__(
        self,
        path: str | Path,
        fps: float,
        painters: Sequence[Painter],
        encoders: Sequence[str] = tuple(ENCODERS),
    ) -> None:
        self.painters = painters
        self._fps = fps
        self._encoder = next(filter(available, encoders))
        self._part = PartFile(Path(path))
        self._film: Film | None = None
        self._rate = Rate()

    def write(self, frame: Frame, scene: Scene) -> None:
        rate = self._rate.tick()
        canvas = paint(frame, scene, self.painters, f"{status(scene)}  {rate:.0f} fps")
        with self._part.or_nothing():
            if self._film is None:
                self._film = Film(self._part.part, self._encoder, frame.size, self._fps)
            self._film.add(canvas, frame.stamp_ns)

    def close(self) -> None:
        if self._film is None:
            self._part.discard()  # no frame, no video
        elif not self._part.done:
            with self._part.or_nothing():
                self._film.finish()
            self._part.commit()


class Film:
    """An mp4 file being encoded. After an error it is closed and of no further use.

    FFmpeg opens the path itself: writing through a Python file would run Python in the middle of a
    write, where Ctrl-C breaks the file. Until it is finished the file is fragmented and flushed, so that
    what a killed process leaves plays up to the last key frame. `file:` as a name with a colon would be a
    protocol.
    """

    def __init__(self, path: Path, encoder: str, size: Size, fps: float) -> None:
        self.path = path
        self.size = size
        with encoding(path):
            self._file = av.open(f"file:{path}", "w", format="mp4", options=MP4)
            self._stream = cast(VideoStream, self._file.add_stream(encoder, options=ENCODERS[encoder]))
        self._stream.width, self._stream.height = (side + side % 2 for side in size)  # yuv420p halves both
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        self._colour = usual(self._stream.width, self._stream.height)
        context.colorspace, context.color_primaries, context.color_trc = self._colour
        context.color_range = LIMITED
        context.thread_count = THREADS
        context.framerate = Fraction(fps).limit_denominator(1001)
        context.time_base = self._stream.time_base = Fraction(1, CLOCK)
        context.gop_size = max(1, round(KEY_FRAME_S * fps))
        self._step = round(CLOCK / fps)
        self._tick = -self._step
        self._stamp_ns = 0
        self._to_yuv = VideoReformatter()

    def add(self, image: np.ndarray, stamp_ns: int) -> None:
        self._tick += self._advance(stamp_ns)
        picture = av.VideoFrame.from_ndarray(self._fitted(image), format="bgr24")
        with self._closed_on_error():
            picture = self._to_yuv.reformat(
                picture,
                format="yuv420p",
                dst_colorspace=MATRIX[self._colour],
                dst_color_range=LIMITED,
                threads=1,
            )
            picture.pts, picture.time_base = self._tick, Fraction(1, CLOCK)
            self._file.mux(self._stream.encode(picture))

    def finish(self) -> None:
        with self._closed_on_error():
            self._file.mux(self._stream.encode())
            self._file.close()

    def _advance(self, stamp_ns: int) -> int:
        """Ticks from the last picture to this one."""
        passed, self._stamp_ns = stamp_ns - self._stamp_ns, stamp_ns
        ticks = round(passed * CLOCK / 1e9)
        return ticks if 0 < ticks <= LONGEST_STILL_S * CLOCK and self._tick >= 0 else self._step

    def _fitted(self, image: np.ndarray) -> np.ndarray:
        size = image.shape[1], image.shape[0]
        if size != self.size:
            image = Letterbox.fit(size, self.size).apply(image)
        right, bottom = self.size[0] % 2, self.size[1] % 2
        if not right and not bottom:
            return image
        return cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)

    @contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        """So that a full disk has its space back at once: other sinks have to finish their files."""
        try:
            with encoding(self.path):
                yield
        except SinkError:
            with suppress(av.FFmpegError):
                self._file.close()
            raise


@contextmanager
def encoding(path: Path) -> Iterator[None]:
    """FFmpegError becomes SinkError."""
    try:
        yield
    except av.FFmpegError as error:
        raise SinkError(f"{path}: expected to write video, got: {error.strerror}; free the disk") from error


def available(encoder: str) -> bool:
    try:
        av.Codec(encoder, "w")
    except UnknownCodecError:
        return False
    return True

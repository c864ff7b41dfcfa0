"""What might never end, or take everything, is refused in one line."""

from __future__ import annotations

import math
import os
import signal
import struct
import subprocess
import sys
import zlib
from multiprocessing import active_children
from pathlib import Path

import cv2
import numpy as np
import pytest

from perception import jit
from perception.camera import CameraModel
from perception.errors import SourceError
from perception.evaluation import pool
from perception.evaluation.bench.command import bench
from perception.evaluation.pool import Pool
from perception.sources import open_recorded, open_source
from perception.sources.images import read_image
from tests.evaluation.workers import shouting, units
from tests.sources.servers import RtspCamera, serving

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("use", [open_recorded, lambda url: bench(None, url)])
def test_work_that_needs_an_end_refuses_a_camera(use):
    with serving(RtspCamera) as address, pytest.raises(SourceError, match="got a live camera, which has no"):
        use(f"rtsp://{address}/cam")


def test_a_pipe_among_pictures_is_left_out(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))
    os.mkfifo(tmp_path / "b.png")
    source = open_source(str(tmp_path))
    assert [frame.source for frame in source] == ["a.png"]
    assert source.lost == 1


def test_a_png_that_claims_more_than_it_has(tmp_path):
    head = struct.pack(">II5B", 4, 4, 8, 2, 0, 0, 0)
    part = b"IHDR" + head
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(head)) + part + struct.pack(">I", zlib.crc32(part))
    (tmp_path / "a.png").write_bytes(data + struct.pack(">I", 2**31 - 1) + b"IDAT" + bytes(99))
    with pytest.raises(SourceError, match="a part of 2,147,483,647 bytes"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize(
    "absurd",
    [
        {"fx": 1e308},
        {"fy": 1e-300},
        {"cx": -1e300},
        {"distortion": (1e308, 0.0, 0.0, 0.0, 0.0)},
        {"fx": math.nan},
        {"size": (2**32 - 1, 480)},
    ],
)
def test_a_camera_that_cannot_be(absurd):
    with pytest.raises(ValueError, match=r"expected|must be"):
        CameraModel(**{"size": (640, 480), "fx": 500.0, "fy": 500.0, "cx": 320.0, "cy": 240.0, **absurd})


def test_a_worker_that_somebody_stopped_is_replaced(monkeypatch):
    monkeypatch.setattr(pool, "LOOK_S", 0.05)
    monkeypatch.setattr(pool, "STOPPED_S", 0.1)
    crew = Pool(shouting, 1)
    try:
        (unit,) = units(["a"])
        crew.give(0, unit)
        assert crew.hear()[1].records == ("A",)
        assert crew.hear()[1].last
        (child,) = active_children()
        os.kill(child.pid, signal.SIGSTOP)
        crew.give(0, unit)
        assert "killed by SIGKILL" in crew.hear()[1].failure
    finally:
        crew.close()


def test_no_file_takes_the_number_of_a_closed_stderr():
    link = 'os.readlink("/proc/self/fd/2")'
    code = (
        f"import atexit, os; atexit.register(lambda: print({link})); from perception.cli import main; main()"
    )
    command = f"{sys.executable} -c '{code}' run nothing.mp4 2>&-"
    done = subprocess.run(["sh", "-c", f"{command}; echo $?"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["/dev/null", "2"]


def test_no_place_for_compiled_code_is_told_once(monkeypatch, caplog):
    def njit(cache=False, **_):
        if cache:
            raise RuntimeError("no locator available")
        return lambda function: function

    monkeypatch.setattr(jit.numba, "njit", njit)
    jit._tell_of_no_cache.cache_clear()
    for _ in range(2):
        assert jit.compiled(len) is len
    assert caplog.text.count("NUMBA_CACHE_DIR") == 1

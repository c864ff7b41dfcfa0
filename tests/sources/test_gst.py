"""A real GStreamer, by the OpenCV of the system: that of PyPI has none."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

PYTHON = "/usr/bin/python3"
ROOT = Path(__file__).parents[2]
ASK = (
    "import re, sys, cv2; "
    "print(sys.version_info[:2], bool(re.search('GStreamer: +YES', cv2.getBuildInformation())))"
)


def test_frames_of_a_pipeline(tmp_path):
    try:
        asked = subprocess.run([PYTHON, "-c", ASK], capture_output=True, text=True)
    except OSError:
        pytest.skip("an OpenCV with GStreamer cannot be had for this Python")
    if asked.stdout.strip() != f"{sys.version_info[:2]} True":
        pytest.skip("an OpenCV with GStreamer cannot be had for this Python: apt install python3-opencv")
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path)}
    words = [PYTHON, "-m", "tests.sources.gst_peer", sysconfig.get_paths()["purelib"]]
    done = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)
    assert done.stdout == "ten frames\n", done.stderr

"""Pictures reach a browser, and the time that was written into them is read back there."""

import json
import sys

import pytest

from tools import camera_to_browser
from tools.browser import MISSING, chromium

OLDEST_MS = 5000.0  # of a picture on a busy machine; what is read back wrongly is up to 16 million


@pytest.mark.skipif(chromium() is None, reason=MISSING)
def test_the_age_of_pictures_is_told(tmp_path, monkeypatch, capsys):
    words = ["--seconds", "2", "--tasks", "drivable", "--viewers", "2", "--json", str(tmp_path / "ages.json")]
    monkeypatch.setattr(sys, "argv", ["camera_to_browser", *words])
    monkeypatch.setattr(camera_to_browser, "WARM_S", 2.0)
    camera_to_browser.main()
    found = json.loads((tmp_path / "ages.json").read_text())
    assert "age_p99_ms" in capsys.readouterr().out
    assert found["pictures"] > 0
    assert 0 < found["age_p50_ms"] <= found["age_p99_ms"] < OLDEST_MS
    assert found["alone_ms"] > 0 < found["with_2_viewers_ms"]

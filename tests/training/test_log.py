"""What a run says of itself while it goes on."""

from __future__ import annotations

import re
from types import SimpleNamespace

from perception.training.log import EVERY, Log


def test_the_time_that_is_left_follows_from_the_share_that_is_done(tmp_path, capsys, monkeypatch):
    now = iter([100.0, 160.0])
    monkeypatch.setattr("perception.training.log.time", SimpleNamespace(monotonic=lambda: next(now)))
    with Log(tmp_path, 200, 0.25) as log:  # resumed after a quarter; another quarter in a minute
        log.write(200 + EVERY, 0.5, {"loss.lanes": 1.0})
    said = capsys.readouterr().out
    assert re.search(r"step 250, 1\.200 s each, 0:02:00 left: lanes 1\.000", said)

"""`run` and its relatives lose nothing, mix nothing and say when they did not come to an end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from perception.cli import FAILED, INTERRUPTED, app
from perception.outputs import locked
from tests.sources.clips import numbered
from tests.sources.servers import HttpFile, serving

ROOT = Path(__file__).parents[1]


def perception(*args: object):
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture
def run(tiny_bundle, tmp_path):
    """`perception run SOURCE` into tmp_path/out."""

    def run(source: object, *more: object):
        return perception("run", source, "--bundle", tiny_bundle, "--out", tmp_path / "out", *more)

    return run


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((36, 64, 3), np.uint8))
    return path


def summary(folder: Path) -> dict:
    return json.loads((folder / "out" / "summary.json").read_text())


def test_a_video_is_not_replaced_by_its_own_overlay(run, tmp_path):
    (tmp_path / "out").mkdir()
    clip = numbered(tmp_path / "out" / "overlay.mp4")
    before = clip.read_bytes()
    result = run(clip)
    assert result.exit_code == FAILED
    assert "overlay.mp4: expected a place of its own for the output, got the input" in result.stderr
    assert clip.read_bytes() == before


def test_pictures_are_not_replaced_by_their_overlays(run, tmp_path):
    path = picture(tmp_path / "out" / "overlay" / "a.jpg")
    before = path.read_bytes()
    assert run(path.parent).exit_code == run(path.parent / "*.jpg").exit_code == FAILED
    assert path.read_bytes() == before


def test_a_recording_does_not_replace_its_source(tmp_path):
    clip = numbered(tmp_path / "clip.mp4")
    (tmp_path / "link.mcap").symlink_to(clip)
    before = clip.read_bytes()
    result = perception("record", clip, "--out", tmp_path / "link.mcap", "--no-results", "--overwrite")
    assert result.exit_code == FAILED
    assert clip.read_bytes() == before


def test_an_earlier_recording_stays_unless_told_otherwise(tmp_path):
    record = ("record", numbered(tmp_path / "clip.mp4"), "--out", tmp_path / "drive", "--no-results")
    assert perception(*record).exit_code == 0
    before = (tmp_path / "drive.mcap").read_bytes()
    assert perception(*record).exit_code == FAILED
    assert (tmp_path / "drive.mcap").read_bytes() == before
    assert perception(*record, "--overwrite").exit_code == 0


def test_a_folder_that_another_run_writes_is_refused(run, tmp_path):
    source = picture(tmp_path / "in" / "a.png")
    with locked(tmp_path / "out"):
        result = run(source)
    assert result.exit_code == FAILED
    assert "out: another process is writing it" in result.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_a_run_that_ends_is_complete(run, tmp_path):
    assert run(picture(tmp_path / "in" / "a.png")).exit_code == 0
    assert summary(tmp_path)["status"] == "complete"


def test_a_run_that_fails_leaves_no_older_summary_but_its_own(run, tmp_path):
    good, bad = picture(tmp_path / "in" / "a.png"), tmp_path / "bad.png"
    bad.write_text("no picture")
    run(good)
    assert run(bad).exit_code == FAILED
    found = summary(tmp_path)
    assert (found["status"], found["frames"], found["source"]) == ("incomplete", 0, str(bad))
    assert "none of 1 files could be read" in found["error"]
    assert found["lost"] == 1


def test_a_second_run_says_what_it_finds(run, tmp_path, caplog):
    run(picture(tmp_path / "in" / "a.png"))
    assert "earlier run" not in caplog.text
    run(tmp_path / "in" / "a.png")
    assert "results of an earlier run are here (scenes.jsonl, overlay)" in caplog.text
    assert "not of this run" not in caplog.text
    run(tmp_path / "in" / "a.png", "--no-video", "--save-maps")
    assert "what this run does not replace stays: overlay is not of this run" in caplog.text
    assert summary(tmp_path)["files"] == ["scenes.jsonl", "maps"]


def test_no_password_in_any_text(tmp_path):
    secret = (
        "rtsp://admin:s3cret@127.0.0.1:9/front?password=hunter2#wait=0.1",
        "http://a:s3cret@127.0.0.1:9/c.mp4?pwd=hunter2#wait=0.1",
    )
    for url in secret:
        for command in (
            ("run",),
            ("node", "--bus"),
            ("bench",),
            ("record", "--no-results", "--overwrite", "--out", str(tmp_path / "x.mcap")),
        ):
            result = perception(command[0], *command[1:], url)
            assert result.exit_code == FAILED
            assert "127.0.0.1:9" in result.stderr
            assert "s3cret" not in result.output + result.stderr
            assert "hunter2" not in result.output + result.stderr


def test_no_password_in_any_result(run, tmp_path):
    class Clip(HttpFile):
        content = numbered(tmp_path / "a.mp4", movflags="faststart").read_bytes()

    with serving(Clip) as address:
        result = run(f"http://admin:s3cret@{address}/c.mp4?password=hunter2", "--max-frames", 2)
    assert result.exit_code == 0, result.stderr
    files = [path.read_bytes() for path in (tmp_path / "out").iterdir()]
    for text in (result.output.encode(), result.stderr.encode(), *files):
        assert b"s3cret" not in text
        assert b"hunter2" not in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_a_run_keeps_what_is_done(terminal, tiny_bundle, tmp_path, number):
    first = picture(tmp_path / "in" / "0.png")
    for k in range(1, 3000):
        os.link(first, tmp_path / "in" / f"{k}.png")
    code, out = "from perception.cli import main; main()", tmp_path / "out"
    args = ["run", str(tmp_path / "in"), "--bundle", str(tiny_bundle), "--out", str(out)]
    child = subprocess.Popen([sys.executable, "-c", code, *args], cwd=ROOT, stderr=subprocess.PIPE)
    while child.poll() is None and not list(out.glob("overlay/*.jpg")):
        time.sleep(0.02)
    child.send_signal(number)
    _, stderr = child.communicate(timeout=120)
    assert child.returncode == INTERRUPTED, stderr
    assert sorted(os.listdir(out)) == ["overlay", "scenes.jsonl", "summary.json"]
    assert summary(tmp_path)["status"] == "incomplete"
    assert 1 <= summary(tmp_path)["frames"] == len(os.listdir(out / "overlay")) < 3000


@pytest.mark.parametrize("option", ["-h", "--version"])
def test_what_people_try_first(option):
    result = perception(option)
    assert result.exit_code == 0
    assert {"-h": "Usage: ", "--version": "perception "}[option] in result.output


@pytest.mark.parametrize("tasks", ["Lanes", "lanes drivable", " LANES,drivable "])
def test_names_of_tasks_with_capitals_or_spaces(run, tmp_path, tasks):
    result = run(picture(tmp_path / "a.png"), "--tasks", tasks, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert "lanes" in summary(tmp_path)["found"]


@pytest.mark.parametrize(
    "name", ["2024-05-01T12:30:00.mp4", "x[/b].mp4", "[red]a.mp4", "a b.mp4", "rtsp.mp4"]
)
def test_names_of_files_that_look_like_something_else(run, tmp_path, monkeypatch, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    numbered(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    result = run(name, "--max-frames", 2)
    assert result.exit_code == 0, result.stderr
    assert summary(tmp_path)["source"] == name
    assert Path(name).name in result.output


@pytest.mark.parametrize("name", ["~/in/a.png", "file://HOME/in/a.png", "FILE://HOME/in/a.png"])
def test_names_by_other_ways(run, tmp_path, monkeypatch, name):
    monkeypatch.setenv("HOME", str(tmp_path))
    picture(tmp_path / "in" / "a.png")
    result = run(name.replace("HOME", str(tmp_path)), "--out=~/results")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "results" / "summary.json").is_file()


def test_a_pattern_in_a_folder_with_brackets(run, tmp_path):
    picture(tmp_path / "d [1]" / "a.png")
    assert run(tmp_path / "d [1]" / "*.png").exit_code == 0


def test_a_pattern_that_the_shell_has_expanded(run):
    result = run("a.jpg", "b.jpg")
    assert result.exit_code == FAILED
    assert "Quote a name with spaces and a pattern" in " ".join(result.stderr.replace("│", "").split())


def test_a_folder_of_videos_says_what_to_do(run, tmp_path):
    (tmp_path / "in").mkdir()
    numbered(tmp_path / "in" / "a.mp4")
    assert "found none but 1 other files; give one of them, such as" in run(tmp_path / "in").stderr


def test_a_phone_picture_is_named(run, tmp_path):
    (tmp_path / "a.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    assert "convert HEIC to JPEG first" in run(tmp_path / "a.HEIC").stderr


@pytest.mark.parametrize("source", ["a" * 300 + ".mp4", "a\0b.mp4"])
def test_a_name_that_the_system_refuses(run, source):
    result = run(source)
    assert result.exit_code == FAILED
    assert result.stderr.startswith("error: ")


def test_an_error_of_the_system_is_one_line(run, tmp_path):
    result = run(picture(tmp_path / "a.png"), "--threads", 5000)
    assert (result.exit_code, result.stderr.strip()) == (FAILED, "error: expected 1 to 256 threads, got 5000")


def test_a_name_that_is_not_utf8(run, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    picture(tmp_path / "a.png").rename(path)
    assert run(path).exit_code == 0
    line = (tmp_path / "out" / "scenes.jsonl").read_text()
    assert json.loads(line)["source"] == "caf\ufffd.png"
    assert "\\ud" not in line + (tmp_path / "out" / "summary.json").read_text()


def test_a_terminal_that_knows_only_ascii(tiny_bundle, tmp_path):
    picture(tmp_path / "é.png")
    args = ["run", str(tmp_path / "é.png"), "--bundle", str(tiny_bundle), "--out", str(tmp_path / "out")]
    code, environment = "from perception.cli import main; main()", os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code, *args], cwd=ROOT, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_info_of_a_video(tmp_path):
    result = perception("info", numbered(tmp_path / "a.mp4"))
    assert result.exit_code == FAILED
    assert "`perception run` shows what is in a video" in " ".join(result.stderr.split())


def test_an_unknown_codec_is_named(run, tmp_path):
    clip = numbered(tmp_path / "a.mp4")
    clip.write_bytes(clip.read_bytes().replace(b"avc1", b"zzzz"))
    assert "got one of an unknown codec; convert it to H.264" in run(clip).stderr

"""The command line: files that come out, one-line errors, exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from perception.camera import CameraModel
from perception.cli import FAILED, INTERRUPTED, app
from perception.sinks import DriveRecorder
from perception.types import Frame, Scene
from tests.sources.clips import cut, damage, numbered

ROOT = Path(__file__).parents[1]


def perception(*args: object):
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture
def images(tmp_path) -> Path:
    """A folder with a colour, a grey and an odd-sized image."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "drive"
    folder.mkdir()
    for name, shape in [("a.png", (90, 160, 3)), ("b.png", (90, 160)), ("c.jpg", (61, 33, 3))]:
        picture = rng.integers(96, 160, shape, np.uint8)
        picture[:, : shape[1] // 2] //= 4  # noise alone would be a blank picture
        cv2.imwrite(str(folder / name), picture)
    return folder


@pytest.fixture
def clip(tmp_path) -> Path:
    """Five frames of video."""
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height = 160, 96
        for level in range(5):
            image = np.full((96, 160, 3), 40 * level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24")))
        container.mux(stream.encode())
    return path


def lines(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "scenes.jsonl").read_text().splitlines()]


def test_a_folder_of_images(tiny_bundle, images, tmp_path):
    out = tmp_path / "out"
    result = perception("run", images, "--bundle", tiny_bundle, "--out", out, "--save-maps")
    assert result.exit_code == 0, result.output
    assert [line["source"] for line in lines(out)] == ["a.png", "b.png", "c.jpg"]
    assert sorted(path.name for path in (out / "overlay").iterdir()) == ["a.jpg", "b.jpg", "c.jpg"]
    sizes = {
        path.name: cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape for path in (out / "maps").iterdir()
    }
    assert sizes["c.lanes.png"] == sizes["c.drivable.png"] == (61, 33)
    assert len(sizes) == 6


def test_a_video(tiny_bundle, clip, tmp_path):
    out = tmp_path / "out"
    result = perception("run", clip, "--bundle", tiny_bundle, "--out", out, "--threads", 1)
    assert result.exit_code == 0, result.output
    with av.open(str(out / "overlay.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5
    assert [line["seq"] for line in lines(out)] == [0, 1, 2, 3, 4]


def test_the_summary_says_what_ran_and_how_fast(tiny_bundle, clip, tmp_path):
    result = perception(
        "run", clip, "--bundle", tiny_bundle, "--out", tmp_path, "--no-video", "--max-frames", 3
    )
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["bundle"] == "tiny 1"
    assert (summary["frames"], summary["lost"], summary["failed"], summary["interrupted"]) == (3, 0, 0, False)
    assert summary["sizes"] == [[160, 96]]
    assert set(summary["ms"]["network"]) == {"p50", "p95", "p99"}
    assert set(summary["found"]) == {"detection", "lanes", "signs", "drivable"}
    assert "flips" in summary["flicker"]
    assert not (tmp_path / "overlay.mp4").exists()
    assert "3 frames" in result.output


def test_the_summary_says_what_ran_and_not_what_was_asked_for(tiny_bundle, clip, tmp_path):
    perception("run", clip, "--bundle", tiny_bundle, "--out", tmp_path, "--tasks", "lanes", "--no-video")
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["device"], summary["tasks"], summary["input_size"]) == ("cpu", ["lanes"], "auto")
    assert summary["runtimes"].keys() == {"main"}


def test_stages_can_be_chosen(tiny_bundle, clip, tmp_path):
    perception("run", clip, "--bundle", tiny_bundle, "--out", tmp_path, "--stages", "none", "--no-video")
    assert json.loads((tmp_path / "summary.json").read_text())["stages"] == []
    result = perception("run", clip, "--bundle", tiny_bundle, "--out", tmp_path, "--stages", "radar")
    assert (result.exit_code, "got 'radar'" in result.output) == (2, True)


def test_data_is_another_spelling_of_a_drive(tiny_bundle, folder, tmp_path):
    """Options that used to be ignored with --data hold for both."""
    found = []
    for where in (("--data", folder, "--split", "val"), (f"data:{folder}:val",)):
        given = ("--bundle", tiny_bundle, "--tasks", "lanes", "--deadline-ms", 1000, "--json", tmp_path / "a")
        result = perception("evaluate", *where, *given)
        assert result.exit_code == 0, result.output
        found.append(json.loads((tmp_path / "a").read_text()))
    assert [own["facts"]["tasks"] for own in found] == [["lanes"], ["lanes"]]
    of = {name.partition(".")[0] for name in found[0]["metrics"]}
    assert "lanes" in of
    assert of.isdisjoint({"detection", "drivable", "signs"})
    assert found[0]["latency"]["all"]["missed"] == found[1]["latency"]["all"]["missed"] == 0


def test_an_input_size_and_a_part_of_the_image(tiny_bundle, images, tmp_path):
    seen_as = ("--input-size", "96x64", "--crop", "0,0,1,0.5")
    perception("run", images, "--bundle", tiny_bundle, "--out", tmp_path, "--save-maps", *seen_as)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["input_size"], summary["crop"]) == ("96x64", "0,0,1,0.5")
    labels = cv2.imread(str(tmp_path / "maps" / "a.drivable.png"), cv2.IMREAD_UNCHANGED)
    assert labels.shape == (90, 160)
    assert labels[:45].any()
    assert not labels[45:].any()


def test_a_subset_of_tasks(tiny_bundle, images, tmp_path):
    perception("run", images, "--bundle", tiny_bundle, "--out", tmp_path, "--tasks", "lanes, drivable")
    assert {"lanes", "drivable"} <= set(lines(tmp_path)[0])
    assert not {"detections", "signs"} & set(lines(tmp_path)[0])


def test_images_without_painted_ones(tiny_bundle, images, tmp_path):
    out = tmp_path / "out"
    perception("run", images, "--bundle", tiny_bundle, "--out", out, "--no-video")
    assert sorted(path.name for path in out.iterdir()) == ["scenes.jsonl", "summary.json"]


def test_a_camera_model_puts_lanes_on_the_road(tiny_bundle, images, tmp_path):
    CameraModel((1280, 720), 1000, 1000, 640, 360).save(tmp_path / "camera.json")
    camera = ("--camera", tmp_path / "camera.json")
    perception("run", images, "--bundle", tiny_bundle, "--out", tmp_path, "--tasks", "lanes", *camera)
    found = [lane for line in lines(tmp_path) for lane in line["lanes"]]
    assert found
    assert all(len(lane["road"]) == len(lane["points"]) for lane in found)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("nowhere.mp4",), "nowhere.mp4"),
        (("{images}", "--tasks", "lane"), "expected tasks of detection, lanes, signs, drivable, got 'lane'"),
        (("{images}", "--precision", "int4"), "expected a precision"),
        (("{images}", "--input-size", "100x64"), "the nearest is 96x64"),
        (("{images}", "--crop", "0,0,2"), "expected a crop of four numbers"),
        (("{images}", "--crop", "0,0,1280,720"), "expected a crop inside the image of"),
        (("{images}", "--bundle", "nowhere"), "expected a model bundle"),
        (("{images}", "--camera", "nowhere.json"), "expected a camera"),
        (("{images}", "--out", "{clip}/out"), "expected to write"),
        (
            ("{clip}", "--shed", "foo"),
            "expected tasks of detection, lanes, signs, drivable to shed, got 'foo'",
        ),
    ],
)
def test_a_fault_is_one_line_and_exit_code_2(tiny_bundle, images, clip, args, message):
    args = [arg.format(images=images, clip=clip) for arg in args]
    given = [] if "--bundle" in args else ["--bundle", tiny_bundle]
    result = perception("run", *args, *given)
    assert result.exit_code == FAILED
    assert message in result.stderr
    assert result.stderr.count("error:") == 1
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("content", [b"", b"not a video\n" * 99], ids=["empty", "text"])
def test_a_file_that_is_no_video_is_one_line_too(tiny_bundle, tmp_path, content):
    (tmp_path / "clip.mp4").write_bytes(content)
    result = perception("run", tmp_path / "clip.mp4", "--bundle", tiny_bundle, "--out", tmp_path / "out")
    assert result.exit_code == FAILED
    assert result.stderr.count("error:") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "harm", [lambda path: cut(path, 0.6), lambda path: damage(path, [12, 13])], ids=["truncated", "damaged"]
)
def test_the_good_frames_of_a_bad_video_are_processed_and_the_loss_is_reported(tiny_bundle, tmp_path, harm):
    clip = harm(numbered(tmp_path / "clip.mkv"))
    result = perception("run", clip, "--bundle", tiny_bundle, "--out", tmp_path, "--no-video")
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert result.exit_code == 0
    assert summary["lost"] >= 1
    assert summary["frames"] + summary["lost"] == 40
    assert f"{summary['lost']} lost" in result.output


def test_no_results_of_a_source_that_does_not_open(tiny_bundle, tmp_path):
    perception("run", "nowhere.mp4", "--bundle", tiny_bundle, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_info(tiny_bundle):
    result = perception("info", tiny_bundle)
    assert result.exit_code == 0
    for word in ("tiny", "640 x 384", "dashed", "motorbike", "network.onnx"):
        assert word in result.output


def test_info_shows_main_metrics_and_writes_all(tmp_path):
    result = perception("info", "--json", tmp_path / "road.json")
    assert "drivable.camvid.iou" in result.output
    assert "drivable.camvid.recall" not in result.output
    assert "drivable.camvid.recall" in json.loads((tmp_path / "road.json").read_text())["metrics"]["int8"]


def test_info_of_a_file_that_is_neither_says_what_was_expected(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    result = perception("info", tmp_path / "notes.txt")
    assert result.exit_code == FAILED
    assert "expected a model bundle or a recorded drive, got another file" in result.stderr


def test_info_of_nothing(tmp_path):
    result = perception("info", tmp_path)
    assert result.exit_code == FAILED
    assert "expected a model bundle" in result.stderr


def test_a_frozen_network_replays_nothing(tmp_path):
    result = perception("add-task", "weather", "--data", tmp_path, "--out", tmp_path / "o", "--replay", "d")
    assert result.exit_code == FAILED
    assert "--replay: expected --unfreeze beside it" in result.stderr


def test_help_imports_nothing_heavy():
    code = "import sys; sys.modules.update(dict.fromkeys(['numpy', 'cv2', 'torch', 'onnxruntime', 'av']));"
    code += "from perception.cli import main; sys.argv = ['perception', 'run', '--help']; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--save-maps" in done.stdout


@pytest.mark.usefixtures("terminal")
def test_ctrl_c_keeps_what_is_done(tiny_bundle, images, tmp_path):
    """A long run, interrupted once its first scenes are on the screen."""
    for i in range(3000):
        os.link(images / "a.png", images / f"more{i}.png")
    code = "from perception.cli import main; main()"
    args = ["run", str(images), "--bundle", str(tiny_bundle), "--out", str(tmp_path / "out")]
    child = subprocess.Popen([sys.executable, "-c", code, *args], cwd=ROOT, stderr=subprocess.PIPE)
    overlay = tmp_path / "out" / "overlay"
    while child.poll() is None and not (overlay.is_dir() and any(overlay.glob("*.jpg"))):
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=120)
    assert child.returncode == INTERRUPTED, stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["interrupted"]
    assert 1 <= len(lines(tmp_path / "out")) == summary["frames"] < 3000


@pytest.mark.parametrize(
    "args",
    [
        ("info", "drive.mcap", "--json", "drive.mcap"),
        ("info", "road", "--json", "road/model.json"),
        ("evaluate", "drive.mcap", "--bundle", "road", "--json", "drive.mcap"),
        ("evaluate", "--data", "set", "--json", "set/annotations.json"),
        ("evaluate", "synthetic:0:1", "--bundle", "road", "--json", "road/model.json"),
        ("bench", "clip.mp4", "--bundle", "road", "--json", "clip.mp4"),
        ("gate", "clip.mp4", "--reference", "ref", "--bundle", "road", "--junit", "clip.mp4"),
        ("gate", "clip.mp4", "--reference", "ref", "--bundle", "road", "--junit", "ref/clip.jsonl"),
        ("--log-file", "clip.mp4", "info", "road"),
    ],
)
def test_a_result_is_not_written_over_an_input(tiny_bundle, clip, tmp_path, monkeypatch, args):
    monkeypatch.chdir(tmp_path)
    Path(tiny_bundle).rename("road")
    with closing(DriveRecorder("drive.mcap", ())) as sink:
        sink.write(Frame(np.zeros((48, 64, 3), np.uint8), 0, 0), Scene(0, 0, (64, 48)))
    for name in ("set/annotations.json", "ref/clip.jsonl"):
        Path(name).parent.mkdir()
        Path(name).write_text("mine")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    result = perception(*args)
    assert (result.exit_code, before) == (FAILED, {path: path.read_bytes() for path in before})
    assert "would be lost" in result.output or "expected a log" in result.output


def test_a_name_is_told_as_it_is():
    """rich makes an emoji of the middle of this one unless it is told not to."""
    result = perception("run", "synthetic:-1:2")
    assert (result.exit_code, "'synthetic:-1:2'" in result.output) == (FAILED, True)


def test_no_console_makes_emoji_of_names():
    files = {path for top in ("perception", "calibration", "deploy") for path in (ROOT / top).rglob("*.py")}
    made = {path.name for path in files if re.search(r"\bConsole\(", path.read_text())}
    assert made == {"terminal.py"}


def test_options_that_do_nothing_are_said(tiny_bundle, clip, tmp_path, caplog):
    given = (clip, "--bundle", tiny_bundle, "--out", tmp_path / "out", "--max-frames", 1)
    assert perception("run", *given, "--camera-height", 3, "--bev").exit_code == 0
    assert "--camera-height does nothing without --camera FILE" in caplog.text
    assert "--bev did nothing: no frame had a camera" in caplog.text
    caplog.clear()
    perception("run", "synthetic:0:1", *given[1:], "--bev", "--no-video")
    assert "--bev draws into the overlay, and --no-video writes none" in caplog.text
    assert "did nothing" not in caplog.text


@pytest.mark.parametrize(
    ("name", "written"), [("drive.v1", "drive.v1.mcap"), ("drive", "drive.mcap"), ("a.MCAP", "a.MCAP.mcap")]
)
def test_what_is_recorded_is_read_again(tmp_path, name, written):
    result = perception("record", "synthetic:0:2", "--no-results", "--out", tmp_path / name)
    assert (result.exit_code, [path.name for path in tmp_path.iterdir()]) == (0, [written])
    assert perception("info", tmp_path / written).exit_code == 0

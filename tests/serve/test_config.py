"""The YAML file, and what is wrong with it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from perception.cli import app
from perception.errors import DataError, PerceptionError
from perception.serve.config import CameraConfig, ServeConfig, check, named, parsed, read

WHOLE = """
host: 0.0.0.0
token_file: /var/lib/perception/token
recordings: rec
quota_gb: 2
tasks: [lanes, drivable]
cameras:
  front: {source: "rtsp://user:secret@10.0.0.7/1", deadline: 1}
"""


def test_what_is_said_once_holds_for_all_cameras(tmp_path):
    path = tmp_path / "serve.yaml"
    path.write_text(
        WHOLE.replace(", deadline: 1", "")
        + "  rear: {source: 0, tasks: detection, stages: none, shed: none, mount: rear.mount}\n"
    )
    config = read(path)
    front, rear = config.cameras
    assert (front.name, front.tasks, rear.source, rear.tasks, rear.stages) == (
        "front",
        ("lanes", "drivable"),
        "0",
        ("detection",),
        (),
    )
    assert (config.quota_gb, config.recordings, config.port) == (2.0, Path("rec"), 8088)
    assert (front.shed, rear.shed, rear.pipeline(3).mount) == (None, ("none",), Path("rear.mount"))
    assert front.pipeline(3).threads == 3


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({}, "cameras: expected at least one"),
        ({"cameras": {"front": {}}}, "cameras.front: expected a source"),
        (
            {"cameras": {"front": {"source": 0, "colour": 1}}},
            "cameras.front: expected a key of .* got 'colour'",
        ),
        ({"cameras": {"Front view": {"source": 0}}}, "expected a name of small letters"),
        (
            {"cameras": {"a": {"source": 0}}, "port": 70000},
            "port: expected a number of 0 to 65535, got '70000'",
        ),
        ({"cameras": {"a": {"source": 0}}, "port": 80.5}, "port: expected a whole number"),
        ({"cameras": {"a": {"source": 0}}, "prot": 80}, "got 'prot'"),
        ({"cameras": {"a": {"source": 0, "device": "gpu"}}}, "device: expected one of auto, cpu, cuda"),
        ({"cameras": {"a": {"source": True}}}, "source: expected a text"),
        (
            {"cameras": {"a": {"source": 0, "ego": "~nobody-here/a.csv"}}},
            "ego: expected a path, with ~NAME only",
        ),
        ([1], "expected keys and values, got list"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(said, problem):
    with pytest.raises(DataError, match=problem):
        parsed(said, "serve.yaml")


def test_a_file_that_is_no_yaml(tmp_path):
    (tmp_path / "a.yaml").write_text("cameras: [")
    with pytest.raises(DataError, match="expected a configuration as YAML"):
        read(tmp_path / "a.yaml")


def test_sources_on_the_command_line_have_names_or_numbers():
    cameras = named(["0", "rear=rtsp://a/b?c=d", "http://a/b?c=d"], {"device": "cpu"})
    assert [(c.name, c.source) for c in cameras] == [
        ("camera1", "0"),
        ("rear", "rtsp://a/b?c=d"),
        ("camera3", "http://a/b?c=d"),
    ]
    assert cameras[0].device == "cpu"
    with pytest.raises(DataError, match="twice"):
        named(["a=0", "a=1"], {})


def test_check_says_what_will_be_done_and_no_password(tmp_path):
    path = tmp_path / "serve.yaml"
    path.write_text(WHOLE.replace(", deadline: 1", ""))
    done = CliRunner().invoke(app, ["serve", "--check", str(path)], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    assert "front: rtsp://10.0.0.7/1: lanes, drivable" in done.output
    assert "secret" not in done.output


def test_check_finds_what_will_fail(tmp_path):
    path = tmp_path / "serve.yaml"
    path.write_text(WHOLE)
    done = CliRunner().invoke(app, ["serve", "--check", str(path)], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert "got 'deadline'" in done.output
    assert "secret" not in done.output
    for camera, problem in (
        (CameraConfig("a", "0", tasks=("radar",)), "radar"),
        (CameraConfig("a", "0", ego=tmp_path / "none.csv"), "ego"),
        (CameraConfig("a", "0", camera=tmp_path / "none.json"), "none.json"),
    ):
        with pytest.raises(PerceptionError, match=problem):
            check(ServeConfig((camera,)))
    assert check(ServeConfig((CameraConfig("a", "drive.mcap", ego=Path("/odom")),)))  # a topic, no file


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("bundle", Path("no-such-bundle"), "expected a model bundle"),
        ("precision", "int9", "expected a precision of fp32, int8"),
        ("input_size", "enormous", "expected an input size"),
        ("crop", "banana", "expected a crop of four numbers"),
        ("stages", ("colour",), "expected stages of .* got 'colour'"),
        ("mount", Path(__file__), "expected a mount that was saved before"),
        ("shed", ("radar",), "expected tasks of .* to shed, got 'radar'"),
        ("shed", ("detection", "lanes", "drivable"), "at least one task that is not shed"),
    ],
)
def test_check_refuses_what_serve_would_and_names_camera_and_key(key, value, problem):
    with pytest.raises(DataError, match=f"front: {key}: .*{problem}"):
        check(ServeConfig((CameraConfig("front", "0", **{key: value}),)))


def test_a_stage_without_its_task_is_refused():
    with pytest.raises(DataError, match="front: stages: stage 'track' needs detection"):
        check(ServeConfig((CameraConfig("front", "0", tasks=("lanes",), stages=("track",)),)))


def test_two_cameras_do_not_share_a_mount(tmp_path):
    front = CameraConfig("front", "0", mount=tmp_path / "mount.json")
    rear = CameraConfig("rear", "1", mount=tmp_path / "x" / ".." / "mount.json")
    assert check(ServeConfig((front,)))
    with pytest.raises(DataError, match=r"rear: mount: expected a file of its own .* is that of front"):
        check(ServeConfig((front, rear)))


@pytest.mark.parametrize("option", ["--config", "--check"])
def test_what_would_be_ignored_beside_a_file_is_refused(option, tmp_path):
    path = tmp_path / "serve.yaml"
    path.write_text(WHOLE.replace(", deadline: 1", ""))
    done = CliRunner().invoke(app, ["serve", option, str(path), "--port", "9"], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert "got port beside it" in done.output

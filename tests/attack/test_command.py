"""`perception evaluate --attack` on rendered pictures, by the shipped bundle."""

import json

import pytest
import torch
from typer.testing import CliRunner

from perception import bundle
from perception.attack.kind import Aim
from perception.attack.known import Known
from perception.attack.patch import Patch
from perception.bundle import SHIPPED
from perception.cli import FAILED, app
from perception.evaluation.seeing import REPRODUCIBLE
from perception.model.stored import stored
from perception.sources import open_source


def invoke(*args):
    return CliRunner().invoke(app, ["evaluate", *map(str, args)])


def test_more_grey_levels_leave_less_and_noise_alone_does_little(tmp_path):
    path = tmp_path / "a.json"
    done = invoke("synthetic:3:1", "--attack", "pgd", "--tasks", "drivable", "--json", path)
    assert done.exit_code == 0, done.output
    assert "chance" in done.output
    rows = json.loads(path.read_text())["attacks"]
    assert [(row["task"], row["strength"], row["frames"]) for row in rows] == [
        ("drivable", strength, 1) for strength in (2, 4, 8)
    ]
    assert rows[-1]["broken"]["value"] == 1 > rows[-1]["chance"]["value"]
    assert rows[-1]["attacked"] < rows[-1]["clean"] / 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--attack", "laser"], "expected pgd, patch, got 'laser'"),
        (["--attack", "pgd", "--pace", "33"], "--attack: expected no --pace with it"),
        (["--attack", "pgd", "--device", "cuda"], "--attack: expected no --device with it"),
        (["--attack", "pgd", "--corrupt", "fog"], "expected --corrupt or --attack, got both"),
        (["--corrupt", "fog", "--deadline-ms", "9"], "--corrupt: expected no --deadline-ms with it"),
        (
            ["--attack", "patch", "--tasks", "signs,detection"],
            "tasks of detection, lanes, drivable, got signs",
        ),
        (["--attack", "patch", "--tasks", "detection"], "whose road is free, the second one with labels of"),
    ],
)
def test_what_cannot_be_attacked_is_refused(words, said):
    done = invoke("synthetic:3:1", *words)
    assert done.exit_code == FAILED
    assert said in " ".join(done.output.split())


def test_a_patch_is_learnt_and_lies_on_the_road_alone():
    frame = next(iter(open_source("synthetic:3")))
    with_patch = []
    pipeline = REPRODUCIBLE.load()
    known = Known(stored(SHIPPED), pipeline, bundle.read(SHIPPED).tasks)
    assert Patch().split(known, [frame, frame]) == ([frame], [frame])
    for sure in (None, 0.0):
        change = Patch(steps=2).learn(known, Aim("drivable", 2, sure), [frame])
        with_patch.append(torch.from_numpy(change(frame).image))
    pipeline.close()
    difference = (with_patch[0] != with_patch[1]).any(-1)
    assert 0 < difference.sum() < difference.numel() / 10
    assert not difference[: len(difference) // 2].any()

"""Comparisons that are really trained, though small: resumed, refused, and judged on the way."""

from __future__ import annotations

import json
import re

import pytest

from perception.errors import DataError, SinkError
from perception.outputs import locked
from perception.training.analysis import command, job
from perception.training.analysis import compare as comparing
from perception.training.analysis import groups as grouping
from perception.training.analysis.compare import Preset
from perception.training.analysis.runs import TASKS, Run, perform, share
from perception.training.analysis.validation import fallen, read_baseline
from perception.training.command import train


def test_tasks_that_cannot_be_judged_are_not_grouped(mine, tmp_path):
    asked = ['detection.classes=["forklift", "pallet"]', "held_out=0.3", "rendered=2"]
    with pytest.raises(DataError, match=r"got none of drivable.*'tasks=\[\"detection\"\]'"):
        grouping.groups("quick", [f"coco:{mine}"], tmp_path, [*asked, 'tasks=["detection", "drivable"]'])
    assert not list(tmp_path.glob("single-*"))


@pytest.mark.parametrize("ask", [comparing.compare, grouping.groups])
def test_a_folder_whose_val_tells_nothing_of_a_task_is_refused(folder, tmp_path, smoke, ask):
    table = folder / "signs.csv"
    table.write_text(table.read_text().replace(",val,", ",train,"))
    with pytest.raises(DataError, match=r"got none of signs.*fewer tasks: --set 'tasks=\["):
        ask("smoke", [str(folder)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_only_the_tasks_of_the_settings_are_grouped(folder, tmp_path, smoke):
    found = grouping.groups("smoke", [str(folder)], tmp_path, ['tasks=["lanes", "drivable"]', "steps=2"])
    assert set(found["gains"]) == {"lanes", "drivable", "lanes+drivable"}
    assert len(found["partitions"]) == 2


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("patience=3", "patience=3: expected runs of as many steps"),
        ("minutes=5", "minutes=5: expected runs of as many steps"),
        ("weights.lanes=6", "weights=.*: expected none"),
        ("seed=7", "--set seed=7: expected settings that all runs have"),
        ("balance=dwa", "--set balance=dwa: expected settings that all runs have"),
    ],
)
@pytest.mark.parametrize("ask", [comparing.compare, grouping.groups])
def test_settings_that_make_runs_unlike_are_refused(folder, tmp_path, smoke, ask, setting, message):
    with pytest.raises(DataError, match=message):
        ask("smoke", [str(folder)], tmp_path / "out", [setting])
    assert not (tmp_path / "out").exists()


TINY = ("steps=20", "batch=2", "crops=2", "size=[96, 64]", "sizes={}", "sources.synthetic=0")


@pytest.fixture
def smoke(monkeypatch):
    preset = Preset("quick", ("hard", "attention"), ("equal",), 1, TINY, (("hard", "upgrad"),))
    monkeypatch.setitem(comparing.PRESETS, "smoke", preset)


def test_a_comparison_is_trained_and_resumed(folder, tmp_path, smoke):
    heard = []
    found = comparing.compare("smoke", [str(folder)], tmp_path, done=lambda *news: heard.append(news))
    assert set(found["variants"]) == {"hard/equal", "attention/equal", "hard/upgrad"}
    assert [news[1:] for news in heard] == [(k + 1, n) for n in (7, 3) for k in range(n)]
    for name, one in found["variants"].items():
        assert all(set(one[axis]["delta"]) == set(TASKS) for axis in ("steps", "time"))
        assert one["seconds"]["mean"] > 0 < one["macs"]
        assert bool(one["conflicts"]) == name.endswith("/equal")
    assert json.loads((tmp_path / "comparison.json").read_text()) == json.loads(json.dumps(found))
    rows = json.loads((tmp_path / "scores.json").read_text())["evaluations"]
    assert [row["progress"] for row in rows] == [0.2, 0.4, 0.6, 0.8]
    assert set(rows[0]["scores"]) == set(TASKS)
    sets = [str(folder)]
    again = comparing.compare("smoke", sets, tmp_path, done=lambda *_: pytest.fail("nothing is missing"))
    assert again["variants"] == found["variants"]


@pytest.mark.parametrize("looked", [True, False])
def test_a_run_that_is_cut_off_goes_on_if_nothing_was_missed(folder, tmp_path, monkeypatch, looked):
    settings = [*TINY, "rendered=0", "balance=equal", "steps=6"]
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    whole = job.run(folder, tmp_path / "whole", "quick", settings)
    name = "__call__" if looked else "_look"  # cut off after a step was looked at, or before
    method, steps = getattr(job.Watch, name), []

    def until(watch, trainer, batch):
        steps.append(trainer.step)
        found = method(watch, trainer, batch) if looked or len(steps) != 4 else {}
        if len(steps) == 4:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(job.Watch, name, until)
    with pytest.raises(KeyboardInterrupt):
        job.run(folder, tmp_path / "cut", "quick", settings)
    found = job.run(folder, tmp_path / "cut", "quick", settings)
    assert steps == [*range(1, 5), *range(5 if looked else 1, 7)]
    assert [row["step"] for row in found["history"]] == [row["step"] for row in whole["history"]]
    assert [row["step"] for row in found["conflicts"]] == [row["step"] for row in whole["conflicts"]]
    assert found["scores"] == pytest.approx(whole["scores"], abs=1e-6)
    assert found["seconds"] > 0


def test_a_run_of_other_settings_is_not_gone_on_with(folder, tmp_path):
    job.run(folder, tmp_path, "quick", [*TINY, "rendered=0", "balance=equal", "steps=2"])
    found = job.run(folder, tmp_path, "quick", [*TINY, "rendered=0", "balance=equal", "steps=3", "seed=1"])
    assert (found["steps"], found["seed"]) == (3, 1)
    assert [row["step"] for row in found["history"]] == [1, 2]


BASELINE = [
    {"progress": 0.2, "scores": {"lanes": [0.3, 0.05], "signs": [0.5, None]}},
    {"progress": 0.8, "scores": {"lanes": [0.8, 0.05], "signs": [0.9, None]}},
]


@pytest.mark.parametrize(
    ("scores", "progress", "expected"),
    [
        ({"lanes": 0.26, "signs": 0.5}, 0.2, {}),  # within its noise
        ({"lanes": 0.2, "signs": 0.5}, 0.3, {"lanes": 0.1}),
        ({"lanes": 0.9, "signs": 0.8}, 0.9, {"signs": 0.1}),
        ({"drivable": 0.1}, 0.9, {}),  # no network of that task alone
    ],
)
def test_a_task_that_falls_behind_its_single_task_network_is_noticed(scores, progress, expected):
    assert fallen(scores, BASELINE, progress) == {task: pytest.approx(x) for task, x in expected.items()}


@pytest.mark.parametrize(
    "found", [{"evaluations": [1]}, {"evaluations": [{"progress": 1, "scores": []}]}, {}, 3]
)
def test_a_baseline_of_another_kind_is_named(tmp_path, found):
    (tmp_path / "scores.json").write_text(json.dumps(found))
    with pytest.raises(DataError, match=r"baseline=.*: expected scores\.json of `perception mtl compare`"):
        read_baseline(tmp_path / "scores.json")


def test_a_training_is_evaluated_and_warns(folder, tmp_path, capsys):
    high = {"looks": [{"progress": 0.5, "scores": {"drivable": [2.0, 0.1]}}]}
    (tmp_path / "scores.json").write_text(json.dumps(high))
    settings = [
        *TINY,
        "steps=100",
        "eval_every=50",
        f"baseline={tmp_path / 'scores.json'}",
        "threads=1",
        "workers=0",
    ]
    train([str(folder)], tmp_path / "run", "quick", settings)
    assert re.search(r"step 50: drivable is \d+\.\d points below", capsys.readouterr().err)
    log = (tmp_path / "run/log.csv").read_text()
    assert "50,score.lanes," in log
    assert "50,alarm.drivable," in log


def test_a_baseline_that_is_none_is_named(folder, tmp_path):
    with pytest.raises(DataError, match=r"expected scores\.json"):
        train([str(folder)], tmp_path / "run", "quick", ["baseline=nowhere.json"])


def test_results_of_other_settings_are_not_mixed_in(tmp_path):
    run = Run("hard/equal", 0)
    (tmp_path / run.folder).mkdir()
    (tmp_path / run.folder / "result.json").write_text(
        json.dumps({"preset": "quick", "settings": ["seed=0"]})
    )
    perform([run], tmp_path, tmp_path, "quick")  # nothing to do
    with pytest.raises(DataError, match="choose another folder"):
        perform([run], tmp_path, tmp_path, "quick", ["steps=7"])


def test_runs_of_other_data_are_not_taken(folder, tmp_path):
    """Nor those that were cut off. One of an older version does not say what it learnt from: it is taken."""
    run = Run("odd", 0, ("sharing=none",))
    with pytest.raises(DataError, match="failed: odd-s0"):
        perform([run], folder, tmp_path, "quick", TINY)
    with pytest.raises(
        DataError, match=rf"expected a run of {tmp_path}, got one of .*; choose another folder"
    ):
        perform([run], tmp_path, tmp_path, "quick", TINY)


def test_scenes_are_shared_where_they_lie_now(tmp_path):
    for name in ("before", "after"):
        (tmp_path / "before/synthetic").mkdir(parents=True, exist_ok=True)
        (tmp_path / "before/run").mkdir(exist_ok=True)
        if name == "after":
            (tmp_path / "before").rename(tmp_path / name)
        share(tmp_path / name / "synthetic", tmp_path / name / "run")
        assert (tmp_path / name / "run/synthetic").resolve() == tmp_path / name / "synthetic"


@pytest.mark.parametrize("ask", [lambda *own: command.compare(*own, [], None), command.groups])
def test_nothing_is_trained_where_another_process_writes(tmp_path, ask):
    with locked(tmp_path), pytest.raises(SinkError, match="another process is writing it"):
        ask("quick", ["nowhere"], tmp_path)


def test_what_failed_is_named(folder, tmp_path):
    run = Run("odd", 0, ("sharing=none",))
    with pytest.raises(DataError, match="failed: odd-s0"):
        perform([run], folder, tmp_path, "quick", TINY)
    assert "sharing: expected of hard" in (tmp_path / "odd-s0/output.log").read_text()


def test_data_sets_of_any_format_are_compared_on_what_is_held_out(mine, tmp_path):
    settings = ['detection.classes=["forklift", "pallet"]', 'tasks=["detection"]', "rendered=2"]
    with pytest.raises(DataError, match="expected pictures to evaluate on"):
        comparing.compare("quick", [f"coco:{mine}"], tmp_path / "out", settings)
    asked = [*settings, "held_out=0.3", 'tasks=["detection", "drivable"]']
    with pytest.raises(DataError, match=r"got none of drivable.*'tasks=\[\"detection\"\]'"):
        comparing.compare("quick", [f"coco:{mine}"], tmp_path / "out", asked)
    folder, wanted = comparing.sorted_out([f"coco:{mine}"], [*settings, "held_out=0.3", *TINY])
    run = Run("single/detection", 0)
    perform([run], folder, tmp_path / "out", "quick", wanted)
    result = json.loads((tmp_path / "out" / run.folder / "result.json").read_text())
    assert list(result["scores"]) == ["detection"]


def test_unknown_presets_are_named(tmp_path):
    with pytest.raises(DataError, match="there are quick, full"):
        grouping.groups("slow", [], tmp_path)


def test_data_that_is_not_there_is_named_before_the_first_run(tmp_path):
    with pytest.raises(DataError, match=r"nope: expected a labelled drive"):
        comparing.compare("quick", [str(tmp_path / "nope")], tmp_path / "out")
    assert not (tmp_path / "out").exists()

"""What a comparison says, from runs whose outcome is known; and a small one that is really trained."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from perception.cli import app
from perception.errors import DataError, SinkError
from perception.outputs import locked
from perception.training.analysis import command, job
from perception.training.analysis import compare as comparing
from perception.training.analysis import groups as grouping
from perception.training.analysis.compare import Preset, planned, summary
from perception.training.analysis.groups import judged, partitions, rank_correlation, subsets
from perception.training.analysis.report import judges, report
from perception.training.analysis.runs import TASKS, Run, perform, share
from perception.training.analysis.statistics import (
    delta,
    delta_m,
    half_width,
    interval,
    mean_ranks,
    relative,
    see_saw,
)
from perception.training.analysis.validation import fallen, read_baseline
from perception.training.command import train


def result(**scores):
    """One run's result with these scores."""
    history = [{"step": k, "seconds": k, "scores": {t: x * k for t, x in scores.items()}} for k in (1, 2)]
    pulls = {"detection|lanes": 0.4, "drivable|signs": -0.3}
    both = {**pulls, **{"|".join(reversed(pair.split("|"))): x for pair, x in pulls.items()}}
    helped = {f"{a}>{b}": both.get(f"{a}|{b}", 0.1) + 0.1 * (a == b) for a in TASKS for b in TASKS}
    probes = [{"step": 1, "cosines": {"trunk": pulls}, "affinity": helped}]
    fixed = {"parameters": 10, "macs": 20, "size": [96, 64], "steps": 60, "weights": [], "conflicts": probes}
    return {"scores": scores, "seconds": 3.0, "history": history, **fixed}


def test_an_interval_is_student_s():
    found = interval([1.0, 2.0, 3.0])
    assert found.mean == 2
    assert found.half == pytest.approx(4.30 / math.sqrt(3), rel=1e-3)
    assert interval([5.0]).half == math.inf
    assert not interval([-5.0]).below_zero
    with pytest.raises(ValueError, match="at least one"):
        interval([])


@pytest.mark.parametrize(
    ("count", "t"), [(16, 2.1314), (17, 2.1199), (25, 2.0639), (31, 2.0423), (121, 1.9799)]
)
def test_many_seeds_get_student_s_t_too(count, t):
    assert half_width(math.sqrt(count), count) == pytest.approx(t, abs=0.005)


@pytest.mark.parametrize("seed", range(3))
def test_intervals_hold_the_truth_about_19_times_of_20(seed):
    rng = np.random.default_rng(seed)
    held = [abs((found := interval(rng.normal(3, 2, 5))).mean - 3) <= found.half for _ in range(2000)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_differences_are_paired_by_seed_and_relative():
    assert relative(0.55, 0.5) == pytest.approx(10)
    found = delta({0: 0.55, 1: 0.66, 7: 9.9}, {0: 0.5, 1: 0.6})
    assert (found.mean, found.half, found.count) == (pytest.approx(10), pytest.approx(0, abs=1e-9), 2)
    assert delta({0: 1.0}, {1: 1.0}) is None


def test_delta_m_is_the_mean_over_tasks():
    found = delta_m({"lanes": {0: 0.55}, "signs": {0: 0.8}}, {"lanes": {0: 0.5}, "signs": {0: 1.0}})
    assert found.mean == pytest.approx(-5)


def test_ranks():
    scores = {"a": {"lanes": 0.9, "signs": 0.1}, "b": {"lanes": 0.8, "signs": 0.1}, "c": {"lanes": 0.1}}
    found = mean_ranks(scores)
    assert found == {"a": 1.25, "b": 1.75, "c": 3.0}


def test_see_saw_is_minus_one_when_one_gains_what_the_other_loses():
    rng = np.random.default_rng(0)
    pairs = zip(rng.normal(size=6).cumsum(), rng.random(6), strict=True)
    history = [{"lanes": x, "signs": 1 - x, "drivable": y} for x, y in pairs]
    found = see_saw([history])
    assert found["lanes|signs"] == pytest.approx(-1)
    assert abs(found["drivable|lanes"]) < 1


def test_only_a_sure_loss_is_called_negative_transfer():
    single = {f"single/{t}": {s: result(**{t: 0.5 + 0.01 * s}) for s in range(3)} for t in TASKS}
    worse = {"detection": 0.4, "lanes": 0.5, "signs": 0.6, "drivable": 0.5}
    noise = {"detection": 0.01, "lanes": 0.01, "signs": 0.01, "drivable": 0.03}
    runs = {s: result(**{t: x + noise[t] * s for t, x in worse.items()}) for s in range(3)}
    found = summary({**single, "hard/equal": runs})["variants"]["hard/equal"]["steps"]
    assert found["hurt"] == ["detection"]
    assert found["worst"] == "detection"
    assert found["delta"]["signs"]["mean"] > 15
    json.dumps(found, allow_nan=False)


FINALS = Preset("quick", ("hard", "mixture"), ("equal", "upgrad"), 2, finalists=1, final_seeds=3)


@pytest.fixture
def lucky():
    """hard/upgrad is above by luck on the seeds that choose, and no better on any other."""
    runs: dict[str, dict[int, object]] = {}
    while more := [r for r in planned(FINALS, runs) if r.seed not in runs.get(r.variant, {})]:
        for r in more:
            gain = 0.1 + 0.01 * r.seed if r.variant.endswith("hard/upgrad") and r.seed < 2 else 0.001 * r.seed
            runs.setdefault(r.variant, {})[r.seed] = result(**dict.fromkeys(TASKS, 0.5 + gain))
    return runs


def test_finalists_are_judged_by_seeds_that_did_not_choose_them(lucky):
    both = ["hard/equal", "hard/upgrad", "in-time/hard/equal", "in-time/hard/upgrad"]
    again = {name for name, own in lucky.items() if sorted(own) == [0, 1, 2, 3, 4]}
    assert again == {*(f"single/{t}" for t in TASKS), *both}
    found = summary(lucky, FINALS.fresh)
    assert found["variants"]["hard/upgrad"]["steps"]["delta_m"]["mean"] > 15
    assert (found["finals"]["seeds"], found["finals"]["chosen_by"]) == ([2, 3, 4], [0, 1])
    final = found["finals"]["variants"]["hard/upgrad"]
    assert {final[axis]["delta_m"]["mean"] for axis in ("steps", "time")} == {0}
    assert {own["steps"]["delta_m"]["count"] for own in found["variants"].values()} == {2}


def test_the_page_says_which_seeds_judged(lucky, tmp_path):
    found = summary(lucky, FINALS.fresh) | {"command": "perception mtl compare"}
    (tmp_path / "comparison.json").write_text(json.dumps(found, allow_nan=False))
    page, text = (path.read_text() for path in report(tmp_path))
    for told in (page, text):
        assert "Finalists are judged by the fresh seeds 2, 3, 4 alone" in told
    assert "| hard/upgrad | +0.0 ± 0.0 |" in text
    older = summary(lucky)
    del older["finals"]  # as up to 0.9
    assert re.match(r"hard/upgrad: chosen as the best by the seeds 0, 1, and judged by these", *judges(older))
    assert judges(summary({})) == judges({"variants": {}}) == []


def test_more_seeds_leave_what_is_done_as_it_is(lucky):
    """Another seed took other times: what fits into that of the single-task networks stays."""
    timed = {
        n: {s: {**run, "seconds": 1.0 + s * len(n)} for s, run in own.items()} for n, own in lucky.items()
    }
    one, two = (set(planned(replace(FINALS, seeds=n, final_seeds=0), timed)) for n in (1, 2))
    assert one == {run for run in two if run.seed == 0}
    assert len(two) == 2 * len(one)


def test_fewer_tasks_are_compared_too(tmp_path):
    single = {f"single/{t}": {0: result(**{t: 0.5}), 1: result(**{t: 0.4})} for t in ("detection", "lanes")}
    both = {0: result(detection=0.55, lanes=0.5), 1: result(detection=0.44, lanes=0.4)}
    found = summary({**single, "hard/equal": both, f"{comparing.IN_TIME}hard/equal": both})
    for axis in ("steps", "time"):
        assert found["variants"]["hard/equal"][axis]["delta_m"]["mean"] == pytest.approx(5)
    (tmp_path / "comparison.json").write_text(json.dumps(found | {"command": "perception mtl compare"}))
    page, text = (path.read_text() for path in report(tmp_path))
    assert "four" not in page + text
    assert text.count("| hard/equal | +10.0 ± 0.0 | +0.0 ± 0.0 | +5.0 ± 0.0 |") == 2


def test_there_are_fifteen_groupings_of_four_tasks():
    found = [frozenset(map(frozenset, p)) for p in partitions()]
    assert len(found) == len(set(found)) == 15 == len(subsets())
    assert all(sorted(t for g in p for t in g) == sorted(TASKS) for p in found)


def test_the_best_grouping_is_found_and_the_forecast_judged():
    """Detection and lanes help each other, signs and drivable harm each other; the cosines say so, too."""
    friends, foes = {"detection", "lanes"}, {"signs", "drivable"}
    runs = {}
    for group in subsets():
        gain = {t: 0.1 * (t in friends <= set(group)) - 0.1 * (t in foes <= set(group)) for t in group}
        runs[grouping.group_run(group, 0).variant] = {0: result(**{t: 0.5 + gain[t] for t in group})}
    found = judged(runs)
    assert found["partitions"][0]["delta_m"] == pytest.approx(10)
    assert "detection+lanes" in found["partitions"][0]["groups"]
    for name in ("cosine", "affinity"):
        assert found["forecasts"][name]["regret"] == pytest.approx(0, abs=1e-9)
        assert found["forecasts"][name]["rank_correlation"] > 0.7


def test_fewer_tasks_are_grouped_too():
    found = {
        "single/lanes": {0: result(lanes=0.5)},
        "single/signs": {0: result(signs=0.8)},
        "hard/equal": {0: result(lanes=0.6, signs=0.8)},
    }
    best, apart = judged(found, ("lanes", "signs"))["partitions"]
    assert (best["groups"], apart["groups"]) == (["lanes+signs"], ["lanes", "signs"])
    assert (best["delta_m"], apart["delta_m"]) == (pytest.approx(10), 0)


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


def test_rank_correlation():
    assert rank_correlation([1, 2, 3], [10, 20, 25]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert rank_correlation([1, 1, 1], [3, 2, 1]) == 0


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


@pytest.fixture
def judged_runs(tmp_path):
    """A folder with both kinds of results, of made-up runs."""
    rng = np.random.default_rng(0)
    single = {f"single/{t}": {s: result(**{t: 0.5}) for s in (0, 1)} for t in TASKS}
    ways = [f"{prefix}hard/{way}" for prefix in ("", comparing.IN_TIME) for way in ("equal", "upgrad")]
    mixed = {way: {s: result(**{t: rng.uniform(0.4, 0.6) for t in TASKS}) for s in (0, 1)} for way in ways}
    for run in mixed["hard/upgrad"].values():  # as where each task has an encoder of its own
        run["conflicts"] = [{**probe, "cosines": {"trunk": {}}} for probe in run["conflicts"]]
    mixed["soft/equal"] = mixed["hard/upgrad"]
    found = summary({**single, **mixed}) | {"command": "perception mtl compare"}
    (tmp_path / "comparison.json").write_text(json.dumps(found))
    subset = {
        grouping.group_run(g, 0).variant: {0: result(**{t: rng.uniform(0.4, 0.6) for t in g})}
        for g in subsets()
    }
    (tmp_path / "groups.json").write_text(json.dumps(judged(subset)))
    return tmp_path


def test_the_page_stands_alone_and_tells_of_every_way(judged_runs):
    result = CliRunner().invoke(app, ["mtl", "report", str(judged_runs)])
    assert result.exit_code == 0, result.output
    page, text = ((judged_runs / f"report.{kind}").read_text() for kind in ("html", "md"))
    assert all(way in page and way in text for way in ("hard/equal", "hard/upgrad", "detection | lanes"[:9]))
    assert page.count("<svg") >= 4
    links = re.findall(r"(?:src|href)=.?(\S+)", page)
    assert all(link.startswith(("#", "data:")) for link in links)
    # a grid of two rows on two axes; a table of three ways and one of the two that have runs of equal time,
    # with heads; then one of 15 groupings
    assert text.count("\n| ") == 2 * 3 + 4 + 3 + 16


def test_the_same_results_give_the_same_page(judged_runs):
    pages = []
    for _ in range(2):
        report(judged_runs)
        pages.append((judged_runs / "report.html").read_bytes())
    assert pages[0] == pages[1]


def test_nothing_to_report_is_named(tmp_path):
    with pytest.raises(DataError, match="found none"):
        report(tmp_path)


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

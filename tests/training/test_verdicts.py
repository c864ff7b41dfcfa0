"""What a comparison says, and its page, from runs whose outcome is known."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from perception.cli import app
from perception.errors import DataError
from perception.training.analysis import compare as comparing
from perception.training.analysis import groups as grouping
from perception.training.analysis.compare import Preset, planned, summary
from perception.training.analysis.groups import judged, partitions, subsets
from perception.training.analysis.report import judges, report
from perception.training.analysis.runs import TASKS


def result(**scores):
    """One run's result with these scores."""
    history = [{"step": k, "seconds": k, "scores": {t: x * k for t, x in scores.items()}} for k in (1, 2)]
    pulls = {"detection|lanes": 0.4, "drivable|signs": -0.3}
    both = {**pulls, **{"|".join(reversed(pair.split("|"))): x for pair, x in pulls.items()}}
    helped = {f"{a}>{b}": both.get(f"{a}|{b}", 0.1) + 0.1 * (a == b) for a in TASKS for b in TASKS}
    probes = [{"step": 1, "cosines": {"trunk": pulls}, "affinity": helped}]
    fixed = {"parameters": 10, "macs": 20, "size": [96, 64], "steps": 60, "weights": [], "conflicts": probes}
    return {"scores": scores, "seconds": 3.0, "history": history, **fixed}


def test_only_a_sure_loss_is_called_negative_transfer():
    single = {f"single/{t}": {s: result(**{t: 0.5 + 0.01 * s}) for s in range(3)} for t in TASKS}
    worse = {"detection": 0.4, "lanes": 0.5, "signs": 0.6, "drivable": 0.5}
    noise = {"detection": 0.01, "lanes": 0.01, "signs": 0.01, "drivable": 0.03}
    runs = {s: result(**{t: x + noise[t] * s for t, x in worse.items()}) for s in range(3)}
    found = summary({**single, "hard/equal": runs})["variants"]["hard/equal"]["steps"]
    assert found["hurt"] == ["detection"]
    assert found["worst"] == "detection"
    assert found["delta"]["signs"]["mean"] > 15
    assert found["points"]["detection"]["mean"] == pytest.approx(-10)
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
    assert "In percentage points" in page
    assert text.count("| hard/equal | +4.5 ± 6.4 | +0.0 ± 0.0 |") == 2
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
    # a grid of two rows on two axes; in percent and in points a table of three ways and one of the two that
    # have runs of equal time, with heads; then one of 15 groupings
    assert text.count("\n| ") == 2 * 3 + 2 * (4 + 3) + 16


def test_the_same_results_give_the_same_page(judged_runs):
    pages = []
    for _ in range(2):
        report(judged_runs)
        pages.append((judged_runs / "report.html").read_bytes())
    assert pages[0] == pages[1]


def test_nothing_to_report_is_named(tmp_path):
    with pytest.raises(DataError, match="found none"):
        report(tmp_path)

"""Search under a latency budget: the space, the halving, what the seeds say; and a small one, really run."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from multiprocessing import get_context

import pytest
from optuna.trial import TrialState
from typer.testing import CliRunner

from perception.cli import FAILED, app
from perception.errors import DataError
from perception.model.shape import DEFAULT, Design
from perception.training.analysis.report import report
from perception.training.config import configure
from perception.training.search.page import verdicts
from perception.training.search.runs import Wanted
from perception.training.search.search import search
from perception.training.search.space import Candidate, Space
from perception.training.search.study import Budget, Search, cost, rungs
from perception.training.search.trial import Part, perform
from perception.training.search.verdict import seeds_needed, verdict
from tests.waiting import wait_until

SIZE = (320, 192)


def ms_of(candidate):
    """A latency that grows with widths and depths alone."""
    return (
        sum(w * d for w, d in zip(candidate.design.shape.widths, candidate.design.shape.depths, strict=True))
        / 100
    )


def worth_of(candidates, step):
    """Wide necks are good, and nothing else matters."""
    return [float(candidate.design.shape.neck) for candidate in candidates]


def searched(path, method="tpe", trials=18, seed=0, ms=12.0, judge=worth_of, space=None):
    made = Search(method, space or Space.of(SIZE, SIZE), Budget(ms_of, ms), seed, str(path))
    made.run(trials, 90, judge)
    return made


def test_the_shipped_network_is_in_the_space():
    chosen = dict(zip(("width1", "width2", "width3", "width4"), DEFAULT.widths, strict=True))
    chosen |= dict(zip(("depth1", "depth2", "depth3", "depth4"), DEFAULT.depths, strict=True))
    chosen |= {"neck": DEFAULT.neck, "scale": 1.0, "sharing": "hard", "balance": "static"}
    space = Space.of(SIZE, SIZE)
    assert all(value in space.choices[name] for name, value in chosen.items())
    assert space.candidate(chosen) == Candidate(Design("hard", DEFAULT, SIZE), "static", SIZE)


def test_a_candidate_is_a_configuration():
    candidate = Space.of((640, 384), SIZE, ["sharing=branch2", "scale=1.2"]).smallest()[0]
    assert candidate.design.size == (768, 448)
    config = configure("small", candidate.settings)
    assert (config.sharing, config.size, config.balance_at) == ("branch2", (384, 224), "parameters")
    assert config.shape["widths"] == (16, 32, 64, 96)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("sharing=hard,telepathy", "expected of hard.*got telepathy"),
        ("balance=", "expected of equal"),
        ("heads=3", "a name of sharing, balance, width1"),
        ("neck=wide", "expected numbers, got 'wide'"),
        ("neck=0", "expected 1 to 1024, got 0"),
        ("scale=9", r"expected 0\.1 to 4, got 9"),
    ],
)
def test_a_choice_that_there_is_not_is_named(choice, message):
    with pytest.raises(DataError, match=f"--choose {choice}: .*{message}"):
        Space.of(SIZE, SIZE, [choice])


def test_rungs_grow_threefold_and_their_cost_is_known():
    assert rungs(900) == (100, 300, 900)
    assert rungs(2) == (2,)
    assert cost(9, 900) == 9 * 100 + 3 * 200 + 600


def test_networks_over_the_budget_are_not_trained(tmp_path):
    seen = []

    def judge(candidates, step):
        seen.extend(candidates)
        return worth_of(candidates, step)

    made = searched(tmp_path / "s.db", judge=judge)
    assert max(map(ms_of, seen)) <= 12.0
    assert len(set(seen)) == 18
    assert made.over_budget > 0


def test_the_best_third_goes_on(tmp_path):
    calls = []

    def judge(candidates, step):
        calls.append((len(candidates), step))
        return worth_of(candidates, step)

    made = searched(tmp_path / "s.db", trials=9, judge=judge)
    assert calls == [(9, 10), (3, 30), (1, 90)]
    assert made.best().value == max(max(t.intermediate_values.values()) for t in made.tried)
    states = [t.state for t in made.tried]
    assert (states.count(TrialState.COMPLETE), states.count(TrialState.PRUNED)) == (1, 8)


@pytest.mark.parametrize("method", ["tpe", "random"])
def test_the_same_seed_tries_the_same_networks_and_another_does_not(tmp_path, method):
    first, again, other = (
        [made.candidate(t) for t in made.tried]
        for made in (searched(tmp_path / f"{k}.db", method, seed=seed) for k, seed in enumerate((0, 0, 1)))
    )
    assert first == again != other


def test_a_killed_search_ends_as_one_that_was_not(tmp_path):
    whole = searched(tmp_path / "whole.db")
    left = [4]

    def killed(candidates, step):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return worth_of(candidates, step)

    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path / "parts.db", judge=killed)
    parts = searched(tmp_path / "parts.db")
    assert [parts.candidate(t) for t in parts.tried] == [whole.candidate(t) for t in whole.tried]
    assert [t.values for t in parts.tried] == [t.values for t in whole.tried]


def test_tpe_learns_what_is_good(tmp_path):
    made = {method: searched(tmp_path / f"{method}.db", method, 27) for method in ("tpe", "random")}
    late = {m: [own.candidate(t).design.shape.neck for t in own.tried[9:]] for m, own in made.items()}
    assert sum(late["tpe"]) > 1.15 * sum(late["random"])


def test_a_space_that_is_used_up_is_named(tmp_path):
    single = [f"{name}={own[0]}" for name, own in Space.of(SIZE, SIZE).choices.items()]
    with pytest.raises(DataError, match="--budget-ms 12: expected a further network that fits"):
        searched(tmp_path / "s.db", space=Space.of(SIZE, SIZE, single))


def test_a_verdict_is_sure_or_says_what_would_make_it():
    sure = verdict({1: 5.0, 2: 5.2, 3: 4.9}, {1: 1.0, 2: 1.1, 3: 1.0})
    assert (sure["above"], sure["below"]) == (True, False)
    open_ = verdict({1: 5.0, 2: 0.0, 3: 4.0}, {1: 1.0, 2: 1.0, 3: 1.0})
    assert not open_["above"]
    assert open_["settled_by"] > 3
    assert seeds_needed([1.0]) is None
    assert seeds_needed([1.0, -1.0]) is None


TINY = [
    *("sharing=hard", "balance=equal", "width1=16", "width2=16", "width3=16,32", "width4=16", "scale=1"),
    *("depth1=1", "depth2=1", "depth3=1,2", "depth4=1", "neck=16,32"),
]
SETTINGS = (
    "steps=3",
    "batch=2",
    "crops=2",
    "size=[96, 64]",
    "sizes={}",
    "sources.synthetic=0",
    'tasks=["lanes", "drivable"]',
)


@dataclass
class Parts:
    """A latency of one ms for each channel of the neck."""

    processor: str = "a processor"

    def predict(self, design):
        return float(design.shape.neck)

    def measure(self, designs, folder):
        return {design: self.predict(design) for design in designs}


def trained(folder, out, *steps):
    """Scores at the end of a network that is trained to these steps, one after the other."""
    for until in steps:
        part = Part(out, "quick", SETTINGS, (1, 3), until)
        perform([part], folder, out.parent, 1, lambda: None)
    return part.scores(3)


def test_a_network_that_is_trained_part_by_part_ends_as_one_that_is_not(folder, tmp_path):
    whole = trained(folder, tmp_path / "whole", 3)
    assert trained(folder, tmp_path / "parts", 1, 3) == whole
    assert set(whole) == {"lanes", "drivable"}
    (tmp_path / "parts/scores-3.json").unlink()  # as if killed between the last step and its scores
    assert trained(folder, tmp_path / "parts", 3) == whole


def test_a_network_that_cannot_be_trained_is_named(folder, tmp_path):
    part = Part(tmp_path / "odd", "quick", (*SETTINGS, "sharing=none"), (3,), 3)
    with pytest.raises(DataError, match=r"failed: odd; see output\.log"):
        perform([part], folder, tmp_path, 1, lambda: None)


def test_a_training_ends_with_the_search_that_began_it(folder, tmp_path):
    endless = Part(tmp_path / "long", "quick", (*SETTINGS, "steps=100000"), (100_000,), 100_000)
    arguments = ([endless], folder, tmp_path, 1, lambda: None)
    searching = get_context("fork").Process(target=perform, args=arguments)
    searching.start()
    wait_until((endless.folder / "config.json").exists)
    searching.kill()
    wait_until(lambda: "KeyboardInterrupt" in (endless.folder / "output.log").read_text())
    assert (endless.folder / "checkpoint.pt").exists()


WANTED = Wanted(64.0, "quick", (192, 128), SETTINGS, tuple(TINY), trials=2, seeds=2, processes=2)


def small(folder, out, **changes):
    wanted = replace(WANTED, **changes)
    return search(wanted, [str(folder)], out, lambda space, tasks: Parts())


def test_a_search_is_run_told_and_resumed(folder, tmp_path):
    found = small(folder, tmp_path)
    assert set(found["finals"]) == {"tpe", "random", "shipped"}
    assert found["finals"]["tpe"]["delta_m"]["count"] == 2
    assert found["searches"]["tpe"]["steps"] == found["searches"]["random"]["steps"]
    assert json.loads((tmp_path / "search.json").read_text()) == json.loads(json.dumps(found))
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("scores-*.json")}
    assert small(folder, tmp_path) == found
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("scores-*.json")} == made
    page, text = (path.read_text() for path in report(tmp_path))
    assert all(sentence in text for sentence in verdicts(found))
    assert "random search" in page
    assert page.count("<svg") == 1
    with pytest.raises(
        DataError, match=r"expected a search with the same budget_ms, got 40\.0, before 64\.0"
    ):
        small(folder, tmp_path, budget_ms=40.0)
    with pytest.raises(DataError, match="expected a search with the same space"):
        small(folder, tmp_path, choices=(*TINY, "neck=16"))
    (tmp_path / "other").symlink_to(folder)
    assert small(tmp_path / "other", tmp_path) == found
    shutil.copytree(folder, tmp_path / "copy")
    with pytest.raises(DataError, match="expected a search with the same data"):
        small(tmp_path / "copy", tmp_path)


def test_a_budget_below_the_smallest_network_is_named(folder, tmp_path):
    with pytest.raises(DataError, match=r"--budget-ms 4: expected at least 16\.00 ms, which the smallest"):
        small(folder, tmp_path, budget_ms=4.0)
    assert not (tmp_path / "search.db").exists()


def test_the_command_names_what_there_is_not(folder, tmp_path):
    command = ["mtl", "search", "--budget-ms", "6", "--data", str(folder), "--out", str(tmp_path / "out")]
    for options, text in (
        (["--choose", "sharing=all"], "expected of hard"),
        (["--preset", "huge"], "unknown preset"),
    ):
        result = CliRunner().invoke(app, [*command, *options])
        assert result.exit_code == FAILED
        assert text in result.output.replace("\n", " ")

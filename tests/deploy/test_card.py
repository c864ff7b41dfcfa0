"""The model card says what the bundle has learnt from."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from deploy.card import write_card
from perception import bundle
from perception.training import ledger
from perception.training.config import configure
from perception.training.data.licences import ORIGINS


@pytest.fixture
def card(tiny_bundle, tmp_path):
    """`card(sources, setting...)`: the text for a bundle that learnt from them in a run of these settings."""

    def write(sources, *settings):
        spec, info = bundle.read(tiny_bundle), {"macs": 1, "parameters": 1, "calibration_images": 1}
        rows = [ledger.Row(f"{ORIGINS[s].path}x", s, ORIGINS[s].licence, "lanes", "weak") for s in sources]
        if rows:
            (tiny_bundle / "ledger.csv").write_text(ledger.to_csv(rows))
            info["ledger"] = ledger.summary(rows)
        bundle.write(tiny_bundle, replace(spec, info=info))
        (tmp_path / "config.json").write_text(configure("full", settings).to_json())
        (tmp_path / "metrics.json").write_text(json.dumps({"metrics": {"signs.top1": 0.5}}))
        write_card(tiny_bundle, tmp_path, *[tmp_path / "metrics.json"] * 2)
        return (tiny_bundle / "README.md").read_text()

    return write


@pytest.mark.parametrize(("source", "allowed"), [("lums", True), ("camvid", False)])
def test_the_table_is_that_of_the_ledger(card, source, allowed):
    text = card(["gtsdb", source])
    assert f"| {source}: {ORIGINS[source].citation} | 1 | lanes | weak | {ORIGINS[source].licence} |" in text
    assert f"| teacher weak: {ORIGINS['weak'].citation} | | | | {ORIGINS['weak'].licence} |" in text
    assert ("**These weights may be used commercially**" in text) == allowed
    assert ("non-commercial purposes only" in text) == (not allowed)


def test_a_bundle_without_a_ledger_has_the_table_of_old(card):
    text = card([])
    assert "| CamVid (Brostow et al. 2009) |" in text
    assert "non-commercial purposes only" in text


def test_an_open_run_is_one_setting(card):
    text = card(["gtsdb"], "licences=open")
    assert """--out RUN --set 'licences="open"'`, then""" in text


def test_no_folder_of_the_machine_stands_in_the_bundle(card, tiny_bundle):
    text = card(["gtsdb"], "init=/home/somebody/before")
    assert """--set 'init="before"'""" in text
    assert "somebody" not in text + (tiny_bundle / "model.json").read_text()


def test_the_card_names_the_classes_of_the_bundle(card, tiny_bundle, tmp_path):
    spec = bundle.read(tiny_bundle)
    classes = ("fork_lift", *spec.tasks["detection"].classes[1:])
    settings = {**spec.tasks["detection"].settings, "threshold": dict.fromkeys(classes, 0.4)}
    task = replace(spec.tasks["detection"], classes=classes, settings=settings)
    bundle.write(tiny_bundle, replace(spec, tasks={**spec.tasks, "detection": task}))
    assert "objects (fork lift, person, cyclist" in card([])
    metrics = {"metrics": {"detection.mine.fork_lift.ap50": 0.25}}
    (tmp_path / "own.json").write_text(json.dumps(metrics))
    write_card(tiny_bundle, tmp_path, *[tmp_path / "own.json"] * 2)
    row = "| fork lift, AP50, mine (`detection.mine.fork_lift.ap50`) | 25.0 | 25.0 |"
    assert row in (tiny_bundle / "README.md").read_text()

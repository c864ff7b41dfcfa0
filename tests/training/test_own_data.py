"""From folders of pictures to a bundle that runs, as docs/train.md tells."""

from __future__ import annotations

import json
from dataclasses import replace

import torch
from typer.testing import CliRunner

from deploy.build import build
from perception.cli import app
from perception.evaluation.command import HERE, evaluate
from perception.evaluation.run import Settings
from perception.evaluation.seeing import REPRODUCIBLE
from perception.training.checkpoint import CHECKPOINT, load_checkpoint
from perception.training.command import train

TINY = [
    "steps=1",
    "batch=2",
    "lr=1e-6",
    "size=[96, 64]",
    "threads=1",
    "workers=0",
    "init=shipped",
    "sources.synthetic=0",
    'tasks=["detection", "drivable"]',
]


def learn_to_see_everywhere(checkpoint, name):
    """One step teaches nothing: the weights of a class are set by hand."""
    state = load_checkpoint(checkpoint)
    row = json.loads(state["config"])["detection"]["classes"].index(name)
    for k in range(3):
        state["ema"][f"heads.detection.scores.{k}.bias"][row] = 4.0
    torch.save(state, checkpoint)


def test_classes_of_ones_own_come_out_of_the_bundle(mine, yard, roads, tmp_path, capsys):
    (tmp_path / "classes.yaml").write_text("detection: [forklift, pallet]\n")
    sets = [f"coco:{mine}", f"yolo:{yard}", f"masks:{roads}"]
    run, bundle, out = (tmp_path / name for name in ("run", "bundle", "out"))
    train(sets, run, "quick", TINY, classes=tmp_path / "classes.yaml")
    told = capsys.readouterr()
    assert "yard: forklift 3; not labelled, so not learnt as absent: pallet" in told.out + told.err
    learn_to_see_everywhere(run / CHECKPOINT, "pallet")
    assert build(run, (), bundle, 4).tasks["detection"].classes == ("forklift", "pallet")
    command = ["run", str(mine / "images"), "--bundle", str(bundle), "--out", str(out), "--max-frames", "2"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    scenes = [json.loads(line) for line in (out / "scenes.jsonl").read_text().splitlines()]
    assert "pallet" in {box["class"] for scene in scenes for box in scene.get("detections", ())}
    json_path = tmp_path / "metrics.json"
    evaluate([f"coco:{mine}"], Settings(replace(REPRODUCIBLE, bundle=bundle)), HERE, json_path)
    metrics = json.loads(json_path.read_text())["metrics"]
    assert {"detection.coco.forklift.ap50", "detection.coco.pallet.ap50"} <= set(metrics)

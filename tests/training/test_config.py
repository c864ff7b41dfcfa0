"""`--set key=value`, and what is said about a wrong one."""

from __future__ import annotations

import json

import pytest

from perception.errors import DataError
from perception.model.shape import Shape
from perception.training.config import PRESETS, Config, configure, renamed


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_configuration(preset):
    config = configure(preset)
    assert {name: getattr(config, name) for name in PRESETS[preset]} == PRESETS[preset]
    assert json.loads(config.to_json())["steps"] == config.steps


@pytest.mark.parametrize(
    ("setting", "name", "value"),
    [
        ("steps=7", "steps", 7),
        ("rate=1", "lr", 1.0),
        ("size=[64,96]", "size", (64, 96)),
        ("sharing=soft", "sharing", "soft"),
        ('tasks=["lanes"]', "tasks", ("lanes",)),
        ("init=runs/a.pt", "init", "runs/a.pt"),
    ],
)
def test_a_value_takes_the_type_of_the_one_it_replaces(setting, name, value):
    got = getattr(configure("full", [setting]), name)
    assert got == value
    assert type(got) is type(value)


def test_a_shape_is_filled_up_with_the_shipped_one():
    config = configure("full", ['shape={"neck": 48, "depths": [1, 2, 2, 1]}'])
    assert Shape.of(config.shape) == Shape(neck=48, depths=(1, 2, 2, 1))
    assert configure("full", ["shape.neck=48", "shape.depths=[1, 2, 2, 1]"]) == config


def test_configurations_of_older_versions_are_read():
    saved = {"rate": 0.1, "decay": 0.2, "rounding": True, "looks": 5, "steps": 1000}
    assert renamed(saved) == {"lr": 0.1, "weight_decay": 0.2, "qat": True, "eval_every": 200, "steps": 1000}


def test_one_entry_of_a_table_is_changed_and_the_others_stay():
    config = configure("full", ["sources.idd=0", "weights.lanes=2", "sources.new=0.5"])
    assert config.sources == {**Config().sources, "idd": 0.0, "new": 0.5}
    assert config.weights == {**Config().weights, "lanes": 2.0}
    assert Config().sources["idd"] > 0


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("stepz=7", "expected key=value with a key of balance"),
        ("steps", "expected key=value"),
        ("steps=many", "expected a value like [0-9]+$"),
        ("steps=1.5", "expected a value like [0-9]+$"),
        ("size=64", r"expected a value like \(640, 384\)"),
        ("steps.camvid=1", "steps has no entries"),
        ("sources.idd=much", "expected a value like 4.5"),
        ("sources=3", "expected a value like"),
        ("shape.neck=0", r"shape\.neck: expected a whole number of 1 to 1024, got 0"),
        ("shape.widths=[32, 64]", r"shape\.widths: expected 4 whole numbers of 1 to 1024, got \(32, 64\)"),
        ("shape.depths=[1, 3, 4, 0.5]", r"shape\.depths: expected 4 whole numbers"),
        ('shape={"heads": 3}', "shape: expected widths, depths, neck, got heads"),
        ('shape={"widths": 3}', r"shape\.widths: expected 4 whole numbers, got 3"),
        ('sizes={"448x256": "a"}', "sizes=.*: expected a value like {'448x256': 0.09"),
        ("sizes.448x256=-1", r"sizes\.448x256=-1.0: expected 0 to 1"),
        ('sizes={"64x64": 0.6, "96x64": 0.6}', "sizes: expected shares of 1 in all at most, got 1.2"),
        ("zoom=[2, 1]", r"zoom=\[2.0, 1.0\]: expected \[least, most\]"),
        ("zoom=[0, 1]", "zoom=.*: expected 0.01 to 100"),
        ("size=[320]", r"size=\[320\]: expected a value like \(640, 384\)"),
        ('size=["a", "b"]', r"expected a value like \(640, 384\)"),
        ("size=[321, 190]", r"size: expected \[width, height\] in multiples of 32, got \[321, 190\]"),
        ('weights={"detection": "x"}', "weights=.*: expected a value like"),
        ("weights.foo=1", "weights: expected of detection, .*, got foo"),
        ("weights.lanes=NaN", r"weights\.lanes=nan: expected 0 to"),
        ('frozen={"trunk": 3}', r"frozen=.*: expected the type Mapping\[str, tuple\[float, float\]\]"),
        ("groups=[1]", "groups=.*: expected the type tuple"),
        ('detection={"classes": 3}', "detection=.*: expected a value like {'classes': "),
        ('signs={"names": []}', "signs=.*: expected a value like"),
        ('lanes={"names": 3}', "lanes=.*: expected a value like"),
        ("tasks=[]", r"tasks=\[\]: expected of detection, lanes, signs, drivable, each once"),
        ('tasks=["lanes", "lanes"]', "each once"),
        ("tasks=[1]", "tasks=.*: expected a value like"),
        ("val=[1]", r"val=.*: expected the type tuple\[str, \.\.\.\]"),
        ('sources={"synthetic": "x"}', "sources=.*: expected a value like"),
        ("steps=true", "expected a value like [0-9]+$"),
    ],
)
def test_a_wrong_setting_is_named(setting, message):
    with pytest.raises(DataError, match=message):
        configure("full", [setting])


def test_an_unknown_preset_is_answered_with_the_known_ones():
    with pytest.raises(DataError, match="unknown preset 'fast'; there are full, small, quick"):
        configure("fast")


@pytest.mark.parametrize(
    "setting", ["batch=0", "workers=-1", "lr=1e308", "lr=0", "steps=0", "ema=1.5", "threads=5000"]
)
def test_a_value_out_of_its_range(setting):
    with pytest.raises(DataError, match=rf"--set {setting.partition('=')[0]}=.*: expected "):
        configure("quick", [setting])

"""The classes of the network that is trained, as its user says them."""

from __future__ import annotations

import pytest

from perception.errors import DataError
from perception.tasks import detection, signs
from perception.training.classes import vocabulary, with_file
from perception.training.config import Config, configure

FILE = """
detection:
  "*":                     # ours
  forklift:
  Gabelstapler: forklift
  dog: ""
signs: ["*", hard_hat]
lanes:
  single white: solid
"""


def test_a_file_names_classes_and_what_data_sets_call_them(tmp_path):
    (tmp_path / "classes.yaml").write_text(FILE)
    words = vocabulary(with_file(Config(), tmp_path / "classes.yaml"))
    assert words.objects == (*detection.CLASSES, "forklift")
    assert dict(words.names) == {"Gabelstapler": "forklift", "dog": ""}
    assert words.signs == (*signs.CLASSES, "hard_hat")
    assert words.line_kinds["single white"] == "solid"


def test_settings_say_the_same():
    config = configure("full", ['detection.classes=["*", "forklift"]', 'signs.names={"Halt": "stop"}'])
    assert vocabulary(config).objects[-1] == "forklift"
    assert vocabulary(config).sign_names == (("Halt", "stop"),)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('detection.classes=["forklift"]', r"expected traffic_sign, whose boxes.*'tasks=\[\"detection\""),
        ('detection.classes=["*", "Fork Lift!"]', "got 'Fork Lift!'. Call it 'fork_lift'"),
        ('detection.classes=["*", "vehicle"]', "got 'vehicle' twice"),
        ('lanes.names={"single white": "sollid"}', "did you mean 'solid'"),
    ],
)
def test_classes_that_cannot_be_are_named(setting, message):
    with pytest.raises(DataError, match=message):
        vocabulary(configure("full", [setting]))


@pytest.mark.parametrize(("text", "message"), [("objects: [a]", "got 'objects'"), ("signs: x", "got 'x'")])
def test_a_file_that_says_something_else_is_named(tmp_path, text, message):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(DataError, match=message):
        with_file(Config(), tmp_path / "c.yaml")
    with pytest.raises(DataError, match=r"gone\.yaml: expected a file"):
        with_file(Config(), tmp_path / "gone.yaml")

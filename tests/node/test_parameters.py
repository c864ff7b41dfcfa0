"""The table of parameters: what may be set, when, and that it is what the example file shows."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from perception.node.parameters import ABOUT, DEFAULTS, Settings, heed, refusal

CONFIG = Path(__file__).parents[2] / "deploy" / "ros2" / "perception_ros" / "config" / "perception.yaml"


def test_every_default_may_be_set():
    assert refusal(DEFAULTS, configured=False) is None
    assert Settings(**DEFAULTS) == Settings()


@pytest.mark.parametrize("name", ABOUT)
def test_every_parameter_is_described(name):
    assert ABOUT[name].description.endswith(".")
    assert (ABOUT[name].low is None) == isinstance(DEFAULTS[name], str)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("deadline_ms", 0.0, "expected 1.0 to 60000.0"),
        ("deadline_ms", float("nan"), "expected 1.0 to 60000.0"),
        ("deadline_ms", 5, "expected a float"),
        ("jpeg_quality", True, "expected a int"),
        ("transport", "ffmpeg", "one of raw, compressed"),
        ("threads", -1, "expected 0 to 64"),
    ],
)
def test_what_cannot_be_is_refused(name, value, says):
    assert says in refusal({name: value}, configured=False)


def test_only_live_parameters_change_while_configured():
    for name, value in DEFAULTS.items():
        assert (refusal({name: value}, configured=True) is None) == ABOUT[name].live


def test_parameters_of_ros_itself_are_let_through():
    assert refusal({"use_sim_time": True}, configured=True) is None


class Humble:
    """A node of rclpy 3.3, which asks before a change and says nothing after it."""

    def add_on_set_parameters_callback(self, call):
        self.set = call


class Later(Humble):
    def add_on_set_parameters_callback(self, call):
        self.ask = call

    def add_post_set_parameters_callback(self, call):
        self.tell = call

    def set(self, parameters):
        result = self.ask(parameters)
        if result.successful:
            self.tell(parameters)
        return result


@pytest.mark.parametrize("kind", [Humble, Later])
def test_what_was_let_through_is_heeded_once_and_nothing_else(kind):
    node, heard = kind(), []
    heed(node, lambda values: SimpleNamespace(successful=values != ["bad"]), heard.append)
    assert [node.set([value]).successful for value in ("good", "bad")] == [True, False]
    assert heard == [["good"]]


def test_the_example_file_shows_every_parameter_with_its_default():
    lines = [line.partition("#")[0].strip() for line in CONFIG.read_text().splitlines()]
    shown = dict(line.split(": ", 1) for line in lines if ": " in line)
    for name, value in DEFAULTS.items():
        kind = type(value)
        assert kind(shown[name].strip('"')) == value

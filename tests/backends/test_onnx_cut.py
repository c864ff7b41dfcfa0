"""The cut works on bytes; onnx itself judges the result."""

import onnx
import pytest

from perception.backends.onnx_cut import cut
from tests.conftest import SHAPES


def test_everything_asked_keeps_the_model(tiny_bundle):
    data = (tiny_bundle / "network.onnx").read_bytes()
    assert onnx.load_from_string(cut(data, list(SHAPES))) == onnx.load_from_string(data)


@pytest.mark.parametrize("names", [["lanes.map"], ["drivable.map", "detection.scores8"]])
def test_what_is_left_is_a_valid_model(tiny_bundle, names):
    model = onnx.load_from_string(cut((tiny_bundle / "network.onnx").read_bytes(), names))
    onnx.checker.check_model(model)
    assert {output.name for output in model.graph.output} == set(names)
    assert len(model.graph.node) == 3 + 2 * len(names)

"""onnxruntime: what is computed of a network. What all CPU runtimes share is in `test_cpu_runtimes`."""

import json

import numpy as np
import onnxruntime as ort
import pytest

from perception import devices
from perception.backends.ort import OrtBackend, exact_integers
from tests.conftest import SHAPES


def nodes_run(path) -> set[str]:
    """The nodes in an onnxruntime profile, without what its optimiser appends to their names."""
    events = json.loads(path.read_text())
    return {e["name"].removesuffix("_kernel_time") for e in events if e.get("cat") == "Node"}


@pytest.mark.parametrize("task", ["detection", "lanes", "drivable"])
def test_only_what_a_task_needs_is_executed(tiny_bundle, tmp_path, task):
    outputs = [name for name in SHAPES if name.startswith(task)]
    backend = OrtBackend(tiny_bundle / "network.onnx", outputs, threads=1, profile=tmp_path / "profile")
    backend(np.zeros((1, 384, 640, 3), np.uint8))
    backend.close()
    ran = nodes_run(next(tmp_path.glob("profile*")))
    heads = {name for name in SHAPES if any(node.startswith(name) for node in ran)}
    assert heads == set(outputs)


@pytest.mark.parametrize(("flags", "entry"), [("sse avx2", "1"), ("avx2 avx_vnni", "0"), ("amx_int8", "0")])
def test_exact_integers_cost_speed_only_where_they_must(flags, entry, monkeypatch):
    monkeypatch.setattr(devices, "instructions", lambda: frozenset(flags.split()))
    monkeypatch.setattr(devices.platform, "machine", lambda: "x86_64")
    options = ort.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "0")
    exact_integers(options)
    assert options.get_session_config_entry("session.x64quantprecision") == entry

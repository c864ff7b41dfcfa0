"""What the doctor says of OpenVINO, installed or not."""

from __future__ import annotations

import sys

import pytest

from deploy.doctor.finding import DEGRADED, OK, SKIPPED
from deploy.doctor.network import TOLERANCE
from deploy.doctor.openvino import absent, openvino, verdict
from tests.deploy.machines import Fake

GOOD = {"int8": 0.03, "fp32": 0.0}


@pytest.mark.parametrize(
    ("flags", "status", "advice"),
    [
        ("avx2 avx512_vnni amx_int8", OK, "pip install 'perception[openvino]'. With AMX"),
        ("avx2 avx512_vnni", OK, "pip install 'perception[openvino]'. With VNNI"),
        ("avx2 avx_vnni", OK, "pip install 'perception[openvino]'. With VNNI"),
        ("avx2", SKIPPED, ""),
        ("", SKIPPED, ""),
    ],
)
def test_it_is_recommended_where_it_may_be_faster(flags, status, advice):
    finding = absent(flags.split())
    assert finding.status == status
    assert finding.advice.startswith(advice)


def test_the_processor_is_that_of_the_machine(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    machine = Fake(tmp_path, tmp_path).file("/proc/cpuinfo", "flags\t: avx2 amx_int8\n\nflags\t: none\n")
    assert "AMX" in openvino(machine.machine()).advice


@pytest.mark.parametrize(("ms", "choice"), [(5.0, "openvino"), (9.0, "onnxruntime")])
def test_times_and_the_choice_are_told(ms, choice):
    finding = verdict(GOOD, {"onnxruntime": 9.1, "openvino": ms})
    assert finding.status == OK
    assert f"onnxruntime 9.1 ms, openvino {ms} ms; auto takes {choice}" in finding.seen
    assert finding.facts["recommended"] == choice
    assert finding.facts["ms"]["openvino"] == ms


def test_another_answer_is_left_out():
    finding = verdict({**GOOD, "int8": 2 * TOLERANCE}, {"onnxruntime": 9.1, "openvino": 1.0})
    assert finding.status == DEGRADED
    assert "PERCEPTION_RUNTIME=onnxruntime" in finding.advice


def test_what_the_environment_says_is_told():
    assert "PERCEPTION_RUNTIME says openvino" in verdict(GOOD, {"onnxruntime": 1.0}, "openvino").seen

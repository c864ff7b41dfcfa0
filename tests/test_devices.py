"""device="auto" says what it took and why not the others; a named device is never replaced."""

from __future__ import annotations

import pytest

from perception import devices
from perception.devices import choose, cuts_sums_off
from perception.errors import BackendUnavailable


def works():
    return None


def refuses():
    return "no CUDA driver"


def breaks():
    raise OSError("libcuda.so.1: file too short")


def never():
    raise AssertionError("nobody should ask")


@pytest.mark.parametrize(
    ("probe", "reason"), [(refuses, "no CUDA driver"), (breaks, "libcuda.so.1: file too short")]
)
def test_auto_takes_the_first_that_works(probe, reason):
    choice = choose("auto", {"cuda": probe, "cpu": works})
    assert choice.device == "cpu"
    assert choice.refused == {"cuda": reason}


def test_auto_asks_no_further_than_it_must():
    choice = choose("auto", {"cuda": works, "cpu": never})
    assert choice.device == "cuda"
    assert choice.refused == {"cpu": "cuda works and is preferred"}


def test_auto_with_nothing_that_works_names_every_reason():
    with pytest.raises(BackendUnavailable, match=r"cuda: no CUDA driver; cpu: libcuda.*perception doctor"):
        choose("auto", {"cuda": refuses, "cpu": breaks})


def test_a_named_device_is_taken_though_another_is_better():
    choice = choose("cpu", {"cuda": never, "cpu": works})
    assert choice.device == "cpu"
    assert choice.refused == {"cuda": "cpu was asked for"}


@pytest.mark.parametrize("probe", [refuses, breaks])
def test_a_named_device_is_never_replaced(probe):
    with pytest.raises(BackendUnavailable, match=r"'cuda'.*got: (no CUDA driver|libcuda)"):
        choose("cuda", {"cuda": probe, "cpu": never})


def test_an_unknown_device_is_refused():
    with pytest.raises(BackendUnavailable, match=r"auto, cuda, cpu, got 'tpu'"):
        choose("tpu", {"cuda": never, "cpu": never})


def test_a_bug_in_a_probe_is_not_hidden():
    with pytest.raises(AssertionError):
        choose("auto", {"cuda": never, "cpu": works})


@pytest.mark.parametrize(
    ("machine", "known", "cuts"),
    [
        ("x86_64", {"avx2"}, True),  # Zen 3, Skylake
        ("AMD64", set(), True),  # Windows does not tell: the safe answer
        ("x86_64", {"avx2", "avx512_vnni"}, False),
        ("x86_64", {"avx2", "avx_vnni"}, False),
        ("aarch64", {"asimd", "asimddp"}, False),
        ("arm64", set(), False),
    ],
)
def test_int8_sums_are_cut_off_on_x86_without_vnni_alone(machine, known, cuts, monkeypatch):
    monkeypatch.setattr(devices.platform, "machine", lambda: machine)
    monkeypatch.setattr(devices, "instructions", lambda: frozenset(known))
    assert cuts_sums_off() is cuts

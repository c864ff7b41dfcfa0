"""The doctor as a whole: what it prints, its exit code, its report, and what it knows by heart."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from deploy.doctor import PROBES
from deploy.doctor.command import doctor
from deploy.doctor.finding import EXIT, Finding, degraded, ok, skipped, unusable
from deploy.doctor.host import cache, clock
from deploy.doctor.jetson import jetpack_of, power_mode
from deploy.doctor.kernels import comparisons, same
from deploy.doctor.machine import Machine
from deploy.doctor.network import ANSWER, TOLERANCE, checksums, difference, verdict
from deploy.doctor.packages import FLOORS, OPENCV_FLOOR, numbers
from deploy.doctor.report import runs_of, write
from deploy.doctor.show import GPU, device, show, summary, to_json
from perception import bundle
from perception.errors import BackendUnavailable, SinkError
from tests.deploy.machines import Fake, chosen

ROOT = Path(__file__).parents[2]
STAGES = {
    name: {"p50": 2.0, "p95": 3.0, "p99": 4.0} for name in ("video", "network", "lanes", "paint", "total")
}
MEASURES = {"cpu": lambda: {"pipeline": {"stages_ms": STAGES}}}
QUIET = Console(file=StringIO())


def named(finding: Finding, name: str = "x") -> Finding:
    return Finding(finding.status, finding.seen, finding.advice, finding.facts, name)


WELL = [*(named(ok(""), name) for name in GPU), named(ok("", engines=2), "engine")]


def printed(findings: list[Finding]) -> str:
    out = StringIO()
    show(findings, Console(file=out, width=100))
    return out.getvalue()


def test_the_whole_doctor_on_this_machine():
    """Whatever this machine is like: every probe answers, and the exit code is what is written."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy.doctor", "--json"], cwd=ROOT, capture_output=True, text=True
    )
    report = json.loads(done.stdout)
    assert done.returncode == report["exit"] == EXIT[report["verdict"]]
    assert [finding["name"] for finding in report["findings"]] == [probe.name for probe in PROBES]
    vital = {probe.name for probe in PROBES if probe.vital}
    statuses = {finding["name"]: finding["status"] for finding in report["findings"]}
    assert "unusable" not in {statuses[name] for name in vital}, report


def test_the_json_has_a_fixed_form():
    report = json.loads(json.dumps(to_json([named(ok("fine", number=3)), named(degraded("slow", "push"))])))
    assert report.keys() == {"format", "perception", "verdict", "exit", "device", "findings"}
    assert (report["verdict"], report["exit"], report["device"]) == ("degraded", 1, "cpu")
    for finding in report["findings"]:
        assert finding.keys() == {"status", "seen", "advice", "facts", "name", "seconds"}
        assert finding["status"] in EXIT
    assert report["findings"][0]["facts"] == {"number": 3}


@pytest.mark.parametrize(
    ("findings", "code", "verdict"),
    [
        ([], 0, "ok"),
        ([ok("a"), skipped("b")], 0, "ok"),
        ([skipped("b")], 0, "ok"),
        ([ok("a"), degraded("b", "c"), skipped("d")], 1, "degraded"),
        ([unusable("a", "b"), degraded("c", "d")], 2, "unusable"),
    ],
)
def test_the_worst_finding_decides(findings, code, verdict):
    report = to_json(findings)
    assert (report["exit"], report["verdict"]) == (code, verdict)


def test_the_gpu_is_used_when_all_of_it_is_well():
    assert device(WELL) == "cuda"
    assert "TensorRT on the GPU" in summary(WELL)
    unchecked = named(degraded("", "", engines=1), "engine")
    assert device([*WELL[:-1], unchecked]) == "cuda"
    for missing in (0, len(GPU)):
        assert device([*WELL[:missing], *WELL[missing + 1 :]]) == "cpu"
    assert device([named(degraded("", ""), GPU[0]), *WELL[1:]]) == "cpu"


def test_the_table_says_what_to_do_worst_first():
    text = printed(
        [named(degraded("dull", "sharpen it"), "knife"), named(unusable("gone", "buy one"), "fork")]
    )
    assert text.index("buy one") < text.index("sharpen it")
    assert "unusable: perception cannot run here until this is mended: fork" in text


def test_what_was_seen_is_no_markup():
    assert "[bold]x[/nonsense]" in printed([named(degraded("[bold]x[/nonsense]", "[/]"))])


def test_probes_need_only_probes_above_them():
    seen: set[str] = set()
    for probe in PROBES:
        assert set(probe.needs) <= seen
        assert probe.name not in seen
        seen.add(probe.name)


def test_the_command_gives_the_exit_code(tmp_path, capsys):
    fake = Fake(tmp_path, tmp_path).file("/proc/cpuinfo", "flags : avx2\n")
    assert doctor(as_json=True, machine=fake.machine(), probes=chosen("processor", "power mode")) == 1
    report = json.loads(capsys.readouterr().out)
    assert [finding["status"] for finding in report["findings"]] == ["degraded", "skipped"]


def test_it_needs_only_the_packages_of_the_run_time(tmp_path):
    fake = Fake(tmp_path, tmp_path)
    for package in ("torch", "torchvision", "onnx", "matplotlib", "pycuda", "tensorrt"):
        fake.module(package, "raise SystemError('not part of the run time')")
    probes = [probe for probe in PROBES if probe.vital]
    assert doctor(machine=fake.machine(), probes=probes) == 0


# Known answers


def test_the_known_answer_is_of_the_shipped_bundle():
    stored = json.loads(ANSWER.read_text())
    advice = "the bundle is new: python -m deploy.doctor.make_answer"
    assert stored["sha256"] == checksums(bundle.read(bundle.SHIPPED)), advice


def test_the_difference_is_relative_to_the_spread():
    wanted = np.array([0.0, 10.0, 20.0])
    assert difference(wanted, wanted) == 0
    assert difference(wanted + np.std(wanted) / 2, wanted) == pytest.approx(0.5)
    assert difference(np.array([0.0, np.nan, 0.0]), wanted) == np.inf


@pytest.mark.parametrize(
    ("int8", "fp32", "status"),
    [
        (0.0, 0.0, "ok"),
        (TOLERANCE, 0.0, "ok"),
        (2 * TOLERANCE, 0.0, "degraded"),
        (float("inf"), 0.9, "unusable"),
    ],
)
def test_another_answer_of_the_network(int8, fp32, status):
    finding = verdict({"int8": int8, "fp32": fp32}, "1.30")
    assert finding.status == status
    assert ("--precision fp32" in finding.advice) == (status == "degraded")


def test_kernels_that_compute_otherwise_are_found():
    for name, got, wanted in comparisons():
        assert same(got, wanted), name
        assert wanted.size, name
        assert not same(got + got.dtype.type(1), wanted), name
        assert not same(got[:-1], wanted), name


# Single facts


@pytest.mark.parametrize(
    ("l4t", "jetpack"),
    [
        ((35, 4, 1), None),
        ((36, 3, 0), "6.0"),
        ((36, 4, 0), "6.1"),
        ((36, 4, 3), "6.2"),
        ((36, 4, 7), "6.2"),
        ((38, 2, 1), "7.0"),
        ((38, 4, 0), "7.1"),
        ((39, 2, 0), "7.2"),
    ],
)
def test_the_jetpack_of_a_release(l4t, jetpack):
    assert jetpack_of(l4t) == jetpack


class Odd(Machine):
    """A machine in 1970 with a full disk."""

    def now(self):
        return 100.0

    def free_mb(self, folder):
        return 12.0


def test_a_clock_without_battery(tmp_path):
    finding = clock(Odd(tmp_path))
    assert finding.status == "degraded"
    assert "1970-01-01" in finding.seen


def test_a_full_disk(tmp_path):
    finding = cache(Odd(tmp_path, {"XDG_CACHE_HOME": str(tmp_path)}))
    assert finding.status == "degraded"
    assert "12 MB left" in finding.seen


def test_the_floors_are_those_of_the_installer():
    listed = re.search(r"RUN_TIME = \[(.*?)\]", (ROOT / "setup.py").read_text(), re.DOTALL)[1]
    floors = {name: numbers(text) for name, text in re.findall(r'"([\w-]+)>=([\d.]+)', listed)}
    assert floors.pop("opencv-python-headless") == OPENCV_FLOOR
    assert floors == FLOORS


NANO = (
    "< POWER_MODEL ID=0 NAME=15W >\n# < POWER_MODEL ID=9 NAME=MAXN >\n< POWER_MODEL ID=2 NAME=MAXN_SUPER >\n"
)
AGX = "< POWER_MODEL ID=0 NAME=MAXN >\n< POWER_MODEL ID=1 NAME=MODE_15W >\n"


@pytest.mark.parametrize(
    ("modes", "says"),
    [
        (NANO, "-m 2 &&"),
        (AGX, "-m 0 &&"),
        ("", "-m ID && sudo jetson_clocks; /etc/nvpmodel.conf has the IDs"),
    ],
)
def test_the_fastest_power_mode_is_that_of_the_board(modes, says, tmp_path):
    fake = Fake(tmp_path / "fake", tmp_path).file("/etc/nvpmodel.conf", modes)
    fake.command("nvpmodel", "echo 'NV Power Mode: 15W'")
    assert says in power_mode(fake.machine()).advice


# The report


def mode(name: str) -> list[Finding]:
    return [named(ok("", mode=name), "power mode")]


def test_the_report_is_one_file_for_people_and_programs(tmp_path):
    path = tmp_path / "report.md"
    write(path, [named(degraded("dull", "sharpen it"), "knife")], QUIET, MEASURES)
    text = path.read_text()
    assert "sharpen it" in text
    assert "| none | cpu | network | 2.00 | 3.00 | |" in text
    assert "| none | cpu | sum, not painted | 6.00 | | 166.7 |" in text
    assert "| none | cuda | not measured: the probes above say why it cannot run" in text
    data = json.loads(re.search(r"```json\n(.*)\n```", text, re.DOTALL)[1])
    assert data["doctor"]["findings"][0]["name"] == "knife"
    assert data["runs"][0]["devices"]["cpu"]["measured"]["pipeline"]["stages_ms"] == STAGES
    assert all(item["command"] for item in data["unverified"])


def test_power_modes_are_gathered_in_one_report(tmp_path):
    path = tmp_path / "report.md"
    for name in ("15W", "MAXN", "15W"):
        write(path, mode(name), QUIET, MEASURES)
    assert [run["power_mode"] for run in runs_of(path)] == ["MAXN", "15W"]
    assert "| MAXN | cpu | network |" in path.read_text()


NO_REPORTS = [
    "# my notes",
    "```json\n{broken\n```",
    '```json\n{"format": 9}\n```',
    "```json\n[1]\n```",
    '```json\n{"format": 1, "runs": [{"devices": {}}]}\n```',
    '```json\n{"format": 1, "runs": [{"power_mode": null, "devices": {"cpu": 3}}]}\n```',
]


@pytest.mark.parametrize("text", NO_REPORTS)
def test_a_file_that_is_no_report_is_left_alone(tmp_path, text):
    path = tmp_path / "notes.md"
    path.write_text(text)
    with pytest.raises(SinkError, match=r"notes\.md: expected a report .* choose another --report"):
        write(path, WELL, QUIET, {})
    with pytest.raises(SinkError, match="expected a report"):
        doctor(report=path, probes=())
    assert path.read_text() == text


def test_an_empty_file_has_no_runs(tmp_path):
    path = tmp_path / "report.md"
    path.touch()
    assert runs_of(path) == runs_of(tmp_path / "none.md") == []


def test_the_device_is_measured_where_it_works(tmp_path):
    path = tmp_path / "report.md"
    write(path, WELL, QUIET, MEASURES)
    assert runs_of(path)[0]["devices"]["cuda"]["reason"] == "run `perception bench --device cuda`"
    write(path, WELL, QUIET, {**MEASURES, "cuda": MEASURES["cpu"]})
    assert runs_of(path)[0]["devices"]["cuda"]["measured"]["pipeline"]["stages_ms"] == STAGES


def test_what_cannot_be_measured_costs_no_report(tmp_path):
    def full():
        raise BackendUnavailable("the device has no memory left")

    path = tmp_path / "report.md"
    write(path, WELL, QUIET, {**MEASURES, "cuda": full})
    assert "| none | cpu | network | 2.00 | 3.00 | |" in path.read_text()
    assert "| none | cuda | not measured: the device has no memory left |" in path.read_text()


def test_a_report_of_an_older_version_is_read(tmp_path):
    path = tmp_path / "report.md"
    write(path, WELL, QUIET, MEASURES)
    path.write_text(path.read_text().replace('"measured"', '"figures"'))
    assert runs_of(path)[0]["devices"]["cpu"]["measured"]["pipeline"]["stages_ms"] == STAGES


def test_a_report_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match=r"report\.md"):
        write(tmp_path / "file" / "report.md", [], QUIET, MEASURES)

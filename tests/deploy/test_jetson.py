"""Jetson packaging without a Jetson: shellcheck, systemd-analyze, and the installer on faked tools."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.doctor.jetson import JETPACKS
from perception.cli import app

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "jetson"
INSTALL, UNIT = FOLDER / "install.sh", FOLDER / "perception.service"
GSTREAMER = "def getBuildInformation(): return 'GStreamer:                   YES (1.20.3)'\n"
# The environment's Python: notes what it is asked, and knows the requirements.
PYTHON = """#!/bin/sh
echo "$@" >> {log}
case "$1" in
-) cat > /dev/null; echo 'numpy>=1.26'; [ "$2" ] || echo 'opencv-python-headless>=4.8';;
-c) exit 1;;
esac
"""


def tool(name: str) -> str:
    """The path of a tool, beside this Python or in PATH; without it the test is skipped."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if not found:
        pytest.skip(f"no {name} on this machine")
    return found


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


class Jetson:
    """Folders and tools of a device. `log`: what pip and the other tools were asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.prefix, self.log = folder, folder / "opt", folder / "log"
        self.log.touch()
        script(self.prefix / "bin" / "python", PYTHON.format(log=self.log))
        script(self.prefix / "bin" / "perception", f'#!/bin/sh\necho perception "$@" >> {self.log}\nexit 1\n')
        script(folder / "bin" / "systemctl", f'#!/bin/sh\necho systemctl "$@" >> {self.log}\n')
        script(folder / "bin" / "sudo", '#!/bin/sh\nexec "$@"\n')
        script(folder / "bin" / "dpkg-query", "#!/bin/sh\necho install ok installed\n")
        (folder / "site").mkdir()

    def opencv(self) -> None:
        (self.folder / "site" / "cv2.py").write_text(GSTREAMER)

    def nvcc(self) -> None:
        script(self.folder / "cuda" / "bin" / "nvcc", "#!/bin/sh\n")

    def install(self, *options: str) -> subprocess.CompletedProcess[str]:
        environ = {
            "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin",
            "PYTHON": sys.executable,
            "PYTHONPATH": str(self.folder / "site"),
            "CUDA_HOME": str(self.folder / "cuda"),
            "SYSTEMD_DIR": str(self.folder / "systemd"),
            "DEFAULTS_FILE": str(self.folder / "default" / "perception"),
        }
        arguments = [str(INSTALL), "--prefix", str(self.prefix), *options]
        return subprocess.run(arguments, env=environ, capture_output=True, text=True)

    def asked(self) -> str:
        return self.log.read_text()


@pytest.fixture
def jetson(tmp_path):
    return Jetson(tmp_path)


def test_shellcheck_has_nothing_to_say():
    done = subprocess.run([tool("shellcheck"), str(INSTALL)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_systemd_takes_the_unit(tmp_path):
    unit = tmp_path / "perception.service"
    unit.write_text(UNIT.read_text().replace("/opt/perception/bin/perception", "/bin/true"))
    done = subprocess.run([tool("systemd-analyze"), "verify", str(unit)], capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "perception" in line]
    assert (done.returncode, ours) == (0, [])


def test_the_opencv_of_jetpack_is_kept(jetson):
    jetson.opencv()
    done = jetson.install()
    assert done.returncode == 0, done.stderr
    assert "install numpy>=1.26 numpy<2\n" in jetson.asked()
    assert "uninstall --yes opencv-python opencv-python-headless" in jetson.asked()


def test_without_jetpacks_opencv_the_one_of_pypi_is_taken(jetson):
    done = jetson.install()
    assert "without CSI cameras" in done.stdout
    assert "install numpy>=1.26 opencv-python-headless>=4.8\n" in jetson.asked()
    assert "numpy<2" not in jetson.asked()


@pytest.mark.parametrize("there", [True, False])
def test_pycuda_is_compiled_where_there_is_nvcc(jetson, there):
    if there:
        jetson.nvcc()
    done = jetson.install()
    assert ("--no-binary pycuda pycuda>=2024.1" in jetson.asked()) == there
    assert ("without pycuda, on the CPU" in done.stdout) != there


def test_it_ends_with_the_doctor_whose_complaint_is_no_failure(jetson):
    done = jetson.install()
    assert jetson.asked().splitlines()[-1] == "perception doctor"
    assert "Nothing was undone" in done.stdout
    assert done.returncode == 0


def test_the_service_is_installed_once_and_its_settings_stay(jetson):
    assert jetson.install("--service", "--camera", "rtsp://cam/1").returncode == 0
    unit = (jetson.folder / "systemd" / "system" / "perception.service").read_text()
    settings = jetson.folder / "default" / "perception"
    assert f"ExecStart={jetson.prefix}/bin/perception serve ${{CAMERA}} " in unit
    assert "/opt/perception" not in unit
    assert settings.read_text() == "CAMERA=rtsp://cam/1\n"
    assert "systemctl enable --now perception.service" in jetson.asked()
    assert jetson.install("--service", "--camera", "7").returncode == 0
    assert settings.read_text() == "CAMERA=rtsp://cam/1\n"


def test_a_prefix_is_where_it_was_said(jetson):
    assert jetson.install("--service", "--prefix", os.path.relpath(jetson.prefix)).returncode == 0
    unit = (jetson.folder / "systemd" / "system" / "perception.service").read_text()
    assert f"ExecStart={jetson.prefix}/bin/perception serve " in unit


@pytest.mark.parametrize("folder", ["/home/me/perception", "/root/perception", "/run/user/1000/perception"])
def test_the_service_is_not_put_where_it_sees_nothing(jetson, folder):
    done = jetson.install("--service", "--prefix", folder, "--dry-run")
    assert done.returncode == 2
    assert f"got {folder}. Take /opt/perception" in done.stderr


def test_a_dry_run_does_nothing(jetson):
    done = jetson.install("--service", "--dry-run")
    assert done.returncode == 0
    assert "+ systemctl enable" in done.stdout
    assert "pip" not in jetson.asked()
    assert not (jetson.folder / "systemd").exists()


def test_an_unknown_option_is_refused(jetson):
    done = jetson.install("--sevice")
    assert done.returncode == 2
    assert "got --sevice" in done.stderr
    assert jetson.asked() == ""


def test_an_old_python_is_refused(jetson):
    script(jetson.folder / "bin" / "old", '#!/bin/sh\n[ "$1" = -V ] && echo Python 3.8.10\nexit 1\n')
    environ = {"PATH": "/usr/bin:/bin", "PYTHON": str(jetson.folder / "bin" / "old")}
    done = subprocess.run([str(INSTALL), "--dry-run"], env=environ, capture_output=True, text=True)
    assert done.returncode == 2
    assert "got Python 3.8.10" in done.stderr


def test_the_unit_calls_the_command_as_it_is():
    command = re.search(r"^ExecStart=\S+/perception (.*)$", UNIT.read_text(), re.MULTILINE)[1]
    name, *rest = command.split()
    known = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).output
    assert [word for word in rest if word.startswith("--") and word not in known] == []


def test_the_unit_compiles_into_a_folder_that_its_user_may_write_to():
    unit = UNIT.read_text()
    own = re.search(r"^CacheDirectory=(\S+)$", unit, re.MULTILINE)[1]
    assert re.search(rf"^Environment=.*\bNUMBA_CACHE_DIR=/var/cache/{own}/\S+$", unit, re.MULTILINE)


@pytest.mark.parametrize(
    "setting", ["Type=notify", "WatchdogSec=", "Restart=", "LogRateLimitBurst=", "LogNamespace="]
)
def test_the_unit_watches_restarts_and_limits_its_log(setting):
    assert re.search(rf"^{setting}", UNIT.read_text(), re.MULTILINE)


def test_the_image_copies_what_there_is():
    lines = (FOLDER / "Dockerfile").read_text().splitlines()
    copied = [name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]]
    assert {"perception", "deploy"} <= set(copied)
    assert all((ROOT / name).exists() for name in copied)


def test_the_page_has_every_jetpack_and_claims_no_hardware():
    page = (ROOT / "docs" / "jetson.md").read_text()
    rows = dict(re.findall(r"^\| (\d\.\d) \| ([\d., ]+) \|.*\| no \|$", page, re.MULTILINE))
    assert set(rows) == {name for _, name in JETPACKS}
    for first, name in JETPACKS:
        assert rows[name].startswith(".".join(map(str, first)))
    assert "Nothing on this page was verified on hardware" in page

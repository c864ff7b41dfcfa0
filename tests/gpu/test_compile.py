"""The kernels' compiler and its cache, with an nvcc that is a shell script."""

from __future__ import annotations

import logging
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from perception.errors import BackendUnavailable
from perception.kernels import compile
from tests.gpu import on_fake
from tools.cuda_check import of_pip

ORIN, ADA = (8, 7), (8, 9)
SMALL = Path(__file__).parent / "kernels"
NVCC = """#!/bin/sh
[ "$1" = --version ] && { echo "release {version}"; exit; }
echo "$@" >> "{log}"
while [ "$1" != -o ]; do shift; done
cat "$3" > "$2"
"""


class Toolkit:
    """Kernel sources, an nvcc that copies them, and what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.nvcc = folder / "bin" / "nvcc"
        self.sources = folder / "sources"
        self.sources.mkdir()
        self.nvcc.parent.mkdir()
        (self.sources / "maps.cu").write_text("kernel")
        (self.sources / "device.cuh").write_text("header")
        self.install("13.0")

    def install(self, version: str, text: str = NVCC) -> None:
        self.nvcc.write_text(text.replace("{version}", version).replace("{log}", str(self.log)))
        self.nvcc.chmod(0o755)
        compile._version.cache_clear()

    def cubin(self, capability: tuple[int, int] = ORIN) -> bytes:
        return compile.cubin("maps.cu", capability, self.sources)

    @property
    def runs(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def toolkit(tmp_path, monkeypatch):
    toolkit = Toolkit(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PERCEPTION_NVCC", str(toolkit.nvcc))
    return toolkit


def kept() -> list[Path]:
    return sorted(compile.cache_folder().iterdir())


def test_a_kernel_is_compiled_once(toolkit):
    assert toolkit.cubin() == toolkit.cubin() == b"kernel"
    assert len(toolkit.runs) == len(kept()) == 1
    assert "-cubin -arch=sm_87" in toolkit.runs[0]


@pytest.mark.parametrize("name", ["maps.cu", "device.cuh", "new.cuh"])
def test_it_is_compiled_again_when_a_source_changes(toolkit, name):
    toolkit.cubin()
    (toolkit.sources / name).write_text("changed")
    toolkit.cubin()
    assert len(toolkit.runs) == 2


def test_it_is_compiled_for_each_architecture_and_each_nvcc(toolkit):
    toolkit.cubin(ORIN)
    toolkit.cubin(ADA)
    toolkit.install("13.1")
    toolkit.cubin(ORIN)
    assert len(toolkit.runs) == len(kept()) == 3


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: b"\xff" + data[1:], lambda data: b""]
)
def test_a_damaged_file_is_made_anew(toolkit, damage):
    toolkit.cubin()
    kept()[0].write_bytes(damage(kept()[0].read_bytes()))
    assert toolkit.cubin() == b"kernel"
    assert toolkit.cubin() == b"kernel"
    assert len(toolkit.runs) == 2


def test_many_at_once_leave_one_whole_file(toolkit):
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: toolkit.cubin(), range(16))) == {b"kernel"}
    assert len(kept()) == 1


def test_a_cache_that_cannot_be_written_is_only_slow(toolkit, tmp_path, caplog, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert toolkit.cubin() == toolkit.cubin() == b"kernel"
    assert len(toolkit.runs) == 2
    assert "Each start will compile them" in caplog.text


def test_a_full_disk_leaves_no_part_of_a_file(toolkit, monkeypatch, caplog):
    def full(self: Path, data: bytes) -> None:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert toolkit.cubin() == b"kernel"
    assert kept() == []


def test_a_failed_compile_shows_the_last_lines(toolkit):
    toolkit.install("13.0", NVCC + "seq 100; echo maps.cu: error: no such type >&2; exit 2\n")
    with pytest.raises(BackendUnavailable, match=r"100\nmaps\.cu: error: no such type") as raised:
        toolkit.cubin()
    assert len(str(raised.value).splitlines()) < 20
    assert not compile.cache_folder().exists()


def test_an_nvcc_that_is_no_program(toolkit):
    toolkit.nvcc.write_bytes(b"\x00")
    with pytest.raises(BackendUnavailable, match="nvcc"):
        toolkit.cubin()


def test_no_nvcc_says_where_it_was_looked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_HOME", "/opt/cuda")
    monkeypatch.delenv("PERCEPTION_NVCC", raising=False)
    monkeypatch.setattr(compile, "TOOLKITS", ())
    with pytest.raises(BackendUnavailable, match="found none at nvcc, /opt/cuda/bin/nvcc"):
        compile.find_nvcc()


def test_nvcc_is_the_named_one_then_that_in_path_then_that_of_cuda_home(toolkit, monkeypatch, tmp_path):
    other = tmp_path / "other" / "bin" / "nvcc"
    other.parent.mkdir(parents=True)
    shutil.copy(toolkit.nvcc, other)
    monkeypatch.setenv("CUDA_HOME", str(tmp_path / "other"))
    monkeypatch.setenv("PATH", os.pathsep.join([str(toolkit.nvcc.parent), "/bin"]))
    assert compile.find_nvcc() == str(toolkit.nvcc)
    monkeypatch.delenv("PERCEPTION_NVCC")
    assert compile.find_nvcc() == str(toolkit.nvcc)
    monkeypatch.setenv("PATH", "/nowhere")
    assert compile.find_nvcc() == str(other)


def test_a_named_nvcc_that_is_missing_is_not_replaced(toolkit, monkeypatch):
    monkeypatch.setenv("PERCEPTION_NVCC", "/nowhere/nvcc")
    with pytest.raises(BackendUnavailable, match="/nowhere/nvcc"):
        compile.find_nvcc()


def test_the_stand_in_refuses_what_nvcc_refuses(toolkit, monkeypatch):
    monkeypatch.setenv("PERCEPTION_NVCC", str(on_fake.nvcc()))
    with pytest.raises(BackendUnavailable, match="Unsupported gpu architecture"):
        compile.cubin("small.cu", (7, 2), SMALL)


def test_compiling_is_said_once(toolkit, caplog):
    caplog.set_level(logging.INFO)
    toolkit.cubin()
    toolkit.cubin()
    assert caplog.text.count("compiling maps.cu") == 1


REAL = shutil.which("nvcc") or of_pip()


@pytest.mark.skipif(not REAL, reason="there is no nvcc on this machine: make .venv/nvcc")
def test_the_real_nvcc_takes_the_flags(toolkit, monkeypatch):
    monkeypatch.setenv("PERCEPTION_NVCC", str(REAL))
    assert compile.cubin("small.cu", ORIN, SMALL)[:4] == b"\x7fELF"

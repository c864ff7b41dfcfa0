"""Machines that are not there: a root folder, commands, Python modules and a CUDA driver, all files."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from deploy.doctor import PROBES, Probe
from deploy.doctor.examine import examine
from deploy.doctor.finding import EXIT, Finding, worst
from deploy.doctor.machine import Machine
from perception import bundle as bundles
from perception.backends.engine_cache import (
    L4T,
    PLAN,
    DeviceFacts,
    EngineCache,
    identity,
    l4t,
    options_for,
)
from perception.load import select

ORIN = "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8\n"
DRIVER_SOURCE = r"""
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static int fake(const char *name, int otherwise) {
    const char *value = getenv(name);
    return value ? atoi(value) : otherwise;
}
int cuInit(unsigned flags) {
    int code = fake("FAKE_INIT", 0);
    if (code == -1) raise(SIGSEGV);
    if (code == -2) for (;;) pause();
    return code;
}
int cuDeviceGetCount(int *n) { *n = fake("FAKE_COUNT", 1); return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return 0; }
int cuDriverGetVersion(int *version) { *version = fake("FAKE_CUDA", 12060); return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? fake("FAKE_MAJOR", 8) : attribute == 76 ? fake("FAKE_MINOR", 7) : 1;
    return 0;
}
int cuDeviceGetName(char *name, int length, int device) { snprintf(name, length, "Orin"); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = 8000000000u; return 0; }
"""
PYCUDA = "class Error(Exception): ...\ndef init(): ...\ndef get_version(): return {built}\n"
PYCUDA += "def get_driver_version(): return 12060\n"
NVCC = """case "$1" in
--version) echo 'Cuda compilation tools, release {release}, V{release}.1';;
--list-gpu-arch) printf 'compute_%s\\n' {targets};;
esac"""


def driver_library(folder: Path) -> Path:
    """libcuda.so.1 in `folder`, which says what the environment tells it to."""
    source = folder / "driver.c"
    source.write_text(DRIVER_SOURCE)
    library = folder / "libcuda.so.1"
    subprocess.run(["g++", "-x", "c", "-shared", "-fPIC", "-w", str(source), "-o", str(library)], check=True)
    return folder


class Fake:
    """A machine that is built file by file in `folder`; bare, it has nothing of NVIDIA's."""

    def __init__(self, folder: Path, driver_folder: Path) -> None:
        self.root, self.bin, self.site = (folder / name for name in ("root", "bin", "site"))
        for path in (self.root, self.bin, self.site):
            path.mkdir(parents=True)
        self._driver_folder = driver_folder
        self.cache = folder / "cache"
        self.environ = {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(self.cache),
            "PYTHONPATH": str(self.site),
            "PERCEPTION_NVCC": str(self.bin / "nvcc"),
            "OMP_NUM_THREADS": "1",
        }

    def machine(self) -> Machine:
        return Machine(self.root, self.environ)

    def file(self, absolute: str, text: str = "") -> Fake:
        path = self.root / absolute.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self

    def command(self, name: str, script: str) -> Fake:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return self

    def module(self, name: str, text: str) -> Fake:
        """`name` may have a dot: then its package is there, too."""
        path = self.site / Path(*name.split("."))
        path.parent.mkdir(parents=True, exist_ok=True)
        if "." in name:
            (path.parent / "__init__.py").touch()
        path.with_suffix(".py").write_text(text)
        return self

    def package(self, name: str, version: str) -> Fake:
        """As pip would list it."""
        info = self.site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        return self

    def driver(self, **facts: int) -> Fake:
        """`init`, `count`, `cuda`, `major`, `minor`: what it says."""
        self.environ["LD_LIBRARY_PATH"] = str(self._driver_folder)
        self.environ |= {f"FAKE_{name.upper()}": str(value) for name, value in facts.items()}
        return self

    def nvcc(self, release: str = "12.6", targets: str = "80 86 87 89 90") -> Fake:
        return self.command("nvcc", NVCC.format(release=release, targets=targets))

    def pycuda(self, built: tuple[int, ...] = (12, 6, 0)) -> Fake:
        return self.module("pycuda.driver", PYCUDA.format(built=built))

    def tensorrt(self, version: str = "10.3.0") -> Fake:
        return self.module("tensorrt", f"__version__ = {version!r}\n")

    def engine(
        self, checked: bool = True, tensorrt: str = "10.3.0", damaged: bool = False, **device: Any
    ) -> Fake:
        """Those of the shipped bundle, which fit, but for what `device` says."""
        facts = replace(DeviceFacts("Orin", (8, 7), "12.6", l4t(L4T)), **device)
        spec, cache = bundles.read(bundles.SHIPPED), EngineCache(self.cache / "perception" / "engines")
        wanted = options_for(select(spec, None), "trt.int8", size=spec.input_size)
        for network, options in wanted.items():
            model = (bundles.SHIPPED / spec.files["trt.int8"][network]).read_bytes()
            of = identity(model, tensorrt, options, facts)
            with cache.building(of) as part:
                cache.start(part)
                (part / PLAN).write_bytes(b"engine")
                entry = cache.keep(part, of, checked)
            entry.plan.write_bytes(b"engina" if damaged else b"engine")
        return self

    def jetson(self) -> Fake:
        """A whole Orin with JetPack 6.2, without fault."""
        self.file("/etc/nv_tegra_release", ORIN).file("/proc/device-tree/model", "NVIDIA Jetson Orin Nano\0")
        self.file("/proc/cpuinfo", "processor : 0\nFeatures : fp asimd asimddp\n\nprocessor : 1\n")
        self.command("uname", "echo aarch64").command("nvpmodel", "echo 'NV Power Mode: MAXN_SUPER'; echo 2")
        return self.driver().nvcc().pycuda().tensorrt().engine()


def chosen(*names: str) -> list[Probe]:
    """The named probes and those they need."""
    wanted = set(names)
    for probe in reversed(PROBES):
        wanted |= set(probe.needs) if probe.name in wanted else set()
    return [probe for probe in PROBES if probe.name in wanted]


def diagnosed(fake: Fake, *names: str, limit_s: float | None = None) -> tuple[int, dict[str, Finding]]:
    """Exit code and findings of the named probes and those they need."""
    probes = [replace(probe, limit_s=limit_s or probe.limit_s) for probe in chosen(*names)]
    findings = examine(fake.machine(), probes)
    return EXIT[worst(findings)], {finding.name: finding for finding in findings}


def real_driver() -> bool:
    """Whether this machine has a CUDA driver, which no environment can hide."""
    code = "import ctypes; ctypes.CDLL('libcuda.so.1')"
    return subprocess.run(["python3", "-c", code], capture_output=True, env=dict(os.environ)).returncode == 0

"""Every fault that can be faked: the right line, what to do about it, and the right exit code."""

from __future__ import annotations

import pytest

from tests.deploy.machines import Fake, diagnosed, driver_library, real_driver

MISSING = "raise ImportError('{library}: cannot open shared object file: No such file or directory')\n"


@pytest.fixture(scope="session")
def driver_folder(tmp_path_factory):
    return driver_library(tmp_path_factory.mktemp("driver"))


@pytest.fixture
def fake(tmp_path, driver_folder):
    return Fake(tmp_path, driver_folder)


def damaged_driver(fake):
    (fake.bin / "libcuda.so.1").write_text("no library")
    fake.environ["LD_LIBRARY_PATH"] = str(fake.bin)
    return fake


def unwritable_cache(fake):
    fake.cache.write_text("a file in the way")
    return fake


# What is broken, probe, what its line says, what its advice says.
DEGRADED = {
    "no device": (
        lambda m: m.driver(init=100),
        "CUDA driver",
        "no device: CPU INT8 backend",
        "--runtime nvidia",
    ),
    "no device counted": (lambda m: m.driver(count=0), "CUDA driver", "no device: CPU INT8", "lspci"),
    "driver updated": (
        lambda m: m.driver(init=803),
        "CUDA driver",
        "different versions",
        "Start the machine again",
    ),
    "driver unknown": (lambda m: m.driver(init=999), "CUDA driver", "999: unknown error", "dmesg"),
    "driver odd code": (lambda m: m.driver(init=4711), "CUDA driver", "4711", "dmesg"),
    "driver stub": (lambda m: m.driver(init=34), "CUDA driver", "stub library", "LD_LIBRARY_PATH"),
    "driver crashes": (lambda m: m.driver(init=-1), "CUDA driver", "ended by SIGSEGV", "install it again"),
    "driver damaged": (damaged_driver, "CUDA driver", "does not load", "reinstall"),
    "no nvcc": (lambda m: m.driver(), "CUDA compiler", "found none", "CUDA toolkit"),
    "nvcc silent": (
        lambda m: m.driver().command("nvcc", "exit 1"),
        "CUDA compiler",
        "not tell its version",
        "toolkit",
    ),
    "nvcc without Xavier": (
        lambda m: m.driver(major=7, minor=2).nvcc("13.0", "75 80 87"),
        "CUDA compiler",
        "nvcc 13.0 does not compile for sm_72",
        "Xavier",
    ),
    "nvcc too new": (
        lambda m: m.driver().nvcc("13.0"),
        "CUDA compiler",
        "newer than the driver",
        "Update the driver",
    ),
    "pycuda broken": (
        lambda m: m.driver().module("pycuda.driver", MISSING.format(library="libcurand.so.10")),
        "pycuda",
        "libcurand.so.10",
        "ip install",
    ),
    "pycuda too new": (
        lambda m: m.driver().pycuda((13, 0, 0)),
        "pycuda",
        "a driver for CUDA 13",
        "pip install --force-reinstall",
    ),
    "TensorRT missing": (
        lambda m: m.driver().module("tensorrt", "raise ModuleNotFoundError(\"No module named 'tensorrt'\")"),
        "TensorRT",
        "No module named 'tensorrt'",
        "python3-libnvinfer",
    ),
    "no DLA compiler": (
        lambda m: m.driver().module("tensorrt", MISSING.format(library="libnvdla_compiler.so")),
        "TensorRT",
        "libnvdla_compiler.so",
        "R39",
    ),
    "no libnvinfer": (
        lambda m: m.driver().module("tensorrt", MISSING.format(library="libnvinfer.so.10")),
        "TensorRT",
        "libnvinfer.so.10",
        "apt install tensorrt",
    ),
    "TensorRT crashes": (
        lambda m: m.driver().module("tensorrt", "import os; os.abort()"),
        "TensorRT",
        "SIGABRT",
        "install it again",
    ),
    "TensorRT too old": (
        lambda m: m.driver().tensorrt("8.5.2"),
        "TensorRT",
        "got 8.5.2",
        "Install one of these",
    ),
    "TensorRT too new": (
        lambda m: m.driver().tensorrt("12.0.1"),
        "TensorRT",
        "got 12.0.1",
        "Install one of these",
    ),
    "TensorRT without Orin": (
        lambda m: m.driver().tensorrt("10.13.3.9"),
        "TensorRT",
        "no code for Orin (sm_87)",
        "JetPack 7.2",
    ),
    "no engine": (lambda m: m.driver().tensorrt(), "engine", "an engine for Orin", "perception engine"),
    "engine unchecked": (
        lambda m: m.driver().tensorrt().engine(checked=False),
        "engine",
        "2 never compared",
        "engine",
    ),
    **{
        f"engine of another {kind}": (
            lambda m, of=of: m.driver().tensorrt().engine(**of),
            "engine",
            "an engine for Orin and TensorRT 10.3.0",
            "perception engine",
        )
        for kind, of in {
            "device": {"name": "Orin NX"},
            "capability": {"capability": (11, 0)},
            "driver": {"cuda": "12.2"},
            "Jetson Linux": {"l4t": "R1.0"},
            "TensorRT": {"tensorrt": "8.6.2"},
            "library": {"tensorrt": "10.3.0 libnvinfer.so.10:1"},
        }.items()
    },
    "engine damaged": (
        lambda m: m.driver().tensorrt().engine(damaged=True),
        "engine",
        "got a damaged one",
        "perception engine",
    ),
    "cache in the way": (unwritable_cache, "cache folder", "cannot be written", "XDG_CACHE_HOME"),
    "old JetPack": (
        lambda m: m.file("/etc/nv_tegra_release", "# R35 (release), REVISION: 4.1, GCID: 3"),
        "Jetson Linux",
        "L4T 35.4.1",
        "Flash JetPack 6 or 7",
    ),
    "unknown JetPack": (
        lambda m: m.file("/etc/nv_tegra_release", "# R41 (release), REVISION: 0.0, GCID: 3"),
        "Jetson Linux",
        "L4T 41.0.0",
        "perception bench",
    ),
    "Jetson without release": (
        lambda m: m.file("/proc/device-tree/model", "NVIDIA Jetson AGX Orin\0"),
        "Jetson Linux",
        "without /etc/nv_tegra_release",
        "--runtime nvidia",
    ),
    "nvpmodel fails": (
        lambda m: m.command("nvpmodel", "exit 3"),
        "power mode",
        "does not say",
        "sudo nvpmodel -q",
    ),
    "nvpmodel hangs": (
        lambda m: m.command("nvpmodel", "sleep 60"),
        "power mode",
        "does not say",
        "sudo nvpmodel -q",
    ),
    "no camera behind it": (
        lambda m: m.file("/dev/video0"),
        "cameras",
        "/dev/video0: Inappropriate",
        "Unplug",
    ),
    "AVX2 alone": (
        lambda m: m.file("/proc/cpuinfo", "flags : sse avx2\n"),
        "processor",
        "without VNNI",
        "--precision fp32",
    ),
    "old Arm": (
        lambda m: m.file("/proc/cpuinfo", "Features : fp asimd\n"),
        "processor",
        "no INT8 dot",
        "fp32",
    ),
    "no cpuinfo": (lambda m: m, "processor", "names no instructions", "fp32"),
    "32 bits": (lambda m: m.command("uname", "echo armv7l"), "Python", "armv7l", "x86_64 and aarch64"),
    "OpenCV from PyPI": (
        lambda m: m.file("/etc/nv_tegra_release", "# R36 (release), REVISION: 4.3").module(
            "cv2", "__version__ = '5.0'\ndef getBuildInformation(): return 'GStreamer:   NO'\n"
        ),
        "OpenCV",
        "without GStreamer",
        "install.sh",
    ),
    "PyAV broken": (
        lambda m: m.module("av", MISSING.format(library="libavcodec.so")),
        "video files",
        "libavcodec",
        "av>",
    ),
    "onnxruntime-gpu on Arm": (
        lambda m: m.command("uname", "echo aarch64").package("onnxruntime-gpu", "1.23.0"),
        "packages",
        "onnxruntime-gpu",
        "pip uninstall onnxruntime-gpu",
    ),
    "slow clock": (
        lambda m: m.file("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n"),
        "clock",
        "clock source hpet",
        "tsc",
    ),
}
UNUSABLE = {
    "OpenCV without libGL": (
        lambda m: m.module("cv2", MISSING.format(library="libGL.so.1")),
        "OpenCV",
        "libGL",
        "headless",
    ),
    "OpenCV for numpy 1": (
        lambda m: m.module("cv2", "raise ImportError('numpy.core.multiarray failed to import')"),
        "OpenCV",
        "multiarray",
        "numpy>=1.26,<2",
    ),
    "OpenCV crashes": (
        lambda m: m.module("cv2", "import os; os.abort()"),
        "OpenCV",
        "SIGABRT",
        "install it again",
    ),
    "onnxruntime broken": (
        lambda m: m.module("onnxruntime", MISSING.format(library="libonnxruntime.so.1")),
        "network on the CPU",
        "libonnxruntime.so.1",
        "onnxruntime>=1.18",
    ),
    "onnxruntime crashes": (
        lambda m: m.module("onnxruntime", "import os; os.kill(os.getpid(), 4)"),
        "network on the CPU",
        "ended by SIGILL",
        "install it again",
    ),
    "numba broken": (
        lambda m: m.module("numba", "raise ImportError('Numba needs NumPy 2.3 or less')"),
        "kernels on the CPU",
        "Numba needs NumPy 2.3 or less",
        "numba>=0.59",
    ),
    "numpy too old": (
        lambda m: m.package("numpy", "1.21.5"),
        "packages",
        "too old: numpy 1.21.5",
        "numpy>=1.26",
    ),
}


@pytest.mark.parametrize("fault", DEGRADED)
def test_a_fault_that_leaves_the_cpu(fake, fault):
    break_it, probe, seen, advice = DEGRADED[fault]
    code, findings = diagnosed(break_it(fake), probe)
    assert (code, findings[probe].status) == (1, "degraded"), findings[probe]
    assert seen in findings[probe].seen
    assert advice in findings[probe].advice


@pytest.mark.parametrize("fault", UNUSABLE)
def test_a_fault_that_leaves_nothing(fake, fault):
    break_it, probe, seen, advice = UNUSABLE[fault]
    code, findings = diagnosed(break_it(fake), probe)
    assert (code, findings[probe].status) == (2, "unusable"), findings[probe]
    assert seen in findings[probe].seen
    assert advice in findings[probe].advice


def test_a_driver_that_hangs(fake):
    code, findings = diagnosed(fake.driver(init=-2), "CUDA driver", limit_s=1)
    assert code == 1
    assert findings["CUDA driver"].seen == "no answer within 1 s"
    assert "dmesg" in findings["CUDA driver"].advice


@pytest.mark.skipif(real_driver(), reason="this machine has a CUDA driver")
def test_no_driver(fake):
    code, findings = diagnosed(fake, "CUDA driver", "TensorRT", "engine")
    assert code == 1
    assert findings["CUDA driver"].seen == "no CUDA driver: CPU INT8 backend"
    assert findings["TensorRT"].seen == "needs CUDA driver"
    assert findings["engine"].status == "skipped"


def test_nothing_loads_tensorrt_before_the_driver_was_found(fake):
    trap = fake.root / "loaded"
    fake.module("tensorrt", f"open({str(trap)!r}, 'w')\n__version__ = '10.3.0'\n").driver(init=100)
    diagnosed(fake, "TensorRT", "engine")
    assert not trap.exists()
    diagnosed(fake.driver(init=0), "TensorRT")
    assert trap.exists()


def test_a_whole_jetson(fake):
    names = (
        "processor",
        "Jetson Linux",
        "power mode",
        "clock",
        "cache folder",
        "CUDA compiler",
        "pycuda",
        "engine",
    )
    code, findings = diagnosed(fake.jetson(), *names)
    assert {finding.status for finding in findings.values()} == {"ok"}, findings
    assert code == 0
    assert findings["Jetson Linux"].seen == "NVIDIA Jetson Orin Nano, L4T 36.4.3, JetPack 6.2"
    assert findings["CUDA driver"].seen.startswith("Orin, sm_87, integrated, 8000 MB, CUDA 12.6")
    assert findings["power mode"].facts["mode"] == "MAXN_SUPER"

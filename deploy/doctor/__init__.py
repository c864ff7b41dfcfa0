"""`perception doctor`: can this machine run perception, how well, and what to do about it.

`PROBES` is the table of all probes, in the order in which they are shown. To add one: a function in a file
here that takes a `Machine` and gives a `Finding`, and a line in the table. Each runs in its own process, so
that a crash, a hang or a missing library is one more finding and not the end.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Probe:
    """`function`: "file:function" in this folder. `needs`: probes above it that must have found all well.

    `vital`: where it crashes or hangs, nothing works; else only the GPU or a comfort is lost.
    """

    name: str
    function: str
    limit_s: float = 20.0
    needs: tuple[str, ...] = ()
    vital: bool = False


DRIVER, ENGINE = "CUDA driver", "engine"
PROBES = (
    Probe("Python", "interpreter:python", vital=True),
    Probe("processor", "processor:processor"),
    Probe("packages", "packages:packages", vital=True),
    Probe("network on the CPU", "network:known_answer", 60, vital=True),
    Probe(
        "kernels on the CPU", "kernels:known_answers", 300, vital=True
    ),  # the first time numba compiles them
    Probe("OpenVINO", "openvino:openvino", 90),
    Probe("OpenCV", "video:opencv", vital=True),
    Probe("video files", "video:pyav"),
    Probe("cameras", "video:cameras"),
    Probe("cache folder", "host:cache"),
    Probe("clock", "host:clock"),
    Probe("Jetson Linux", "jetson:release"),
    Probe("power mode", "jetson:power_mode"),
    Probe(DRIVER, "cuda:driver"),
    Probe("CUDA compiler", "cuda:compiler", needs=(DRIVER,)),
    Probe("pycuda", "cuda:pycuda", needs=(DRIVER,)),
    Probe("kernels on the GPU", "gpu:known_answers", 300, (DRIVER, "CUDA compiler", "pycuda")),
    Probe("TensorRT", "trt:tensorrt", 90, (DRIVER,)),
    Probe(ENGINE, "engine:cached", 30, ("TensorRT",)),
)

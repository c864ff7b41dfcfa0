"""What is compiled ahead is what frames need; what is not says so."""

import os
import subprocess
import sys

import numpy as np

import perception
from perception.kernels import cpu
from perception.kernels.__main__ import main
from perception.types import Frame


def signatures() -> list[int]:
    kernels = (cpu.halve, cpu._shrink, cpu.strokes, cpu.lines, cpu.all_candidates, cpu.objects)
    return [len(kernel.signatures) for kernel in (*kernels, cpu._upsampled_labels)]


def test_a_frame_compiles_nothing_more(tiny_bundle):
    main()
    before = signatures()
    pipeline = perception.load(tiny_bundle)
    for size in ((720, 1280), (480, 640), (96, 128)):
        pipeline(Frame(np.zeros((*size, 3), np.uint8), 0, 0))
    assert signatures() == before


def test_that_it_compiles_is_said_once_and_only_where_it_does(tmp_path):
    program = """if 1:
        import numpy as np
        from perception.kernels import cpu
        for kind in (np.zeros((1, 1, 1), np.float32), np.zeros((1, 1), np.float32)):
            cpu.all_finite(kind)
    """
    environ = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", program]
    first, second = (subprocess.run(command, env=environ, capture_output=True, text=True) for _ in range(2))
    assert first.returncode == second.returncode == 0
    assert first.stderr.count("compiling for this processor") == 1
    assert second.stderr == ""

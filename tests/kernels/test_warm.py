"""What is compiled ahead is what frames need."""

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

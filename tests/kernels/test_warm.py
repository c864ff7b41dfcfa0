"""What is compiled ahead is what frames need."""

import numpy as np

import perception
from perception.kernels import cpu
from perception.kernels.__main__ import main
from perception.types import Frame


def signatures() -> list[int]:
    kernels = (cpu.halve, cpu.strokes, cpu.lines, cpu.all_candidates, cpu.objects, cpu._upsampled_labels)
    return [len(kernel.signatures) for kernel in kernels]


def test_a_frame_compiles_nothing_more(tiny_bundle):
    main()
    before = signatures()
    perception.load(tiny_bundle)(Frame(np.zeros((720, 1280, 3), np.uint8), 0, 0))
    assert signatures() == before

"""What is compiled ahead is what frames need; what is not says so."""

import os
import subprocess
import sys

import numpy as np

import perception
from perception.backends.finite import FiniteBackend
from perception.kernels import cpu
from perception.kernels.__main__ import main
from perception.tasks.signs.decode import LOGITS, decode
from perception.types import Frame


def signatures() -> list[int]:
    kernels = [kernel for kernel in vars(cpu).values() if hasattr(kernel, "signatures")]
    return [len(kernel.signatures) for kernel in kernels]


def test_a_frame_compiles_nothing_more(tiny_bundle):
    main()
    before = signatures()
    pipeline = perception.load(tiny_bundle)
    for size in ((720, 1280), (480, 640), (96, 128)):
        pipeline(Frame(np.zeros((*size, 3), np.uint8), 0, 0))
    assert signatures() == before


def test_a_sign_and_its_answer_compile_nothing_more():
    def network(crops):
        return {LOGITS: np.zeros((len(crops), 43), np.float32), "classes": np.zeros((2, 2), np.uint8)}

    main()
    before = signatures()
    network.input_size, network.device, network.close = (64, 64), "cpu", None
    image, boxes = np.zeros((90, 160, 3), np.uint8), np.array([[8, 8, 30, 30]], np.float32)
    assert len(decode(image, boxes, FiniteBackend(network), 0.0).score) == 1
    assert signatures() == before


def test_a_drive_with_all_stages_compiles_nothing_more():
    program = """if 1:
        import sys
        import perception
        from perception.kernels.__main__ import main
        from perception.stages import STAGES
        from perception.stages.warm import warm_up
        from perception.synthetic import World
        def signatures():
            places = ("perception.kernels", "perception.stages")
            names = [vars(module) for name, module in sys.modules.items() if name.startswith(places)]
            kernels = {k.py_func: k for own in names for k in own.values() if hasattr(k, "signatures")}
            return {f"{f.__module__}.{f.__name__}": len(k.signatures) for f, k in kernels.items()}
        main()
        warm_up()
        ahead = signatures()
        assert len(ahead) > 30, ahead
        pipeline = perception.load(device="cpu", threads=1, stages=STAGES)
        world = World(7)
        found = [pipeline(world.render(k * 0.05).frame) for k in range(6)]
        assert found[-1].lanes and len(found[-1].detections)
        print({name: count for name, count in signatures().items() if count != ahead.get(name, 0)})
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "{}\n", done.stdout + done.stderr


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

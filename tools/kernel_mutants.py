"""Are the tests of the CUDA kernels worth anything? Bugs are planted in the kernels, one at a time; each must
be found: `python -m tools.kernel_mutants [WORD]` runs those whose description holds the word.

The kernels are built with the address and undefined-behaviour sanitizers, and a planted bug is found if a
case of tests/kernels/cuda_cases.py fails or the process ends. A bug whose place is not in the kernels any
more, or that does not compile, is an error of the table here.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, NoReturn

from tests.kernels.cuda_cases import run
from tests.kernels.host_device import KERNELS, build, sanitized


class Mutant(NamedTuple):
    file: str
    by: str  # the .cu file whose cases must find it
    what: str
    old: str
    new: str


BARRIER = "__syncthreads();"
TABLE = {  # the file with the bug and the file whose cases must find it: what it is, old and new text
    ("device.cuh", "preprocess.cu"): [
        ("pitch ignored", "data + row * pitch + 3", "data + row * 3 * width + 3"),
        ("blue and red swapped", "{pixel[0], pixel[1], pixel[2]}", "{pixel[2], pixel[1], pixel[0]}"),
        ("centres not clamped below", "max((2 * k + 1) * length - n, 0)", "(2 * k + 1) * length - n"),
    ],
    ("device.cuh", "signs.cu"): [
        ("neighbour beyond the last column", "colour(min(j + 1, image.width - 1))", "colour(j + 1)"),
        ("neighbour beyond the last row", "row(min(i + 1, image.height - 1))", "row(i + 1)"),
        ("levels cut off", "int(rintf(c.b))", "int(c.b)"),
        ("sampling not clamped", "fminf(fmaxf(x, 0.0f), image.width - 1.0f)", "fmaxf(x, 0.0f)"),
    ],
    ("preprocess.cu", "preprocess.cu"): [
        ("column beyond the input", "if (x >= width ||", "if (x > width ||"),
        ("area beyond the image", "last = (end - 1) / n", "last = end / n"),
        ("linear beyond the image", "min(first + 1, length - 1), 2", "first + 1, 2"),
        ("mean cut off", "(total + weights / 2)", "total"),
        ("area where the width stays", "inner_width < image_width", "inner_width <= image_width"),
        ("border on one side only", "row = y - top", "row = y - top / 2"),
        ("INT8 not clamped", "fmaxf(rintf(value / scale), -128.0f)", "rintf(value / scale)"),
        ("planes overlap", "c * pixels + at", "c * (pixels - 1) + at"),
    ],
    ("detection.cu", "detection.cu"): [
        ("-0 after 0", "__float_as_uint(logit + 0.0f)", "__float_as_uint(logit)"),
        ("negative logits the wrong way round", "bits >> 31 ? 0xffffffffu : 0x80000000u;", "0x80000000u;"),
        ("cell of the level before", "while (cell.within >=", "while (cell.within >"),
        ("threads beyond the cells", "if (place >= total) return;", ""),
        ("threshold not strict", "if (logit > thresholds[", "if (logit >= thresholds["),
        (
            "NaN above the threshold",
            "if (logit > thresholds[cell.class_id])",
            "if (!(logit <= thresholds[cell.class_id]))",
        ),
        ("order of equal logits by level", "key_of(logit, place)", "key_of(logit, cell.within)"),
        ("no barrier after clearing the bins", f"bins[bin] = 0;\n        {BARRIER}", "bins[bin] = 0;"),
        ("no barrier after counting", f"& 255], 1);\n        {BARRIER}", "& 255], 1);"),
        ("no barrier before the bins are cleared", f"{BARRIER}  // all have read the bins", ""),
        ("all kept of too many", "n > MOST ? kth_largest(keys, n, MOST) : 0", "0"),
        ("one of the best too few", "keys[i] >= least", "keys[i] > least"),
        ("no barrier before collecting", f"taken = 0;\n    {BARRIER}", "taken = 0;"),
        ("no barrier before sorting", f"= keys[i];\n    {BARRIER}", "= keys[i];"),
        (
            "no barrier in the sort",
            f"            {BARRIER}\n        }}\n    if (t < MOST)",
            "        }\n    if (t < MOST)",
        ),
        ("more sorted than there is room", "if (t < MOST) sorted", "sorted"),
        ("small ones left in", "image.x2 - image.x1 >= smallest", "true"),
        (
            "no barrier before suppression",
            f"}}\n    {BARRIER}\n    for (int k = 0; k < n",
            "}\n    for (int k = 0; k < n",
        ),
        ("no barrier in suppression", f"++kept;\n        {BARRIER}", "++kept;"),
        ("candidates that are not there", "goes_with[t] = OUT;", "goes_with[t] = NONE;"),
        ("a box struck twice", "goes_with[t] == NONE && class_ids", "class_ids"),
        ("a box does not vote for itself", "all = scores[k] * scores[k]", "all = 0"),
        ("all votes equal", "weight = scores[i] * scores[i]", "weight = 1"),
        ("votes for others counted", "if (goes_with[i] != k) continue;", ""),
        ("boxes of other classes struck", "class_ids[t] == class_ids[k] &&", ""),
        ("overlap at the limit struck", "boxes[t]) > limit", "boxes[t]) >= limit"),
        ("more objects than rows", "k < n && kept < most", "k < n"),
        ("boxes not clipped", "at > size ? size : at", "at"),
        (
            "NaN becomes a box",
            "return at < 0 ? 0 : at > size ? size : at;",
            "return fminf(fmaxf(at, 0), size);",
        ),
        ("letterbox removed in the wrong order", "(at - offset) / scale", "at / scale - offset"),
    ],
    ("maps.cu", "maps.cu"): [
        ("row beyond the labels", "|| y >= height", "|| y > height"),
        ("neighbour beyond the map", "high = min(low + 1, length - 1)", "high = low + 1"),
        (
            "rows and columns of a cell swapped",
            "row % factor * factor + column % factor",
            "column % factor * factor + row % factor",
        ),
        (
            "lanes leave before the ballot",
            "bool inside = cell < total;",
            "bool inside = cell < total; if (!inside) return;",
        ),
        ("line threshold not strict", "line > least", "line >= least"),
        ("paint threshold not strict", ".at(row, column) > bare", ".at(row, column) >= bare"),
        ("a word beyond the mask", "if (inside && threadIdx.x", "if (threadIdx.x"),
        ("lanes do not hear where to write", "begin = __shfl_sync(ALL_LANES, begin, 0);", ""),
        ("edge threshold not strict", "edge > least", "edge >= least"),
        ("edges beyond the map", "if (cell < factor * rows * width) edge", "edge"),
        ("two lanes write one cell", "((1u << lane) - 1)", "(((1u << lane) - 1) >> 1)"),
        ("a cell beyond the capacity", "at < capacity", "at <= capacity"),
    ],
    ("finite.cu", "finite.cu"): [
        ("values beyond the array", "k < n && ", ""),
        ("infinity is finite", "values[k] - values[k] != 0", "values[k] != values[k]"),
    ],
    ("signs.cu", "signs.cu"): [
        ("no barrier", f"    {BARRIER}\n", ""),
        (
            "threads leave before the barrier",
            BARRIER,
            f"if (blockIdx.x * blockDim.x + threadIdx.x >= size * size) return; {BARRIER}",
        ),
        ("pixels beyond the crop", "if (pixel >= pixels) return;", ""),
        ("the next sign", "before-- == 0", "--before == 0"),
        ("crops not enlarged", "1.2f *", "1.0f *"),
        (
            "crops without a sign left as they were",
            "if (pixel >= pixels) return;",
            "if (pixel >= pixels || object == n) return;",
        ),
    ],
}
MUTANTS = [Mutant(*files, *bug) for files, bugs in TABLE.items() for bug in bugs]


def planted(mutant: Mutant, folder: Path) -> Path:
    """The kernels with this bug, in `folder`. Raises ValueError if its place is not there exactly once."""
    shutil.copytree(KERNELS, folder, ignore=lambda _, names: [n for n in names if ".cu" not in n])
    text = (folder / mutant.file).read_text()
    if (times := text.count(mutant.old)) != 1:
        raise ValueError(
            f"{mutant.file}, {mutant.what}: expected {mutant.old!r} exactly once, got it {times} times; "
            "bring MUTANTS up to date"
        )
    (folder / mutant.file).write_text(text.replace(mutant.old, mutant.new))
    return folder


def found(mutant: Mutant) -> bool:
    """Whether the cases fail with it, in a process of its own."""
    with tempfile.TemporaryDirectory() as top:
        folder = planted(mutant, Path(top) / "kernels")
        build(folder / mutant.by, sanitize=True)
        child = os.fork()
        if child == 0:
            _fail_if_found([mutant.by], folder)
        return os.waitpid(child, 0)[1] != 0


def _fail_if_found(sources: Sequence[str], folder: Path) -> NoReturn:
    """Ends the process, in silence."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    try:
        for _ in run(sources, folder, sanitize=True):
            pass
    except BaseException:
        os._exit(1)
    os._exit(0)


def main(word: str = "") -> int:
    """How many are not found."""
    chosen = [mutant for mutant in MUTANTS if word in f"{mutant.file} {mutant.what}"]
    missed = 0
    with get_context("fork").Pool(os.cpu_count()) as pool:
        for mutant, caught in zip(chosen, pool.imap(found, chosen), strict=True):
            print(f"{'found ' if caught else 'MISSED'}  {mutant.file}: {mutant.what}", flush=True)
            missed += not caught
    print(f"{len(chosen) - missed} of {len(chosen)} planted bugs found")
    return missed


if __name__ == "__main__":
    if "libasan" not in os.environ.get("LD_PRELOAD", ""):
        os.execve(sys.executable, [sys.executable, "-m", "tools.kernel_mutants", *sys.argv[1:]], sanitized())
    sys.exit(bool(main(*sys.argv[1:])))

"""The report of ptxas is read right, and the document says what the tool says."""

from pathlib import Path

import pytest

from tools import cuda_check
from tools.cuda_check import Use

REPORT = """\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'small' for 'sm_87'
ptxas info    : Function properties for small
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 28 registers, used 1 barriers, 22528 bytes smem, 456 bytes cmem[0]
ptxas info    : Compile time = 16.1 ms
ptxas info    : Compiling entry function 'plain' for 'sm_87'
ptxas info    : Function properties for plain
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 65 registers, used 0 barriers, 416 bytes cmem[0]
ptxas info    : Compiling entry function 'calls' for 'sm_87'
ptxas info    : Function properties for calls
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 39 registers, used 0 barriers, 8 bytes cumulative stack size, 416 bytes cmem[0]
ptxas info    : Function properties for _Z4areaiii
    8 bytes stack frame, 4 bytes spill stores, 4 bytes spill loads
ptxas info    : Compiling entry function 'spills' for 'sm_75'
ptxas info    : Function properties for spills
    16 bytes stack frame, 4 bytes spill stores, 8 bytes spill loads
ptxas info    : Used 64 registers, used 0 barriers, 416 bytes cmem[0]
"""


def test_what_kernels_use_is_read_from_the_report():
    assert cuda_check.uses(REPORT) == [
        Use("small", "sm_87", registers=28, stack=0, spilled=0, shared=22528),
        Use("plain", "sm_87", registers=65, stack=0, spilled=0, shared=0),
        Use("calls", "sm_87", registers=39, stack=8, spilled=0, shared=0),
        Use("spills", "sm_75", registers=64, stack=16, spilled=12, shared=0),
    ]
    assert [use.good for use in cuda_check.uses(REPORT)] == [True, False, False, False]


def fake_nvcc(folder: Path, answer: str, code: int = 0) -> str:
    """A program that lists two architectures, and to anything else says `answer`."""
    nvcc = folder / "nvcc"
    (folder / "answer").write_text(answer)
    nvcc.write_text(
        f'#!/bin/sh\nif [ "$1" = --list-gpu-code ]; then echo sm_87; echo sm_52; exit; fi\n'
        f"cat {folder}/answer >&2; exit {code}\n"
    )
    nvcc.chmod(0o755)
    return str(nvcc)


def test_a_kernel_over_a_limit_fails(tmp_path, monkeypatch, capsys):
    (tmp_path / "k.cu").write_text('extern "C" __global__ void __launch_bounds__(256) plain(int n)')
    monkeypatch.setattr(cuda_check, "KERNELS", tmp_path)
    report = REPORT[REPORT.index("ptxas info    : Compiling entry function 'plain'") :]
    report = report[: report.index("ptxas info    : Compiling entry function 'calls'")]
    assert cuda_check.main(["--nvcc", fake_nvcc(tmp_path, report)]) == 1
    assert "over the limit: Use(kernel='plain'" in capsys.readouterr().out
    assert cuda_check.main(["--nvcc", fake_nvcc(tmp_path, report.replace("65", "64"))]) == 0
    assert "sm_87" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "code"), [("error: warning as error", 2), ("", 0), (REPORT, 0)])
def test_a_kernel_that_does_not_compile_or_is_not_spoken_of_fails(tmp_path, monkeypatch, answer, code):
    (tmp_path / "k.cu").write_text('extern "C" __global__ void __launch_bounds__(256) other(int n)')
    monkeypatch.setattr(cuda_check, "KERNELS", tmp_path)
    with pytest.raises(RuntimeError, match=r"k\.cu"):
        cuda_check.main(["--nvcc", fake_nvcc(tmp_path, answer, code)])


def test_the_document_has_the_rows_of_the_tool():
    text = (cuda_check.KERNELS.parents[1] / "docs" / "kernels.md").read_text()
    assert "\n".join(cuda_check.floors()) in text
    kernels = [name for path in cuda_check.KERNELS.glob("*.cu") for name in cuda_check.kernels_of(path)]
    assert set(kernels) == set(cuda_check.moved())

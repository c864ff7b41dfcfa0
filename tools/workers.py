"""How much faster two workers evaluate than one, in turns in one run.

python -m tools.workers data:DIR:val synthetic:5:96
"""

from __future__ import annotations

import argparse
from time import perf_counter

from perception.evaluation.run import Settings, evaluate_drives

ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("drives", nargs="+", help="as for `perception evaluate`")
    drives = parser.parse_args().drives
    for _ in range(ROUNDS):
        (whole, seeing), (both, shared) = (timed(drives, workers) for workers in (1, 2))
        print(f"one worker {whole:.1f} s, two {both:.1f} s: {whole / both:.2f} x; ", end="")
        print(
            f"from the first frames on {seeing:.1f} and {shared:.1f} frames a second: {shared / seeing:.2f} x"
        )


def timed(drives: list[str], workers: int) -> tuple[float, float]:
    """Seconds of all, processes started and networks loaded; frames a second after the first that came."""
    first: list[tuple[float, int]] = []

    def heard(frames: int, done: int, units: int) -> None:
        if frames and not first:
            first.append((perf_counter(), frames))

    start = perf_counter()
    seen = len(evaluate_drives(drives, Settings(), workers, progress=heard).records)
    end = perf_counter()
    since, already = first[0]
    return end - start, (seen - already) / (end - since)


if __name__ == "__main__":
    main()

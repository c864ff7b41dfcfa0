"""`python -m tools.campaign`: inject, print the table; exit code 1 if a fault was not survived."""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from pathlib import Path

from perception.signals import stopped_as_interrupted
from tools.campaign.fault import Fault, Result, played
from tools.campaign.faults import FAULTS
from tools.campaign.served import Desk
from tools.campaign.table import HEAD, row, save, summary

PART = 40  # faults


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.campaign", description=__doc__)
    parser.add_argument(
        "--faults", default="", help="How many, by chance; or names, or their beginnings, joined by commas."
    )
    parser.add_argument(
        "--cycles", type=int, default=0, help="In place of faults: so many, in one process per camera."
    )
    parser.add_argument("--minutes", type=float, help="Begin no fault after that.")
    parser.add_argument("--seed", type=int, default=0, help="Of the order.")
    parser.add_argument("--json", type=Path, help="File for all results.")
    parser.add_argument("--list", action="store_true", help="Name the faults, and stop.")
    given = parser.parse_args(arguments)
    chosen = choose(given.faults, given.seed, shuffled=given.minutes is not None)
    if given.list:
        print("\n".join(f"{fault.name:32} {fault.expects}" for fault in chosen))
        return 0
    if given.cycles:
        from tools.campaign.cycles import cycles

        made = cycles(given.cycles, given.minutes)
    else:
        made = results(chosen, given.minutes)
    print(HEAD, flush=True)
    done: list[Result] = []
    with suppress(KeyboardInterrupt), stopped_as_interrupted(), closing(made):
        for result in made:
            done.append(result)
            print(row(result), flush=True)
    print(summary(done))
    if given.json:
        save(done, given.json)
    return int(any(result.wrong for result in done))


def choose(text: str, seed: int, shuffled: bool) -> list[Fault]:
    """A number: so many by chance. `shuffled`: in parts of PART that are chosen by chance; those that share a
    server stand together within each. Raises SystemExit for a name that is none."""
    if text and not text.isdecimal():
        names = text.split(",")
        unknown = [name for name in names if not any(fault.name.startswith(name) for fault in FAULTS)]
        if unknown:
            raise SystemExit(f"expected names of --list, got {', '.join(unknown)}")
        return [fault for fault in FAULTS if any(fault.name.startswith(name) for name in names)]
    faults = list(FAULTS)
    if text or shuffled:
        random.Random(seed).shuffle(faults)
    chosen = faults[: int(text)] if text else faults
    part = PART if shuffled else len(chosen)
    parts = [chosen[k : k + part] for k in range(0, len(chosen), part)]
    return [fault for some in parts for fault in sorted(some, key=FAULTS.index)]


def results(faults: Sequence[Fault], minutes: float | None) -> Generator[Result, None, None]:
    end = None if minutes is None else time.monotonic() + 60 * minutes
    desk = Desk()
    try:
        for fault in faults:
            if end is not None and time.monotonic() > end:
                return
            yield played(fault, desk)
    finally:
        desk.part()


if __name__ == "__main__":
    raise SystemExit(main())

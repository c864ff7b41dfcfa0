"""`python -m tools.faults`: the faults, and exit code 1 if there is one."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from tools.faults.inputs import KINDS
from tools.faults.watch import faults


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.faults", description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--count", type=int, default=1000, help="Mutants of each kind.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="Number of the first one, to see it again.")
    parser.add_argument("--keep", type=Path, help="Folder for the files at fault.")
    given = parser.parse_args()
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
    numbers = range(given.first, given.first + given.count)
    found = 0
    for kind in given.kinds or KINDS:
        begin, before = time.monotonic(), found
        for fault in faults(kind, KINDS[kind], given.seed, numbers, given.keep):
            found += 1
            print(f"{fault.kind} {fault.number} ({fault.file}): {fault.what}", flush=True)
        spent = time.monotonic() - begin
        print(f"{kind}: {given.count} mutants, {found - before} faults, {spent:.0f} s", flush=True)
    return int(found > 0)


if __name__ == "__main__":
    raise SystemExit(main())

"""`python -m deploy.doctor [--json] [--report FILE]`, where `perception` itself does not start."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy.doctor.command import doctor


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.doctor")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--report", type=Path, metavar="FILE", help="measure, and write one file to pass on")
    arguments = parser.parse_args()
    return doctor(arguments.json, arguments.report)


if __name__ == "__main__":
    sys.exit(main())

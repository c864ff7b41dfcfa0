"""One probe in this process: `python -m deploy.doctor.child FILE:FUNCTION ROOT OUT`.

The finding is written to OUT as JSON; what the probed libraries print goes where it likes.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

from deploy.doctor.machine import Machine


def main(function: str, root: str, out: str) -> None:
    file, name = function.split(":")
    probe = getattr(import_module(f"deploy.doctor.{file}"), name)
    Path(out).write_text(json.dumps(probe(Machine(root)).to_json()))


if __name__ == "__main__":
    main(*sys.argv[1:])

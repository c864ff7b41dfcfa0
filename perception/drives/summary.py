"""summary.json of a run: what computed it, what was seen, and whether the run came to its end."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from perception.errors import SinkError
from perception.outputs import write_whole, writing
from perception.pipeline import Outcome
from perception.sinks import SINKS
from perception.sinks.tally import Tally

NAME = "summary.json"
RESULTS = tuple(SINKS)  # that a run may write beside it
COMPLETE, INCOMPLETE = "complete", "incomplete"

log = logging.getLogger(__name__)


@contextmanager
def summarised(
    out: Path, facts: Mapping[str, Any], tally: Tally, outcome: Outcome, files: Sequence[str] = RESULTS
) -> Iterator[dict[str, Any]]:
    """`out/summary.json` says `incomplete` inside; after the block it has the account, and `complete` if the
    run came to its end. After an error it names that as well. Gives what is written at the end.

    files: of RESULTS those that the run writes. What an older one left of the others stays, is said, and is
    not in `files` of the summary. Raises SinkError.
    """
    path, report = out / NAME, {**facts, "files": list(files), "status": INCOMPLETE}
    _say_older(out, files)
    with writing(path):
        path.unlink(missing_ok=True)
    _write(path, report)
    try:
        yield report
    except BaseException as error:
        report["error"] = str(error) or type(error).__name__
        with suppress(SinkError):  # the disk may be full: it says `incomplete` already
            _write(path, report | tally.summary() | asdict(outcome))
        raise
    report["status"] = INCOMPLETE if outcome.interrupted else COMPLETE
    report |= tally.summary() | asdict(outcome)
    _write(path, report)


def _write(path: Path, report: Mapping[str, Any]) -> None:
    write_whole(path, (json.dumps(report, indent=1) + "\n").encode())


def _say_older(out: Path, files: Sequence[str]) -> None:
    older = [name for name in RESULTS if (out / name).exists()]
    if older:
        left = ", ".join(name for name in older if name not in files)
        log.warning(
            "%s: results of an earlier run are here (%s); what this run does not replace stays%s",
            out,
            ", ".join(older),
            left and f": {left} is not of this run",
        )

"""Outcomes as JUnit XML, which every CI shows: https://github.com/testmoapp/junitxml describes the format."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from perception.sinks.files import write_whole

NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


@dataclass(frozen=True)
class Case:
    """One thing that was judged."""

    suite: str  # a drive, a task
    name: str
    failure: str | None = None  # it was judged and is not good
    error: str | None = None  # it could not be judged


def write_junit(cases: Iterable[Case], path: Path, title: str = "perception") -> None:
    """One suite for each name in the order of the first case. Raises SinkError."""
    every = list(cases)
    root = ElementTree.Element("testsuites", {"name": title, **_counts(every)})
    for name in dict.fromkeys(case.suite for case in every):
        own = [case for case in every if case.suite == name]
        suite = ElementTree.SubElement(root, "testsuite", {"name": _clean(name), **_counts(own)})
        for case in own:
            _add(suite, case)
    ElementTree.indent(root)
    write_whole(path, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


def _add(suite: ElementTree.Element, case: Case) -> None:
    element = ElementTree.SubElement(
        suite, "testcase", name=_clean(case.name), classname=_clean(case.suite), time="0"
    )
    for tag, text in (("failure", case.failure), ("error", case.error)):
        if text is not None:
            message = _clean(text)
            ElementTree.SubElement(element, tag, message=message.partition("\n")[0]).text = message


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    failures = sum(case.failure is not None for case in cases)
    errors = sum(case.error is not None for case in cases)
    return {"tests": str(len(cases)), "failures": str(failures), "errors": str(errors)}


def _clean(text: str) -> str:
    return NO_XML.sub("?", text)

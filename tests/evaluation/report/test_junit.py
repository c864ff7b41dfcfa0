"""Outcomes as JUnit XML."""

from xml.etree import ElementTree

from perception.evaluation.report.junit import Case, write_junit

CASES = [
    Case("city", "lanes.drawn.f1"),
    Case("sea", "read", error="no such file"),
    Case("city", "drivable.town.iou", failure="-3.0: from 90.0\nto 87.0 \x00<&>"),
]


def test_suites_count_their_cases(tmp_path):
    write_junit(CASES, tmp_path / "junit.xml", "gate")
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert root.attrib == {"name": "gate", "tests": "3", "failures": "1", "errors": "1"}
    assert [(s.get("name"), s.get("tests"), s.get("failures")) for s in root] == [
        ("city", "2", "1"),
        ("sea", "1", "0"),
    ]
    assert [case.get("name") for case in root[0]] == ["lanes.drawn.f1", "drivable.town.iou"]


def test_what_xml_cannot_hold_is_replaced(tmp_path):
    write_junit(CASES, tmp_path / "junit.xml")
    failure = ElementTree.parse(tmp_path / "junit.xml").find(".//failure")
    assert failure.get("message") == "-3.0: from 90.0"
    assert failure.text == "-3.0: from 90.0\nto 87.0 ?<&>"

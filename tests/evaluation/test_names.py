"""Names of metrics: whose, where in a table, which way is better."""

import pytest

from perception.evaluation.names import Name, by_task, columns, headlines, main_metrics, text


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("drivable.camvid.iou", ("drivable", "camvid", "", "iou")),
        ("detection.town.person.ap50_small", ("detection", "town.person", "small", "ap50")),
        ("gtsdb.sign.read_f1", ("signs", "gtsdb", "", "read_f1")),
        ("synthetic.sign.read_f1", ("signs", "synthetic", "", "read_f1")),
        ("synthetic.detection.large.ap50", ("detection", "synthetic.large", "", "ap50")),
        ("drivable.acdc.night.iou", ("drivable", "acdc.night", "", "iou")),
        ("ego.all.lines", ("ego", "all", "", "lines")),
        ("blank.found", ("blank", "", "", "found")),
        ("signs.top1", ("signs", "", "", "top1")),
    ],
)
def test_a_name_has_a_task_a_row_a_size_and_a_measure(name, parts):
    own = Name.of(name)
    assert (own.task, own.row, own.size, own.what) == parts


def test_less_is_better_for_errors_only():
    assert Name.of("synthetic.lanes.median_m").falling
    assert Name.of("lanes.tusimple.fp").falling
    assert Name.of("detection.town.ece").falling
    assert Name.of("ego.reflect1.drivable").falling
    assert Name.of("lanes.brazil.false_lines").falling
    assert not Name.of("lanes.drawn.f1").falling


def test_a_task_is_judged_by_the_mean_of_its_sets_and_neither_by_classes_nor_by_sizes():
    metrics = {"detection.a.ap50": 0.2, "detection.b.ap50": 0.4, "detection.all.ap50": 0.9}
    others = {"detection.a.person.ap50": 0.9, "detection.a.ap50_small": 0.9, "detection.a.f1": 0.9}
    assert headlines({**metrics, **others}) == {"detection": (pytest.approx(0.3), "AP50, mean of 2 sets")}
    assert headlines({"signs.top1": 0.5}) == {"signs": (0.5, "top1")}


def test_tables_begin_with_the_known_tasks_and_measures():
    names = ["odd.x.y", "lanes.drawn.recall", "drivable.town.iou", "lanes.drawn.accuracy"]
    assert list(by_task(names)) == ["lanes", "drivable", "odd"]
    assert columns(names) == ["iou", "recall", "accuracy", "y"]


def test_metrics_are_percents_but_for_metres():
    assert text("f1", 0.875) == "87.5"
    assert text("median_m", 0.12, signed=True) == "+0.120 m"
    assert text("f1", -1e-9, signed=True) == "+0.0"


def test_parts_of_tasks_have_main_metrics_too():
    """Road edges are judged by themselves."""
    names = ["edges.bdd100k.f1", "drivable.town.iou", "lanes.drawn.recall", "lanes.bdd100k.f1"]
    assert main_metrics(names) == ["lanes.bdd100k.f1", "edges.bdd100k.f1", "drivable.town.iou"]

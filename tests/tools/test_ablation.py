"""What a run lacks is not in its data folder; what is done is not done again."""

import json

import pytest

from perception.errors import DataError
from perception.training.data import records
from tools.ablation import VARIANTS, ablation, chosen, mirror, page, table


@pytest.fixture
def source(tmp_path):
    for name in ("det.jsonl", "camvid/images/a.png", "weak/camvid/a.lanes.png", "weak/camvid/a.drivable.png"):
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "source"


def test_a_mirror_has_all_but_what_it_lacks(source, tmp_path):
    lacking = list(source.glob("weak/*/*.lanes.png"))
    copy = tmp_path / "copy"
    mirror(source, copy, lacking)
    assert (copy / "camvid" / "images" / "a.png").read_text() == "camvid/images/a.png"
    assert [path.name for path in (copy / "weak" / "camvid").iterdir()] == ["a.drivable.png"]
    assert lacking[0].exists()


def test_a_mirror_can_be_made_again(source, tmp_path):
    for _ in range(2):
        mirror(source, tmp_path / "copy", [source / "det.jsonl"])
    assert [path.name for path in sorted((tmp_path / "copy").iterdir())] == ["camvid", "weak"]


def test_runs_are_chosen_by_name():
    assert [variant.name for variant in chosen("no idd; all")] == ["no idd", "all"]
    assert chosen(None) == list(VARIANTS)
    with pytest.raises(DataError, match="no such run"):
        chosen("no such run")


def test_names_of_files_are_distinct():
    assert len({variant.stem for variant in VARIANTS}) == len(VARIANTS)


def test_no_weak_boxes_is_without_those_of_every_teacher(tmp_path):
    for teacher in records.TEACHERS:
        (tmp_path / teacher.file).write_text('{"img": "a.png"}\n')
    (variant,) = (variant for variant in VARIANTS if variant.name == "no weak boxes")
    mirror(tmp_path, tmp_path / "copy", {path for glob in variant.files for path in tmp_path.glob(glob)})
    assert list(records._weak_index(tmp_path, records.TEACHERS)) == ["a.png"]
    assert not records._weak_index(tmp_path / "copy", records.TEACHERS)


def test_the_table_shows_the_difference_to_the_run_that_lacks_nothing():
    runs = [
        {"name": "all", "metrics": {"signs.top1": 0.9}},
        {"name": "less", "metrics": {"signs.top1": 0.875}},
    ]
    lines = table(runs).splitlines()
    assert lines[2].endswith("| 90.0 |")
    assert lines[3].startswith("| less |")
    assert lines[3].endswith("| 87.5 (-2.5) |")
    fewer = [runs[1], {"name": "least", "metrics": {"signs.top1": 0.8}}]
    assert [line[-8:] for line in table(fewer).splitlines()[2:]] == ["| 87.5 |", "| 80.0 |"]


def test_runs_that_are_done_are_only_reported(tmp_path):
    kept = {
        "name": "all",
        "preset": "small",
        "steps": 9,
        "settings": ["steps=9"],
        "metrics": {"signs.top1": 0.9},
    }
    (tmp_path / "all.json").write_text(json.dumps(kept))
    ablation(tmp_path / "no data", tmp_path, tmp_path / "report", settings=["steps=9"], only="all")
    page = (tmp_path / "report" / "sources.md").read_text()
    assert "--set steps=9" in page
    assert "| 90.0 |" in page
    assert json.loads((tmp_path / "report" / "sources.json").read_text())["runs"] == [kept]


@pytest.mark.parametrize(
    ("preset", "settings"), [("small", ["steps=50"]), ("full", ["steps=9"]), ("small", [])]
)
def test_runs_of_other_settings_are_not_mixed_in(tmp_path, preset, settings):
    kept = {"name": "no idd", "preset": "small", "settings": ["steps=9", "sources.idd=0"]}
    (tmp_path / "no-idd.json").write_text(json.dumps(kept))
    with pytest.raises(DataError, match=r"no-idd\.json: expected a run of preset .* choose another --out"):
        ablation(tmp_path / "no data", tmp_path, preset=preset, settings=settings, only="all")


def test_the_command_of_the_page_has_the_settings_of_every_run():
    runs = [{"name": "no idd", "preset": "small", "steps": 9, "settings": ["steps=9", "x=0"], "metrics": {}}]
    assert "--out DIR --set steps=9`." in page(runs, ["steps=9"])

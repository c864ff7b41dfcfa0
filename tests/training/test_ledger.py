"""Whose pictures a network has learnt from is written down, and nothing closed gets into an open one."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest
import torch

from perception import bundle
from perception.bundle import SHIPPED
from perception.errors import BundleError, DataError
from perception.training import ledger
from perception.training.checkpoint import learnt_from, load_checkpoint
from perception.training.config import Config, configure
from perception.training.data import OPEN, SOURCES, licences, sign_crops
from perception.training.loop import Trainer, read_sources
from tests.folders import GREY, picture

OPEN_NAMES = ("gtsdb", "roadseg_ru", "lums", "carla", "clips", "brazil")
ANY = Config(
    sources={"camvid": 1.0, "gtsdb": 1.0, "lums": 1.0},
    steps=1,
    batch=2,
    crops=2,
    size=(64, 32),
    sizes={},
    threads=1,
    workers=0,
)
ALLOWED = replace(ANY, sources={"gtsdb": 1.0, "lums": 1.0}, licences="open")


@pytest.fixture(autouse=True)
def _threads():
    """A trainer sets torch's number of threads for its whole process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def folder(folder):
    """With a picture whose licence is open among closed ones, and a better teacher whose licence is not."""
    with (folder / "clips/clips.csv").open("a") as file:
        file.write("clips/images/kr_1.png,train,kr,day\n")
    for name in ("night_1", "rainy_1", "reflect1_1", "kr_1"):
        picture(folder / f"clips/images/{name}.png", GREY)
    row = {"img": "gtsdb/images/g.png", "w": 96, "h": 64, "boxes": [[2, 2, 30, 30, "person", "", 0.9]]}
    (folder / "weak_boxes_2.jsonl").write_text(json.dumps(row) + "\n")
    return folder


def run(data, out, config):
    """What it wrote down."""
    Trainer(data, out, config).run()
    return ledger.parse((out / "ledger.csv").read_text(), "ledger.csv")


def test_a_run_writes_a_row_for_each_picture(folder, tmp_path):
    rows = {row.image: row for row in run(folder, tmp_path, ANY)}
    signs = {f"signs/{k}.png" for k in (3, 4, 5)}
    frames = {"camvid/images/c2.png", "camvid/images/c3.png", "gtsdb/images/g.png", "road/lums/images/l.png"}
    assert set(rows) == signs | frames
    known = rows["gtsdb/images/g.png"]
    assert (known.labels, known.teachers) == ("detection drivable lanes signs", "weak_boxes_2 weak")
    assert rows["signs/3.png"][1:] == ("signs", "none named", "signs", "")
    assert list(rows.values()) == learnt_from(str(tmp_path / "checkpoint.pt"))


def test_a_picture_may_lie_in_the_folder_of_its_set_itself(tmp_path):
    picture(tmp_path / "data/carla/1.png", GREY)
    row = {"img": "carla/1.png", "split": "train", "w": 96, "h": 64, "labelled": ["vehicle"]}
    row["boxes"] = [[10, 10, 40, 40, "vehicle", ""]]
    (tmp_path / "data/det.jsonl").write_text(json.dumps(row) + "\n")
    config = replace(ANY, tasks=("detection",), sources={"carla": 1.0})
    (found,) = run(tmp_path / "data", tmp_path / "run", config)
    assert (found.image, found.labels, found.teachers) == ("carla/1.png", "detection", "")


def test_an_open_run_takes_nothing_that_is_closed(folder, tmp_path):
    for path in (*folder.glob("signs/*.png"), *folder.glob("camvid/*/*.png")):
        path.write_text("nobody can read this")
    rows = {row.image: row for row in run(folder, tmp_path, ALLOWED)}
    assert set(rows) == {"gtsdb/images/g.png", "road/lums/images/l.png"}
    assert rows["gtsdb/images/g.png"].teachers == "weak_boxes weak"
    assert ledger.closed(rows.values()) == []
    assert ledger.summary([*rows.values()])["commercial"]


@pytest.mark.parametrize("name", OPEN)
def test_open_readers_give_open_pictures_only(folder, name):
    names = [sample.name for sample in OPEN[name](folder)]
    assert names or name == "brazil", "there is one to read"
    assert all(licences.is_open(name) for name in names)
    assert tuple(OPEN) == OPEN_NAMES


def test_open_pictures_are_taught_by_open_teachers(folder):
    closed, opened = SOURCES["gtsdb"](folder)[0].boxes, OPEN["gtsdb"](folder)[0].boxes
    assert [2, 2, 30, 30] in closed.xyxy.tolist()
    assert [40, 40, 60, 60] in opened.xyxy.tolist()
    assert [2, 2, 30, 30] not in opened.xyxy.tolist()


@pytest.mark.parametrize("name", SOURCES)
def test_every_picture_that_is_read_has_an_origin(folder, name):
    samples = SOURCES[name](folder)
    assert all(licences.origin(sample.name) in ("clips_kr", name) for sample in samples)


def test_open_sign_crops_are_those_of_scenes(folder):
    assert len(sign_crops(folder, "any")) == 3
    ((_, _, sign),) = sign_crops(folder, "open")
    assert sign == 14


def test_closed_sources_drop_out_unless_they_are_named(folder, tmp_path):
    config = configure("quick", ["licences=open", "sources.gtsdb=9"])
    assert {name for name, share in config.sources.items() if share} == {*OPEN_NAMES, "synthetic"}
    for named in ("sources.camvid=1", 'sources={"camvid": 1.0, "gtsdb": 1.0}'):
        asked = configure("quick", [named, "licences=open"])
        with pytest.raises(DataError, match="used commercially, got camvid; set their shares to 0"):
            read_sources(folder, tmp_path, asked)
    with pytest.raises(DataError, match="licences: expected of any, open"):
        Trainer(folder, tmp_path, replace(ANY, licences="free"))


@pytest.mark.parametrize("start", ["shipped", "checkpoint"])
def test_an_open_run_starts_from_open_weights_only(folder, tmp_path, start):
    if start == "checkpoint":
        run(folder, tmp_path / "any", ANY)
        start = str(tmp_path / "any/checkpoint.pt")
    with pytest.raises(DataError, match="licences=open: expected images and labels that may be used comm"):
        run(folder, tmp_path / "open", replace(ALLOWED, init=start))
    assert not (tmp_path / "open/checkpoint.pt").exists()


def test_what_a_run_starts_from_brings_its_rows(folder, tmp_path):
    first = run(folder, tmp_path / "first", ALLOWED)
    start = str(tmp_path / "first/checkpoint.pt")
    second = run(folder, tmp_path / "second", replace(ALLOWED, sources={"carla": 1.0}, init=start))
    assert [row for row in second if row.source != "carla"] == first
    assert {row.source for row in second} == {"carla", "gtsdb", "lums"}


def test_a_closed_run_does_not_become_open_when_it_goes_on(folder, tmp_path):
    run(folder, tmp_path, ANY)
    trainer = Trainer(folder, tmp_path, replace(ALLOWED, steps=2))
    trainer.resume()
    with pytest.raises(DataError, match="in another --out"):
        trainer.run()


def test_a_checkpoint_without_a_ledger_is_not_open(folder, tmp_path):
    path = tmp_path / "checkpoint.pt"
    Trainer(folder, tmp_path, ALLOWED).run()
    torch.save({key: x for key, x in load_checkpoint(path).items() if key != "ledger"}, path)
    (row,) = learnt_from(str(path))
    assert (row.image, row.source) == ("unrecorded:checkpoint.pt", "unrecorded")
    assert ledger.closed([row]) == [row]


def test_a_name_that_is_no_utf8_is_escaped_and_is_one_row_after_a_resume():
    row = ledger.Row(os.fsdecode(b"stra\xdfe.png"), "roads", ledger.UNSAID, "drivable", "")
    written = ledger.to_csv(ledger.merged([row]))
    assert written.encode().endswith(rb"stra\udcdfe.png,roads,not stated,drivable," + b"\n")
    assert ledger.to_csv([row]) == written
    assert len(ledger.merged(ledger.parse(written, "x.csv"), [row])) == 1


def test_scenes_of_several_runs_are_counted_once():
    configs = [replace(ALLOWED, rendered=count) for count in (7, 12, 9)]
    rows = [row for config in configs for row in ledger.of_run(SHIPPED, config, {"synthetic": []})]
    assert ledger.summary(rows)["sources"]["synthetic"]["images"] == 12
    older = rows[0]._replace(image="synthetic:seeds 0-4 of renderer 1")
    assert ledger.summary([*rows, older])["sources"]["synthetic"]["images"] == 17


def test_rendered_scenes_are_one_row_with_their_seeds():
    (row,) = ledger.of_run(SHIPPED, replace(ALLOWED, rendered=7), {"synthetic": []})
    assert row.image.startswith("synthetic:seeds 0-6 of renderer ")
    said = ledger.summary([row])
    assert (said["commercial"], said["sources"]["synthetic"]["images"]) == (True, 7)


@pytest.mark.parametrize(
    "change", [{"image": "camvid/images/c2.png"}, {"licence": "MIT"}, {"teachers": "weak_boxes_2"}]
)
def test_a_row_that_is_not_what_it_says_is_closed(change):
    row = ledger.Row("gtsdb/images/g.png", "gtsdb", licences.ORIGINS["gtsdb"].licence, "signs", "weak")
    assert ledger.closed([row]) == []
    assert ledger.closed([row._replace(**change)])


@pytest.mark.parametrize("text", ["", "\n", "image,source\n", "a,b,c,d,e\n1,2,3,4,5\n"])
def test_what_is_no_ledger_is_named(text):
    with pytest.raises(DataError, match=r"x\.csv: expected a ledger with the columns image, source"):
        ledger.parse(text, "x.csv")


def with_ledger(folder, rows, commercial):
    (folder / "ledger.csv").write_text(ledger.to_csv(rows))
    info = {"ledger": {**ledger.summary(rows), "commercial": commercial}}
    bundle.write(folder, replace(bundle.read(folder), info=info))
    return folder


def test_a_bundle_cannot_call_itself_open_when_it_is_not(tiny_bundle):
    rows = ledger.unrecorded("weights")
    ledger.check_bundle(with_ledger(tiny_bundle, rows, commercial=False))
    assert ledger.of_bundle(tiny_bundle) == rows
    with pytest.raises(BundleError, match="got 1 rows of others, such as unrecorded:weights"):
        ledger.check_bundle(with_ledger(tiny_bundle, rows, commercial=True))


@pytest.mark.parametrize("folder", sorted(SHIPPED.parent.iterdir()), ids=lambda path: path.name)
def test_bundles_of_this_project_that_call_themselves_open_are(folder):
    ledger.check_bundle(folder)
    rows = ledger.of_bundle(folder)
    said = bundle.read(folder).info
    assert "ledger" not in said or said["ledger"] == json.loads(json.dumps(ledger.summary(rows)))
    assert not folder.name.endswith("-open") or said["ledger"]["commercial"]

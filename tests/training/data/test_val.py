"""The pictures by which the best weights are chosen are not learnt from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perception.errors import DataError
from perception.labels.record import Record
from perception.training.config import Config
from perception.training.data import sources, val
from perception.training.data.foreign import Pictures

MINE = {"detection": {"classes": ("*", "forklift", "pallet")}}


def pictures(*names):
    return Pictures("mine", tuple(Record("x", Path(f"a/{name}.jpg")) for name in names))


def stems(part):
    return [told.image.stem for told in part.told]


def test_a_drive_is_held_out_whole():
    mine = pictures(*(f"drive{d}_{k:03d}" for d in "abcdefgh" for k in range(5)))
    learnt, held = val.held_out(mine, 0.25)
    assert sorted([*stems(learnt), *stems(held)]) == stems(mine)
    drives = [{stem[:6] for stem in stems(part)} for part in (learnt, held)]
    assert drives[0]
    assert drives[1]
    assert not drives[0] & drives[1]


def test_copies_of_a_frame_are_on_one_side():
    names = [f"drive7_{k % 10:04d}_jpg.rf.{7 * k % 30:02x}f" for k in range(30)]  # as they come: in no order
    learnt, held = val.held_out(pictures(*names), 0.2)
    assert {stem[:11] for stem in stems(held)} == {"drive7_0008", "drive7_0009"}
    assert (len(learnt), len(held)) == (24, 6)


@pytest.mark.parametrize(
    ("frames", "drive"),
    [
        (("a/drive7_0012.jpg", "a/drive7_0013.jpg"), "a/drive7"),
        (("t/drive7_0012_jpg.rf.4f3cab12cd9e0a.jpg", "t/drive7_0012_jpg.rf.11aa2b.jpg"), "t/drive7"),
        (("t/v_mp4-12_png.rf.aZ3.jpg", "t/v_mp4-13_png.rf.9e.jpg"), "t/v_mp4"),
        (("b/bonn_000001_000019_leftImg8bit.png", "b/bonn_000001_000020_leftImg8bit.png"), "b/bonn_000001"),
        (("b/bonn_000001_000019_leftImg8bit_foggy_beta_0.02.png",), "b/bonn_000001"),
        (("0/frame100_leftImg8bit.jpg", "0/frame130_leftImg8bit.jpg"), "0/frame"),
        (("GP/GP0475_frame_000041_rgb_anon.png", "GP/GP0475_frame_000042_rgb_anon.png"), "GP/GP0475_frame"),
        (("s/n3-2018+0800__CAM_BACK__151.jpg", "s/n3-2018+0800__CAM_FRONT_LEFT__152.jpg"), "s/n3-2018+0800"),
        (("v/b1c66a42-6f7d68ca-0000001.jpg", "v/b1c66a42-6f7d68ca-0000051.jpg"), "v/b1c66a42-6f7d68ca"),
        (("image_02/0000/000001.png", "image_02/0000/000002.png"), "0000/image_02"),
    ],
)
def test_frames_of_one_drive_are_known_by_their_names_in_each_format(frames, drive):
    assert {val.drive_of(Path(name)) for name in frames} == {drive}


def test_more_drives_do_not_move_the_others():
    few = [f"drive{d}_1" for d in "abcdefghijkl"]
    (_, before), (_, after) = (val.held_out(pictures(*names), 0.4) for names in (few, [*few, "aaa_1", "z_1"]))
    assert set(stems(before)) == set(stems(after)) & set(few)


def test_of_one_drive_the_last_frames_are_held_out():
    learnt, held = val.held_out(pictures(*(f"{k:04d}" for k in range(10))), 0.2)
    assert (stems(learnt)[-1], stems(held)) == ("0007", ["0008", "0009"])
    with pytest.raises(DataError, match=r"got one\. Set held_out=0"):
        val.held_out(pictures("1"), 0.2)


def test_the_same_pictures_are_held_out_by_all_who_ask(mine):
    config = Config(**MINE, data=(f"coco:{mine}",), held_out=0.3)
    learnt = sources.read_data(None, config)["mine"]
    (held,) = val.pictures(config)
    assert len(learnt) + len(held) == 12
    assert not set(stems(learnt)) & set(stems(held))


def test_pictures_that_are_learnt_from_do_not_choose(mine):
    with pytest.raises(DataError, match=r"got only such.*held_out"):
        val.pictures(Config(**MINE, data=(f"coco:{mine}",), val=(f"coco:{mine}",)))


def test_a_folder_in_our_own_format_is_chosen_by_its_val_split(tmp_path):
    row = {"img": "yard/images/a.png", "split": "val", "w": 64, "h": 48, "labelled": ["vehicle"], "boxes": []}
    (tmp_path / "det.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(DataError, match=r"held_out=0\.2: expected data sets in other formats .*--val data:"):
        val.pictures(Config(held_out=0.2))
    (found,) = val.pictures(Config(val=(f"data:{tmp_path}",)))
    assert stems(found) == ["a"]

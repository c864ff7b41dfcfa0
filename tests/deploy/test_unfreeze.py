"""A task is added with the whole network free: the old tasks stay near, or nothing is written."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import replace

import numpy as np
import pytest

from deploy.adapt import gate
from deploy.added import command, unfreeze
from deploy.added.add import Wanted
from deploy.added.remove import remove
from deploy.added.replay import gathered
from perception import bundle
from perception.errors import BundleError, DataError, PerceptionError, SinkError
from perception.training import ledger
from perception.training.added.recipe import Recipe
from tests.batches import SIZE, smooth
from tests.deploy.test_adapt import answers, write_boxes, write_masks

QUICK = Recipe(steps=60, views=1, batch=4, hidden=8, free_steps=20, free_batch=4, stride=8)


def halves_in(folder):
    """Pictures whose upper half is of another class, of two drives."""
    write_masks(folder, smooth(6, (96, 54)))
    for part in ("images", "masks"):
        for k in range(6):
            path = folder / part / f"p{k}.png"
            path.rename(path.with_name(f"{'ab'[k % 2]}_{k}.png"))
    (folder / "classes.csv").write_text("value,name\n0,up\n1,down\n")
    return Wanted("half", [str(folder)], recipe=QUICK)


def boxes_in(folder):
    """Labelled pictures of the old kind."""
    return [write_boxes(folder, "car", (192, 108))]


@pytest.fixture
def halves(tmp_path):
    return halves_in(tmp_path / "halves")


@pytest.fixture
def old(tmp_path):
    return boxes_in(tmp_path / "before")


@pytest.fixture(scope="module")
def moved(small_folder, tmp_path_factory):
    """What was said, and the folder with `out`; one picture judged, the other was learnt from."""
    folder, said = tmp_path_factory.mktemp("moved"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said):
        patch.setattr(gate, "MOST", 1)
        given = halves_in(folder / "halves"), small_folder, folder / "out", boxes_in(folder / "before")
        assert command.unfreeze_task(*given) == 0
    return said.getvalue(), folder


def test_the_old_weights_move_and_the_old_outputs_stay_near(moved, small_folder):
    image, out = smooth(1, SIZE, 5)[0], moved[1] / "out"
    before, after = (answers(folder, image) for folder in (small_folder, out))
    change = {name: np.abs(after[name] - before[name]).mean() / before[name].std() for name in before}
    assert "half.maps" in after
    assert all(1e-3 < value < 0.3 for value in change.values()), change
    assert (out / "signs.fp32.onnx").read_bytes() == (small_folder / "signs.fp32.onnx").read_bytes()


def test_it_tells_what_moved_and_what_it_cost(moved):
    told, folder = moved
    said = bundle.read(folder / "out").info["unfrozen"]
    assert (said["task"], said["share"], said["replayed"]) == ("half", 1.0, 1)
    assert said["old"] == [f"coco:{folder / 'before'}"]
    assert said["old_scores"].keys() == {"detection"}
    kept = "written with 100 % of the change, which keeps the old tasks within 0.5 points"
    unjudged = "warning: the old data label nothing of lanes, drivable, signs: not judged"
    assert all(text in " ".join(told.split()) for text in (kept, unjudged)), "lines are wrapped"


def test_what_it_has_learnt_from_stays_in_the_ledger_without_the_task(moved, tmp_path):
    out = moved[1] / "out"
    remove("half", out, tmp_path / "less")
    rows = ledger.of_bundle(tmp_path / "less")
    learnt = [row.image for row in rows if row.source == unfreeze.UNFROZEN]
    assert len(learnt) == bundle.read(out).info["added"]["half"]["images"]
    assert all(name.startswith("images/") for name in learnt)
    assert [row.image for row in rows if row.source == "replayed"] == ["before/p1.png"]


def test_what_costs_an_old_task_too_much_is_refused_with_exit_code_1(
    small, halves, old, tmp_path, capsys, monkeypatch
):
    for name, value in {"SLACK": -1.0, "SHARES": (1.0, 0.0), "MOST": 1}.items():  # every task falls
        monkeypatch.setattr(gate, name, value)
    short = replace(halves, recipe=replace(QUICK, free_steps=2))
    assert command.unfreeze_task(short, small, tmp_path / "out", old) == 1
    told = capsys.readouterr()
    assert "refused: expected a bundle that keeps every main metric" in told.err
    assert "add it without --unfreeze" in told.err
    assert "fell" in told.out
    assert not (tmp_path / "out").exists()


def test_without_old_data_rendered_scenes_are_replayed(small, tmp_path, monkeypatch):
    monkeypatch.setattr("deploy.added.replay.SCENES", 2)
    found = gathered((), bundle.read(small), small, tmp_path / "scenes")
    assert (found.images.shape, found.judged) == ((2, SIZE[1], SIZE[0], 3), gate.RENDERED)


def test_pictures_that_judge_are_not_learnt_from(small, old, tmp_path):
    with pytest.raises(DataError, match="beside those that judge the old tasks, got none"):
        gathered(old, bundle.read(small), small, tmp_path)


def test_features_that_sign_crops_share_are_refused(small, halves, tmp_path):
    fine = replace(halves, recipe=replace(QUICK, stride=4))
    with pytest.raises(PerceptionError, match="expected a stride of 8, 16, 32, whose features learn, got 4"):
        unfreeze.unfreeze(fine, small, tmp_path / "out")


def test_a_bundle_with_an_added_task_is_refused(moved, halves, old, tmp_path):
    with pytest.raises(BundleError, match=r"without added tasks, got half.*perception remove-task half"):
        unfreeze.unfreeze(replace(halves, name="other"), moved[1] / "out", tmp_path / "more", old)


def test_an_output_that_is_old_data_is_refused(small, halves, old, tmp_path):
    with pytest.raises(SinkError, match="a place of its own"):
        unfreeze.unfreeze(halves, small, tmp_path / "before", old)


def test_old_data_that_are_not_there_are_refused_at_once(small, halves, tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        unfreeze.unfreeze(halves, small, tmp_path / "out", ["coco:nowhere"])

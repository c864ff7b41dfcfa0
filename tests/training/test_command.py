"""What `perception train` says before it starts, and what it refuses."""

from __future__ import annotations

import json

import pytest

from perception.errors import DataError, SinkError
from perception.training.checkpoint import BEST, CHECKPOINT, load_checkpoint
from perception.training.command import train

TINY = [
    "steps=2",
    "batch=2",
    "crops=2",
    "size=[64, 32]",
    "sizes={}",
    "threads=1",
    "workers=0",
    "sources.synthetic=0",
]
DETECTION = [*TINY, 'tasks=["detection"]']


def streets(folder, change):
    """The line of a set in det.jsonl, changed."""
    path = folder / "det.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        if row["img"].startswith("streets_id/"):
            change(row)
    path.write_text("\n".join(map(json.dumps, rows)))


def test_what_is_found_is_told_first(folder, tmp_path, capsys):
    train([str(folder)], tmp_path / "run", "quick", TINY)
    told = capsys.readouterr()
    assert "streets_id: vehicle 1, motorbike 1" in told.out + told.err
    assert load_checkpoint(tmp_path / "run" / CHECKPOINT)["step"] == 2


@pytest.mark.parametrize("kind", ["nothing there", "empty folder"])
def test_data_that_is_not_there_is_refused(tmp_path, kind):
    place = tmp_path / "nope"
    if kind == "empty folder":
        place.mkdir()
    with pytest.raises(DataError, match=r"nope: expected a labelled drive"):
        train([str(place)], tmp_path / "run", "quick", ["rendered=2"])
    assert not (tmp_path / "run").exists()


def test_a_folder_of_which_nothing_is_used_is_refused(tmp_path):
    (tmp_path / "signs.csv").write_text("path,split,class,x1,y1,x2,y2\n")
    with pytest.raises(DataError, match="found none that is used"):
        train([str(tmp_path)], tmp_path / "run", "quick", ["rendered=2"])


def test_a_task_without_labels_is_refused(folder, tmp_path):
    only = {"camvid": 0, "gtsdb": 0, "idd": 0, "clips": 0, "roadscene": 0, "streets_id": 1}
    (folder / "signs.csv").unlink()
    settings = [*TINY, f"sources={json.dumps(only)}", 'tasks=["signs", "detection"]']
    with pytest.raises(DataError, match=r"got none of signs: .*'tasks=\[\"detection\"\]'"):
        train([str(folder)], tmp_path / "run", "quick", settings)


def test_what_is_not_labelled_is_not_learnt_as_absent(folder):
    from perception.training.data import streets as reader

    streets(folder, lambda row: row.update(labelled=["vehicle"]))
    assert reader.read(folder)[0].negative_weight.tolist() == [1, 0, 0, 0.5, 0, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda row: row.update(boxes=[[1, 2, 3, 4, "vehicel", ""]]),
            r"got 'vehicel' \(did you mean 'vehicle'",
        ),
        (lambda row: row.pop("boxes"), "expected img, split, w, h, labelled, boxes"),
        (lambda row: row.update(labelled=["tram"]), "got 'tram'"),
    ],
)
def test_a_bad_line_is_named(folder, tmp_path, change, message):
    streets(folder, change)
    with pytest.raises(DataError, match=rf"det\.jsonl:\d+: .*{message}|{message}"):
        train([str(folder)], tmp_path / "run", "quick", DETECTION)


def test_a_folder_with_a_run_is_not_written_over(folder, tmp_path):
    train([str(folder)], tmp_path / "run", "quick", DETECTION)
    before = (tmp_path / "run" / CHECKPOINT).read_bytes()
    with pytest.raises(DataError, match=r"got one with a checkpoint\.pt.*--resume"):
        train([str(folder)], tmp_path / "run", "quick", DETECTION)
    assert (tmp_path / "run" / CHECKPOINT).read_bytes() == before


def test_best_weights_without_a_checkpoint_are_not_taken_for_those_of_a_new_run(folder, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / BEST).write_bytes(b"of a run that died")
    with pytest.raises(DataError, match=r"got one with a best\.pt"):
        train([str(folder)], tmp_path / "run", "quick", DETECTION)


def test_best_weights_from_before_a_resumption_are_told_as_old(folder, tmp_path, capsys):
    train([str(folder)], tmp_path / "run", "quick", DETECTION, val=[f"data:{folder}"])
    train([str(folder)], tmp_path / "run", "quick", [*DETECTION, "steps=3"], resume=True)
    told = "best.pt: the best weights on val, of step 2 of 3; checkpoint.pt has the last ones"
    assert told in capsys.readouterr().out


def test_an_output_that_is_a_file_is_refused(folder, tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(SinkError, match="expected a folder to write to, got a file"):
        train([str(folder)], tmp_path / "run", "quick", DETECTION)


def test_a_run_is_resumed_with_the_same_network_only(folder, tmp_path, capsys):
    train([str(folder)], tmp_path / "run", "quick", DETECTION)
    other = [*TINY, 'tasks=["detection", "drivable"]']
    with pytest.raises(DataError, match=r"tasks=.*drivable.*Resume with --set 'tasks=\[\"detection\"\]'"):
        train([str(folder)], tmp_path / "run", "quick", other, resume=True)
    train([str(folder)], tmp_path / "run", "quick", [*DETECTION, "steps=3", "lr=1e-4"], resume=True)
    assert "resumed with another lr: 0.0001, before 0.003" in capsys.readouterr().err
    assert load_checkpoint(tmp_path / "run" / CHECKPOINT)["step"] == 3
    with pytest.raises(DataError, match=r"got init=shipped\. Resume without it, or begin anew"):
        train([str(folder)], tmp_path / "run", "quick", [*DETECTION, "init=shipped"], resume=True)


def test_two_folders_in_our_own_format_are_refused(folder, tmp_path):
    with pytest.raises(DataError, match="expected one folder in our own format"):
        train([str(folder), f"data:{folder}"], tmp_path / "run", "quick", DETECTION)

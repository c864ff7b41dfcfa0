"""Labelled drives: labels find their frames, and what does not fit is counted or named."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from perception import messages
from perception.errors import DataError, SourceError
from perception.fields import TRUTH
from perception.sinks import DriveRecorder
from perception.sources.drive import Drive
from perception.types import ClassMap, Detections, Scene
from tests.sinks.fakes import TASKS
from tests.sources.bags import START, STEP, header, raw, write_mcap

CLASSES = {"detection": ("vehicle", "person")}


def label(k, box=(10, 10, 30, 30), name="person", late=0):
    found = Detections(np.array([box], np.float32), np.ones(1, np.float32), np.zeros(1, np.int32))
    topic, kind = TRUTH["detections"]
    return topic, kind, START + k * STEP + late, messages.detections(found, [name], header(k))


def labelled(path, said, classes=CLASSES):
    return list(Drive(write_mcap(path, said)).labelled(classes))


@pytest.mark.parametrize("late", [-120_000_000, 0, 400_000_000])
def test_labels_find_their_frames_also_when_they_come_earlier_or_later(tmp_path, late):
    said = [*(raw(k) for k in range(20)), *(label(k, (k, 10, 30, 30), late=late) for k in range(20))]
    pairs = labelled(tmp_path / "bag", sorted(said, key=lambda message: message[2]))
    assert [(f.seq, int(t.detections.xyxy[0, 0])) for f, t in pairs] == [(k, k) for k in range(20)]
    assert all(t.detections.class_id == [1] for _, t in pairs)
    assert all((t.lanes, t.signs, t.drivable) == (None, None, None) for _, t in pairs)


def test_frames_without_labels_and_labels_without_frames_are_counted(tmp_path, caplog):
    said = [*(raw(k) for k in (0, 1, 200)), *(label(k) for k in (1, 60, 61, 200))]
    pairs = labelled(tmp_path / "bag", said)
    assert [f.seq for f, _ in pairs] == [1, 2]
    assert "1 frames without a label" in caplog.text
    assert "2 labels without a frame" in caplog.text


def test_boxes_are_cut_at_the_edge_and_left_out_beyond_it(tmp_path, caplog):
    said = [raw(0), label(0, (-5, 50, 30, 99)), raw(1), label(1, (200, 10, 300, 30))]
    (_, cut), (_, gone) = labelled(tmp_path / "bag", said)
    np.testing.assert_array_equal(cut.detections.xyxy, [[0, 50, 30, 64]])
    assert len(gone.detections) == 0
    assert "1 boxes outside the image" in caplog.text


def test_an_unknown_class_is_named_with_its_stamp(tmp_path):
    with pytest.raises(DataError, match=rf"stamp {START}: expected a class of vehicle, person, got 'tram'"):
        labelled(tmp_path / "bag", [raw(0), label(0, name="tram")])


@pytest.mark.parametrize(("said", "classes"), [([raw(0)], CLASSES), ([raw(0), label(0)], {})])
def test_a_drive_that_is_not_labelled_is_refused(tmp_path, said, classes):
    with pytest.raises(
        SourceError, match=r"expected a labelled drive, found no .*topics there: /front/image_raw"
    ):
        labelled(tmp_path / "bag", said, classes)


def test_what_a_label_leaves_open_stays_open(tmp_path):
    labels = np.array([[0, 1, 255], [255, 0, 1]], np.uint8)

    def truth(frame):
        return Scene(frame.seq, frame.stamp_ns, frame.size, drivable=ClassMap(labels, frame.size))

    path = tmp_path / "bag"
    frame, _ = next(iter(labelled(path, [raw(0), label(0)])))
    with closing(DriveRecorder(tmp_path / "a.mcap", TASKS, truth=truth)) as sink:
        sink.write(replace(frame, stamp_ns=5), Scene(0, 5, frame.size))
    ((_, told),) = Drive(tmp_path / "a.mcap").labelled()
    assert [told.drivable.labels[y, x] for y in (0, -1) for x in (0, 48, -1)] == [0, 1, 255, 255, 0, 1]

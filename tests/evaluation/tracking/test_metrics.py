"""Metrics of tracking equal those of TrackEval 1.3.0; drives are judged by its rules."""

import json

import numpy as np
import pytest

from perception.errors import DataError
from perception.evaluation.tracking.clear import Clear, Identity
from perception.evaluation.tracking.folder import drives
from perception.evaluation.tracking.hota import Hota
from perception.evaluation.tracking.judged import Followed, moments
from perception.evaluation.tracking.pairs import Moment
from tools import kitti_tracking

TRACKEVAL = {  # of `sequence` of seeds 0, 1 and 2, combined; trackeval.metrics HOTA, CLEAR, Identity
    "hota": 0.2913201197939686,
    "det_a": 0.4540773796512551,
    "ass_a": 0.18758651903504941,
    "loc_a": 0.8141574083974934,
    "mota": 0.036053130929791274,
    "switches": 210,
    "frags": 115,
    "recall": 0.7893738140417458,
    "precision": 0.6898839137645107,
    "idf1": 0.46194690265486726,
}


def sequence(rng, frames=40, objects=6, tracks=8):
    """With misses, false tracks, empty frames, and all tracks exchanged after 25 frames."""
    for t in range(frames):
        truth = np.flatnonzero(rng.random(objects) < 0.8)
        seen = np.flatnonzero(rng.random(tracks) < 0.7)
        truth = truth[:0] if t % 13 == 0 else truth
        seen = seen[:0] if t % 11 == 0 else seen
        overlap = rng.random((len(truth), len(seen))) ** 2
        for i, a in enumerate(truth):
            for j, b in enumerate(seen):
                if (b == a and t < 25) or (b == (a + 1) % tracks and t >= 25):
                    overlap[i, j] = 0.5 + 0.5 * rng.random()
        yield Moment(truth, seen, np.round(overlap, 6))


@pytest.mark.parametrize("metric", [Hota, Clear, Identity])
def test_metrics_are_those_of_trackeval(metric):
    own = metric()
    for seed in range(3):
        own.add(list(sequence(np.random.default_rng(seed))))
    for name, value in own.result().items():
        assert value == pytest.approx(TRACKEVAL[name], abs=1e-9), name


def test_nothing_seen_is_zero_and_no_error():
    empty = Moment(np.arange(2), np.empty(0, np.int64), np.empty((2, 0)))
    for metric, name in ((Hota(), "hota"), (Clear(), "mota"), (Identity(), "idf1")):
        metric.add([empty] * 3)
        assert metric.result()[name] == 0


@pytest.fixture
def folder(tmp_path):
    """One car that comes nearer, and a region that is not judged."""
    for name in ("truth", "detections", "ego"):
        (tmp_path / name).mkdir()
    (tmp_path / "cameras.csv").write_text(
        "sequence,fx,cx,cy,width,height,camera_height_m\n0000,700,600,180,1200,370,1.65\n"
    )
    truth = ["frame,track,class,truncated,occluded,x1,y1,x2,y2,height_m,nearest_m,lateral_m"]
    seen, ego = ["frame,class,score,x1,y1,x2,y2"], ["frame,speed_mps,yaw_rate_radps"]
    for k in range(30):
        z = 40 - k
        box = f"{600 - 630 / z:.1f},{180 + 84 / z:.1f},{600 + 630 / z:.1f},{180 + 1155 / z:.1f}"
        truth += [f"{k},5,vehicle,0,0,{box},1.53,{z},0", f"{k},-1,ignore,0,0,800,100,900,200,,,"]
        seen += [f"{k},vehicle,0.95,{box}", f"{k},vehicle,0.6,810,110,890,190"]
        ego += [f"{k},10,0"]
    for name, rows in (("truth", truth), ("detections", seen), ("ego", ego)):
        (tmp_path / name / "0000.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_regions_that_are_not_judged_count_neither_way(folder):
    (drive,) = drives(folder)
    both = Followed(np.array([1, 2]), np.array([drive.truth.xyxy[0], (810, 110, 890, 190)]))
    (first, *_) = moments(drive, "vehicle", {0: both})
    assert (first.truth.tolist(), first.seen.tolist()) == ([5], [1])


def test_the_command_judges_a_folder(folder, monkeypatch, capsys):
    out = folder / "out.json"
    monkeypatch.setattr("sys.argv", ["kitti_tracking", str(folder), "--json", str(out)])
    kitti_tracking.main()
    report = json.loads(out.read_text())
    assert report["10hz"]["vehicle"]["hota"] == pytest.approx(1)
    assert report["2hz"]["vehicle"]["switches"] == 0
    assert report["truth_boxes"]["distance"]["median"] < 0.05
    assert report["10hz"]["speed"]["median"] < 1.5
    assert "distance with the truth's boxes" in capsys.readouterr().out


def test_without_own_motion_no_speed_is_told(folder):
    report = kitti_tracking.judged(folder, ego=False)
    assert report["10hz"]["speed"]["n"] == 0
    assert report["10hz"]["vehicle"]["idf1"] == pytest.approx(1)


@pytest.mark.parametrize("name", ["cameras.csv", "truth/0000.csv", "ego/0000.csv", "detections/0000.csv"])
def test_a_missing_or_wrong_file_is_named(folder, name):
    (folder / name).write_text("a,b\n1,2\n" if name != "cameras.csv" else "sequence\n0000\n")
    with pytest.raises(DataError, match=name):
        list(drives(folder))

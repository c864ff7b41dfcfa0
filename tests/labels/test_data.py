"""Label files: what is read, and what is said about a bad one."""

import json

import numpy as np
import pytest

from perception.errors import DataError
from perception.labels import boxes, lines, masks
from perception.labels.folder import read_folder
from perception.labels.rows import read_image
from perception.tasks import signs
from perception.tasks.detection import CLASSES
from tests.folders import picture


def test_a_picture_labelled_in_several_files_is_one_sample(folder):
    samples = {s.image.name: s for s in read_folder(folder, "val").samples}
    assert len(samples) == 10
    assert samples["r.png"].mask.set == "city"
    assert len(samples["r.png"].lines) == 1
    assert samples["s.png"].lines == ()
    assert samples["a.png"].lines is None


def test_only_the_split_is_read(folder):
    val, train = ({s.image.name for s in read_folder(folder, split).samples} for split in ("val", "train"))
    bonnets = {"reflect1_1.png"}  # whatever the split
    new = {"n.png", "w.png", "z.png"}, {"night_1.png", "rainy_1.png", "y.png"}
    assert val == {"a.png", "b.png", "r.png", "s.png", "c1.png", "i1.png"} | new[0] | bonnets
    old = {"c2.png", "c3.png", "i2.png", "g.png", "k.png", "t.png", "u.png", "l.png"}
    assert train == old | new[1] | bonnets
    with pytest.raises(DataError, match=r"split 'test', got \['train', 'val'\]"):
        read_folder(folder, "test")


def test_unlabelled_classes_and_merged_boxes_are_regions_without_judgement(folder):
    b = next(s.boxes for s in read_folder(folder, "val").samples if s.image.name == "b.png")
    truth = b.detections(CLASSES, (96, 64))
    vehicles = truth[truth.class_id == 0]
    assert vehicles.score.tolist() == [0, 1]
    others = truth[truth.class_id != 0]
    assert others.class_id.tolist() == [1, 2, 3, 4, 5]
    assert (others.score == 0).all()
    assert (others.xyxy == (0, 0, 96, 64)).all()


def test_names_of_a_data_set_become_those_of_the_model(tmp_path):
    boxed = {"labelled": ["motorcyclist"], "boxes": [[1, 2, 3, 4, "motorcyclist", ""]]}
    (tmp_path / "det.jsonl").write_text(
        json.dumps({"img": "sim/1.jpg", "split": "val", "w": 96, "h": 64, **boxed})
    )
    [(_, _, labels)] = boxes.read(tmp_path)
    truth = labels.detections(CLASSES, (96, 64))
    assert truth[truth.score > 0].class_id.tolist() == [CLASSES.index("motorbike")]


def test_masks_become_drivable_other_and_void(folder):
    labels = {image: row for image, _, row in masks.read(folder)}
    camvid = labels["camvid/images/c1.png"].drivable().labels
    assert np.unique(camvid[:, :5]) == masks.VOID
    assert np.unique(camvid[:32, 5:]) == 0
    assert np.unique(camvid[32:, 5:]) == 1
    assert (labels["idd/images/i1.png"].drivable().labels[32:, 5:] == 1).all()


def test_panels_have_a_condition_a_road_and_trams_that_are_not_judged(folder):
    samples = {s.image.name: s for s in read_folder(folder, "val").samples}
    night = samples["n.png"]
    assert (night.set, night.condition, samples["w.png"].condition) == ("acdc", "night", "day")
    sky, road = np.split(night.mask.drivable().labels[:, 5:], 2)
    assert (np.unique(sky), np.unique(road)) == (0, 1)
    assert [box.extra for box in night.boxes.boxes] == ["", "maybe_merged"]


def test_lines_of_clips_are_labelled_in_part_and_belong_to_their_condition(folder):
    samples = {s.image.name: s for s in read_folder(folder, "train").samples}
    assert (samples["night_1.png"].partly, samples["rainy_1.png"].partly) == ("night", "rain")
    assert len(samples["night_1.png"].lines) == 1
    assert samples["reflect1_1.png"].own == "reflect1"


def test_what_no_line_may_be_found_on_is_known(folder):
    labels = next(s.paint for s in read_folder(folder, "val").samples if s.paint)
    assert np.unique(labels.lanes()[:, 20:60]) == 0
    assert np.unique(labels.lanes()[:, 60:64]) == 1
    picture(labels.path, np.full((4, 4), 7))
    with pytest.raises(DataError, match=r"z\.png: expected the values \[0, 1, 255\], got \[7\]"):
        labels.lanes()


def test_blank_frames_come_with_val_only_and_are_the_same_every_time(folder):
    blanks = read_folder(folder, "val").blanks
    assert {blank.kind for blank in blanks} == {"black", "white", "grey", "noise", "covered"}
    assert all((blank.image() == blank.image()).all() for blank in blanks)
    covered = [blank.image() for blank in blanks if blank.kind == "covered"]
    assert max(image.max() for image in covered) < 40
    assert read_folder(folder, "train").blanks == ()


def test_drawn_points_count_from_the_edge_of_a_pixel(folder):
    _, _, (line,) = next(lines.read(folder, ("unknown", "solid")))
    assert line.image.tolist() == [[20.5, 63.5], [40.5, 20.5]]
    assert line.kind == 1  # a double line is solid


def test_a_thinned_data_set_is_evenly_spaced(folder):
    lines = "".join(f"signs/1.png,many,{i},4,4,28,28\n" for i in range(9))
    (folder / "signs.csv").write_text("path,split,class,x1,y1,x2,y2\n" + lines)
    crops = read_folder(folder, "many").thinned(3).crops
    assert [crop.name for crop in crops] == [signs.CLASSES[k] for k in (0, 3, 6)]


BAD = [
    ("det.jsonl", '{"img": "a/b.png",', "det.jsonl:1"),
    ("det.jsonl", "[1]", "det.jsonl:1"),
    ("det.jsonl", '{"img": 1}', "det.jsonl:1.*boxes"),
    ("camvid.csv", "name,place\nx,y\n", "camvid.csv:1.*split"),
    ("camvid.csv", "name,split\nx\n", "camvid.csv:2"),
    ("signs.csv", "path,split,class,x1,y1,x2,y2\na,val,43,1,2,3,4\n", "signs.csv:2.*class 43"),
    ("signs.csv", "path,split,class,x1,y1,x2,y2\na,val,3,nan,1,20,20\n", "signs.csv:2.*coordinate nan"),
    ("signs.csv", "path,split,class,x1,y1,x2,y2\na,val,3,20,1,1,20\n", "signs.csv:2.*x1 > x2"),
    ("acdc_panels/acdc.csv", "img,split\nx,y\n", "acdc.csv:1.*condition"),
    ("brazil_lanes/brazil.csv", "img\nx\n", "brazil.csv:1.*split"),
    ("clips/clips.csv", "img,split\nx,y\n", "clips.csv:1.*drive"),
    ("clips/rain_lanes.json", "{}", "rain_lanes.json.*a list of frames"),
    ("lanes_drawn.json", "[\n{]", "lanes_drawn.json:2"),
    ("lanes_drawn.json", "{}", "a list of frames"),
    ("lanes_drawn.json", '[{"lines": [{}]}]', "frame 0.*points"),
    ("lanes_drawn.json", '[{"lines": [{"points": [[null, 1], [2, 3]]}]}]', "frame 0.*coordinate nan"),
    ("lanes_drawn.json", '[{"lines": [{"points": [[1e30, 1], [2, 3]]}]}]', r"frame 0.*coordinate 1e\+30"),
]


@pytest.mark.parametrize(("name", "text", "place"), BAD)
def test_a_malformed_file_is_named_with_its_line(folder, name, text, place):
    (folder / name).write_text(text)
    with pytest.raises(DataError, match=rf"(?s){place}"):
        read_folder(folder, "val")


def test_a_box_inside_out_is_named(folder):
    row = {"img": "a/b.png", "split": "val", "w": 96, "h": 64, "labelled": []}
    (folder / "det.jsonl").write_text(json.dumps({**row, "boxes": [[5, 5, 1, 9, "vehicle", ""]]}))
    with pytest.raises(DataError, match=r"det.jsonl:1.*x1 > x2"):
        read_folder(folder, "val")


def test_a_picture_that_is_labelled_twice_is_named(folder):
    path = folder / "det.jsonl"
    path.write_text(path.read_text() + path.read_text().splitlines()[0] + "\n")
    with pytest.raises(DataError, match=r"town/images/a\.png: expected labels once, got its boxes twice"):
        read_folder(folder, "val")


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("v1.0/a.png", "v1_0"),
        ("all/images/a.png", "all_"),
        ("./town/a.png", "town"),
        ("a.png", "mine"),
        ("images/a.png", "images"),
    ],
)
def test_the_name_of_a_set_may_be_part_of_that_of_a_metric(tmp_path, image, name):
    row = {"img": image, "split": "val", "w": 96, "h": 64, "labelled": [], "boxes": []}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/det.jsonl").write_text(json.dumps(row))
    (sample,) = read_folder(tmp_path / "mine", "val").samples
    assert sample.set == name


def test_masks_and_lines_have_such_names_too(tmp_path):
    (tmp_path / "v1.0/masks").mkdir(parents=True)
    (tmp_path / "v1.0.csv").write_text("name,split\na,val\n")
    (tmp_path / "v2.csv").write_text("img,mask,split\nv2.0/images/a.png,m.png,val\n")
    (tmp_path / "lanes_drawn.json").write_text('[{"img": "v3.0/images/a.png", "split": "val", "lines": []}]')
    assert {sample.set for sample in read_folder(tmp_path, "val").samples} == {"v1_0", "v2_0", "v3_0"}


def test_blank_lines_are_no_fault(folder):
    path = folder / "det.jsonl"
    before = list(boxes.read(folder))
    path.write_text(path.read_text().replace("\n", "\n\n"))
    assert list(boxes.read(folder)) == before


def test_a_folder_without_labels_says_so(tmp_path):
    with pytest.raises(DataError, match="no label file"):
        read_folder(tmp_path, "val")
    with pytest.raises(DataError, match="a folder of labelled pictures"):
        read_folder(tmp_path / "absent", "val")


def test_a_missing_picture_and_a_broken_one_are_named(tmp_path):
    with pytest.raises(DataError, match=r"a\.png.*No such file"):
        read_image(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")
    with pytest.raises(DataError, match=r"b\.png: expected an image"):
        read_image(tmp_path / "b.png")


def test_a_mask_with_foreign_values_is_named(folder):
    labels = {image: row for image, _, row in masks.read(folder)}["camvid/images/c1.png"]
    foreign = masks.MaskLabels("city", labels.path)
    with pytest.raises(DataError, match=r"c1\.png: expected the values \[0, 1, 255\], got \[0, 3, 11\]"):
        foreign.drivable()


@pytest.mark.data
def test_the_real_folder_is_read(driving_data):
    dataset = read_folder(driving_data, "val", ("unknown", "solid", "dashed"))
    assert {s.boxes.set for s in dataset.samples if s.boxes} >= {"gtsdb", "camvid", "streets_id", "carla"}
    assert {s.mask.set for s in dataset.samples if s.mask} >= {"camvid", "idd", "roadseg_ru", "lums"}
    assert sum(s.lines is not None for s in dataset.samples) == 43
    assert "gtsdb" in dataset.reads
    assert len(dataset.crops) == 1949

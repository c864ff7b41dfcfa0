"""Pascal VOC. The annotation is VOC2007's 000001.xml, without its owner and source."""

import pytest

from perception.errors import DataError
from perception.labels import open_labelled
from perception.labels.labelled import Asked

XML = """<annotation>
	<folder>VOC2007</folder>
	<filename>000001.jpg</filename>
	<size>
		<width>353</width>
		<height>500</height>
		<depth>3</depth>
	</size>
	<segmented>0</segmented>
	<object>
		<name>dog</name>
		<pose>Left</pose>
		<truncated>1</truncated>
		<difficult>0</difficult>
		<bndbox>
			<xmin>48</xmin>
			<ymin>240</ymin>
			<xmax>195</xmax>
			<ymax>371</ymax>
		</bndbox>
	</object>
	<object>
		<name>person</name>
		<pose>Left</pose>
		<truncated>1</truncated>
		<difficult>0</difficult>
		<bndbox>
			<xmin>8</xmin>
			<ymin>12</ymin>
			<xmax>352</xmax>
			<ymax>498</ymax>
		</bndbox>
	</object>
</annotation>
"""


@pytest.fixture
def folder(tmp_path, picture):
    picture("JPEGImages/000001.jpg", (353, 500))
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations/000001.xml").write_text(XML)
    return tmp_path


def test_boxes_hold_both_corners_and_count_from_one(folder):
    (voc,) = open_labelled(str(folder))
    ((frame, truth),) = voc
    (person,) = truth.boxes.boxes
    assert (person.name, person.xyxy, frame.size) == ("person", (7, 11, 352, 498), (353, 500))
    assert voc.remarks == ("no class of ours, left out: 1 dog",)
    assert truth.boxes.labelled == {"person"}


def test_what_is_difficult_is_not_judged(folder):
    hard = XML.replace("<difficult>0", "<difficult>1")
    (folder / "Annotations/000001.xml").write_text(hard)
    ((_, truth),) = open_labelled(str(folder))[0]
    assert [bool(box.extra) for box in truth.boxes.boxes] == [True]


def test_a_split_is_a_list(folder, picture):
    picture("JPEGImages/000002.jpg", (353, 500))
    (folder / "Annotations/000002.xml").write_text(XML)
    (folder / "ImageSets/Main").mkdir(parents=True)
    assert len(open_labelled(f"voc:{folder}")[0].items) == 2
    (folder / "ImageSets/Main/train.txt").write_text("000002\n")
    (folder / "ImageSets/Main/dog_train.txt").write_text("000002 1\n")
    (voc,) = open_labelled(f"voc:{folder}", Asked("train"))
    assert len(voc.items) == 1
    with pytest.raises(DataError, match=r"Main: expected the split 'val', got train\. Choose one"):
        open_labelled(f"voc:{folder}")


@pytest.mark.parametrize(
    "text", ["<annotation>", XML.replace("<width>353", "<width>x"), XML.replace("352", "2")]
)
def test_a_bad_annotation_is_named(folder, text):
    (folder / "Annotations/000001.xml").write_text(text)
    with pytest.raises(DataError, match=r"000001\.xml: expected a VOC annotation"):
        open_labelled(str(folder))

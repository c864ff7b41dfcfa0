"""No secret in any text that leaves the process."""

from __future__ import annotations

import pickle

import pytest

from perception.errors import SourceError
from perception.redaction import redacted

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtsp://admin:hunter2@10.0.0.7:554/front", "rtsp://10.0.0.7:554/front"),
        ("rtsp://admin:p@hunter2@cam/1", "rtsp://cam/1"),
        ("rtsp://admin:a/hunter2@cam/1", "rtsp://cam/1"),
        ("rtsp://admin:a hunter2@cam/1", "rtsp://cam/1"),
        ("rtsp://hunter2@cam/1", "rtsp://cam/1"),
        ("http://cam/c.mp4?password=hunter2", "http://cam/c.mp4?password=***"),
        ("http://cam/c.mp4?n=1&access_token=hunter2&m=2", "http://cam/c.mp4?n=1&access_token=***&m=2"),
        ("https://cam/c.mp4?X-Amz-Signature=hunter2", "https://cam/c.mp4?X-Amz-Signature=***"),
        ("https://cam/c.mp4?sig=hunter2#t", "https://cam/c.mp4?sig=***#t"),
        (
            "rtsp://cam/user=a&password=hunter2&channel=1.sdp",
            "rtsp://cam/user=***&password=***&channel=1.sdp",
        ),
        ("rtsp://cam/user=a_password=hunter2_channel=1.sdp", "rtsp://cam/user=***"),
        ("a: rtsp://u:hunter2@c/1, b: http://v:hunter2@d/2", "a: rtsp://c/1, b: http://d/2"),
        ("http://cam/video.cgi?usr=hunter2&pw=hunter2", "http://cam/video.cgi?usr=***&pw=***"),
        ("gst:src user-id=hunter2 user-pw=hunter2 ! sink", "gst:src user-id=*** user-pw=*** ! sink"),
        ("gst:src user-pw = hunter2: no frame", "gst:src user-pw = ***: no frame"),
        ('gst:"src user-pw=hunter2"', 'gst:"src user-pw=***"'),
        ('gst:src user-pw="a \\"hunter2" ! sink', "gst:src user-pw=*** ! sink"),
        ("gst:src user-pw='a hunter2' ! sink", "gst:src user-pw=*** ! sink"),
        (r"gst:src user-pw=a\ hunter2 ! sink", "gst:src user-pw=*** ! sink"),
        (r"{'gst:src user-pw=\'a hunter2\' ! sink'}", "{'gst:src user-pw=*** ! sink'}"),
        (
            r'gst:http extra-headers="h,Authorization=(string)\"Bearer hunter2\"" ! sink',
            r'gst:http extra-headers="h,Authorization=(string)***" ! sink',
        ),
        ("gst:src location=rtsp://a:hunter2@cam/1?pw=hunter2", "gst:src location=rtsp://cam/1?pw=***"),
        ('{"source": "http://cam/?pwd=hunter2"}', '{"source": "http://cam/?pwd=***"}'),
    ],
)
def test_secrets_are_hidden(text, expected):
    assert SECRET not in redacted(text)
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://10.0.0.7:554/a@b",
        "rtsp://cam: timed out; write to me@home",
        "http://cam/c.mp4?channel=1&profile=main",
        "drive/front=1&password=x.png",
        "gst:v4l2src device=/dev/video0 ! video/x-raw,width=1280 ! videoconvert",
        "expected user=NAME, or a pipeline such as gst:PIPELINE",
        "expected a name such as rtsp://... or clip.mp4",
    ],
)
def test_other_texts_stay_as_they_are(text):
    assert redacted(text) == text


def test_an_error_says_no_secret():
    error = SourceError("rtsp://admin:hunter2@cam/1: no answer")
    assert str(error) == "rtsp://cam/1: no answer"
    assert f"{error}" == "rtsp://cam/1: no answer"
    assert SECRET not in repr(error)


def test_an_error_has_its_parts_and_travels_between_processes():
    error = pickle.loads(pickle.dumps(SourceError("rtsp://a:b@c: expected frames, got none", "look at c")))
    assert (error.seen, error.remedy) == ("rtsp://c: expected frames, got none", "look at c")
    assert str(error) == "rtsp://c: expected frames, got none; look at c"
    assert str(SourceError("no more is known")) == "no more is known"

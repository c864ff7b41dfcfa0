"""Run by a Python whose OpenCV has GStreamer: ten frames of a test picture through `gst:`."""

import sys

sys.path.append(sys.argv[1])  # what that Python lacks

from itertools import islice

from perception.sources import open_source

source = open_source('gst:"videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180"')
frames = list(islice(source, 10))
source.close()
assert {frame.size for frame in frames} == {(320, 180)}
assert [frame.seq for frame in frames] == sorted({frame.seq for frame in frames})
assert not source.health.report(frames[-1].taken_ns).reasons
print("ten frames")

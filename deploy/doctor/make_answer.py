"""Store what the shipped networks answer here: `python -m deploy.doctor.make_answer`, after a new bundle.

The picture is kept once it is there; `--picture` renders it again.
"""

from __future__ import annotations

import json
import sys

import cv2
import numpy as np

from deploy.doctor.network import ANSWER, PICTURE, ZOOM, answers, checksums
from perception import bundle
from perception.letterbox import PAD
from perception.sinks.files import write_whole
from perception.sources import open_source

SOURCE = "synthetic:0"  # its first frame


def picture() -> bytes:
    """A small PNG that, enlarged ZOOM times, is an input of the main network with its letterbox."""
    width, height = (side // ZOOM for side in bundle.read(bundle.SHIPPED).input_size)
    image = next(iter(open_source(SOURCE))).image
    rows = round(image.shape[0] * width / image.shape[1])
    out = np.full((height, width, 3), PAD, np.uint8)
    top = (height - rows) // 2
    out[top : top + rows] = cv2.resize(image, (width, rows), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".png", out, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def main() -> None:
    if "--picture" in sys.argv or not PICTURE.exists():
        write_whole(PICTURE, picture())
    spec = bundle.read(bundle.SHIPPED)
    stored = {"bundle": f"{spec.name} {spec.version}", "sha256": checksums(spec), "answers": answers()}
    write_whole(ANSWER, (json.dumps(stored) + "\n").encode())


if __name__ == "__main__":
    main()

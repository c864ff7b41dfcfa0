"""Store what the shipped networks answer here: `python -m deploy.doctor.make_answer`, after a new bundle.

The pictures are kept once they are there; `--pictures` renders them again.
"""

from __future__ import annotations

import json
import sys

import cv2
import numpy as np

from deploy.doctor.network import ANSWER, PICTURE, SIGN, ZOOM, answers, checksums
from perception import bundle
from perception.letterbox import PAD
from perception.sinks.files import write_whole
from perception.sources import open_source
from perception.synthetic.faces import sign_face

SOURCE = "synthetic:0"  # its first frame
LIMIT_50 = 2  # class of the sign
CROP, EDGE = 64, 6  # pixels, of the sign's picture and around the sign in it


def picture() -> bytes:
    """A small PNG that, enlarged ZOOM times, is an input of the main network with its letterbox."""
    width, height = (side // ZOOM for side in bundle.read(bundle.SHIPPED).input_size)
    image = next(iter(open_source(SOURCE))).image
    rows = round(image.shape[0] * width / image.shape[1])
    out = np.full((height, width, 3), PAD, np.uint8)
    top = (height - rows) // 2
    out[top : top + rows] = cv2.resize(image, (width, rows), interpolation=cv2.INTER_AREA)
    return _png(out)


def sign() -> bytes:
    """A small PNG of a speed limit, as the sign network gets it."""
    out = np.full((CROP, CROP, 3), PAD, np.uint8)
    face = cv2.resize(sign_face(LIMIT_50)[0], (CROP - 2 * EDGE,) * 2, interpolation=cv2.INTER_AREA)
    inside = out[EDGE:-EDGE, EDGE:-EDGE]
    inside[:] = face[..., :3] + inside * (1 - face[..., 3:] / 255)
    return _png(out)


def _png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def main() -> None:
    for path, make in ((PICTURE, picture), (SIGN, sign)):
        if "--pictures" in sys.argv or not path.exists():
            write_whole(path, make())
    spec = bundle.read(bundle.SHIPPED)
    stored = {"bundle": f"{spec.name} {spec.version}", "sha256": checksums(spec), "answers": answers()}
    write_whole(ANSWER, (json.dumps(stored) + "\n").encode())


if __name__ == "__main__":
    main()

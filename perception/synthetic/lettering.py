"""Numbers and words in many fonts, on sheets."""

from __future__ import annotations

import cv2
import numpy as np

from perception.synthetic.pictograms import Sheet

HERSHEY = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)
LETTERS = "AEIOURSTNLDKMPGBHVFCZW"
TALL = 60  # pixels of a letter before it is brought to its size


def glyphs(text: str, rng: np.random.Generator) -> np.ndarray:
    """(h, w) uint8: one line of text, cut to its edges, in a font of chance."""
    canvas = np.zeros((TALL * 2 + 20, (TALL + 10) * len(text) + 60), np.uint8)
    if hasattr(cv2, "FontFace") and rng.random() < 0.7:  # OpenCV 5 has a proportional font of many weights
        face = cv2.FontFace("sans")
        cv2.putText(canvas, text, (30, TALL + 40), 255, face, TALL, int(rng.integers(300, 900)))
    else:
        font, thick = HERSHEY[int(rng.integers(len(HERSHEY)))], int(rng.integers(4, 13))
        cv2.putText(canvas, text, (30, TALL + 40), font, 2.4, 255, thick, cv2.LINE_AA)
    x, y, w, h = cv2.boundingRect(canvas)
    return canvas[y : y + h, x : x + w]


def write(
    sheet: Sheet,
    text: str,
    centre: tuple[float, float],
    size: tuple[float, float],
    colour: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Write inside a box of `size` (width, height; sign coordinates) about `centre`, stretched a little."""
    mask = glyphs(text, rng)
    room = np.array(size) * sheet.unit
    fit = room / mask.shape[::-1]
    scale = np.minimum(fit, fit.min() * rng.uniform(1.0, 1.45))
    wide, tall = np.maximum(1, np.round(mask.shape[::-1] * scale)).astype(int)
    lay(sheet, cv2.resize(mask, (int(wide), int(tall)), interpolation=cv2.INTER_AREA), centre, colour)


def lay(sheet: Sheet, mask: np.ndarray, centre: tuple[float, float], colour: np.ndarray) -> None:
    """Colour what `mask` (h, w) uint8 covers; what reaches beyond the sheet is left out."""
    x, y = sheet.at([centre])[0] - np.array(mask.shape[::-1]) // 2
    top, left = max(0, -y), max(0, -x)
    side = sheet.image.shape[0]
    mask = mask[top : max(top, side - y), left : max(left, side - x)]
    window = sheet.image[y + top : y + top + mask.shape[0], x + left : x + left + mask.shape[1]]
    share = mask[..., None].astype(np.float32) / 255
    window[..., :3] = (window[..., :3] * (1 - share) + colour * share).round()
    np.maximum(window[..., 3], mask, out=window[..., 3])


def word(rng: np.random.Generator, least: int = 3, most: int = 9) -> str:
    """Letters that say nothing."""
    picked = rng.integers(0, len(LETTERS), int(rng.integers(least, most + 1)))
    text = "".join(LETTERS[k] for k in picked)
    return text.capitalize() if rng.random() < 0.5 else text

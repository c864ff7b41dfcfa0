"""Pictures that OpenCV does not show, or not whole: what they are, and what to do."""

from __future__ import annotations

HEIC = "HEIC; convert HEIC to JPEG first: `heif-convert photo.heic photo.jpg` of libheif"
JXL = "JPEG XL; convert it to PNG first: `djxl photo.jxl photo.png` of libjxl"
FOREIGN = {".heic": HEIC, ".heif": HEIC, ".hif": HEIC, ".jxl": JXL}  # suffix -> what it is
HEIC_BRANDS = ("heic", "heix", "heim", "heis", "mif1", "msf1")
JXL_STARTS = (b"\xff\x0a", b"\0\0\0\x0cJXL ")


def foreign(data: bytes) -> str | None:
    """What a file is and how to convert it, by its first bytes; None: not known."""
    if data[4:8] == b"ftyp" and data[8:12].decode("latin-1") in HEIC_BRANDS:
        return HEIC
    return JXL if data.startswith(JXL_STARTS) else None


def is_animated(data: bytes) -> bool:
    """A WebP or PNG of more than one picture, of which OpenCV reads the first."""
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X":
        return bool(data[20] & 2)
    return data[:4] == b"\x89PNG" and 0 < data.find(b"acTL") < data.find(b"IDAT")

"""How files break: bits, blocks, numbers, lengths; and values of a text."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from random import Random

NUMBERS = (0, 1, 2**7, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**63 - 1)
WORDS: tuple[bytes, ...] = (
    b"1e999",
    b"-1e308",
    b"NaN",
    b"-1",
    b"0",
    b"99999999999999999999",
    b"null",
    b"[]",
    b"{}",
    b'""',
)
WORDS += (b'"\\u0000"', b'"' + 300 * b"x" + b'"', 200 * b"[" + 200 * b"]", b"\xff\xfe", b"../../etc/passwd")
VALUE = re.compile(rb'"(?:[^"\\\n]|\\.)*"|-?\d+(?:\.\d+)?|[A-Za-z_]+')  # a string, a number or a word

Change = Callable[[Random, bytearray], None]


def bits(random: Random, data: bytearray) -> None:
    for _ in range(random.choice((1, 1, 2, 8))):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def noise(random: Random, data: bytearray) -> None:
    start = random.randrange(len(data))
    length = min(random.choice((1, 4, 32, 400)), len(data) - start)
    data[start : start + length] = random.choice((random.randbytes(length), bytes(length)))


def number(random: Random, data: bytearray) -> None:
    size, form = random.choice(((2, "H"), (4, "I"), (8, "Q")))
    value = random.choice(NUMBERS) & ((1 << 8 * size) - 1)
    start = random.randrange(len(data))
    data[start : start + size] = struct.pack(random.choice("<>") + form, value)


def head(random: Random, data: bytearray) -> None:
    """Sizes and formats stand at the beginning."""
    part = data[:64]
    random.choice((bits, number))(random, part)
    data[:64] = part


def cut(random: Random, data: bytearray) -> None:
    del data[random.randrange(len(data)) :]


def gone(random: Random, data: bytearray) -> None:
    start = random.randrange(len(data))
    del data[start : start + random.choice((1, 8, 200))]


def twice(random: Random, data: bytearray) -> None:
    start = random.randrange(len(data))
    data[start:start] = data[start : start + random.choice((1, 8, 200))]


def value(random: Random, data: bytearray) -> None:
    """Another value in a text."""
    places = list(VALUE.finditer(data))
    if places:
        place = random.choice(places)
        data[place.start() : place.end()] = random.choice(WORDS)


def line(random: Random, data: bytearray) -> None:
    """A line that is gone, comes twice or elsewhere."""
    lines = data.splitlines(keepends=True)
    taken = lines.pop(random.randrange(len(lines)))
    for _ in range(random.randrange(3)):
        lines.insert(random.randrange(len(lines) + 1), taken)
    data[:] = b"".join(lines)


BYTES: Sequence[Change] = (bits, bits, noise, number, number, head, head, cut, gone, twice)
TEXT: Sequence[Change] = (bits, bits, noise, cut, gone, twice, value, value, value, value, line)


def mutant(data: bytes, random: Random, changes: Sequence[Change]) -> bytes:
    """Changed once or a few times; never the same as before."""
    made = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        if made:
            random.choice(changes)(random, made)
    return bytes(made) if bytes(made) != data else data[:-1]

"""What may be chosen for a live camera: `NAME#key=value&key=value`. Nothing behind # is sent anywhere."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import quote

from perception.errors import SourceError
from perception.redaction import redacted, secret

WAIT = "wait"
CHOSEN = re.compile(r"#([a-z]+=[^#&@]*(?:&[a-z]+=[^#&@]*)*)$")
FOREVER_S = 1e6


def parted(text: str, known: Collection[str]) -> tuple[str, dict[str, str]]:
    """The name and what is chosen. Raises SourceError for a key that is not `known`; `wait` always is.

    >>> parted("0#size=640x480&fps=15", ["size", "fps"])
    ('0', {'size': '640x480', 'fps': '15'})
    """
    found = CHOSEN.search(text)
    if found is None:  # a # may stand in a password
        if "#" in text and "://" not in text:
            raise SourceError(f"{text}: expected #key=value&key=value behind the name")
        return text, {}
    name = text[: found.start()]
    chosen = dict(pair.split("=", 1) for pair in found[1].split("&"))
    for key in chosen:
        if key not in (*known, WAIT):
            raise SourceError(f"{redacted(name)}: expected #{', #'.join((*known, WAIT))}, got {key!r}")
    return name, chosen


def patience_s(chosen: Mapping[str, str], usual: float) -> float | None:
    """How long to wait for a frame, by `wait`: seconds, or `ever`. None: for ever. Raises SourceError."""
    text = chosen.get(WAIT, str(usual))
    if text == "ever":
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < FOREVER_S:
        raise SourceError(f"expected #wait=SECONDS or #wait=ever, got {text!r}")
    return seconds


def with_login(url: str, where: str, environment: Mapping[str, str] = os.environ) -> str:
    """`url` with the user and password that `where` names: `env:VARIABLE` or `file:PATH`, each with
    `user:password`. Raises SourceError, which tells neither.

    >>> with_login("rtsp://10.0.0.7/front", "env:CAM", {"CAM": "me:s/1"})
    'rtsp://me:s%2F1@10.0.0.7/front'
    """
    kind, _, place = where.partition(":")
    try:
        read = {"env": lambda: os.fsencode(environment[place]), "file": lambda: Path(place).read_bytes()}
        text = secret(read[kind]())
    except (KeyError, OSError, ValueError) as error:
        why = "there is none" if isinstance(error, KeyError) else getattr(error, "strerror", None) or error
        raise SourceError(
            f"{redacted(url)}: expected a user and password by #login=env:VARIABLE or #login=file:PATH, "
            f"got {where!r}: {why}"
        ) from None
    user, found, password = text.partition(":")
    if not found:
        raise SourceError(f"{redacted(url)}: expected user:password in {where}, found no colon")
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return f"{scheme}://{login}@{host.rpartition('@')[2]}{slash}{path}"

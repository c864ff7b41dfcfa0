"""What may be chosen for a live camera: `NAME#key=value&key=value`. Nothing behind # is sent anywhere."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import quote

from perception.errors import SourceError
from perception.redaction import redacted


def parted(text: str, known: Collection[str]) -> tuple[str, dict[str, str]]:
    """The name and what is chosen. Raises SourceError for a key that is not `known`.

    >>> parted("0#size=640x480&fps=15", ["size", "fps"])
    ('0', {'size': '640x480', 'fps': '15'})
    """
    name, _, rest = text.partition("#")
    chosen = dict(_pair(redacted(name), part) for part in rest.split("&") if part)
    for key in chosen:
        if key not in known:
            raise SourceError(f"{redacted(name)}: expected #{', #'.join(known)}, got {key!r}")
    return name, chosen


def _pair(name: str, part: str) -> tuple[str, str]:
    key, found, value = part.partition("=")
    if not found:
        raise SourceError(f"{name}: expected key=value behind #, got {key!r}")
    return key, value


def with_login(url: str, where: str, environment: Mapping[str, str] = os.environ) -> str:
    """`url` with the user and password that `where` names: `env:VARIABLE` or `file:PATH`, each with
    `user:password`. Raises SourceError, which tells neither.

    >>> with_login("rtsp://10.0.0.7/front", "env:CAM", {"CAM": "me:s/1"})
    'rtsp://me:s%2F1@10.0.0.7/front'
    """
    kind, _, place = where.partition(":")
    try:
        text = {"env": lambda: environment[place], "file": lambda: Path(place).read_text()}[kind]()
    except (KeyError, OSError) as error:
        why = getattr(error, "strerror", None) or "there is none"
        raise SourceError(
            f"{redacted(url)}: expected a user and password by #login=env:VARIABLE or #login=file:PATH, "
            f"got {where!r}: {why}"
        ) from None
    user, found, password = text.strip().partition(":")
    if not found:
        raise SourceError(f"{redacted(url)}: expected user:password in {where}, found no colon")
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return f"{scheme}://{login}@{host.rpartition('@')[2]}{slash}{path}"

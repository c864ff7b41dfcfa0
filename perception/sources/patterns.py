"""The files that a pattern names: `*`, `?`, `[...]`, and `**` for any folders."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

ANY = "**"


def matches(pattern: Path) -> Iterable[Path]:
    """Folders that are there are taken by their name, even with brackets in it.

    With `**` each real file is named once, if it can be by a path without links: folders may be linked into
    each other.
    """
    top = next(folder for folder in pattern.parents if folder.is_dir())
    *folders, name = pattern.relative_to(top).parts
    if name == ANY:
        folders, name = [*folders, ANY], "*"
    inside = [top]
    for part in folders:
        inside = list(_all(inside)) if part == ANY else [path for path in _in(inside, part) if path.is_dir()]
    return _real(_in(inside, name)) if ANY in folders else _in(inside, name)


def _in(folders: Iterable[Path], name: str) -> Iterator[Path]:
    for folder in folders:
        yield from map(Path, glob.glob(os.path.join(glob.escape(str(folder)), name)))


def _all(folders: Iterable[Path]) -> Iterator[Path]:
    """These and all below them, each real one once: links only when all else is done."""
    waiting, links, seen = list(folders), list[Path](), set[str]()
    while waiting or links:
        folder = waiting.pop() if waiting else links.pop(0)
        if (real := os.path.realpath(folder)) in seen:
            continue
        seen.add(real)
        yield folder
        below = [path for path in _in([folder], "*") if path.is_dir()]
        waiting += [path for path in below if not path.is_symlink()]
        links += [path for path in below if path.is_symlink()]


def _real(paths: Iterable[Path]) -> Iterable[Path]:
    found: dict[str, Path] = {}
    for path in paths:
        real = os.path.realpath(path)
        if real not in found or (found[real].is_symlink() and not path.is_symlink()):
            found[real] = path
    return found.values()

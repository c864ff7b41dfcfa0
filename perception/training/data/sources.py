"""All that a run learns from, by the name of its source; kept for the next run of this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from perception.errors import DataError
from perception.labels.vocabulary import Vocabulary
from perception.training.classes import vocabulary
from perception.training.config import Config
from perception.training.data import READERS, SOURCES, cutouts, foreign, signs, synthetic
from perception.training.data.cutouts import Cutout
from perception.training.data.foreign import SHARE, Pictures
from perception.training.data.sample import Sample
from perception.training.data.signs import Sign
from perception.training.data.val import learnt_part

RENDERED = "synthetic"
SEEN = 200  # pictures of a foreign data set that are kept in memory, as backgrounds of what is made of them
Frames = Mapping[str, Sequence[Sample]]


def read_all(data: Path | None, rendered: Path, config: Config) -> None:
    """Read everything that a run of `config` reads, so that it, or a process forked from here, finds it."""
    frames = read_sources(data, rendered, config)
    sign_crops(data, config)
    cutouts_of(data, frames, config)


def read_sources(data: Path | None, rendered: Path, config: Config) -> dict[str, Sequence[Sample]]:
    """The training samples of each source of `config`; `rendered`: the folder of rendered scenes.

    `data`: a folder in our own format; None: there is none. Raises DataError.
    """
    frames = read_data(data, config)
    if share(RENDERED, config) > 0:
        frames[RENDERED] = _rendered(rendered.resolve(), config.rendered)
    if not any(frames.values()):
        asked = ", ".join(sorted(name for name in config.sources if share(name, config) > 0))
        raise DataError(f"{data}: expected training data of {asked}, found none")
    return frames


def read_data(data: Path | None, config: Config) -> dict[str, Sequence[Sample]]:
    """The same without rendered scenes. Raises DataError."""
    named = foreign.names(config.data, (*SOURCES, RENDERED))
    own = _own_sets(data, config)
    _check_names(config, {*named, *own})
    frames: dict[str, Sequence[Sample]] = {}
    if data is not None:
        wanted = [name for name in SOURCES if share(name, config) > 0]
        frames |= {name: _source(name, data.resolve(), config.licences) for name in wanted}
    words = vocabulary(config)
    others = own | {name: learnt_part(foreign.read(text, words), config) for name, text in named.items()}
    return frames | {name: found for name, found in others.items() if share(name, config) > 0}


def share(name: str, config: Config) -> float:
    """Of a source in a batch."""
    known = name in SOURCES or name == RENDERED
    return config.sources.get(name, 0.0 if known else SHARE)


def _own_sets(data: Path | None, config: Config) -> dict[str, Pictures]:
    if data is None:
        return {}
    if not data.is_dir():
        raise DataError(f"{data}: expected a folder of training data, found none. Check the path")
    return {found.name: found for found in foreign.own_sets(data.resolve(), (*SOURCES,), vocabulary(config))}


def _check_names(config: Config, others: set[str]) -> None:
    """Raises DataError for a source that is none, or may not be used."""
    wanted = {name for name, own in config.sources.items() if own > 0}
    known = [*SOURCES, RENDERED, *sorted(others)]
    unknown = sorted(wanted - set(known))
    if unknown:
        near = get_close_matches(unknown[0], known, 1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        raise DataError(f"unknown data sets {unknown}{meant}; there are {', '.join(known)}")
    allowed = {*READERS[config.licences], RENDERED, *(others if config.licences == "any" else ())}
    closed = {*wanted, *others} - allowed
    if closed:
        raise DataError(
            f"licences={config.licences}: expected sources that may be used commercially, got "
            f"{', '.join(sorted(closed))}; set their shares to 0"
        )


def sign_crops(data: Path | None, config: Config) -> list[Sign]:
    """GTSRB's, whose licence is not known, or those of one's own signs.csv."""
    if data is None or config.licences != "any":
        return []
    return _sign_crops(data.resolve(), vocabulary(config))


def scene_signs(frames: Frames) -> list[Sign]:
    """Signs of known class in photographs."""
    found = signs.in_scenes(frames.get("gtsdb", []))
    for samples in frames.values():
        if isinstance(samples, Pictures):
            found += signs.in_scenes(samples.reading())
    return found


def seen(frames: Frames) -> list[Sample]:
    """Of every source, what may be held in memory."""
    kept = [f.some(SEEN) if isinstance(f, Pictures) else f for f in frames.values()]
    return [sample for samples in kept for sample in samples]


def cutouts_of(data: Path | None, frames: Frames, config: Config) -> list[Cutout]:
    """People, cyclists and vehicles to paste."""
    named = tuple(name for name in ("camvid", "idd") if name in frames)
    return [] if data is None else _cutouts(data.resolve(), named, config.licences)


@cache
def _source(name: str, data: Path, licences: str) -> list[Sample]:
    return READERS[licences][name](data) if name in READERS[licences] else []


@cache
def _cutouts(data: Path, names: tuple[str, ...], licences: str) -> list[Cutout]:
    return cutouts.read(data, {name: _source(name, data, licences) for name in names})


@cache
def _sign_crops(data: Path, words: Vocabulary) -> list[Sign]:
    return signs.read(data, words)


_rendered = cache(synthetic.read)

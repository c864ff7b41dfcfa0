"""Everything a training run may vary, in one frozen record; presets; `--set key=value`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypedDict, get_args, get_origin, get_type_hints, is_typeddict

from perception.errors import DataError
from perception.model.shape import DEFAULT, Shape
from perception.tasks import TASKS
from perception.types import Size

WEIGHTS = {  # of losses that do not count once
    name: task.about.weight for name, task in TASKS.items() if task.about.weight != 1
}


class Classes(TypedDict, total=False):
    """Of a task: the classes of the network, (): ours; and what data sets call them."""

    classes: tuple[str, ...]
    names: Mapping[str, str]


@dataclass(frozen=True)
class Config:
    tasks: tuple[str, ...] = tuple(TASKS)
    sharing: str = "hard"
    shape: Mapping[str, Any] = field(default_factory=lambda: asdict(DEFAULT))  # widths, depths, neck
    balance: str = "static"
    balance_at: str = "features"  # where methods that look at gradients compare them, or "parameters"
    schedule: str = "joint"
    groups: tuple[tuple[str, ...], ...] = ()  # of tasks, for the schedule "grouped"
    frozen: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # for "staged": part -> from, to
    weights: Mapping[str, float] = field(default_factory=lambda: dict(WEIGHTS))
    sources: Mapping[str, float] = field(  # share of each data set in a batch
        default_factory=lambda: {
            "camvid": 3.5,
            "idd": 4.5,
            "gtsdb": 5.0,
            "roadseg_ru": 1.5,
            "lums": 0.5,
            "streets_id": 1.3,
            "carla": 0.6,
            "synthetic": 4.5,
            "roadscene": 1.6,
            "clips": 2.2,
            "brazil": 0.5,
        }
    )
    data: tuple[str, ...] = ()  # data sets in other formats, `[NAME=]FORMAT:PLACE` as `--data` names them
    val: tuple[str, ...] = ()  # data sets to choose the best weights by, named in the same way
    held_out: float = 0.0  # share of the drives of `data` that is held out for the same purpose
    detection: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"classes": ()})  # (): ours
    signs: Classes = field(default_factory=lambda: Classes(classes=(), names={}))
    lanes: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {"names": {}})
    classes: Mapping[str, str] = field(default_factory=dict)  # names of objects in data sets, "": left out
    licences: str = "any"  # or "open": learn only from what may be used commercially (docs/licences.md)
    rendered: int = 2000  # scenes of the source "synthetic", which is made and not found in the data folder
    steps: int = 20000
    batch: int = 12  # frames a step
    crops: int = 48  # sign crops a step
    size: tuple[int, int] = (640, 384)  # (width, height): the input that costs 1x, and that most batches have
    sizes: Mapping[str, float] = field(  # other inputs, as shares of the batches
        default_factory=lambda: {
            "448x256": 0.09,
            "512x320": 0.16,
            "576x448": 0.1,
            "896x288": 0.1,
            "384x640": 0.04,
            "800x480": 0.12,
            "960x576": 0.07,
            "1120x640": 0.03,
        }
    )
    finish: float = 0.07  # share of the steps, at the end, that see frames nearly as they are in use
    qat: bool = False  # quantisation-aware: INT8 rounding in the forward pass, for the end of a training
    zoom: tuple[float, float] = (0.65, 1.6)
    paste: float = 0.35  # share of frames that get sign crops pasted in
    stand: float = 0.3  # share that get people, cyclists and vehicles of other frames
    bonnet: float = 0.2  # share that are seen past the own vehicle
    blank: float = 0.015  # share that show nothing
    outliers: float = 0.25  # share of the sign crops that are no known sign
    variants: float = 0.15  # share that are drawn or dyed as in other countries
    lr: float = 3e-3  # the highest learning rate
    warmup: float = 0.03  # share of the run, at its start, in which the learning rate rises
    cooldown: float = 1.0  # share of the run, at its end, in which it falls
    weight_decay: float = 0.03
    ema: float = 0.9995
    clip: float = 10.0
    seed: int = 0
    device: str = "auto"  # "cpu", "cuda", or the better one that is there
    minutes: float = 0.0  # if not 0, the longest that a run may take; its schedule ends then
    threads: int = 2
    workers: int = 1
    save_every: float = 180.0  # seconds
    eval_every: int = 0  # steps between evaluations; 0: a tenth of the run if there is `val`, else never
    patience: int = 0  # evaluations without a better one after which the run ends; 0: it goes on
    baseline: str = ""  # scores.json of a comparison: warn of tasks that fall below their single-task network
    init: str = ""  # weights to start from: a checkpoint, a bundle (folder or name), or "shipped"

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)


PRESETS: dict[str, dict[str, Any]] = {
    "full": {},
    "small": {  # half the size: minutes on one core, for comparisons (tools/ablation.py)
        "steps": 900,
        "rendered": 300,
        "size": (320, 192),
        "sizes": {},
        "batch": 8,
        "crops": 16,
        "ema": 0.99,
        "threads": 1,
    },
    "quick": {
        "steps": 300,
        "rendered": 20,
        "size": (320, 192),
        "sizes": {},
        "batch": 8,
        "crops": 16,
        "ema": 0.98,
    },
}


SHARES = ("finish", "paste", "stand", "bonnet", "blank", "outliers", "variants", "ema")
RANGES: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(SHARES, (0.0, 1.0)),
    "steps": (1, 10**9),
    "batch": (1, 4096),
    "crops": (0, 65_536),
    "rendered": (0, 10**7),
    "lr": (1e-9, 10.0),
    "warmup": (0.0, 0.99),
    "cooldown": (0.01, 1.0),
    "weight_decay": (0.0, 10.0),
    "clip": (1e-9, 1e9),
    "seed": (0, 2**31 - 1),
    "minutes": (0.0, 1e6),
    "threads": (1, 256),
    "workers": (0, 256),
    "save_every": (0.0, 1e9),
    "eval_every": (0, 10**9),
    "patience": (0, 10**6),
    "held_out": (0.0, 0.9),
    "size": (32, 8192),
    "sizes": (0.0, 1.0),
    "zoom": (0.01, 100.0),
    "weights": (0.0, 1e6),
    "sources": (0.0, 1e6),
}
STRIDE = 32  # the sides of an input are multiples of it


OLD_NAMES = {"rate": "lr", "decay": "weight_decay", "rounding": "qat"}  # until 0.7: in saved configurations


def renamed(saved: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration of any version under today's names; `looks` was a number of evaluations."""
    config = {OLD_NAMES.get(name, name): value for name, value in saved.items()}
    if looks := config.pop("looks", 0):
        config["eval_every"] = max(1, config.get("steps", 1) // looks)
    return config


def configure(preset: str, settings: Sequence[str] = ()) -> Config:
    """A preset with `key=value` changes; values are JSON, or plain strings where a string is meant.

    `sources.NAME=x` and `weights.NAME=x` change one entry. With `licences=open` the sources that this forbids
    drop to 0 unless they are named. Raises DataError on unknown names.
    """
    if preset not in PRESETS:
        raise DataError(f"unknown preset {preset!r}; there are {', '.join(PRESETS)}")
    config = replace(Config(), **PRESETS[preset])
    kinds = get_type_hints(Config)
    asked: set[str] = set()  # sources that are named
    for setting in settings:
        key, found, text = setting.partition("=")
        name, _, entry = key.partition(".")
        name = OLD_NAMES.get(name, name)
        if not found or name not in kinds:
            raise DataError(f"--set {setting}: expected key=value with a key of {', '.join(sorted(kinds))}")
        old, value = getattr(config, name), _value(text)
        like = old
        if entry:
            if not isinstance(old, Mapping):
                raise DataError(f"--set {setting}: {name} has no entries; expected {name}=value")
            like, value = old.get(entry, next(iter(old.values()), None)), {**old, entry: value}
        try:
            config = replace(config, **{name: _as(kinds[name], value)})
        except (TypeError, ValueError, KeyError, OverflowError):
            wanted = f"a value like {like!r}" if like else f"the type {Config.__annotations__[name]}"
            raise DataError(f"--set {setting}: expected {wanted}") from None
        if name == "sources":
            asked |= {entry} if entry else set(value)
    if config.licences == "open":
        config = replace(config, sources=_open(config.sources, asked))
    check_ranges(config, RANGES)
    inputs(config)
    _check_tasks(config)
    if config.zoom[0] > config.zoom[1]:
        raise DataError(f"--set zoom={list(config.zoom)}: expected [least, most]")
    return replace(config, shape=asdict(Shape.of(config.shape)))


def _open(sources: Mapping[str, float], asked: Collection[str]) -> dict[str, float]:
    """Sources that were not asked for drop to 0 if they are not open; the others are checked on reading."""
    from perception.training.data import OPEN

    kept = {*OPEN, "synthetic", *asked}
    return {name: share if name in kept else 0.0 for name, share in sources.items()}


def check_ranges(record: object, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Raises DataError for a value out of its range, ends included, or one that is no number.

    Of a tuple or a table, for one of its values.
    """
    for name, (low, high) in ranges.items():
        value = getattr(record, name)
        parts = value.items() if isinstance(value, Mapping) else [("", value)]
        for entry, own in parts:
            for number in own if isinstance(own, tuple) else [own]:
                if not low <= number <= high:
                    key = f"{name}.{entry}" if entry else name
                    raise DataError(f"--set {key}={own}: expected {low:g} to {high:g}")


def inputs(config: Config) -> dict[Size, float]:
    """Inputs (width, height) and the share of batches of each; the main one first. Raises DataError."""
    others: dict[Size, float] = {}
    for name, share in config.sizes.items():
        width, _, height = name.partition("x")
        if not (width.isdecimal() and height.isdecimal()) or not _fits(int(width), int(height)):
            raise DataError(f"sizes: expected WIDTHxHEIGHT in multiples of {STRIDE}, got {name!r}")
        others[int(width), int(height)] = share
    if not _fits(*config.size):
        raise DataError(f"size: expected [width, height] in multiples of {STRIDE}, got {list(config.size)}")
    if sum(others.values()) > 1 + 1e-9:
        raise DataError(f"sizes: expected shares of 1 in all at most, got {sum(others.values()):g}")
    return {config.size: max(0.0, 1 - sum(others.values())), **others}


def _fits(width: int, height: int) -> bool:
    return min(width, height) > 0 and not width % STRIDE and not height % STRIDE


def _check_tasks(config: Config) -> None:
    """Raises DataError for tasks that are none or twice, or weights of others."""
    if not config.tasks or len(set(config.tasks)) < len(config.tasks):
        raise DataError(f"--set tasks={list(config.tasks)}: expected of {', '.join(TASKS)}, each once")
    for key, names in (("tasks", config.tasks), ("weights", config.weights)):
        if unknown := sorted(set(names) - set(TASKS)):
            raise DataError(f"{key}: expected of {', '.join(TASKS)}, got {', '.join(unknown)}")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _as(kind: Any, value: Any) -> Any:
    """What JSON says, as a value of the type `kind`.

    Raises TypeError, ValueError (too few or too many), KeyError (a name of no field) or OverflowError.
    """
    form, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if form is tuple and isinstance(value, list | tuple):
        kinds = parts[:1] * len(value) if parts[-1] is Ellipsis else parts
        return tuple(_as(own, item) for own, item in zip(kinds, value, strict=True))
    if isinstance(value, Mapping) and (is_typeddict(kind) or form is Mapping):
        return {key: _as(parts[1] if parts else get_type_hints(kind)[key], own) for key, own in value.items()}
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError(value)
    return value

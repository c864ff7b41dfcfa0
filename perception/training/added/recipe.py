"""How the head of an added task is made and trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from perception.errors import DataError
from perception.training import config

STRIDES = {"image": 32, "object": 4, "map": 8}  # of the features that a head reads, by kind
HIDDEN = {"image": 64, "object": 32, "map": 40}  # its channels
DETAIL = {"image": 0, "object": 0, "map": 16}  # and those that it makes of features of half the stride
FACTOR = 2  # sub-pixels a side of a cell of a map


@dataclass(frozen=True)
class Recipe:
    """0: as the kind of the task has it."""

    stride: int = 0  # of the features: 4, 8, 16 or 32
    hidden: int = 0
    detail: int = -1  # 0: the head reads features of one stride only; -1: as the kind has it
    views: int = 4  # of each picture: the whole one, the others cut, flipped and of another brightness
    steps: int = 800
    batch: int = 16
    lr: float = 3e-3
    weight_decay: float = 1e-3
    held_out: float = 0.2  # of the drives, where the data name no split
    seed: int = 0
    free_steps: int = 240  # of the whole network (`--unfreeze`)
    free_batch: int = 4  # half of them pictures of the old kind
    free_lr: float = 3e-4  # of the old part
    distil: float = 1.0  # weight of what the old outputs lose

    def of(self, kind: str) -> Recipe:
        """With the values of a kind. Raises DataError for a stride that there is not."""
        stride = self.stride or STRIDES[kind]
        if stride not in (4, 8, 16, 32):
            raise DataError(f"stride: expected 4, 8, 16 or 32, got {stride}")
        if stride == 4 and self.detail > 0:
            raise DataError(
                f"detail={self.detail}: expected 0 with stride=4, as there are no finer features; "
                "--set stride=8 reads those of stride 4, too"
            )
        usual = DETAIL[kind] if stride > 4 else 0
        detail = usual if self.detail < 0 else self.detail
        return replace(self, stride=stride, hidden=self.hidden or HIDDEN[kind], detail=detail)

    @property
    def strides(self) -> tuple[int, ...]:
        """Of all features that the head reads, its own first."""
        return (self.stride, self.stride // 2) if self.detail else (self.stride,)


RANGES = {
    **{name: config.RANGES[name] for name in ("steps", "batch", "lr", "weight_decay", "seed")},
    "free_steps": config.RANGES["steps"],
    "free_batch": config.RANGES["batch"],
    "free_lr": config.RANGES["lr"],
    "distil": (0.0, 1e6),
    "stride": (0, 32),
    "hidden": (0, 1024),
    "detail": (-1, 1024),
    "views": (1, 1000),
    "held_out": (1e-3, 0.999),
}


def recipe(settings: Sequence[str]) -> Recipe:
    """From texts such as `steps=400`. Raises DataError."""
    known = {field.name: type(getattr(Recipe(), field.name)) for field in fields(Recipe)}
    chosen: dict[str, float] = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        if name not in known:
            raise DataError(f"--set {setting}: expected a setting of {', '.join(known)}")
        try:
            chosen[name] = known[name](text)
        except ValueError:
            raise DataError(f"--set {setting}: expected {known[name].__name__}, got {text!r}") from None
    made = replace(Recipe(), **chosen)  # type: ignore[arg-type]
    config.check_ranges(made, RANGES)
    return made

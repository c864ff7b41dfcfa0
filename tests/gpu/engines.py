"""What the tests of kept engines share: a builder that writes plans, a cache, and ways to damage one."""

from __future__ import annotations

from pathlib import Path

from deploy.engine import engine
from perception.backends.engine_cache import PLAN, RECORD, DeviceFacts, EngineOptions

ORIN = DeviceFacts("Orin", (8, 7), "12.6", "R36.4.3")
INT8 = EngineOptions()
GOOD = b"engine" * 1000


class Builder:
    """Writes the next of `plans` (the last one again and again) and counts."""

    def __init__(self, *plans: bytes) -> None:
        self.plans = list(plans or [GOOD])
        self.built = 0

    def __call__(self, onnx, plan, options, timing, report):
        plan.write_bytes(self.plans[min(self.built, len(self.plans) - 1)])
        self.built += 1


def good(plan: Path) -> str:
    return "" if plan.read_bytes() == GOOD else "lanes.map is 3 dB from what it must be"


def get(onnx_file, cache, builder, options=INT8, facts=ORIN, version="10.3.0", **more):
    return engine(onnx_file, options, facts, cache, build=builder, version=version, **more)


def left(cache):
    """Names in the cache that are not locks."""
    return sorted(p.name for p in cache.folder.iterdir() if p.suffix != ".lock")


def damage(home, how):
    plan, record = home / PLAN, home / RECORD
    data = bytearray(plan.read_bytes())
    if how == "flipped bit":
        data[len(data) // 2] ^= 0x10
        plan.write_bytes(data)
    elif how == "cut short":
        plan.write_bytes(data[:-1])
    elif how == "no plan":
        plan.unlink()
    elif how == "no record":
        record.unlink()
    else:
        record.write_text({"empty record": "", "record of nothing": "{}", "record is a list": "[]"}[how])


DAMAGES = ["flipped bit", "cut short", "no plan", "no record", "empty record", "record of nothing"]

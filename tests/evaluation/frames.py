"""Frames whose metrics are known, without a network: what a judge would have said of them."""

from __future__ import annotations

import numpy as np

from perception.evaluation.records import FrameRecord
from perception.tasks.evidence import BINS, Counts, Ranked


def record(drive="city", seq=0, found=8, shared=900, tags=(), ms=20.0, stamp_ns=0, score=0.9):
    """Of 10 objects `found` are found, of 1000 drivable pixels `shared`, half of the lane line."""
    hits = np.array([found, 1, found, 10 - found], float)
    right = np.tile(np.arange(11) < found, (10, 1))
    boxes = Ranked(10, np.linspace(score, 0.1, 11).astype(np.float32), right, np.ones_like(right))
    bins = np.zeros((BINS, 3))
    bins[13] = 10, 10 * score, found
    return FrameRecord(
        drive,
        seq,
        stamp_ns,
        f"{seq}.png",
        tuple(tags),
        {
            "drivable.town": Counts("iou", np.array([shared, 1000.0])),
            "lanes.drawn": Counts("hits", np.array([50.0, 50, 50, 50])),
            "detection.town.vehicle": boxes,
            "detection.town.vehicle/found": Counts("objects", hits),
            "detection.town": Counts("ece", bins.ravel()),
        },
        {"network": ms, "detection": 2.0},
    )


def drive(name="city", frames=12, seed=0, **fixed):
    """Frames that differ a little, every second one by night."""
    rng = np.random.default_rng(seed)
    return [
        record(
            name,
            seq,
            **{
                "found": int(rng.integers(4, 9)),
                "shared": int(rng.integers(700, 950)),
                "ms": float(rng.gamma(20, 1)),
                "tags": ("timeofday:night",) if seq % 2 else ("timeofday:day",),
                **fixed,
            },
        )
        for seq in range(frames)
    ]

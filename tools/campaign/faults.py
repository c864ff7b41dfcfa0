"""`FAULTS`: the table of all of them. To add one: a line in the file of its family."""

from __future__ import annotations

from tools.campaign import disks, ends, lenses, limits, lookers, models, starved
from tools.campaign.fault import Fault

FAULTS: tuple[Fault, ...] = (
    *lenses.FAULTS,
    *lookers.FAULTS,
    *ends.FAULTS,
    *disks.FAULTS,
    *models.FAULTS,
    *limits.FAULTS,
    *starved.FAULTS,
)

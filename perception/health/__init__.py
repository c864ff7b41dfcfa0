"""Whether what is seen can be trusted: one state machine for the command line, the node and the page.

`Health` is fed with what happens and a clock; `Watcher` asks it fifty times a second; `Notify` tells
systemd. To add a reason: a line in `REASONS`, and whoever finds it calls `say` and `clear`.
"""

from perception.health.health import Health, Limits
from perception.health.heat import Heat
from perception.health.notify import Notify, notify
from perception.health.reasons import DEGRADED, FAILED, OK, REASONS, STALE, STARTING, STATES
from perception.health.report import Reason, Report, worst
from perception.health.watcher import PERIOD_S, OnChange, Watcher, watching

__all__ = [
    "DEGRADED",
    "FAILED",
    "OK",
    "PERIOD_S",
    "REASONS",
    "STALE",
    "STARTING",
    "STATES",
    "Health",
    "Heat",
    "Limits",
    "Notify",
    "OnChange",
    "Reason",
    "Report",
    "Watcher",
    "notify",
    "watching",
    "worst",
]

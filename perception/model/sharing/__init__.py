"""How tasks share the network: one file a scheme, one line here."""

from __future__ import annotations

from perception.model.sharing.hard import HardSharing

SHARING = {"hard": HardSharing}

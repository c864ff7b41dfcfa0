"""What an attacker gains who knows the weights: `perception evaluate --attack`. docs/robustness.md.

ATTACKS are the kinds of change that an attacker can make.
"""

from __future__ import annotations

from perception.attack.kind import Kind
from perception.attack.patch import Patch
from perception.attack.pgd import Pgd

ATTACKS: dict[str, Kind] = {"pgd": Pgd(), "patch": Patch()}

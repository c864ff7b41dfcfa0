"""How the tasks' losses become one step: one file a method, one line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perception.training.balance.aligned_mtl import AlignedMTL
from perception.training.balance.cagrad import CAGrad
from perception.training.balance.config_mtl import ConFIG
from perception.training.balance.dwa import DWA
from perception.training.balance.famo import FAMO
from perception.training.balance.gls import GLS
from perception.training.balance.gradnorm import GradNorm
from perception.training.balance.imtl_g import IMTLG
from perception.training.balance.method import Method
from perception.training.balance.mgda import MGDA
from perception.training.balance.nash_mtl import NashMTL
from perception.training.balance.pcgrad import PCGrad
from perception.training.balance.rlw import RLW
from perception.training.balance.static import EqualWeights, StaticWeights
from perception.training.balance.stch import STCH
from perception.training.balance.uncertainty import Uncertainty
from perception.training.balance.upgrad import UPGrad

BALANCE: dict[str, Callable[[Any, int], Method]] = {
    "equal": EqualWeights,
    "static": StaticWeights,
    "uncertainty": Uncertainty,
    "dwa": DWA,
    "rlw": RLW,
    "gls": GLS,
    "gradnorm": GradNorm,
    "famo": FAMO,
    "stch": STCH,
    "pcgrad": PCGrad,
    "mgda": MGDA,
    "upgrad": UPGrad,
    "aligned_mtl": AlignedMTL,
    "imtl_g": IMTLG,
    "config": ConFIG,
    "cagrad": CAGrad,
    "nash_mtl": NashMTL,
}

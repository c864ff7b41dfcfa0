"""How tasks share the network: one file a scheme, one line here."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from perception.model.shape import Shape
from perception.model.sharing.attention import CrossTaskAttention
from perception.model.sharing.branch import Branch
from perception.model.sharing.cross_stitch import CrossStitch
from perception.model.sharing.encoder_decoder import EncoderDecoder
from perception.model.sharing.hard import HardSharing
from perception.model.sharing.mixture import Mixture
from perception.model.sharing.separate import Separate
from perception.model.sharing.soft import SoftSharing
from perception.model.sharing.trunk import Trunk

SHARING: dict[str, Callable[[Collection[str], Collection[str], Shape], Trunk]] = {
    "hard": HardSharing,
    "separate": Separate,
    "soft": SoftSharing,
    "cross_stitch": CrossStitch,
    "encoder_decoder": EncoderDecoder,
    "mixture": Mixture,
    "attention": CrossTaskAttention,
    "branch1": partial(Branch, depth=1),
    "branch2": partial(Branch, depth=2),
    "branch3": partial(Branch, depth=3),
}

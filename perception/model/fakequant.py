"""Training with the rounding of INT8 in the forward pass, so that the network learns to live with it.

Quantisation-aware training as in Jacob et al. 2018: weights are rounded as they will be stored, batch norm
folded in, int8 a channel; activations to 256 levels between the ends of their range; the gradient passes
rounding unchanged (Bengio et al. 2013) and stops beyond the ends. Batch norms keep the statistics they have.
Parameters and their names stay those of the network: what is exported afterwards is the plain network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from perception.model.blocks import Linear2d, Patchify, RepConv
from perception.model.neck import Neck
from perception.model.network import Network

WARM = 20  # batches that set the ranges before these are fixed
KEPT = 0.99999  # share of a tensor's values inside its range
SAMPLED = 2**18  # values of a tensor that its range is estimated from


@dataclass
class Range:
    """The 256 levels of one activation. Its ends are found on the first WARM batches and fixed then."""

    low: float = 0.0
    high: float = 0.0
    seen: int = 0  # batches

    def __call__(self, x: Tensor) -> Tensor:
        if self.seen < WARM:
            self._widen(x.detach())
        scale = max(self.high - self.low, 1e-6) / 255
        return torch.fake_quantize_per_tensor_affine(x, scale, round(-self.low / scale), 0, 255)

    def _widen(self, x: Tensor) -> None:
        values = x.flatten()[:: max(1, x.numel() // SAMPLED)].float()
        rest = max(1, round(values.numel() * (1 - KEPT)))
        high = values.topk(rest).values[-1].item()
        low = -(-values).topk(rest).values[-1].item()
        self.low, self.high, self.seen = min(self.low, low), max(self.high, high), self.seen + 1


class Ranges:
    """Those of a network, by the name of the module that each follows."""

    def __init__(self) -> None:
        self.names: Mapping[nn.Module, str] = {}
        self.known: dict[str, Range] = {}

    def of(self, module: nn.Module) -> Range:
        return self.known.setdefault(self.names[module], Range())

    def state(self) -> dict[str, tuple[float, float, int]]:
        return {name: astuple(own) for name, own in self.known.items()}

    def restore(self, state: Mapping[str, tuple[float, float, int]]) -> None:
        self.known = {name: Range(*own) for name, own in state.items()}


def rounded(weight: Tensor) -> Tensor:
    """A kernel (outputs, ...) as int8 stores it: symmetric, a scale for each output channel."""
    scale = weight.detach().flatten(1).abs().amax(1).clamp(min=1e-9) / 127
    zero = torch.zeros(len(weight), dtype=torch.int32, device=weight.device)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -127, 127)


def attach(network: Network, ranges: Ranges | None = None) -> None:
    """Round from now on, in place. `network` must have been trained; it computes in float32, no autocast.

    `ranges`: those that are known, which learn the others; None: none is.
    """
    ranges = ranges or Ranges()
    ranges.names = {module: name for name, module in network.named_modules()}
    for module in ranges.names:
        twin = _twin(module, ranges)
        if twin is not None:
            module.forward = twin
        if isinstance(module, Neck):
            for block in module.fuse:
                block.register_forward_pre_hook(_RoundInput(ranges))


def _twin(module: nn.Module, ranges: Ranges) -> Callable[..., Tensor] | None:
    """What takes the place of the forward of a module with weights."""
    match module:
        case RepConv():
            return _Block(module, ranges, module.weight, module.stride, 1)
        case Patchify():
            return _Block(module, ranges, lambda: module.conv.weight, 4, 0)
        case Linear2d(conv=conv):
            padding = conv.kernel_size[0] // 2
            return _Block(module, ranges, lambda: conv.weight, conv.stride[0], padding, active=False)
        case nn.Conv2d() | nn.Linear():
            return _Last(module, ranges)
    return None


class _Block:
    """A convolution with its batch norm folded in, and ReLU where `active`."""

    def __init__(
        self,
        block: RepConv | Patchify | Linear2d,
        ranges: Ranges,
        weight: Callable[[], Tensor],
        stride: int,
        padding: int,
        active: bool = True,
    ) -> None:
        self.norm, self.ranges, self.weight, self.active = block.norm, ranges, weight, active
        self.stride, self.padding = stride, padding

    def __call__(self, x: Tensor, norm: nn.BatchNorm2d | None = None) -> Tensor:
        norm = norm or self.norm
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        weight = rounded(self.weight() * scale[:, None, None, None])
        y = F.conv2d(x, weight, norm.bias - norm.running_mean * scale, self.stride, self.padding)
        return self.ranges.of(norm)(F.relu(y) if self.active else y)  # frames and sign crops differ


class _Last:
    """The convolution or matrix at the end of a head."""

    def __init__(self, module: nn.Conv2d | nn.Linear, ranges: Ranges) -> None:
        self.module, self.ranges = module, ranges

    def __call__(self, x: Tensor) -> Tensor:
        how = F.linear if isinstance(self.module, nn.Linear) else F.conv2d
        return self.ranges.of(self.module)(how(x, rounded(self.module.weight), self.module.bias))


class _RoundInput:
    """Before a block that reads a sum."""

    def __init__(self, ranges: Ranges) -> None:
        self.ranges = ranges

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (self.ranges.of(module)(inputs[0]), *inputs[1:])

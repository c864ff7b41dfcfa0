"""What training computes in: bfloat16 where the device has instructions for it, float32 elsewhere."""

from __future__ import annotations

import torch

from perception.devices import instructions

NATIVE = frozenset(("avx512_bf16", "amx_bf16", "bf16"))  # x86: Zen 4, Cooper Lake and later; ARM: v8.6


def reduced(device: str, wanted: bool = True) -> torch.autocast:
    """A context whose convolutions run in bfloat16 if that is `wanted` and `device`, "cpu" or "cuda", has it.

    A processor without it would imitate it: a step then takes about twenty times as long as in float32.
    """
    return torch.autocast(device, torch.bfloat16, enabled=wanted and native(device))


def native(device: str) -> bool:
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(NATIVE & instructions())

import pytest
import torch

from perception import devices
from perception.training.precision import NATIVE, native, reduced


@pytest.mark.parametrize(
    ("said", "is_native"),
    [
        ({"flags": "avx2 avx512f avx512_vnni avx512_bf16"}, True),  # Zen 4
        ({"flags": "avx2 avx512f amx_bf16 amx_int8"}, True),  # Sapphire Rapids
        ({"flags": "avx2 avx512f avx512_vnni"}, False),  # Ice Lake
        ({"flags": "avx2 fma"}, False),  # Zen 3
        ({"Features": "fp asimd asimddp i8mm bf16"}, True),  # Neoverse V1
        ({"Features": "fp asimd asimddp"}, False),  # Jetson Orin
        ({}, False),
    ],
)
def test_only_a_processor_that_has_bfloat16_trains_in_it(said, is_native, monkeypatch):
    monkeypatch.setattr(devices, "processor", lambda: said)
    assert native("cpu") is is_native
    with reduced("cpu"):
        result = torch.ones(2, 2) @ torch.ones(2, 2)
    assert result.dtype == (torch.bfloat16 if is_native else torch.float32)


def test_what_is_to_be_exact_is_in_float32_on_every_processor(monkeypatch):
    monkeypatch.setattr(devices, "processor", lambda: {"flags": " ".join(NATIVE)})
    with reduced("cpu", wanted=False):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32

"""What the reference says that the CUDA kernels do is what OpenCV does on the processor."""

import re
from pathlib import Path

import numpy as np
import pytest

from perception.convention import MEAN, SCALE
from perception.kernels import launch, reference
from perception.kernels.lines import PAINT
from perception.letterbox import PAD, Letterbox
from perception.tasks.detection.decode import MAX_CANDIDATES
from tests.kernels.cuda_cases import GROWING, SAME, SHRINKING

ROOT = Path(__file__).parents[2]
KERNELS = ROOT / "perception" / "kernels"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(("size", "network"), [*SHRINKING, *GROWING, *SAME, ((320, 180), (160, 96))])
def test_letterbox_is_that_of_opencv(size, network, rng):
    image, box = rng.integers(0, 256, (size[1], size[0], 3), np.uint8), Letterbox.fit(size, network)
    difference = reference.letterboxed(image, box).astype(int) - box.apply(image)
    assert np.abs(difference).max() <= 1


def test_the_mean_of_four_is_the_kernel_for_half_the_size(rng):
    image = rng.integers(0, 256, (48, 64, 3), np.uint8)
    np.testing.assert_array_equal(reference.resized(image, (32, 24)), reference.halved(image))


def test_a_line_map_comes_back_from_its_cells_and_its_paint(rng):
    maps = rng.normal(size=(16, 5, 7)).astype(np.float32)
    cells, logits = reference.lane_cells(maps, 0.5)
    whole = np.full(maps.size, -9, np.float32)
    whole[cells] = logits
    np.testing.assert_array_equal(
        np.maximum(whole, 0.5), np.maximum(reference.pixel_shuffle(maps), 0.5).ravel()
    )
    bits = np.unpackbits(reference.packed(maps).view(np.uint8), bitorder="little")[: maps.size]
    np.testing.assert_array_equal(bits, reference.pixel_shuffle(maps).ravel() > PAINT)


def constants(name: str) -> dict[str, float]:
    """Numbers that a .cu or .cuh file names."""
    text = (KERNELS / name).read_text()
    found = re.findall(r"(\w+) = ([\d.]+)f?\b", " ".join(re.findall(r"constexpr [^;]+;", text)))
    return {key: float(value) for key, value in found}


def test_the_kernels_have_the_constants_of_the_rest():
    shared = constants("device.cuh")
    assert (shared["PAD"], shared["MEAN"], shared["SCALE"]) == (PAD, MEAN, SCALE)
    assert constants("detection.cu")["MOST"] == launch.MAX_CANDIDATES == MAX_CANDIDATES

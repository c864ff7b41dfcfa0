"""A network, exported and quantised: small pictures, smooth as real ones are."""

from __future__ import annotations

import shutil

import pytest
import torch

from deploy import precisions
from deploy.build import FILES
from deploy.export import export_crops, export_frames
from perception import bundle
from perception.model.specs import FRAME_TASKS, task_spec
from tests.batches import SIZE, smooth, trained

FLOATS = FILES["fp32"]
ALL_FILES = precisions.file_names(FILES["fp32"], precisions.MADE)


@pytest.fixture(scope="session")
def pictures():
    return {"main": smooth(6, SIZE), "signs": smooth(12, (64, 64))}


@pytest.fixture(scope="session")
def network():
    return trained(3)  # one whose outputs survive rounding at every size: a random network need not


@pytest.fixture(scope="session")
def exported(network, pictures, tmp_path_factory):
    """A folder with the files of a bundle in every precision."""
    folder = tmp_path_factory.mktemp("exported")
    export_frames(network, SIZE, folder / FILES["fp32"]["main"])
    export_crops(network, folder / FILES["fp32"]["signs"])
    precisions.make(folder, ALL_FILES, pictures)
    return folder


@pytest.fixture(scope="session")
def floats(tmp_path_factory):
    """The fp32 files of a network no two biases of which are the same: the exporter would make them one."""
    folder, network = tmp_path_factory.mktemp("floats"), trained(3)
    for conv in (*network.heads["detection"].scores, *network.heads["detection"].boxes):
        torch.nn.init.normal_(conv.bias, -4, 0.1)
    export_frames(network, SIZE, folder / FLOATS["main"])
    export_crops(network, folder / FLOATS["signs"])
    return folder


@pytest.fixture(scope="session")
def small_folder(floats):
    """A bundle of them, to be read only."""
    tasks = {name: task_spec(name) for name in (*FRAME_TASKS, "signs")}
    bundle.write(floats, bundle.ModelSpec("small", "1", SIZE, tasks, {"fp32": FLOATS}))
    return floats


@pytest.fixture
def small(small_folder, tmp_path):
    """A copy of it."""
    return shutil.copytree(small_folder, tmp_path / "small")

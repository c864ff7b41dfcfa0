"""A network, exported and quantised: small pictures, smooth as real ones are."""

from __future__ import annotations

import pytest

from deploy import precisions
from deploy.build import FILES
from deploy.export import export_crops, export_frames
from tests.batches import SIZE, smooth, trained

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

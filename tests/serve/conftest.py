import pytest

from tests.serve.fakes import served


@pytest.fixture
def front():
    """A server with the camera `front`."""
    with served() as there:
        yield there

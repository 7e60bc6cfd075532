"""Compiled programs of the tests are kept for the run, and not in the user's own cache."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory):
    """A folder of this run's own for compiled programs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MADI_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield

"""Compiled programs of the tests are kept for the run, and not in the user's own cache."""

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory):
    """A folder of this run's own for compiled programs."""
    with pytest.MonkeyPatch.context() as patch:
        base = tmp_path_factory.getbasetemp()
        base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # the workers share it
        patch.setenv("MADI_CACHE", str(base / "cache"))
        yield

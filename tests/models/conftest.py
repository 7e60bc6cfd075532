"""What the tests of models share."""

from __future__ import annotations

import numpy as np
import pytest

from madi import initializers


@pytest.fixture
def undrawn(monkeypatch):
    """Initial weights are zeros that take no memory: shapes and counts need no 100 million random numbers."""

    def zeros(self, key, shape, fan):
        return np.broadcast_to(np.float32(0), shape)

    for initializer in (initializers.He, initializers.Xavier, initializers.Normal, initializers.Zeros):
        monkeypatch.setattr(initializer, "__call__", zeros)

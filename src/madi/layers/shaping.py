"""Flatten: images to rows."""

from __future__ import annotations

import math
from typing import Any

from madi.functions import reshape
from madi.graph import Variable
from madi.layers.base import Layer


class Flatten(Layer):
    """All axes after the first become one: (N, 28, 28, 1) -> (N, 784)."""

    def __call__(self, x: Any) -> Variable:
        """x in the shape (N, elements of one example)."""
        return reshape(x, (x.shape[0], math.prod(x.shape[1:])))

"""Whether an array may be kept instead of a copy of it: only where nobody else can write into its memory."""

from __future__ import annotations

import sys

import numpy as np

from madi.graph import Parameter


def held_alone(parameter: Parameter) -> bool:
    """Whether this parameter is the only one that holds its NumPy array, or a view of the same memory."""
    value = parameter.value
    if type(value) is not np.ndarray or (isinstance(value.base, np.ndarray) and value.base.base is not None):
        return False
    del value  # it would count
    return _holders(parameter) in (ALONE, ALONE_IN_MEMORY)


def _holders(parameter: Parameter) -> tuple[int, int]:
    """How often the array and the one whose memory it lies in are referred to, counted in one way for all."""
    value = parameter.value
    base = value.base
    return sys.getrefcount(value), sys.getrefcount(base) if isinstance(base, np.ndarray) else 0


# What the count is where nobody else holds an array: that depends on the interpreter, so it is counted here.
ALONE = _holders(Parameter(np.empty(2)))
ALONE_IN_MEMORY = _holders(Parameter(np.empty(2)[:1]))

"""Comparisons, which have no gradient, and choice by them."""

from __future__ import annotations

from typing import Any

import madi.functions as F
from madi.kernels.arrays import array_library
from madi.onnx.table import operator
from madi.onnx.value import Value, elementwise


def _enter(kind: str, name: str, since: int) -> None:
    def compare(*variables: Any) -> Any:
        arrays = [variable.value for variable in variables]
        return getattr(array_library(*arrays), name)(*arrays)

    @operator(kind, since=since)
    def comparison(*xs: Value) -> Value:
        return elementwise(compare, *xs)


for _kind, _name, _since in (
    ("And", "logical_and", 7),
    ("Equal", "equal", 7),
    ("Greater", "greater", 7),
    ("GreaterOrEqual", "greater_equal", 12),
    ("IsNaN", "isnan", 9),
    ("Less", "less", 7),
    ("LessOrEqual", "less_equal", 12),
    ("Not", "logical_not", 1),
    ("Or", "logical_or", 7),
    ("Xor", "logical_xor", 7),
):
    _enter(_kind, _name, _since)


@operator("Where", since=9)
def where(mask: Value, x0: Value, x1: Value) -> Value:
    """x0 where the mask is true, else x1."""
    return elementwise(F.where, mask, x0, x1)

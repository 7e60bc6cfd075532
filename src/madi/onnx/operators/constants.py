"""Constants, and numbers of another type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import madi.functions as F
from madi.errors import FileError
from madi.graph import Array
from madi.kernels.arrays import array_library
from madi.onnx.graph import Node
from madi.onnx.operators.inputs import integers, keeping, known
from madi.onnx.refusal import Unsupported
from madi.onnx.room import expect_room
from madi.onnx.table import operator
from madi.onnx.tensors import dtype_of, type_name
from madi.onnx.value import Value


@operator("Constant")
def constant(
    *, value: np.ndarray | None = None, value_float: float | None = None, value_floats: Sequence[float] | None = None,
    value_int: int | None = None, value_ints: Sequence[int] | None = None,
) -> Value:  # fmt: skip
    """The numbers that the file gives, in one of these forms."""
    if value is not None:
        return Value(value)
    floats = value_float if value_floats is None else value_floats
    if floats is not None:
        return Value(np.array(floats, np.float32))
    return Value(np.array(value_int if value_ints is None else value_ints, np.int64))


@operator("ConstantOfShape", since=9)
def constant_of_shape(shape: Value, *, node: Node, value: np.ndarray | None = None) -> Value:
    """One number, 0 where none is given, as often as the shape asks for."""
    number = np.zeros(1, np.float32) if value is None else value
    sizes = integers(node, 0, shape) or []
    if min(sizes, default=0) < 0 or number.size != 1:
        given = f"{number.shape} and {sizes}"[:200]
        raise FileError(f"{node.label}: expected one number and sizes of at least 0, got {given}.")
    expect_room(node.label, sizes, number.dtype)
    return Value(np.full(sizes, number.reshape(()), number.dtype))


@operator("Range", since=11)
def range_(start: Value, limit: Value, delta: Value, *, node: Node) -> Value:
    """From `start` on in steps of `delta`, as far as `limit`, which is not counted."""
    first, end, step = (known(node, index, value).item() for index, value in enumerate((start, limit, delta)))
    count = max(int(-((first - end) // step)), 0)
    expect_room(node.label, (count,), np.float64)
    return Value((first + step * np.arange(count)).astype(start.dtype))


@operator("Cast")
def cast(x: Value, *, node: Node, to: int, saturate: int = 1, round_mode: str = "up") -> Value:
    """Fractions go, towards 0; what a float of 8 bits cannot hold becomes its largest number with `saturate`."""
    return _cast(node, x, type_name(to, node.label), saturate=bool(saturate))


@operator("CastLike", since=15)
def cast_like(x: Value, like: Value, *, node: Node, saturate: int = 1, round_mode: str = "up") -> Value:
    """Cast to the type of another input."""
    return _cast(node, x, like.dtype.name, saturate=bool(saturate))


def _cast(node: Node, x: Value, name: str, *, saturate: bool) -> Value:
    if "str" in (name, x.dtype.name) or name == "float8_e8m0fnu":
        raise Unsupported(f"{node.label}: madi does not cast from {x.dtype.name} to {name}.")
    if x.dtype.name == name:
        return x
    dtype = dtype_of(name)
    if dtype.itemsize == 1 and name not in ("bool", "int8", "uint8"):
        return keeping(lambda variable: _stored(variable.value, dtype, saturate=saturate), x)
    return keeping(lambda variable: F.cast(variable, dtype), x)


def _stored(x: Array, dtype: Any, *, saturate: bool) -> Array:
    """x in a type of less than 8 bits or a float of 8, in which numbers are only kept."""
    import ml_dtypes

    if "int" in dtype.name:
        return _lowest_bits(x.astype(np.int32), dtype.name).astype(dtype)
    if saturate and dtype.name.startswith("float8"):
        most = float(ml_dtypes.finfo(dtype).max)
        x = array_library(x).clip(x, -most, most)
    return x.astype(dtype)


def _lowest_bits(x: Array, name: str) -> Array:
    """Whole numbers as a type of so few bits, "int4" or "uint2", keeps them."""
    span = 2 ** int(name[-1])
    low = 0 if name.startswith("uint") else -span // 2
    return (x - low) % span + low

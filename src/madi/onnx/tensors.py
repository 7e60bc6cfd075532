"""Tensors of a file as NumPy's arrays: every claim of a size is held against the bytes that are there, first."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from madi.errors import FileError
from madi.onnx.files import Beside
from madi.onnx.refusal import Unsupported
from madi.onnx.room import expect_room

_BITS = {  # of those that share a byte with others
    **{"uint4": 4, "int4": 4, "float4_e2m1fn": 4, "uint2": 2, "int2": 2},
    **{"float6_e2m3fn": 6, "float6_e3m2fn": 6},
}
_LARGEST_RANK = 64  # axes of a NumPy array


def type_name(code: int, where: str) -> str:
    """NumPy's name of one of ONNX's types of numbers, "str" for text; Unsupported for one that has none."""
    from onnx import TensorProto, helper

    if code == TensorProto.STRING:
        return "str"
    if code == TensorProto.UNDEFINED or code not in TensorProto.DataType.values():
        raise FileError(f"{where}: its type of numbers, {code}, is none of ONNX's.")
    try:
        return str(np.dtype(helper.tensor_dtype_to_np_dtype(code)).name)
    except (KeyError, TypeError) as error:
        raise Unsupported(f"{where}: madi does not take numbers of type {TensorProto.DataType.Name(code)}.") from error


def dtype_of(name: str) -> np.dtype:
    """The type of this name, NumPy's own or one of those that ml_dtypes adds to it."""
    import ml_dtypes

    return np.dtype(getattr(ml_dtypes, name, name))


def to_array(tensor: Any, beside: Beside, where: str) -> np.ndarray:
    """The array of a TensorProto, which may be read-only.

    beside   the files that it may lie in
    where    what messages call it

    Raises FileError where its sizes, its type and its data do not fit, and where its data lie outside of the folder.
    """
    name = type_name(tensor.data_type, where)
    shape = _shape(tensor, where)
    if tensor.HasField("segment"):
        raise Unsupported(f"{where}: madi does not take a tensor in segments.")
    if name == "str":
        return _text(tensor, shape, where)
    data = _bytes(tensor, name, math.prod(shape), beside, where)
    if data is None:
        return _typed(tensor, name, shape, where)
    return _from_bytes(data, name, shape)


def _shape(tensor: Any, where: str) -> tuple[int, ...]:
    shape = tuple(tensor.dims)
    if any(size < 0 for size in shape) or len(shape) > _LARGEST_RANK:
        raise FileError(f"{where}: expected sizes of at least 0 on up to {_LARGEST_RANK} axes, got {shape[:70]}.")
    return shape


def _bytes(tensor: Any, name: str, count: int, beside: Beside, where: str) -> np.ndarray | None:
    """The bytes of its numbers, exactly as many as they take; None where they are written as numbers."""
    from onnx import TensorProto

    bits = _BITS.get(name, 8 * dtype_of(name).itemsize)
    needed = -(-count * bits // 8)
    if tensor.data_location == TensorProto.EXTERNAL:
        return beside.read(where, {entry.key: entry.value for entry in tensor.external_data}, needed)
    if not tensor.HasField("raw_data"):
        return None
    raw = tensor.raw_data  # a copy, each time that one asks
    if len(raw) != needed:
        raise _wrong_length(where, tensor, f"{needed} bytes", len(raw))
    return np.frombuffer(raw, np.uint8)


def _typed(tensor: Any, name: str, shape: tuple[int, ...], where: str) -> np.ndarray:
    """The array of numbers that are written one by one, in the field for their type."""
    from onnx import helper

    field = getattr(tensor, helper.tensor_dtype_to_field(tensor.data_type))
    count, dtype = math.prod(shape), dtype_of(name)
    packed = _BITS.get(name, 8) < 6  # several to a number; of 6 bits each is a number of its own
    expected = -(-count * _BITS[name] // 8) if packed else count * (2 if dtype.kind == "c" else 1)
    if len(field) != expected:
        raise _wrong_length(where, tensor, f"{expected} numbers", len(field))
    expect_room(where, shape, dtype)
    numbers = np.array(field, _field_type(dtype, name))
    if packed:
        return _from_bytes(_fitting(numbers, np.uint8, where), name, shape)
    if dtype.kind == "c":
        return numbers.view(dtype).reshape(shape)
    if dtype.kind in "iub":
        return _fitting(numbers, dtype, where).reshape(shape)
    if dtype.itemsize < 4:  # half precision and less: their bits, as whole numbers
        return _fitting(numbers, f"uint{8 * dtype.itemsize}", where).view(dtype).reshape(shape)
    return numbers.reshape(shape)


def _field_type(dtype: np.dtype, name: str) -> Any:
    """What the field holds: itself for what has one of its own, wider whole numbers for all others."""
    if dtype.kind == "c":
        return np.float32 if name == "complex64" else np.float64
    return dtype if name in ("float32", "float64", "int64", "uint64") else np.int64


def _fitting(numbers: np.ndarray, dtype: Any, where: str) -> np.ndarray:
    """Whole numbers in a narrower type, if they fit into it."""
    dtype = np.dtype(dtype)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if numbers.size and (numbers.min() < low or numbers.max() > high):
        raise FileError(f"{where}: expected numbers from {low} to {high}, got {numbers.min()} to {numbers.max()}.")
    return numbers.astype(dtype)


def _from_bytes(data: np.ndarray, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name == "bool":
        return (data != 0).reshape(shape)
    if name not in _BITS:
        return data.view(dtype_of(name)).reshape(shape)
    bits = _BITS[name]
    digits = np.unpackbits(data, count=math.prod(shape) * bits, bitorder="little").reshape(*shape, bits)
    single = (digits << np.arange(bits, dtype=np.uint8)).sum(axis=-1, dtype=np.uint8)
    if name.startswith("float"):
        return single.view(dtype_of(name))
    top = 2 ** (bits - 1)
    signed = (single ^ top).astype(np.int8) - top if name.startswith("int") else single
    return signed.astype(dtype_of(name))


def _text(tensor: Any, shape: tuple[int, ...], where: str) -> np.ndarray:
    count = math.prod(shape)
    if len(tensor.string_data) != count:
        raise _wrong_length(where, tensor, f"{count} texts", len(tensor.string_data))
    found = np.empty(count, object)
    try:
        found[:] = [entry.decode() for entry in tensor.string_data]
    except UnicodeDecodeError as error:
        raise FileError(f"{where}: expected text in UTF-8: {error}.") from error
    return found.reshape(shape)


def _wrong_length(where: str, tensor: Any, expected: str, found: int) -> FileError:
    shape = "(" + ", ".join(map(str, tensor.dims)) + ")"
    return FileError(f"{where}: expected {expected} for its shape {shape[:200]}, got {found}. The file is corrupt.")

"""What `Loaded.run` is given, held against what the graph asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from madi.errors import DataError, ShapeError, closest
from madi.onnx.graph import Port
from madi.onnx.tensors import dtype_of


def checked_inputs(
    ports: Sequence[Port], constants: Collection[str], given: Mapping[str, Any], where: str
) -> dict[str, np.ndarray]:  # fmt: skip
    """The arrays by name, in the types of the graph's inputs.

    Raises DataError for inputs that are missing, unknown or of another type, ShapeError for those of another shape.
    """
    if not isinstance(given, Mapping):
        raise DataError(f"{where}: expected a dictionary of arrays by name, got {type(given).__name__}. "
                        f"Give {_example(ports)}.")  # fmt: skip
    missing = [port for port in ports if port.name not in given]
    if missing:
        wanted = "; ".join(map(described, missing))
        received = ", ".join(repr(str(name)) for name in given) or "nothing"
        raise DataError(f"{where}: expected the input {wanted}; got {received}.")
    _expect_known([port.name for port in ports], constants, given, where)
    free: dict[str, tuple[int, str]] = {}
    return {port.name: _checked(port, given[port.name], free, f"{where}: input '{port.name}'") for port in ports}


def described(port: Port) -> str:
    """As "'x' float32 (N, 3)"."""
    shape = "of any shape" if port.shape is None else "(" + ", ".join(str(axis or "any") for axis in port.shape) + ")"
    return f"'{port.name}' {port.dtype or 'of any type'} {shape}"


def _expect_known(names: Sequence[str], constants: Collection[str], given: Mapping[str, Any], where: str) -> None:
    stranger = next((str(name) for name in given if name not in names), None)
    if stranger is None:
        return
    if stranger in constants:
        raise DataError(f"{where}: '{stranger}' is a constant of the file, which is not given.")
    near = closest(stranger, names)
    hint = f" Did you mean '{near}'?" if near else ""
    known = ", ".join(f"'{name}'" for name in names) or "none"
    raise DataError(f"{where}: has no input '{stranger}'.{hint} Its inputs: {known}.")


def _checked(port: Port, value: Any, free: dict[str, tuple[int, str]], where: str) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(f"{where}: expected an array, got {type(value).__name__} ({error}).") from error
    array = _converted(port, array, where)
    _expect_shape(port, array.shape, free, where)
    return array


def _converted(port: Port, array: np.ndarray, where: str) -> np.ndarray:
    """The array in the type of the input, if that changes none of its numbers."""
    text = array.dtype.kind in "OSUT"
    if text != (port.dtype == "str") and port.dtype is not None:
        raise DataError(f"{where}: expected {port.dtype}, got an array of {array.dtype.name}.")
    if text:
        return _as_text(array, where)
    dtype = array.dtype if port.dtype is None else dtype_of(port.dtype)
    with np.errstate(all="ignore"):
        found = array.astype(dtype, copy=False)
        same = array.dtype == dtype or np.array_equal(found.astype(array.dtype), array, equal_nan=_has_nan(array.dtype))
    if not same:
        raise DataError(
            f"{where}: expected numbers of type {port.dtype}, and those given, of type {array.dtype.name}, would "
            f"change. Give array.astype('{port.dtype}') if that is meant."
        )
    return found


def _as_text(array: np.ndarray, where: str) -> np.ndarray:
    found = array.astype(object)
    if not all(isinstance(entry, str) for entry in found.reshape(-1)):
        raise DataError(f"{where}: expected an array of text.")
    return found


def _has_nan(dtype: np.dtype) -> bool:
    return dtype.kind in "fc"


def _expect_shape(port: Port, shape: tuple[int, ...], free: dict[str, tuple[int, str]], where: str) -> None:
    """Raise ShapeError unless the sizes are those of the input; those of one name are the same at all inputs."""
    if port.shape is None:
        return
    fits = len(shape) == len(port.shape) and all(
        axis == size for axis, size in zip(port.shape, shape, strict=True) if isinstance(axis, int)
    )
    if not fits:
        raise ShapeError(f"{where}: expected {described(port)}, got the shape {shape}.")
    for axis, size in zip(port.shape, shape, strict=True):
        if isinstance(axis, str):
            other, name = free.setdefault(axis, (size, port.name))
            if other != size:
                raise ShapeError(f"{where}: expected {axis} = {other} as in input '{name}', got the shape {shape}.")


def _example(ports: Sequence[Port]) -> str:
    return "{" + ", ".join(f"'{port.name}': array" for port in ports) + "}"

"""Tensors of the Open Inference Protocol in JSON: {"name", "shape", "datatype", "data"} <-> arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from madi.web.guard import Refusal

DATATYPES = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64,
}  # fmt: skip
TEXT = "BYTES"
SHOWN = 10  # names in a message


class Port(NamedTuple):
    """A tensor that a model takes or gives; -1 stands for the number of examples."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def described(self) -> dict[str, Any]:
        """As the protocol has it."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


def tensors_of(request: Any, ports: Sequence[Port], most: int) -> dict[str, np.ndarray]:
    """The inputs of a request by name, each in its shape; Refusal 400 for what the protocol or the ports do not allow.

    most    examples that a request may have
    """
    if not isinstance(request, dict) or not isinstance(inputs := request.get("inputs"), list) or not inputs:
        raise Refusal(400, 'Expected an object with "inputs", a list of tensors.')
    known: dict[Any, Port] = {port.name: port for port in ports}
    found: dict[str, np.ndarray] = {}
    for entry in inputs:
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or name in found:
            raise Refusal(400, "Expected inputs that are objects, each with a name of its own.")
        if name not in known:
            raise Refusal(400, f"The model has no input '{name[:50]}'. It takes {listed(list(known))}.")
        found[name] = _tensor(known[name], entry, most)
    return found


def _tensor(port: Port, entry: Mapping[str, Any], most: int) -> np.ndarray:
    """One input.  Its claims are held against each other before its values are looked at."""
    name, datatype, data = port.name, entry.get("datatype"), entry.get("data")
    shape: Any = entry.get("shape")
    _expect_shape(port, shape, most)
    if not isinstance(data, list):
        raise Refusal(400, f"input '{name}': expected \"data\", a list of values in JSON, got {kind_of(data)}.")
    if not (is_nested(data, (math.prod(shape),)) or is_nested(data, shape)):
        raise Refusal(400, f"input '{name}': its data do not fill the shape {shape}, got {kind_of(data)}.")
    if datatype == TEXT:
        return _texts(name, data).reshape(shape)
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        told = f"'{datatype[:50]}'" if isinstance(datatype, str) else kind_of(datatype)
        raise Refusal(400, f"input '{name}': expected a datatype among {', '.join([*DATATYPES, TEXT])}, got {told}.")
    array = numbers_of(f"input '{name}'", data)
    _expect_type(name, array, datatype)
    return array.reshape(shape)


def _expect_shape(port: Port, shape: Any, most: int) -> None:
    sizes = isinstance(shape, list) and all(type(size) is int and size > 0 for size in shape)
    fits = sizes and (shape[1:] == list(port.shape[1:]) or (port.shape == (-1, 1) and len(shape) == 1))
    if not fits or not shape or shape[0] > most:
        wanted = f"[N, {', '.join(map(str, port.shape[1:]))}]"
        raise Refusal(
            400, f"input '{port.name}': expected a shape {wanted}, N from 1 to {most}, got {str(shape)[:100]}."
        )


def is_nested(data: Any, shape: Sequence[int]) -> bool:
    """Whether lists are nested as a shape says; the innermost values are not looked at.

    So much is cheap, while NumPy goes through millions of lists that lie before it finds out.

    >>> is_nested([[1, 2], [3, 4]], (2, 2)), is_nested([[1], [2, 3]], (2, 2))
    (True, False)
    """
    level = [data]
    for size in shape[:-1]:
        if not all(type(part) is list and len(part) == size for part in level):
            return False
        level = [entry for part in level for entry in part]
    return all(type(part) is list and len(part) == shape[-1] for part in level)


def numbers_of(what: str, data: list[Any]) -> np.ndarray:
    """The numbers of a list, flat or nested evenly; Refusal 400 for anything else among them."""
    try:
        array = np.array(data)
    except (ValueError, OverflowError) as error:
        raise Refusal(400, f"{what}: expected lists of numbers, nested evenly.") from error
    if array.dtype.kind not in "fiub":
        raise Refusal(400, f"{what}: expected numbers within 64 bits, and nothing else.")
    if array.dtype.kind != "b" and _has_truths(data):
        raise Refusal(400, f"{what}: expected numbers alone, got true or false among them.")
    return array


def _has_truths(data: list[Any]) -> bool:
    """Whether true or false is among the numbers of evenly nested lists: to NumPy they are 1 and 0."""
    while data and type(data[0]) is list:
        data = list(chain.from_iterable(data))
    return bool in set(map(type, data))


KINDS = {dict: "an object", str: "a text", bool: "true or false", type(None): "null"}


def kind_of(value: Any, depth: int = 3) -> str:
    """What a value of JSON is, for a message.

    >>> kind_of(None), kind_of([[1, 2]])
    ('null', 'a list of 1, the first a list of 2, the first a number')
    """
    if not isinstance(value, list):
        return KINDS.get(type(value), "a number")
    return f"a list of {len(value)}" + (f", the first {kind_of(value[0], depth - 1)}" if value and depth else "")


def listed(names: Sequence[str]) -> str:
    """The first of some names, for a message.

    >>> listed(["a", "b"])
    "'a', 'b'"
    """
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(f"'{name[:50]}'" for name in names[:SHOWN]) + more


def _expect_type(name: str, array: np.ndarray, datatype: str) -> None:
    """Refuse values that are none of the type that the request says."""
    kind = np.dtype(DATATYPES[datatype]).kind
    fits = array.dtype.kind in {"b": "b", "i": "iu", "u": "iu", "f": "fiu"}[kind] or not array.size
    if fits and kind in "iu" and array.size:
        bounds: Any = np.iinfo(DATATYPES[datatype])
        fits = bool(array.min() >= bounds.min and array.max() <= bounds.max)
    if fits and kind == "f":
        with np.errstate(over="ignore"):
            fits = bool(np.isfinite(array.astype(DATATYPES[datatype], copy=False)).all())
    if not fits:
        raise Refusal(400, f"input '{name}': not all of its values are of the datatype {datatype}.")


def _texts(name: str, data: list[Any]) -> np.ndarray:
    flat = [value[0] if type(value) is list and value else value for value in data]  # columns: [N] or [N, 1]
    if not all(isinstance(value, str) for value in flat):
        raise Refusal(400, f"input '{name}': expected texts, as its datatype {TEXT} says.")
    return np.array(flat, object)


def tensor_entry(port: Port, array: Any) -> dict[str, Any]:
    """An output as the protocol has it, its data flat."""
    values = np.ascontiguousarray(array)
    flat = values.ravel()
    data = flat.tolist() if values.dtype.kind in "OU" else flat
    return {"name": port.name, "datatype": port.datatype, "shape": list(values.shape), "data": data}

"""Tensors of the Open Inference Protocol in JSON: {"name", "shape", "datatype", "data"} <-> arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from madi.web.guard import Refusal

DATATYPES = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64,
}  # fmt: skip
TEXT = "BYTES"
MOST_AXES = 32


class Port(NamedTuple):
    """A tensor that a model takes or gives; -1 stands for the number of examples."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def described(self) -> dict[str, Any]:
        """As the protocol has it."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


def tensors_of(request: Any) -> dict[str, np.ndarray]:
    """The inputs of a request by name, each in its shape; Refusal 400 for what the protocol does not allow."""
    if not isinstance(request, dict) or not isinstance(inputs := request.get("inputs"), list) or not inputs:
        raise Refusal(400, 'Expected an object with "inputs", a list of tensors.')
    found: dict[str, np.ndarray] = {}
    for entry in inputs:
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or name in found:
            raise Refusal(400, "Expected inputs that are objects, each with a name of its own.")
        found[name] = _tensor(name, entry)
    return found


def _tensor(name: str, entry: Mapping[str, Any]) -> np.ndarray:
    shape, datatype, data = (entry.get(key) for key in ("shape", "datatype", "data"))
    sizes = isinstance(shape, list) and len(shape) <= MOST_AXES and all(type(n) is int and n >= 0 for n in shape)
    if not sizes or shape is None:
        raise Refusal(400, f"input '{name}': expected a shape, a list of sizes.")
    if not isinstance(data, list):
        raise Refusal(400, f"input '{name}': expected \"data\", a list of values in JSON.")
    if datatype == TEXT:
        array = _texts(name, data)
    elif isinstance(datatype, str) and datatype in DATATYPES:
        array = numbers_of(f"input '{name}'", data)
        _expect_type(name, array, datatype)
    else:
        known = ", ".join([*DATATYPES, TEXT])
        raise Refusal(400, f"input '{name}': expected a datatype among {known}.")
    if array.size != math.prod(shape) or (array.ndim > 1 and list(array.shape) != shape):
        raise Refusal(400, f"input '{name}': {array.size} values in {list(array.shape)} do not fill the shape {shape}.")
    return array.reshape(shape)


def numbers_of(what: str, data: list[Any]) -> np.ndarray:
    """The numbers of a list, flat or nested evenly; Refusal 400 for anything else among them."""
    try:
        array = np.array(data)
    except (ValueError, OverflowError) as error:
        raise Refusal(400, f"{what}: expected lists of numbers, nested evenly.") from error
    if array.dtype.kind not in "fiub":
        raise Refusal(400, f"{what}: expected numbers within 64 bits, and nothing else.")
    return array


def _expect_type(name: str, array: np.ndarray, datatype: str) -> None:
    """Refuse values that are none of the type that the request says."""
    kind = np.dtype(DATATYPES[datatype]).kind
    fits = array.dtype.kind in {"b": "b", "i": "iu", "u": "iu", "f": "fiu"}[kind] or not array.size
    if fits and kind in "iu" and array.size:
        bounds: Any = np.iinfo(DATATYPES[datatype])
        fits = bool(array.min() >= bounds.min and array.max() <= bounds.max)
    if not fits:
        raise Refusal(400, f"input '{name}': not all of its values are of the datatype {datatype}.")


def _texts(name: str, data: list[Any]) -> np.ndarray:
    flat, pending = list[Any](), [iter(data)]
    while pending:
        for value in pending[-1]:
            if isinstance(value, list) and len(pending) < MOST_AXES:
                pending.append(iter(value))
                break
            flat.append(value)
        else:
            pending.pop()
    if not all(isinstance(value, str) for value in flat):
        raise Refusal(400, f"input '{name}': expected texts, as its datatype {TEXT} says.")
    return np.array(flat, object)


def tensor_entry(port: Port, array: Any) -> dict[str, Any]:
    """An output as the protocol has it, its data flat."""
    values = np.ascontiguousarray(array)
    flat = values.ravel()
    data = flat.tolist() if values.dtype.kind in "OU" else flat
    return {"name": port.name, "datatype": port.datatype, "shape": list(values.shape), "data": data}

"""Data as JSON that any program reads, and back.

Arrays and tuples are written as lists; beside the data stands where they were, with type and shape, so that they come
back as they were.
What is not finite, which JSON does not have, is written as the text "NaN", "Infinity" or "-Infinity".
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Shapes = dict[str, list[Any]]


def to_plain(data: Any, shapes: Shapes, path: str = "") -> Any:
    """`data` as dictionaries, lists, texts, numbers, truth values and None.

    shapes   is filled: for the path of each array, such as "paths/good", its type and shape: ["float64", [101, 2]];
             likewise for each tuple, ["tuple", [2]], and each number that is not finite, ["float", []]

    Raises TypeError for what JSON cannot hold, naming its path.
    """
    if isinstance(data, dict):
        return {_key(key, path): to_plain(value, shapes, _below(path, key)) for key, value in data.items()}
    if isinstance(data, tuple):
        shapes[path] = ["tuple", [len(data)]]
    if isinstance(data, (list, tuple)):
        return [to_plain(value, shapes, _below(path, number)) for number, value in enumerate(data)]
    if isinstance(data, float) and not math.isfinite(data):
        shapes[path] = ["float", []]
        return _text(data)
    if data is None or type(data) in (str, bool, int, float):
        return data
    return _array(data, shapes, path)


def from_plain(data: Any, shapes: Shapes, path: str = "") -> Any:
    """The data that `to_plain` wrote, its arrays and tuples as they were."""
    kind, shape = shapes.get(path, (None, None))
    if kind == "tuple":
        return tuple(from_plain(value, shapes, _below(path, number)) for number, value in enumerate(data))
    if kind:
        if kind == "float":
            return NOT_FINITE[data]
        return np.array(data if "U" in kind else _numbers(data), kind).reshape(shape)
    if isinstance(data, dict):
        return {key: from_plain(value, shapes, _below(path, key)) for key, value in data.items()}
    if isinstance(data, list):
        return [from_plain(value, shapes, _below(path, number)) for number, value in enumerate(data)]
    return data


def json_text(value: Any, indent: str = "") -> str:
    """JSON in which each entry of a dictionary has its line, and a list has one."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    inner = f"{indent}  "
    lines = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {json_text(entry, inner)}" for key, entry in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def _array(data: Any, shapes: Shapes, path: str) -> Any:
    array = np.asarray(data)
    if array.dtype.kind not in "biufU":
        raise TypeError(
            f"data[{path}]: expected numbers, texts, lists, dictionaries or arrays, got {type(data).__name__}"
        )
    if array.ndim == 0:
        return to_plain(array.item(), shapes, path)
    shapes[path] = [str(array.dtype), list(array.shape)]
    return _written(array)


def _written(array: np.ndarray) -> Any:
    """The numbers of an array in lists; those of float32 with the digits that tell them apart, and no more."""
    if array.dtype.kind != "f":
        return array.tolist()
    short = array.astype(str).astype(float) if array.dtype.itemsize < 8 else array
    if np.isfinite(array).all():
        return short.tolist()
    plain = short.astype(object)
    plain[~np.isfinite(array)] = [_text(value) for value in array[~np.isfinite(array)]]
    return plain.tolist()


def _numbers(data: Any) -> Any:
    if isinstance(data, list):
        return [_numbers(entry) for entry in data]
    return NOT_FINITE.get(data, data) if isinstance(data, str) else data


def _text(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _key(key: Any, path: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"data[{path}]: the key {key!r} must be text, for JSON has no other")
    return key


def _below(path: str, key: Any) -> str:
    return f"{path}/{key}" if path else str(key)

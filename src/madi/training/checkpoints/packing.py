"""A tree of plain values and arrays as JSON beside named arrays, and back.

None, True, 3, 0.5, "text", [...]      as they are
{"array": name}                        an array, which lies beside under that name
{"dict": {...}}   {"tuple": [...]}     a dictionary, a tuple
{"float": "nan"}                       a number that JSON has no word for
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from madi.errors import ConfigurationError
from madi.kernels.arrays import is_jax
from madi.layers.tensor_file import DTYPES

Json = Any
Arrays = dict[str, Any]

STORABLE = frozenset(map(np.dtype, DTYPES.values()))


def pack(tree: Any, where: str = "") -> tuple[Json, Arrays]:
    """(JSON, arrays by name) of a tree.

    where   what the tree is, for messages and as the first part of the names

    Raises ConfigurationError, with the place, for what is neither a plain value nor an array.
    """
    arrays: Arrays = {}
    return _packed(tree, where, arrays), arrays


def _packed(value: Any, where: str, arrays: Arrays) -> Json:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else {"float": str(value)}
        case list():
            return _entries(value, where, arrays)
        case tuple():
            return {"tuple": _entries(value, where, arrays)}
        case dict() if all(isinstance(name, str) for name in value):
            return {"dict": {name: _packed(entry, _below(where, name), arrays) for name, entry in value.items()}}
        case np.ndarray() | np.generic():
            return _kept(np.asarray(value), where, arrays)
    if is_jax(value):
        return _kept(np.asarray(value), where, arrays)
    raise ConfigurationError(
        f"{where}: {value!r} cannot be kept in a checkpoint. Keep numbers, texts, arrays, and lists or dictionaries "
        "(with texts as names) of them."
    )


def _entries(values: Any, where: str, arrays: Arrays) -> list[Json]:
    return [_packed(entry, _below(where, str(place)), arrays) for place, entry in enumerate(values)]


def _below(where: str, name: str) -> str:
    return f"{where}/{name}" if where else name


def _kept(array: np.ndarray, where: str, arrays: Arrays) -> Json:
    if array.dtype not in STORABLE:
        raise ConfigurationError(f"{where}: an array of dtype {array.dtype} cannot be kept. Convert it to float32.")
    name = where
    while name in arrays:  # {"a/b": ...} beside {"a": {"b": ...}}
        name += "'"
    arrays[name] = array
    return {"array": name}


def unpack(packed: Json, arrays: Arrays) -> Any:
    """The tree that `pack` took apart.  Raises LookupError, TypeError or ValueError for what it did not write."""
    if isinstance(packed, list):
        return [unpack(entry, arrays) for entry in packed]
    if not isinstance(packed, dict):
        return packed
    ((kind, content),) = packed.items()
    match kind:
        case "array":
            return arrays[content]
        case "dict":
            return {name: unpack(entry, arrays) for name, entry in content.items()}
        case "tuple":
            return tuple(unpack(entry, arrays) for entry in content)
        case "float":
            return float(content)
    raise ValueError(f"an entry of the unknown kind {kind!r}")

"""JSON as it goes over the wire: by orjson where it is installed, else by Python's own; strict either way."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import numpy as np

from madi.web.guard import Refusal

try:
    import orjson
except ImportError:  # a quarter of the speed, the same values
    orjson = None  # type: ignore[assignment, unused-ignore]


MOST_LISTS = 2**18  # lists and objects of a body: millions of them take a hundred times their text, and seconds


def read(body: bytes) -> Any:
    """The value of a JSON text; Refusal 400 for what is none, such as NaN, or is nested beyond reason."""
    if body.count(b"[") + body.count(b"{") > MOST_LISTS:
        raise Refusal(400, f"The body has more than {MOST_LISTS} lists and objects. Send numbers flat, or in parts.")
    try:
        return _read_plainly(body) if orjson is None else orjson.loads(body)
    except (ValueError, RecursionError) as error:
        told = "nested too deeply" if isinstance(error, RecursionError) else str(error).partition(": ")[0][:100]
        raise Refusal(400, f"The body is no JSON: {told}.") from error


def written(value: Any) -> bytes:
    """The JSON text of plain values and NumPy arrays."""
    if orjson is None:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode()
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def expect_written(value: Any) -> None:
    """Refusal 400 for a value that was read, and is nested more deeply than can be written."""
    try:
        written(value)
    except (TypeError, RecursionError) as error:
        raise Refusal(400, "The body is nested too deeply to be given back.") from error


def _read_plainly(body: bytes) -> Any:
    value = json.loads(body.decode(), parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole)
    if b"\\u" in body:
        json.dumps(value, ensure_ascii=False).encode()  # a ValueError where half of a letter stands alone
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return number


def _whole(text: str) -> int | float:
    """A whole number, or one beyond 64 bits as orjson has it."""
    number = int(text)
    return number if -(2**63) <= number < 2**64 else _finite(text)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no value of JSON")

"""Numbers as people read them, and about how wide a line of text is."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np

MOST_NUMBERS = 6  # an array of more elements is told by its shape
MOST_ROWS = 3

_NARROW = frozenset("ijlI.,:;|'!()[]{}tfr- ")
_WIDE = frozenset("mwMW@%×→…+=<>~")


def number_text(number: Any) -> str:
    """Four significant digits; thousands are kept whole up to six digits: 0.3333, 715, 4620, 1.235e+07.

    >>> [number_text(value) for value in (220.00000000000003, 1 / 3, 123456.7, 1.5e9, True, -0.0)]
    ['220', '0.3333', '123457', '1.5e+09', '1', '0']
    """
    if isinstance(number, complex | np.complexfloating):
        return f"{complex(number):.4g}"
    number = float(number)
    if 1e3 <= abs(number) < 1e6:
        return f"{number:.0f}"
    return f"{number + 0.0:.4g}"


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as Python writes it."""
    return str(tuple(shape))


def concrete(array: Any) -> np.ndarray | None:
    """The numbers themselves, or None while JAX traces and there are none yet."""
    try:
        return np.asarray(array)
    except TypeError:  # a tracer
        return None


def array_lines(array: Any) -> list[str]:
    """A single number as such; a small array as rows of numbers; any other by its shape."""
    numbers = concrete(array)
    if numbers is None or numbers.size > MOST_NUMBERS or numbers.size == 0 or numbers.ndim > 2:
        return [shape_text(array.shape)]
    if numbers.ndim == 2 and len(numbers) > MOST_ROWS:
        return [shape_text(array.shape)]
    if numbers.ndim == 0:
        return [number_text(numbers[()])]
    rows = ["[" + ", ".join(number_text(number) for number in row) + "]" for row in np.atleast_2d(numbers)]
    return rows if numbers.ndim == 1 else _bracketed(rows)


def norm_text(array: Any) -> str:
    """The Euclidean norm: how large a gradient is, in one number."""
    numbers = concrete(array)
    if numbers is None:
        return ""
    with np.errstate(over="ignore", invalid="ignore"):
        return f"norm {number_text(np.sqrt(np.sum(np.abs(numbers.astype(np.float64)) ** 2)))}"


def text_width(text: str, size: float) -> float:
    """About how wide `text` is in a sans-serif font of `size`, in the same unit.  Errs on the wide side."""
    return size * sum(_character_width(character) for character in text)


def shortened(text: str, most: int) -> str:
    """`text`, or its beginning and an ellipsis; control characters become spaces."""
    text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= most else text[: most - 1] + "…"


def _bracketed(rows: list[str]) -> list[str]:
    rows = [f" {row}" for row in rows]
    return ["[" + rows[0][1:], *rows[1:-1], rows[-1] + "]"] if len(rows) > 1 else [f"[{rows[0][1:]}]"]


def _character_width(character: str) -> float:
    if character in _NARROW:
        return 0.4
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    return 0.86 if character in _WIDE else 0.7 if character.isupper() else 0.63

"""HTML in small pieces: whatever is not Markup is text, and is escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from madi.options import is_number

NOTHING = "–"  # where there is no number
UNDEFINED = "not defined"  # where that has to be said


class Markup(str):
    """HTML already: it stays as it is."""


def html(value: Any) -> Markup:
    """Text as HTML; Markup as it is."""
    return value if isinstance(value, Markup) else Markup(escape(str(value)))


def tag(name: str, *inside: Any, **attributes: Any) -> Markup:
    """An element; `class_` is written as class, `data_x` as data-x, and attributes that are None are left out."""
    given = {key.strip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    written = "".join(f' {key}="{escape(str(value))}"' for key, value in given.items())
    return Markup(f"<{name}{written}>{''.join(html(part) for part in inside)}</{name}>")


def section(title: str, *inside: Any, key: str | None = None) -> Markup:
    """A heading and what is below it; nothing where nothing is."""
    parts = [html(part) for part in inside if part]
    return tag("section", tag("h2", title), *parts, id=key) if parts else Markup("")


def table(heads: Sequence[Any], rows: Iterable[Sequence[Any]], *, left: int = 1, kind: str | None = None) -> Markup:
    """A table whose first `left` columns are texts and whose others are numbers, which stand to the right."""
    head = tag("tr", *(_cell("th", cell, place < left) for place, cell in enumerate(heads))) if any(heads) else ""
    body = [tag("tr", *(_cell("td", cell, place < left) for place, cell in enumerate(row))) for row in rows]
    return tag("div", tag("table", tag("thead", head) if head else "", tag("tbody", *body), class_=kind), class_="wide")


def _cell(name: str, cell: Any, is_text: bool) -> Markup:
    written = number(cell) if is_number(cell) else cell
    return tag(name, written, class_=None if is_text else "n")


def number(value: Any) -> str:
    """Up to four digits of a number, whole ones in full; a dash for what is not finite.

    >>> number(1234567), number(0.123456), number(float("nan")), number(1e-9)
    ('1,234,567', '0.1235', '–', '1e-09')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if isinstance(value, int) or (float(value).is_integer() and 1e4 <= abs(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def short(value: float) -> str:
    """A round number beside an axis.

    >>> short(250000), short(2e6), short(0.005), short(-3.0)
    ('250k', '2M', '0.005', '-3')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if 10 * size <= abs(value) < 1e12 or (size > 1e3 and size <= abs(value) < 1e12):
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


def percent(value: float) -> str:
    """A share in percent, with one decimal; a dash for what is not finite."""
    return f"{100 * value:.1f}%" if math.isfinite(value) else NOTHING


def plural(count: int, word: str) -> str:
    """ "1 epoch", "2 epochs" """
    return f"{count:,} {word}{'s' * (count != 1)}"


def raw(value: Any) -> str:
    """A value of a raw row as text: what is missing as a dash."""
    if isinstance(value, (float, np.floating)):
        return number(value)
    return NOTHING if value is None else str(value)

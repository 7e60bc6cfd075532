"""Equations with numbers in the place of their letters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from madi.graph.drawing.text import number_text

NOT_BY_NUMBERS = re.compile(r"Σ|mean\b|over\b|zeros|\[|`|∫|Φ|;")
LETTER = re.compile(r"(?<!\w)(?:g?[A-Za-zγβ]\d?|slope|alpha|rate|low|high|offset)(?![A-Za-z0-9_'])")
TWICE = re.compile(r"\(\((-[\d.e+-]+)\)\)")
SIDE_BY_SIDE = re.compile(r"(?<=[\d)]) (?=[\d(]|exp|log|sign|tanh)")


def put_in(equation: str, numbers: Mapping[str, float]) -> str:
    """An equation with numbers in place of letters; "" where not all of it can be said by numbers.

    >>> put_in("gx = gy y (1 - y)", {"gy": 2.0, "y": -0.25})
    'gx = 2 · (-0.25) · (1 - (-0.25))'
    """
    name, sign, right = equation.partition(" = ")
    if not sign or NOT_BY_NUMBERS.search(equation):
        return ""
    told = LETTER.sub(lambda found: bracketed(numbers[found[0]]) if found[0] in numbers else found[0], right)
    if LETTER.search(told):
        return ""
    multiplied = SIDE_BY_SIDE.sub(" · ", told)
    return f"{name} = {TWICE.sub(lambda found: found[0][1:-1], multiplied)}"


def bracketed(value: Any) -> str:
    """A number; a negative one in brackets, so that it can stand behind a sign."""
    text = number_text(value)
    return f"({text})" if text.startswith("-") else text

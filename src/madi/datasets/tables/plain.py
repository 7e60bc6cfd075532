"""Plain values read from a file, checked before anything is made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from madi.options import is_number, is_whole

_SHOWN = 60


class Rule(NamedTuple):
    """What a value must be: in words for the message, and as a test."""

    words: str
    holds: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return is_number(value) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return is_whole(value) and 1 <= value <= 2**20


def _is_list(value: Any, holds: Callable[[Any], bool]) -> bool:
    return isinstance(value, (list, tuple)) and all(map(holds, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


TEXT = Rule("a text", _is_text)
FLAG = Rule("true or false", lambda value: isinstance(value, bool))
FINITE = Rule("a finite number", _is_number)
POSITIVE = Rule("a finite number above 0", lambda value: _is_number(value) and value > 0)
WHOLE_OR_NONE = Rule("a whole number of at least 1, or nothing", lambda value: value is None or _is_whole(value))
TEXTS = Rule("a list of texts", lambda value: _is_list(value, _is_text))
NUMBERS = Rule("a list of finite numbers", lambda value: _is_list(value, _is_number))
TEXT_OR_NONE = Rule("a text or nothing", lambda value: value is None or _is_text(value))
LIST = Rule("a list", lambda value: isinstance(value, (list, tuple)))
TABLE = Rule("a table of texts", lambda value: isinstance(value, Mapping) and all(map(_is_text, value.values())))


def checked(config: Any, rules: Mapping[str, Rule]) -> dict[str, Any]:
    """The entries of `config`, which are those of `rules` and keep to them.  Raises ValueError otherwise."""
    expect(isinstance(config, Mapping), "a table of entries", config)
    expect(set(config) == set(rules), f"the entries {', '.join(sorted(rules))}", sorted(map(str, config)))
    for name, rule in rules.items():
        expect(rule.holds(config[name]), f"{rule.words} as '{name}'", config[name])
    return dict(config)


def expect(holds: bool, words: str, received: Any) -> None:
    """Raise ValueError, which names what was expected and received, unless it holds."""
    if not holds:
        text = repr(received)
        raise ValueError(f"expected {words}, got {text if len(text) <= _SHOWN else text[:_SHOWN] + '...'}")

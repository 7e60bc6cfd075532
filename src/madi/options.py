"""Options of an initializer, a schedule or an optimizer: fields of a dataclass, checked where they are set.

    @dataclass(frozen=True)
    class Normal(Initializer):
        std: float = option(NON_NEGATIVE, 0.01, fix="Try 0.01.")

A field names the values that it allows; the message of a value outside them follows from it.  `to_config` and
`from_config` carry the object through plain JSON.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

from madi.errors import ConfigurationError, unknown_name


class Interval(NamedTuple):
    """The numbers that an option allows: in words for the message, and as a test."""

    words: str
    holds: Callable[[float], bool]


POSITIVE = Interval("a positive finite number", lambda value: 0 < value < math.inf)
NON_NEGATIVE = Interval("a finite number of at least 0", lambda value: 0 <= value < math.inf)
FRACTION = Interval("a number of at least 0 and below 1", lambda value: 0 <= value < 1)
FINITE = Interval("a finite number", math.isfinite)


def is_number(value: object) -> bool:
    """Whether `value` is one real number: Python's or NumPy's, but no bool and no array."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def is_whole(value: object) -> bool:
    """Whether `value` is one whole number: Python's or NumPy's, but no bool and no array."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def expect_number(where: str, value: Any, interval: Interval, *, fix: str) -> float:
    """`value` as a Python float; ConfigurationError unless it is one number within `interval`."""
    if not (is_number(value) and interval.holds(value)):
        raise ConfigurationError(f"{where} must be {interval.words}, got {value!r}. {fix}".rstrip())
    return float(value)


def expect_count(where: str, value: Any, *, fix: str) -> int:
    """`value` as a Python int; ConfigurationError unless it is a whole number of at least 1."""
    if not (is_whole(value) and value >= 1):
        raise ConfigurationError(f"{where} must be a whole number of at least 1, got {value!r}. {fix}".rstrip())
    return int(value)


def checked_option(check: Callable[[Any, str, Any], Any], default: Any = dataclasses.MISSING, **field: Any) -> Any:
    """A dataclass field whose value goes through `check(owner, where, value)`, which returns it or raises."""
    return dataclasses.field(default=default, metadata={"check": check}, **field)


def option(interval: Interval, default: Any = dataclasses.MISSING, *, fix: str = "", optional: bool = False) -> Any:
    """A dataclass field that holds a number within `interval`; with `optional`, None too, which switches it off."""

    def check(owner: Any, where: str, value: Any) -> float | None:
        return None if optional and value is None else expect_number(where, value, interval, fix=fix)

    return checked_option(check, default)


def count(default: Any = dataclasses.MISSING, *, fix: str = "") -> Any:
    """A dataclass field that holds a whole number of at least 1."""
    return checked_option(lambda owner, where, value: expect_count(where, value, fix=fix), default)


def choice(*names: str, default: str) -> Any:
    """A dataclass field that holds one of `names`."""

    def check(owner: Any, where: str, value: Any) -> str:
        if value not in names:
            raise unknown_name(f"value of {where}", value, names)
        return value

    return checked_option(check, default)


class Options:
    """Base of the dataclasses whose fields are options: their checks, and their form in JSON."""

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Name an option that the class does not have, before the dataclass refuses it without a hint."""
        known = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        for name in options:
            if name not in known:
                raise ConfigurationError(str(unknown_name(f"option of {cls.__name__}", name, known)))
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            object.__setattr__(self, field.name, self.checked(field, getattr(self, field.name)))

    def checked(self, field: dataclasses.Field[Any], value: Any) -> Any:
        """`value` as the field keeps it; ConfigurationError where the field does not allow it."""
        check = field.metadata.get("check")
        return value if check is None else check(self, f"{type(self).__name__}: {field.name}", value)

    def to_config(self) -> dict[str, Any]:
        """Name and options as plain JSON values: {"name": "momentum", "learning_rate": 0.01, ...}."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        options = {field.name: _plain(f"{type(self).__name__}: {field.name}", getattr(self, field.name))
                   for field in fields}  # fmt: skip
        return {"name": type(self).__name__.lower(), **options}


def _plain(where: str, value: Any) -> Any:
    if isinstance(value, Options):
        return value.to_config()
    if callable(value):
        raise ConfigurationError(
            f"{where} is the function {value!r}, which cannot be written to a file. Use one of madi.schedules."
        )
    return dict(value) if isinstance(value, Mapping) else value


def from_config(kind: str, config: Mapping[str, Any], table: Mapping[str, type[Any]]) -> Any:
    """The object that `to_config` described, its class looked up by name in `table`; `kind` is for the message."""
    options = {name: value for name, value in config.items() if name != "name"}
    return lookup(kind, config.get("name"), table)(**options)


def lookup(kind: str, name: object, table: Mapping[str, type[Any]]) -> type[Any]:
    """The class of that name, in any case of letters; UnknownNameError with the closest name otherwise."""
    folded = str(name).casefold()
    if folded not in table:
        raise unknown_name(kind, name, table)
    return table[folded]

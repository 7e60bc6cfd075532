"""What the parameters of an experiment may be: declared once, in the signature of its `compute`.

    def compute(
        *,
        learning_rate: Annotated[float, Number(1e-6, 10, "of SGD")] = 0.95,
        steps: Annotated[int, Number(1, 100_000, "of training", quick=300)] = 10_000,
        hidden: Annotated[tuple[int, ...], Number(1, 1000, "hidden units, one panel each")] = (1, 4, 20),
        start: Annotated[tuple[float, ...], Number(-9, 9, "the first point", length=2)] = (-7.0, 2.0),
        activation: Annotated[str, Choice(("sigmoid", "tanh", "relu"), "of the hidden units")] = "tanh",
        decay: Annotated[bool, Switch("whether the learning rate falls")] = True,
        seed: Seed = 0,
    ) -> Data: ...

The name, type and default are those of the argument; range, description and the value of a quick run stand beside them.
"""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_type_hints

import numpy as np

from madi.errors import ConfigurationError, closest
from madi.options import is_number


@dataclass(frozen=True)
class Number:
    """A number, or each of a tuple of numbers, from `low` to `high`, both included.

    text     what it is, in a few words
    quick    its value in a quick run, where that is not the default
    length   of the tuple, where only one length will do
    """

    low: float
    high: float
    text: str
    quick: Any = None
    length: int | None = None

    def takes(self, kind: type, value: Any) -> bool:
        """Whether `value` is one such number: Python's or NumPy's, whole where `kind` is int."""
        whole = isinstance(value, numbers.Integral) or kind is float
        return is_number(value) and whole and math.isfinite(value) and self.low <= value <= self.high

    def range(self) -> str:
        """The numbers allowed, in words."""
        return f"{self.low:,g} to {self.high:,g}" if self.high < 1e6 else f"at least {self.low:,g}"

    def allowed(self, kind: type, several: bool) -> str:
        """What is allowed, in words."""
        what = "whole number" if kind is int else "number"
        much = f"{what}s" if several else f"a {what}"
        return f"{f'{self.length} ' if self.length else ''}{much} from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Choice:
    """One of some words, or a tuple of them; `text` and `quick` as for `Number`."""

    options: tuple[str, ...]
    text: str
    quick: Any = None
    length = None

    def takes(self, kind: type, value: Any) -> bool:
        """Whether `value` is one of the words."""
        return isinstance(value, str) and value in self.options

    def range(self) -> str:
        """The words allowed."""
        return ", ".join(self.options)

    def allowed(self, kind: type, several: bool) -> str:
        """What is allowed, in words."""
        return f"{'some' if several else 'one'} of {self.range()}"


@dataclass(frozen=True)
class Switch:
    """True or False; `text` and `quick` as for `Number`."""

    text: str
    quick: Any = None
    length = None

    def takes(self, kind: type, value: Any) -> bool:
        """Whether `value` is a truth value: Python's or NumPy's."""
        return isinstance(value, (bool, np.bool_))

    def range(self) -> str:
        """What is allowed."""
        return "yes or no"

    def allowed(self, kind: type, several: bool) -> str:
        """What is allowed, in words."""
        return "True or False"


Rule = Number | Choice | Switch
Seed = Annotated[int, Number(0, 2**31 - 1, "of all random numbers")]
ImageData = Annotated[str, Choice(("mnist", "fashion_mnist", "digits"), "the images")]


@dataclass(frozen=True)
class Parameter:
    """One parameter of an experiment, as its `compute` declares it."""

    name: str
    type: Any
    default: Any
    rule: Rule

    @property
    def quick(self) -> Any:
        """Its value in a quick run."""
        return self.default if self.rule.quick is None else self.rule.quick

    @property
    def several(self) -> bool:
        """Whether it is a tuple."""
        return self.type not in (int, float, str, bool)

    @property
    def kind(self) -> type:
        """Of its value, or of each entry of a tuple: int, float, str or bool."""
        return get_args(self.type)[0] if self.several else self.type

    def checked(self, owner: str, value: Any) -> Any:
        """`value` as its type; a single entry will do for a tuple.  Raises ConfigurationError, naming `owner`."""
        entries = tuple(value) if self.several and isinstance(value, (tuple, list, np.ndarray)) else (value,)
        right = entries and self.rule.length in (None, len(entries) if self.several else None)
        wrong = [entry for entry in entries if not self.rule.takes(self.kind, entry)]
        if not right or wrong:
            raise ConfigurationError(
                f"{owner}: {self.name} must be {self.rule.allowed(self.kind, self.several)}, got {value!r}. "
                f"{self._hint(wrong)}"
            )
        return tuple(map(self.kind, entries)) if self.several else self.kind(value)

    def read(self, text: str) -> Any:
        """The value that a command line gives: "0.1", "1,4,20"; what is none stays text, which `checked` refuses."""
        entries = tuple(_number(self.kind, entry.strip()) for entry in text.split(","))
        return entries if self.several else _number(self.kind, text)

    def option(self, value: Any) -> str:
        """A value as a command line gives it: "--hidden 1,4,20", "--no-decay"."""
        name, text = self.name.replace("_", "-"), shown(value)
        if isinstance(self.rule, Switch):
            return f"--{name}" if value else f"--no-{name}"
        return f"--{name}={text}" if text.startswith("-") else f"--{name} {text}"

    def _hint(self, wrong: list[Any]) -> str:
        near = closest(str(wrong[0]), self.rule.options) if wrong and isinstance(self.rule, Choice) else None
        return f"Did you mean '{near}'?" if near else f"Its default is {self.default!r}."


def declared(compute: Callable[..., Any]) -> list[Parameter]:
    """The parameters in the signature of a `compute`.  Raises TypeError for one without a default or a rule."""
    hints = get_type_hints(compute, include_extras=True)
    return [_parameter(argument, hints.get(name)) for name, argument in inspect.signature(compute).parameters.items()]


def shown(value: Any) -> str:
    """A value as a command line would give it: "0.1", "1,4,20"."""
    if isinstance(value, (tuple, list)):
        return ",".join(map(str, value))
    return str(value) if not isinstance(value, bool) else "yes" if value else "no"


def _parameter(argument: inspect.Parameter, hint: Any) -> Parameter:
    rules = [entry for entry in getattr(hint, "__metadata__", ()) if isinstance(entry, Rule)]
    if len(rules) != 1 or argument.default is argument.empty:
        raise TypeError(f"compute: {argument.name} needs a default and a type Annotated with Number, Choice or Switch")
    return Parameter(argument.name, get_args(hint)[0], argument.default, rules[0])


def _number(kind: type, text: str) -> Any:
    try:
        return kind(text) if kind in (int, float) else text
    except ValueError:
        return text

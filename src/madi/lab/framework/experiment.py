"""An experiment: one file of the lab, with its page, its parameters, its numbers and its figure."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import ModuleType
from typing import Any, get_type_hints

from madi.errors import ConfigurationError, unknown_name
from madi.lab.framework.parameters import Choice, Number
from madi.lab.framework.style import styled

Data = dict[str, Any]


@dataclass(frozen=True)
class Cost:
    """Seconds that an experiment takes on two cores, measured: with its defaults, and in a quick run."""

    full: float
    quick: float


@dataclass(frozen=True)
class Parameter:
    """One parameter of an experiment, as its `compute` declares it."""

    name: str
    type: Any
    default: Any
    rule: Number | Choice

    @property
    def quick(self) -> Any:
        """Its value in a quick run."""
        return self.default if self.rule.quick is None else self.rule.quick


@dataclass(frozen=True)
class Result:
    """What a run gives: the parameters it had, the data, what they show, and how long it took."""

    experiment: Experiment
    parameters: dict[str, Any]
    data: Data
    seconds: float

    @cached_property
    def claims(self) -> dict[str, bool]:
        """What the page claims, each as a sentence with its numbers, and whether these data show it."""
        return self.experiment.module.claims(self.data)

    @cached_property
    def figure(self) -> Any:
        """The figure of these data: matplotlib's, or a drawing of a graph."""
        with styled():
            return self.experiment.module.draw(self.data)


@dataclass(frozen=True)
class Experiment:
    """One file of the lab."""

    name: str
    module: ModuleType

    @property
    def rows(self) -> tuple[str, ...]:
        """The ids of its rows in docs/course.md."""
        return self.module.ROWS

    @property
    def cost(self) -> Cost:
        """Seconds that it takes."""
        return self.module.COST

    @cached_property
    def title(self) -> str:
        """The first line of its page."""
        return inspect.cleandoc(self.module.__doc__ or "").splitlines()[0].rstrip(".")

    @cached_property
    def text(self) -> str:
        """Its page after the title: paragraphs, and indented lines of equations."""
        return inspect.cleandoc(self.module.__doc__ or "").partition("\n")[2].strip("\n")

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """Its parameters by name."""
        return {parameter.name: parameter for parameter in _declared(self.module.compute)}

    def run(self, *, quick: bool = False, **given: Any) -> Result:
        """Compute with these parameters; those not given have their defaults, or the values of a quick run.

        Raises UnknownNameError for a parameter that there is not, ConfigurationError for a value out of its range.
        """
        values = self.values(given, quick=quick)
        began = time.perf_counter()
        data = self.module.compute(**values)
        return Result(self, values, data, time.perf_counter() - began)

    def values(self, given: Mapping[str, Any], *, quick: bool) -> dict[str, Any]:
        """All parameters with those given, checked."""
        for name in given:
            if name not in self.parameters:
                raise unknown_name(f"parameter of {self.name}", name, self.parameters)
        chosen = {name: parameter.quick if quick else parameter.default for name, parameter in self.parameters.items()}
        return {name: _checked(self, self.parameters[name], value) for name, value in {**chosen, **given}.items()}


@cache
def names() -> tuple[str, ...]:
    """The names of all experiments, in the course's order."""
    package = importlib.import_module("madi.lab")
    found = [entry.name for entry in pkgutil.iter_modules(package.__path__) if not entry.ispkg]
    return tuple(sorted(found, key=lambda name: (_place(experiment(name).rows[0]), name)))


def experiment(name: str) -> Experiment:
    """The experiment of that name.  Raises UnknownNameError."""
    package = importlib.import_module("madi.lab")
    known = [entry.name for entry in pkgutil.iter_modules(package.__path__) if not entry.ispkg]
    if name not in known:
        raise unknown_name("experiment", name, known)
    return Experiment(name, importlib.import_module(f"madi.lab.{name}"))


def run(name: str, *, quick: bool = False, **parameters: Any) -> Result:
    """Run an experiment by name: `madi.lab.run("optimizer_paths", learning_rate=0.9)`."""
    return experiment(name).run(quick=quick, **parameters)


def _place(row: str) -> tuple[str, int]:
    return row[0], int(row[1:])


def _declared(compute: Callable[..., Data]) -> list[Parameter]:
    hints = get_type_hints(compute, include_extras=True)
    found = []
    for name, argument in inspect.signature(compute).parameters.items():
        kind, (rule,) = hints[name].__origin__, hints[name].__metadata__
        found.append(Parameter(name, kind, argument.default, rule))
    return found


def _checked(made: Experiment, parameter: Parameter, value: Any) -> Any:
    """The value as its type, or ConfigurationError."""
    several = parameter.type not in (int, float, str, bool)
    kind = parameter.type.__args__[0] if several else parameter.type
    entries = (tuple(value) if isinstance(value, (tuple, list)) else (value,)) if several else (value,)
    if not entries or not all(_fits(kind, parameter.rule, entry) for entry in entries):
        raise ConfigurationError(
            f"{made.name}: {parameter.name} must be {_wanted(kind, parameter.rule, several)}, got {value!r}. "
            f"Its default is {parameter.default!r}."
        )
    return tuple(map(kind, entries)) if several else kind(value)


def _fits(kind: type, rule: Number | Choice, value: Any) -> bool:
    if isinstance(rule, Choice):
        return value in rule.options
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    accepted = isinstance(value, int) if kind is int else isinstance(value, (int, float))
    return accepted and rule.low <= value <= rule.high


def _wanted(kind: type, rule: Number | Choice, several: bool) -> str:
    if isinstance(rule, Choice):
        return ("some of " if several else "one of ") + ", ".join(rule.options)
    what = {int: "whole number", float: "number"}[kind]
    return f"{'some ' + what + 's' if several else 'a ' + what} from {rule.low:g} to {rule.high:g}"

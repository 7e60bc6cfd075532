"""An experiment: one file of the lab, with its page, its parameters, its numbers and its figure."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from madi.errors import ConfigurationError, UnknownNameError, closest, unknown_name
from madi.lab.framework.parameters import Parameter, declared
from madi.lab.framework.result import Data, Origin, Result, write

__all__ = ["Cost", "Data", "Experiment", "Result", "experiment", "names", "run"]

LAB = "madi.lab"


@dataclass(frozen=True)
class Cost:
    """Seconds that an experiment takes on two cores, measured: with its defaults, and in a quick run."""

    full: float
    quick: float


@dataclass(frozen=True)
class Experiment:
    """One file of the lab.

    Beside `compute`, `claims`, `draw`, ROWS and COST the file may say
    LONG = True    it takes hours: what is shown is its recorded result, unless it is told to compute anew
    PLACE = 1      where it stands among the experiments of its row; else by name
    """

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

    @property
    def long(self) -> bool:
        """Whether its recorded result is shown unless it is told to compute anew."""
        return getattr(self.module, "LONG", False)

    @cached_property
    def title(self) -> str:
        """The first line of its page."""
        return inspect.cleandoc(self.module.__doc__ or "").splitlines()[0].rstrip(".")

    @cached_property
    def text(self) -> str:
        """Its page after the title: paragraphs, and indented lines of equations."""
        return inspect.cleandoc(self.module.__doc__ or "").partition("\n")[2].strip("\n")

    @cached_property
    def source(self) -> str:
        """The text of its file."""
        return inspect.getsource(self.module)

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """Its parameters by name."""
        return {parameter.name: parameter for parameter in declared(self.module.compute)}

    @property
    def record(self) -> Path:
        """The file of its recorded result; it need not be there."""
        return Path(importlib.import_module(LAB).__path__[0]) / "recorded" / f"{self.name}.json"

    def run(self, *, quick: bool = False, anew: bool = False, **given: Any) -> Result:
        """Compute with these parameters; those not given have their defaults, or the values of a quick run.

        anew    an experiment that takes hours computes, instead of showing its recorded result

        Raises UnknownNameError for a parameter that there is not, ConfigurationError for a value out of its range and
        where there is no recorded result with the parameters given.
        """
        values = self.values(given, quick=quick)
        if self.long and not anew:
            return self._recorded({name: values[name] for name in given})
        began = time.perf_counter()
        data = self.module.compute(**values)
        return Result(self, values, data, time.perf_counter() - began, Origin.here(), quick)

    def values(self, given: Mapping[str, Any], *, quick: bool) -> dict[str, Any]:
        """All parameters with those given, checked."""
        for name in given:
            if name not in self.parameters:
                raise unknown_name(f"parameter of {self.name}", name, self.parameters)
        chosen = {name: parameter.quick if quick else parameter.default for name, parameter in self.parameters.items()}
        return {name: self.parameters[name].checked(self.name, value) for name, value in {**chosen, **given}.items()}

    def _recorded(self, given: Mapping[str, Any]) -> Result:
        """The recorded result, if it has the parameters given."""
        anew = f"Compute it with anew=True (--anew), which takes about {_long(self.cost.full)}"
        if not self.record.is_file():
            raise ConfigurationError(
                f"{self.name}: there is no recorded result. {anew}, or {self.cost.quick:g} s quick."
            )
        result = Result.from_json(self, self.record.read_text(encoding="utf-8"))
        for name, value in given.items():
            if value != (had := result.parameters[name]):
                raise ConfigurationError(
                    f"{self.name}: the recorded result has {name} = {had!r}, got {value!r}. {anew}."
                )
        return result


def keep(result: Result) -> Path:
    """Write a result as the recorded one of its experiment; the path.  Raises FileError."""
    file = result.experiment.record
    return write(file.parent, {file.name: result.to_json()})[0]


@cache
def names() -> tuple[str, ...]:
    """The names of all experiments, in the course's order."""
    return tuple(sorted(_files(), key=_place))


def experiment(name: str) -> Experiment:
    """The experiment of that name.  Raises UnknownNameError."""
    if name not in _files():
        near = closest(name, _files())
        hint = f"did you mean '{near}'? " if near else ""
        raise UnknownNameError(f"Unknown experiment '{name}': {hint}madi.lab.names() (madi lab list) has them all.")
    return _read(name)


def run(name: str, *, quick: bool = False, anew: bool = False, **parameters: Any) -> Result:
    """Run an experiment by name: `madi.lab.run("optimizer_paths", learning_rate=0.9)`.

    quick         with the values of a quick run for the parameters that are not given
    anew          compute, where an experiment that takes hours would show its recorded result
    parameters    as `experiment(name).parameters` lists them

    Returns its data, claims and figure.  Raises UnknownNameError for a name, and ConfigurationError for a value, that
    there is not.
    """
    return experiment(name).run(quick=quick, anew=anew, **parameters)


def _long(seconds: float) -> str:
    return f"{seconds / 3600:.2g} hours" if seconds >= 5400 else f"{seconds / 60:.0f} minutes"


@cache
def _read(name: str) -> Experiment:
    return Experiment(name, importlib.import_module(f"{LAB}.{name}"))


@cache
def _files() -> tuple[str, ...]:
    """The names of the files of the lab."""
    package = importlib.import_module(LAB)
    return tuple(entry.name for entry in pkgutil.iter_modules(package.__path__) if not entry.ispkg)


def _place(name: str) -> tuple[str, int, int, str]:
    """Its row's chapter and number, its place in the row, its name."""
    module = experiment(name).module
    return module.ROWS[0][0], int(module.ROWS[0][1:]), getattr(module, "PLACE", 0), name

"""An experiment with some of its parameters changed: read from an address, and written into one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from madi.errors import MadiError, unknown_name
from madi.lab import Experiment, Switch, experiment
from madi.lab.framework.parameters import Parameter, shown

# What the address says beside the parameters; no parameter is called so.
EXPERIMENT, QUICK = "experiment", "quick"
OTHERS = frozenset({EXPERIMENT, QUICK, "lang", "theme", "token"})

NO = "no"
SWITCHED = {"yes": True, NO: False}


@dataclass(frozen=True)
class Setting:
    """An experiment and what is changed of it.

    quick   whether the parameters that are not given have the values of a quick run
    given   the changed values by name, each checked
    anew    whether an experiment that takes hours is computed instead of its recorded result being shown
    """

    made: Experiment
    quick: bool = True
    given: Mapping[str, Any] = field(default_factory=dict)
    anew: bool = False

    @property
    def values(self) -> dict[str, Any]:
        """All parameters."""
        return self.made.values(self.given, quick=self.quick)

    @property
    def hours(self) -> bool:
        """Whether it would take hours, so that the recorded result is shown first."""
        return self.made.long and not self.quick

    @property
    def seconds(self) -> float:
        """How long it takes with the parameters that it has by default."""
        return self.made.cost.quick if self.quick else self.made.cost.full

    @property
    def key(self) -> str:
        """A text that is the same for the same computation, and only then."""
        return json.dumps([self.made.name, self.quick, self.hours and self.anew, self.values])

    def usual(self, name: str) -> Any:
        """The value of a parameter that is not changed."""
        return self.made.parameters[name].quick if self.quick else self.made.parameters[name].default

    def turned(self, name: str, value: Any) -> Setting:
        """With one parameter at a value, or at the text that a person typed.  Raises ConfigurationError."""
        parameter = self.made.parameters[name]
        checked = parameter.checked(self.made.name, read_text(parameter, value) if isinstance(value, str) else value)
        kept = {other: value for other, value in self.given.items() if other != name}
        usual = parameter.checked(self.made.name, self.usual(name))
        return replace(self, given=kept if checked == usual else {**kept, name: checked}, anew=False)

    def with_quick(self, quick: bool) -> Setting:
        """Quick or in full; what is changed stays so where it still differs."""
        found = replace(self, quick=quick, given={}, anew=False)
        for name, value in self.given.items():
            found = found.turned(name, value)
        return found

    def reset(self) -> Setting:
        """With nothing changed."""
        return replace(self, given={}, anew=False)

    def address(self) -> dict[str, str | None]:
        """What an address says of it; None for what stands in no address because it is usual."""
        values = {name: self._told(name) for name in self.made.parameters}
        return {EXPERIMENT: self.made.name, QUICK: None if self.quick else NO, **values}

    def _told(self, name: str) -> str | None:
        return shown(self.given[name]) if name in self.given else None


def read_text(parameter: Parameter, text: str) -> Any:
    """The value that a text gives; what is none stays text, which the parameter's own check refuses."""
    if isinstance(parameter.rule, Switch):
        return SWITCHED.get(text.strip(), text)
    return parameter.read(text.strip().strip(",;"))


def read(values: Mapping[str, str], default: str) -> tuple[Setting, dict[str, str]]:
    """The setting in an address, and why values in it are refused, by name: those parameters stay as usual.

    Raises UnknownNameError for an experiment that there is not.
    """
    setting = Setting(experiment(values.get(EXPERIMENT, default)), quick=values.get(QUICK) != NO)
    refused = {}
    for name, text in values.items():
        if name not in OTHERS:
            try:
                setting = setting.turned(name, text) if name in setting.made.parameters else _unknown(setting, name)
            except MadiError as error:
                refused[name] = str(error)
    return setting, refused


def _unknown(setting: Setting, name: str) -> Setting:
    raise unknown_name(f"parameter of {setting.made.name}", name, setting.made.parameters)

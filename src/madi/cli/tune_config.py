"""The configuration of `madi tune`: all that `madi train` can be told, and how to search; ranges as text."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from madi.cli.settings import kinds_of, read
from madi.cli.spelling import as_option
from madi.config import DATA, OWN, TrainConfig
from madi.errors import ConfigurationError, as_keyword, spelled, unknown_name
from madi.options import Interval, Options, expect_count, expect_number

if TYPE_CHECKING:
    from madi.tuning import Range

SEARCH = "Search"
SHARE = Interval("a number above 0 and below 1", lambda value: 0 < value < 1)
DEFAULT_RANGES = {"learning_rate": "learning-rate=log:1e-5:0.1", "weight_decay": "weight-decay=log:1e-8:1e-3"}
# What all trials share, so that they can be compared, and what belongs to the run after the search.
NOT_TUNED = (
    "dataset", "data", "validation", *TrainConfig.named(OWN), "layers", "weights", "loss", "metrics", "class_weight",
    "engine", "epochs", "patience", "members", "doctor", "report", "tensorboard", "checkpoint_every",
)  # fmt: skip
SWITCHES = {"yes": True, "true": True, "no": False, "false": False}
SYNTAX = "Write NAME=log:LOW:HIGH, NAME=uniform:LOW:HIGH, NAME=int:LOW:HIGH or NAME=choice:ONE|ANOTHER"


def _setting(help: str, check: Any, default: Any, *, group: str = SEARCH, unset: str = "") -> Any:
    def checked(owner: Any, where: str, value: Any) -> Any:
        return None if value is None and default is None else check(where, value)

    return dataclasses.field(default=default, metadata={"check": checked, "group": group, "help": help, "unset": unset})


def _count(usual: int) -> Any:
    return lambda where, value: expect_count(where, value, fix=f"Try {usual}.")


def _texts(where: str, value: Any) -> tuple[str, ...]:
    entries = [value] if isinstance(value, str) else list(value)
    if not all(isinstance(entry, str) for entry in entries):
        raise ConfigurationError(f"{where}: expected texts, got {value!r}. {SYNTAX}.")
    return tuple(entries)


def _name(where: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{where} must be a name, got {value!r}.")
    return value


@dataclass(frozen=True, kw_only=True)
class SearchConfig(Options):
    """How to search."""

    range: tuple[str, ...] | None = _setting(
        "What to tune, once an option of train: NAME=log:1e-6:1e-2, NAME=uniform:0:0.5, NAME=int:20:200 or "
        "NAME=choice:50|100|100,100.",
        _texts, None, unset=" ".join(DEFAULT_RANGES.values()),
    )  # fmt: skip
    trials: int = _setting("Trials in all rounds together.", _count(60), 60)
    rounds: int = _setting("After each the ranges narrow around the best trials.", _count(3), 3)
    trial_epochs: int = _setting("Passes over the training data in a trial.", _count(5), 5)
    sampler: str = _setting("How values are drawn: random or tpe.", _name, "random")
    together: int | None = _setting(
        "Trials that are drawn and trained at once.", _count(10), None, unset="random: a round; tpe, --storage: 10"
    )
    storage: str | None = _setting(
        "Where several processes or machines share the search: a file, or a database's URL.",
        _name, None, unset="a file in the run's folder",
    )  # fmt: skip
    study: str | None = _setting("Its name in the storage.", _name, None, unset="<dataset>-<model>")


@dataclass(frozen=True, kw_only=True)
class TuneConfig(TrainConfig, SearchConfig):
    """A search, and the run that it is for."""

    validation: float = _setting(
        "Share of the training data that is kept out of the trials' training, to compare them on.",
        lambda where, value: expect_number(where, value, SHARE, fix="Try 0.2."), 0.2, group=DATA,
    )  # fmt: skip

    @classmethod
    def searching(cls, given: dict[str, Any]) -> TuneConfig:
        """The configuration of these options; where no range is given, those of the rate and the weight decay."""
        plain = [text for name, text in DEFAULT_RANGES.items() if name not in given]
        chosen = cls(**{**given, "range": given.get("range") or plain})
        if twice := [name for name in chosen.ranges() if name in given]:
            option = as_option(twice[0])
            raise ConfigurationError(f"{option} is given as a value and as a --range. Leave out one of them.")
        if not chosen.range:
            told = "learning rate and weight decay are given, so that nothing is tuned. Add a --range."
            raise ConfigurationError(told)
        return chosen

    def fixed(self) -> TrainConfig:
        """The run, as `madi train` is told it."""
        return TrainConfig(**{field.name: getattr(self, field.name) for field in dataclasses.fields(TrainConfig)})

    def trial(self, parameters: dict[str, Any]) -> TrainConfig:
        """The run of a trial."""
        return dataclasses.replace(self.fixed(), epochs=self.trial_epochs, **parameters).completed()

    def final(self, parameters: dict[str, Any]) -> TrainConfig:
        """The run with these parameters on all training data, as long as it was asked for."""
        return dataclasses.replace(self.fixed(), validation=0.0, **parameters).completed()

    def ranges(self) -> dict[str, Range]:
        """The ranges by field.  Raises ConfigurationError, UnknownNameError: in one line what is wrong with which."""
        found: dict[str, Range] = {}
        for text in self.range or ():
            name = _tuned(text)
            if name in found:
                raise ConfigurationError(f"--range {text}: {as_option(name)} has a range already. Give one of them.")
            try:
                with spelled(as_keyword):  # the option is named already
                    found[name] = _range(self.fixed(), name, text.partition("=")[2])
            except ConfigurationError as error:
                raise ConfigurationError(f"--range {text}: {error}") from error
        return found


def _tuned(text: str) -> str:
    """The field that a range is for."""
    word, _, rest = text.partition("=")
    if not rest:
        raise ConfigurationError(f"--range {text}: says no range. {SYNTAX}.")
    name, known = word.strip().removeprefix("--").replace("-", "_"), [f.name for f in dataclasses.fields(TrainConfig)]
    if name in NOT_TUNED:
        raise ConfigurationError(f"--range {text}: {word} is the same for all trials. Give it as {as_option(name)}.")
    if name not in known:
        tuned: Collection[str] = [entry.replace("_", "-") for entry in known if entry not in NOT_TUNED]
        raise ConfigurationError(f"--range {text}: {unknown_name('option', word, tuned)}")
    return name


def _range(config: TrainConfig, name: str, text: str) -> Range:
    """The range that a text says, its values as the field keeps them."""
    from madi.tuning import Choice, Integer, LogUniform, Uniform
    from madi.tuning.ranges import expect_choice

    kind, _, rest = text.partition(":")
    numbers: dict[str, Any] = {"log": LogUniform, "uniform": Uniform, "int": Integer}
    if kind == "choice" and rest:
        return expect_choice(Choice(*[_value(config, name, word.strip()) for word in rest.split("|")]))
    words = rest.split(":")
    if kind not in numbers or len(words) != 2:
        raise ConfigurationError(f"is no range. {SYNTAX}.")
    made = numbers[kind](*[_number(word, kind) for word in words])
    for end in (made.low, made.high):
        _value(config, name, end)
    return made


def _number(word: str, kind: str) -> float:
    try:
        return int(word) if kind == "int" else float(word)
    except ValueError:
        wanted = "a whole number" if kind == "int" else "a number"
        raise ConfigurationError(f"expected {wanted}, got '{word}'. {SYNTAX}.") from None


def _value(config: TrainConfig, name: str, value: Any) -> Any:
    """A value as the field keeps it; ConfigurationError where the field does not allow it."""
    kind = kinds_of(TrainConfig)[name]
    if isinstance(value, str):
        value = SWITCHES.get(value, value) if kind is bool else read(kind, value)
    return getattr(dataclasses.replace(config, **{name: value}), name)

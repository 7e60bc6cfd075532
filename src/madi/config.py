"""The configuration of a training run: what `madi train` can be told, as data, in TOML and back."""

from __future__ import annotations

import dataclasses
import json
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from madi.errors import ConfigurationError, FileError, unknown_name
from madi.options import FRACTION, NON_NEGATIVE, POSITIVE, Interval, Options, expect_number

Check = Callable[[str, Any], Any]


def _setting(help: str, check: Check, default: Any, *, unset: str = "") -> Any:
    """A field with its line of help; one whose default is None says in `unset` what holds then."""
    metadata = {
        "check": lambda owner, where, value: None if default is None and value is None else check(where, value),
        "help": help,
        "unset": unset,
    }
    return dataclasses.field(default=default, metadata=metadata)


def _text(where: str, value: Any) -> str:
    if not isinstance(value, (str, Path)) or not str(value):
        raise ConfigurationError(f"{where} must be a name, got {value!r}.")
    return str(value)


def _whole(least: int) -> Check:
    def check(where: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
            raise ConfigurationError(f"{where} must be a whole number of at least {least}, got {value!r}.")
        return int(value)

    return check


def _number(interval: Interval, fix: str) -> Check:
    return lambda where, value: expect_number(where, value, interval, fix=fix)


def _sizes(where: str, value: Any) -> tuple[int, ...]:
    """(100, 50) from [100, 50], "100,50" or ["100,50"]; () from "none"."""
    entries = [value] if isinstance(value, (str, int)) else list(value)
    words = [word.strip() for entry in entries for word in str(entry).split(",")]
    if words == ["none"]:
        return ()
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        got = ",".join(words)
        raise ConfigurationError(f"{where} must be sizes of at least 1 such as 100,50, or none, got '{got}'.")
    return tuple(map(int, words))


def _names(where: str, value: Any) -> tuple[str, ...]:
    entries = [value] if isinstance(value, str) else list(value)
    return tuple(word.strip() for entry in entries for word in _text(where, entry).split(","))


MODELS_OWN = "the model's own"
OPTIMIZERS_OWN = "the optimizer's own"

HIDDEN = {"mlp": (200, 100)}
# Above what suits a constant rate, because a schedule lowers it; measured on digits and MNIST.
SCHEDULED_RATES = {"adam": 0.004, "adamw": 0.004}


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Options):
    """What a run of `madi train` does.

    Every field is checked when it is set: ConfigurationError names the field, and for an unknown one the closest.
    None leaves a choice to the model, the optimizer or the dataset.

    >>> TrainConfig(hidden="100,50").hidden
    (100, 50)
    """

    dataset: str = _setting("A dataset of 'madi datasets'.", _text, "digits")
    data: str | None = _setting(
        "Folder of a local copy of the dataset.", _text, None, unset="$MADI_DATA, the cache, a download"
    )
    model: str = _setting("The network: mlp, logistic_regression.", _text, "mlp")
    hidden: tuple[int, ...] | None = _setting(
        "Units of the hidden layers: 100,50, or the option once a layer; 'none' for none.",
        _sizes, None, unset="200,100 in mlp",
    )  # fmt: skip
    activation: str | None = _setting(
        "Of the hidden layers: relu, leaky_relu, sigmoid, tanh, ...", _text, None, unset=MODELS_OWN
    )
    initializer: str | None = _setting(
        "Of the weights: he, xavier, normal, zeros, ...", _text, None, unset=f"{MODELS_OWN}, by activation"
    )
    dropout: float | None = _setting(
        "Share of the hidden units left out in training.", _number(FRACTION, "Try 0.2."), None, unset=MODELS_OWN
    )
    epochs: int = _setting("Passes over the training data.", _whole(1), 30)
    batch_size: int = _setting("Examples in a step.", _whole(1), 50)
    optimizer: str = _setting("sgd, momentum, nesterov, adagrad, rmsprop, adam or adamw.", _text, "adam")
    learning_rate: float | None = _setting(
        "The largest learning rate.",
        _number(POSITIVE, "Try 0.001."),
        None,
        unset=f"0.004 for adam with a schedule, else {OPTIMIZERS_OWN}",
    )
    schedule: str = _setting(
        "Of the learning rate: constant, cosine, step_decay, exponential_decay, warmup, one_cycle.", _text, "cosine"
    )
    momentum: float | None = _setting(
        "Of momentum and nesterov.", _number(FRACTION, "Try 0.9."), None, unset=OPTIMIZERS_OWN
    )
    weight_decay: float | None = _setting(
        "L2 penalty on the weights (decoupled in adamw).",
        _number(NON_NEGATIVE, "Try 1e-4, or 0 for none."), None, unset=OPTIMIZERS_OWN,
    )  # fmt: skip
    clip_norm: float | None = _setting(
        "The longest that all gradients together may be.", _number(POSITIVE, "Try 1."), None, unset="no clipping"
    )
    loss: str = _setting("softmax_cross_entropy, mean_squared_error, ...", _text, "softmax_cross_entropy")
    metrics: tuple[str, ...] = _setting("accuracy, f1, auc, top_5_accuracy, ...", _names, ("accuracy",))
    validation: float = _setting(
        "Share of the training data kept out of training and measured after each epoch; 0 for none.",
        _number(FRACTION, "Try 0.1, or 0 for none."), 0.1,
    )  # fmt: skip
    patience: int | None = _setting(
        "Stop after this many epochs without a lower loss, and go back to the best weights.",
        _whole(1), None, unset="train to the end",
    )  # fmt: skip
    engine: str = _setting("jax (compiled), numpy, or auto: by the size of the job.", _text, "auto")
    seed: int = _setting("Of the first weights, the order of the examples and dropout.", _whole(0), 0)

    def checked(self, field: dataclasses.Field[Any], value: Any) -> Any:
        """`value` as the field keeps it; the message names the field alone, as it is written in a file."""
        return field.metadata["check"](self, field.name, value)

    def completed(self) -> TrainConfig:
        """The configuration with the hidden layers and the learning rate of `madi train` where none are given."""
        rate = None if self.schedule == "constant" else SCHEDULED_RATES.get(self.optimizer.casefold())
        return dataclasses.replace(
            self, hidden=self.hidden if self.hidden is not None else HIDDEN.get(self.model.casefold()),
            learning_rate=self.learning_rate or rate,
        )  # fmt: skip

    def to_toml(self) -> str:
        """The configuration as TOML, one line a field; those that are None are left out."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        lines = [f"{name} = {_toml(value)}" for name, value in fields.items() if value is not None]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_toml(cls, path: str | Path, overrides: Mapping[str, Any] | None = None) -> TrainConfig:
        """The configuration in a file, with `overrides` in place of what it says.

        Raises FileError for a file that is missing or no TOML, ConfigurationError for unknown keys and wrong values.
        """
        given = read_toml(path)
        known = [field.name for field in dataclasses.fields(cls)]
        for name in given:
            if name not in known:
                raise ConfigurationError(f"{path}: {unknown_name('key', name, known)}")
        return cls(**{**given, **(overrides or {})})


def read_toml(path: str | Path) -> dict[str, Any]:
    """The table in a TOML file; FileError, with the line, where it is missing or none."""
    import tomllib

    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{path}: cannot read the configuration ({error.strerror or error}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: not TOML: {error}. Write lines such as: epochs = 20") from error


def _toml(value: Any) -> str:
    """A value as TOML writes it: JSON's texts and numbers are TOML's too."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)

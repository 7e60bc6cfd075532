"""Callbacks: what happens beside training, between the compiled calls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.errors import ConfigurationError, unknown_name
from madi.options import NON_NEGATIVE, expect_number
from madi.training.history import VALIDATION

if TYPE_CHECKING:
    from madi.training.trainer import Trainer

MODES = ("auto", "min", "max")


class Callback:
    """Base of all callbacks: override what you need.

    The model holds the current weights whenever a method is called, and training goes on from what a callback of an
    epoch leaves in it: by `trainer.restore`, or in the values of its parameters.  Options of the optimizer and numbers
    of layers may be changed too.  `trainer.stop(reason)` ends the fit after the epoch, `trainer.interrupt()` at once.

    A callback whose doing depends on earlier epochs overrides `state` and `restore_state`, so that a fit which goes on
    from a checkpoint is as if it had never stopped.  There `on_fit_begin` is called again, before `restore_state`;
    `on_epoch_begin` is not, in the middle of an epoch.
    """

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Before the first epoch of a fit."""

    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
        """Before each epoch, counted from 1."""

    def steps_at_once(self, trainer: Trainer, usual: int) -> int:
        """How many steps at most may follow until `on_steps_end`, at least 1; `usual` ones take about a second."""
        return usual

    def on_steps_end(self, trainer: Trainer) -> None:
        """After each call of the engine, which takes some steps of an epoch.  What is put into the model is lost."""

    def on_epoch_end(self, trainer: Trainer, epoch: int, values: dict[str, float]) -> None:
        """After each epoch, with its row of the history."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """After the last epoch, however the fit ended."""

    def state(self) -> Any:
        """What a checkpoint keeps of it: numbers, texts, arrays, lists and dictionaries of them; None for nothing."""
        return None

    def restore_state(self, state: Any) -> None:
        """Go on from what `state` returned."""


class EarlyStopping(Callback):
    """Stop when a value no longer improves, and go back to the best weights.

    monitor          an entry of the history; default validation_loss, or loss where there is no validation
    patience         epochs without improvement that are waited for
    minimum_change   a value must be better than the best by more than this to count as an improvement
    mode             "min", "max", or "auto": the loss falls, and a metric does what is better for it
    restore_best     whether the weights of the best epoch are put back when the fit ends
    """

    kept = ("best", "best_epoch", "waited", "snapshot")  # in a checkpoint

    def __init__(
        self, monitor: str | None = None, *, patience: int = 5, minimum_change: float = 0.0, mode: str = "auto",
        restore_best: bool = True,
    ) -> None:  # fmt: skip
        if mode not in MODES:
            raise unknown_name("mode", mode, MODES)
        if not isinstance(patience, (int, np.integer)) or patience < 0:
            raise ConfigurationError(f"EarlyStopping: patience must be a whole number of at least 0, got {patience!r}.")
        self.minimum_change = expect_number("EarlyStopping: minimum_change", minimum_change, NON_NEGATIVE, fix="Try 0.")
        self.monitor, self.patience, self.mode, self.restore_best = monitor, patience, mode, restore_best
        self.forget()

    def forget(self) -> None:
        """No best epoch yet."""
        self.best, self.best_epoch, self.waited = math.nan, 0, 0
        self.snapshot: dict[str, Any] | None = None

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Forget earlier fits."""
        self.forget()

    def on_epoch_end(self, trainer: Trainer, epoch: int, values: dict[str, float]) -> None:
        """Keep the weights of a better epoch; stop after too many that are not."""
        name = self.monitor or ("validation_loss" if "validation_loss" in values else "loss")
        if name not in values:
            raise unknown_name("value to monitor", name, values)
        if self.improves(values[name], falls=self.falls(trainer, name)):
            self.best, self.best_epoch, self.waited = values[name], epoch, 0
            self.snapshot = trainer.snapshot() if self.restore_best else None
            return
        self.waited += 1
        if self.waited >= self.patience:
            epochs = "1 epoch" if self.waited == 1 else f"{self.waited} epochs"
            best = f"the best was {self.best:.4g} in epoch {self.best_epoch}"
            trainer.stop(f"{name} has not improved for {epochs}; {best if self.best_epoch else 'it was never finite'}")

    def state(self) -> dict[str, Any]:
        """The best epoch so far, its weights, and the settings that it is the best by."""
        return {"settings": self._settings(), **{name: getattr(self, name) for name in self.kept}}

    def _settings(self) -> dict[str, Any]:
        names = ("monitor", "patience", "minimum_change", "mode", "restore_best")
        return {name: getattr(self, name) for name in names}

    def restore_state(self, state: dict[str, Any]) -> None:
        """Go on from there.  Raises ConfigurationError where the settings were others."""
        if state["settings"] != self._settings():
            raise ConfigurationError(
                f"resume: EarlyStopping was {state['settings']}, and now is {self._settings()}. "
                "Give what was given then."
            )
        for name in self.kept:
            setattr(self, name, state[name])

    def falls(self, trainer: Trainer, name: str) -> bool:
        """Whether less of this value is better."""
        if self.mode != "auto":
            return self.mode == "min"
        plain = name.removeprefix(VALIDATION)
        found = [metric for metric in trainer.metrics if metric.name == plain]
        return not found[0].greater_is_better if found else True

    def improves(self, value: float, *, falls: bool) -> bool:
        """Whether `value` is better than the best so far by more than the minimum change."""
        gain = self.best - value if falls else value - self.best
        return math.isfinite(value) and (math.isnan(self.best) or gain > self.minimum_change)

    def on_fit_end(self, trainer: Trainer) -> None:
        """Put the best weights back."""
        if self.snapshot is not None:
            trainer.restore(self.snapshot)


class AfterEpoch(Callback):
    """A callback from one function (epoch, values), called after each epoch."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def on_epoch_end(self, trainer: Trainer, epoch: int, values: dict[str, float]) -> None:
        """Call it."""
        self.function(epoch, values)


def as_callbacks(given: Sequence[Any]) -> list[Callback]:
    """The callbacks of a fit: Callback objects, and functions of (epoch, values)."""
    if isinstance(given, Callback) or not isinstance(given, (list, tuple)):
        raise ConfigurationError(f"callbacks: expected a list, got {given!r}. Write callbacks=[...].")
    return [as_callback(entry) for entry in given]


def as_callback(callback: Any) -> Callback:
    """A Callback, or any function of (epoch, values) as one."""
    if isinstance(callback, Callback):
        return callback
    if callable(callback) and not isinstance(callback, type):
        return AfterEpoch(callback)
    raise ConfigurationError(
        f"callbacks: expected a madi.training.Callback or a function of (epoch, values), got {callback!r}."
    )

"""Callbacks: what happens beside training, between the compiled calls."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from madi.errors import ConfigurationError, unknown_name

if TYPE_CHECKING:
    from madi.training.trainer import Trainer

MODES = ("auto", "min", "max")
LESS_IS_BETTER = ("loss", "error")


class Callback:
    """Base of all callbacks: override what you need.

    The model holds the current weights whenever a method is called.  `trainer.stop(reason)` ends the fit after the epoch.
    """

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Before the first epoch of a fit."""

    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
        """Before each epoch, counted from 1."""

    def on_epoch_end(self, trainer: Trainer, epoch: int, values: dict[str, float]) -> None:
        """After each epoch, with its row of the history."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """After the last epoch, however the fit ended."""


class EarlyStopping(Callback):
    """Stop when a value no longer improves, and go back to the best weights.

    monitor          an entry of the history; default validation_loss, or loss where there is no validation
    patience         epochs without improvement that are waited for
    minimum_change   what counts as an improvement at least
    mode             "min", "max", or "auto": losses and errors fall, everything else rises
    restore_best     whether the weights of the best epoch are put back when the fit ends
    """

    def __init__(
        self, monitor: str | None = None, *, patience: int = 5, minimum_change: float = 0.0, mode: str = "auto",
        restore_best: bool = True,
    ) -> None:  # fmt: skip
        if mode not in MODES:
            raise unknown_name("mode", mode, MODES)
        if not isinstance(patience, int) or patience < 0:
            raise ConfigurationError(f"EarlyStopping: patience must be a whole number of at least 0, got {patience!r}.")
        self.monitor, self.patience, self.minimum_change = monitor, patience, minimum_change
        self.mode, self.restore_best = mode, restore_best
        self.best_epoch = 0

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Forget earlier fits."""
        self.best, self.best_epoch, self.waited, self.snapshot = math.nan, 0, 0, None

    def on_epoch_end(self, trainer: Trainer, epoch: int, values: dict[str, float]) -> None:
        """Keep the weights of a better epoch; stop after too many that are not."""
        name = self.monitor or ("validation_loss" if "validation_loss" in values else "loss")
        if name not in values:
            raise unknown_name("value to monitor", name, values)
        if self.improves(name, values[name]):
            self.best, self.best_epoch, self.waited = values[name], epoch, 0
            self.snapshot = trainer.snapshot() if self.restore_best else None
            return
        self.waited += 1
        if self.waited >= self.patience:
            trainer.stop(
                f"{name} has not improved for {self.waited} epochs; the best was {self.best:.4g} in epoch {self.best_epoch}"
            )

    def improves(self, name: str, value: float) -> bool:
        """Whether `value` is better than the best so far by at least the minimum change."""
        falls = self.mode == "min" or (self.mode == "auto" and any(word in name for word in LESS_IS_BETTER))
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


def as_callback(callback: Any) -> Callback:
    """A Callback, or any function of (epoch, values) as one."""
    if isinstance(callback, Callback):
        return callback
    if callable(callback) and not isinstance(callback, type):
        return AfterEpoch(callback)
    raise ConfigurationError(
        f"callbacks: expected a madi.training.Callback or a function of (epoch, values), got {callback!r}."
    )

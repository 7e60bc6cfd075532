"""Losses by name, and what the trainer must know of each: which targets it takes, which activation it contains."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import madi.functions as F
from madi.errors import ConfigurationError, unknown_name
from madi.graph import Variable
from madi.options import FRACTION, expect_number


@dataclass(frozen=True)
class Loss:
    """A loss function for training.

    function     (prediction Variable, target, sample_weight=...) -> Variable, one number: a weighted mean
    classes      whether targets are classes (labels or one-hot rows) rather than numbers of the prediction's shape
    contains     the activation that the loss applies itself to the network's output ("Softmax", "Sigmoid"), if any
    binary       whether each output is a question of its own, answered by targets from 0 (no) to 1 (yes)
    label_smoothing   the share of each target that goes to all classes alike
    """

    name: str
    function: Callable[..., Variable]
    classes: bool = False
    contains: str | None = None
    binary: bool = False
    label_smoothing: float = 0.0

    def smoothed(self, share: float) -> Loss:
        """This loss with label smoothing: targets t become (1 - share) t + share / classes (Szegedy et al., 2016).

        Raises ConfigurationError where the function takes no label_smoothing, or for a share outside 0 <= share < 1.
        """
        share = expect_number("label_smoothing", share, FRACTION, fix="Try 0.1.")
        if share and not self.takes("label_smoothing"):
            raise ConfigurationError(
                f"label_smoothing: the loss {self.name} takes no such option: it is for targets that are classes of "
                "logits. Use loss='softmax_cross_entropy', or leave label_smoothing out."
            )
        return replace(self, label_smoothing=share)

    def takes(self, option: str) -> bool:
        """Whether the function has an option of this name."""
        taken = inspect.signature(self.function).parameters.values()
        return any(entry.kind is entry.VAR_KEYWORD or entry.name == option for entry in taken)

    def expect_weights(self) -> None:
        """Raise ConfigurationError where the function takes no weights."""
        if not self.takes("sample_weight"):
            raise ConfigurationError(
                f"loss {self.name} takes no sample_weight. Give the function an argument sample_weight=None."
            )

    def expect_number(self, prediction: Variable, target: Any) -> None:
        """Raise ConfigurationError unless the loss of these is one number that can be differentiated."""
        found = self(prediction, target)
        if not isinstance(found, Variable) or found.shape:
            given = f"shape {found.shape}" if isinstance(found, Variable) else type(found).__name__
            raise ConfigurationError(
                f"loss {self.name}: expected one number as a Variable, got {given}. "
                "Build it from the prediction with madi.functions, and end in mean() or sum()."
            )

    def __call__(self, prediction: Variable, target: Any, sample_weight: Any = None) -> Variable:
        """The loss of one batch."""
        given = {"sample_weight": sample_weight, "label_smoothing": self.label_smoothing or None}
        return self.function(prediction, target, **{name: value for name, value in given.items() if value is not None})


LOSSES = {
    loss.name: loss
    for loss in (
        Loss("softmax_cross_entropy", F.softmax_cross_entropy, classes=True, contains="Softmax"),
        Loss("cross_entropy", F.cross_entropy, classes=True),
        Loss("sigmoid_binary_cross_entropy", F.sigmoid_binary_cross_entropy, contains="Sigmoid", binary=True),
        Loss("binary_cross_entropy", F.binary_cross_entropy, binary=True),
        Loss("mean_squared_error", F.mean_squared_error),
        Loss("mean_absolute_error", F.mean_absolute_error),
        Loss("huber", F.huber),
    )
}


def get(loss: str | Loss | Callable[..., Variable]) -> Loss:
    """A loss by its name, or any function (prediction, target) -> Variable, taken as it is.

    Raises UnknownNameError with the closest name; ConfigurationError for what is neither a name nor a function.
    """
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, str):
        if loss not in LOSSES:
            raise unknown_name("loss", loss, LOSSES)
        return LOSSES[loss]
    if not callable(loss):
        raise ConfigurationError(f"loss: expected a name or a function of (prediction, target), got {loss!r}.")
    known = [entry for entry in LOSSES.values() if entry.function is loss]
    return known[0] if known else Loss(getattr(loss, "__name__", type(loss).__name__), loss)

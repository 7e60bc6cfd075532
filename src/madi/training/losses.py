"""Losses by name, and what the trainer must know of each: which targets it takes, which activation it contains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import madi.functions as F
from madi.errors import ConfigurationError, unknown_name
from madi.graph import Variable


@dataclass(frozen=True)
class Loss:
    """A loss function for training.

    function     (prediction Variable, target, sample_weight=...) -> Variable, one number: a weighted mean
    classes      whether targets are classes (labels or one-hot rows) rather than numbers of the prediction's shape
    contains     the activation that the loss applies itself to the network's output ("Softmax", "Sigmoid"), if any
    """

    name: str
    function: Callable[..., Variable]
    classes: bool = False
    contains: str | None = None

    def __call__(self, prediction: Variable, target: Any, sample_weight: Any = None) -> Variable:
        """The loss of one batch."""
        if sample_weight is None:
            return self.function(prediction, target)
        return self.function(prediction, target, sample_weight=sample_weight)


LOSSES = {
    loss.name: loss
    for loss in (
        Loss("softmax_cross_entropy", F.softmax_cross_entropy, classes=True, contains="Softmax"),
        Loss("cross_entropy", F.cross_entropy, classes=True),
        Loss("sigmoid_binary_cross_entropy", F.sigmoid_binary_cross_entropy, contains="Sigmoid"),
        Loss("binary_cross_entropy", F.binary_cross_entropy),
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

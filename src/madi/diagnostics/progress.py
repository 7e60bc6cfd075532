"""How far a network has come: its loss on a scale from 1, it knows nothing of the inputs, to 0, it knows all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.graph import Variable, no_grad
from madi.training.losses import Loss

TINY = 1e-7  # of probabilities, whose logarithm is taken


@dataclass(frozen=True)
class Scale:
    """What the loss of a dataset means.

    ignorant   the loss of the best answer that does not look at the inputs: of classes their frequencies, of numbers
               their mean (their median for mean_absolute_error)
    perfect    the lowest loss that there is: 0, but for soft targets and label smoothing
    """

    ignorant: float
    perfect: float

    def remaining(self, loss: float) -> float:
        """Where a loss stands: 0 at perfect, 1 at ignorant, infinity where it is no number."""
        span = max(self.ignorant - self.perfect, 1e-12)
        return (loss - self.perfect) / span if np.isfinite(loss) else float("inf")


def scale_of(loss: Loss, y: np.ndarray, outputs: int) -> Scale | None:
    """The scale of a loss on targets y, for a network of so many outputs; None for a loss that is not madi's own."""
    constant = CONSTANTS.get(loss.name)
    if constant is None:
        return None
    targets = _distributions(y, outputs, loss) if loss.classes else y.reshape(len(y), -1).astype(np.float64)
    answer, best = constant(targets), BEST.get(loss.name, lambda t: t)(targets)
    with no_grad():
        return Scale(
            *(float(loss_of(loss, np.broadcast_to(found, targets.shape), targets)) for found in (answer, best))
        )


def loss_of(loss: Loss, prediction: np.ndarray, targets: np.ndarray) -> Any:
    """The loss, smoothing left to the targets."""
    return loss.function(Variable(np.array(prediction)), targets).value


def _distributions(y: np.ndarray, outputs: int, loss: Loss) -> np.ndarray:
    rows = np.eye(outputs)[y.astype(int)] if y.ndim == 1 else y.astype(np.float64)
    return (1 - loss.label_smoothing) * rows + loss.label_smoothing / rows.shape[-1]


def _share(t: np.ndarray) -> np.ndarray:
    return np.clip(t, TINY, 1 - TINY)


def _logit(p: np.ndarray) -> np.ndarray:
    return np.log(_share(p)) - np.log(1 - _share(p))


Answer = Callable[[np.ndarray], np.ndarray]

CONSTANTS: dict[str, Answer] = {
    "softmax_cross_entropy": lambda t: np.log(_share(t.mean(axis=0))),
    "cross_entropy": lambda t: _share(t.mean(axis=0)),
    "sigmoid_binary_cross_entropy": lambda t: _logit(t.mean(axis=0)),
    "binary_cross_entropy": lambda t: _share(t.mean(axis=0)),
    "mean_squared_error": lambda t: t.mean(axis=0),
    "mean_absolute_error": lambda t: np.median(t, axis=0),
    "huber": lambda t: t.mean(axis=0),
}
BEST: dict[str, Answer] = {
    "softmax_cross_entropy": lambda t: np.log(_share(t)),
    "cross_entropy": _share,
    "sigmoid_binary_cross_entropy": _logit,
    "binary_cross_entropy": _share,
}

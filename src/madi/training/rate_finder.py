"""A search for the learning rate: train a moment with ever larger rates and watch the loss.

Smith, "Cyclical learning rates for training neural networks" (2015), section 3.3, the learning-rate range test.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.errors import ConfigurationError, DivergenceError
from madi.kernels.arrays import silent_products
from madi.options import POSITIVE, expect_count, expect_number
from madi.training.data import Examples
from madi.training.history import History
from madi.training.metrics import Metric
from madi.training.progress import progress_for
from madi.training.run import Run
from madi.training.trainer import Trainer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIVERGED = 4.0  # times the lowest loss, where the search ends
FEWEST = 10  # rates that a curve needs
MEMORY = 0.9  # of the running mean that decides where the search ends
END_OF_FALL = 0.95
LEAST_FALL = 0.1
WIDTH = 0.15  # decades: standard deviation of the weights with which the curve is smoothed


@dataclass(frozen=True)
class RateSearch:
    """What a search for the learning rate has found.

    rates      the learning rates of its steps, each a constant factor above the one before, (steps,)
    losses     the loss of the next batch after the step with that rate, (steps,)
    ended      why the search ended where it did
    """

    rates: np.ndarray
    losses: np.ndarray
    ended: str

    @cached_property
    @silent_products
    def smoothed(self) -> np.ndarray:
        """The losses without the noise of the batches: means of neighbours, weighted by a bell over log(rate).

        The bell is centred, so that the curve is not moved towards larger rates, as a running mean would move it.
        """
        place = np.log10(self.rates)
        weights = np.exp(-0.5 * ((place[:, None] - place) / WIDTH) ** 2)
        return weights @ self.losses / weights.sum(axis=1)

    @property
    def suggestion(self) -> float:
        """The rate at which the smoothed loss ends its fall: the first with 95% of it done.

        It is meant as the largest rate of a schedule that comes down from it, as Smith takes it.  Measured on digits,
        MNIST and CIFAR-10 with Adam, SGD and momentum, it came closer to the rate with the lowest final loss than
        `steepest` did, which is many times too low where the loss falls early, and than a share of the rate with the
        lowest loss, which wanders where the curve is flat.
        """
        start = float(self.smoothed[0])
        return float(self.rates[(self.smoothed <= start - END_OF_FALL * self._fall).argmax()])

    @property
    def tenth(self) -> float:
        """A tenth of the rate at which the smoothed loss is lowest: a common rule, lower in most cases."""
        return float(self.rates[self.lowest] / 10)

    @property
    def conclusive(self) -> bool:
        """Whether the loss fell by at least a tenth: where it hardly falls, the rates mean little."""
        return self._fall >= LEAST_FALL * abs(float(self.smoothed[0]))

    @property
    def steepest(self) -> float:
        """The rate at which the smoothed loss falls fastest, per factor of the rate."""
        slopes = np.gradient(self.smoothed, np.log10(self.rates))
        return float(self.rates[slopes[: self.lowest + 1].argmin()])

    @property
    def lowest(self) -> int:
        """Which rate has the lowest smoothed loss."""
        return int(self.smoothed.argmin())

    @property
    def _fall(self) -> float:
        return float(self.smoothed[0] - self.smoothed[self.lowest])

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers."""
        found = {name: getattr(self, name) for name in ("suggestion", "steepest", "tenth", "conclusive", "ended")}
        return {**found, "rates": self.rates.tolist(), "losses": self.losses.tolist()}

    def plot(self) -> Figure:
        """A matplotlib figure: loss against learning rate, the suggestion marked."""
        from madi.training.rate_figure import figure

        return figure(self)


def find_learning_rate(
    trainer: Trainer, data: Any, *, lowest: float = 1e-6, highest: float = 10.0, steps: int = 100,
    batch_size: int = 100, accumulate: int = 1, verbose: int = 0,
) -> RateSearch:  # fmt: skip
    """Try learning rates from `lowest` to `highest`, each a constant factor above the one before, one a step.

    trainer      whose model, optimizer and loss are tried; its weights and state stay as they are
    data         as of `Trainer.fit`
    steps        how many rates are tried
    batch_size, accumulate, verbose   as of `Trainer.fit`: a step is an update

    The search ends early where the loss has grown to several times its lowest or is no longer finite.  It begins with
    the trainer's weights as they are now, so that it also serves to find the rate of a fit that goes on.
    The schedule of the optimizer is set aside.

    Raises ConfigurationError for rates and steps out of range, and where the loss left the finite numbers so early
    that there is no curve; DataError and ShapeError as `fit` does.
    """
    rates = _rates(lowest, highest, steps)
    expect_count("find_learning_rate: batch_size", batch_size, fix="Try 100.")
    probe = _probe(trainer, rates)
    probe._progress = progress_for(verbose)
    expect_count("find_learning_rate: accumulate", accumulate, fix="Try 1.")
    training, _ = probe._datasets(data, None, None, None, batch_size)
    sweep = _Sweep(probe, training, batch_size, accumulate, len(rates) + 1)
    ended = sweep.result()
    if probe.interrupted:
        raise KeyboardInterrupt
    losses = _before_divergence(probe.history.steps.get("loss", ()))[1 : len(rates) + 1]
    if len(losses) < FEWEST:
        raise ConfigurationError(
            f"find_learning_rate: {ended} after {len(losses)} steps, too few for a curve. "
            f"Begin with a lower rate than lowest={lowest:g}, for example {lowest / 1000:g}."
        )
    return RateSearch(rates[: len(losses)], losses, ended)


def _rates(lowest: Any, highest: Any, steps: Any) -> np.ndarray:
    low = expect_number("find_learning_rate: lowest", lowest, POSITIVE, fix="Try 1e-6.")
    high = expect_number("find_learning_rate: highest", highest, POSITIVE, fix="Try 10.")
    if low >= high:
        raise ConfigurationError(f"find_learning_rate: lowest must be below highest, got {low:g} and {high:g}.")
    count = expect_count("find_learning_rate: steps", steps, fix="Try 100.")
    if count < FEWEST:
        raise ConfigurationError(f"find_learning_rate: steps must be at least {FEWEST}, got {count}. Try 100.")
    return np.geomspace(low, high, count)


def _probe(trainer: Trainer, rates: np.ndarray) -> Trainer:
    """A trainer where the given one stands, with a model of its own, whose steps take the rates in turn."""
    probe, first, last = copy.copy(trainer), trainer.step, len(rates) - 1
    probe.model = copy.deepcopy(trainer.model)
    probe.optimizer = copy.copy(trainer.optimizer)
    probe.optimizer.learning_rate = lambda step: float(rates[min(step - first, last)])
    probe.history = History()
    probe.metrics = [metric for metric in trainer.metrics if isinstance(metric, Metric)]  # the others need all outputs
    probe._engines = dict(trainer._engines)
    return probe


class _Enough(Exception):
    """The search has seen what it needs."""


class _Sweep(Run):
    """A fit that ends after so many steps, or where the loss has grown to several times its lowest."""

    def __init__(self, trainer: Trainer, data: Any, batch_size: int, accumulate: int, steps: int) -> None:
        per_epoch = -(-len(data) // batch_size // accumulate) if isinstance(data, Examples) else 1
        super().__init__(trainer, data, None, -(-steps // per_epoch), batch_size, [], accumulate)
        self.steps = steps

    def begin(self) -> None:
        """As of a fit; but the bar of one that ends within an epoch is as long as the search."""
        super().begin()
        if self.epochs == 1:
            self.trainer._progress.start(1, 1, self.steps)

    def result(self) -> str:
        """Go, and say what ended it."""
        finite = True
        try:
            self.go()
        except _Enough:
            pass
        except DivergenceError:
            finite = False
        if self._has_grown():  # first, so that it does not matter how far the last call went
            return f"the loss grew to {DIVERGED:g} times its lowest"
        return "every rate was tried" if finite else "the loss was no longer finite"

    def _stretch(self, batch_size: int) -> int:
        return min(super()._stretch(batch_size), (self.steps - len(self._losses())) * self.groups.size)

    def _take(self, data: Any, indices: np.ndarray, count: int) -> None:
        super()._take(data, indices, count)
        if self._has_grown() or len(self._losses()) >= self.steps:
            raise _Enough

    def _has_grown(self) -> bool:
        return len(_before_divergence(self._losses())) < len(self._losses())

    def _losses(self) -> list[float]:
        return self.trainer.history.steps.get("loss", [])


def _before_divergence(losses: Sequence[float]) -> np.ndarray:
    """The losses up to where their running mean has grown to several times its lowest, however long the calls were."""
    total, weight, lowest = 0.0, 0.0, math.inf
    for number, loss in enumerate(losses):
        total, weight = MEMORY * total + (1 - MEMORY) * loss, MEMORY * weight + (1 - MEMORY)
        mean = total / weight
        lowest = min(lowest, mean)
        if mean - lowest > (DIVERGED - 1) * abs(lowest):
            return np.array(losses[:number], np.float64)
    return np.array(losses, np.float64)

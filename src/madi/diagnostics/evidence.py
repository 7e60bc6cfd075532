"""All that the doctor looks at, measured when a rule asks for it."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np

from madi.diagnostics.progress import CONSTANTS, Scale, scale_of
from madi.diagnostics.statistics import LayerRow, LayerStatistics, probe, statistics_of
from madi.layers import Layer
from madi.training.data import Examples
from madi.training.prediction import predict
from madi.training.rerun import at_first_weights, losses_at
from madi.training.trainer import Trainer

LONGEST_TRIAL = 300  # steps
SHORTEST_TRIAL = 100  # where the run itself broke off sooner
SETTLED = 0.2  # of the steps of a trial: the last ones, whose mean loss counts
MOST = 10_000  # examples that are looked at for scales and classes


class Evidence:
    """A trainer after its fits, the data that it was fitted to, and what was recorded meanwhile.

    data, validation   arrays (x, y); validation may be None
    statistics         what was recorded while it trained; without it the first and the present weights are looked at
    """

    def __init__(self, trainer: Trainer, data: Any, validation: Any, statistics: LayerStatistics | None) -> None:
        self.trainer, self.history, self.statistics = trainer, trainer.history, statistics
        self.examples: Examples = trainer._examples(data, "data")
        self.validation: Examples | None = None if validation is None else trainer._examples(validation, "validation")

    # ---- layers

    @cached_property
    def first_rows(self) -> list[LayerRow]:
        """The rows of the first weights."""
        if self.statistics is not None and self.statistics.at(0):
            return self.statistics.at(0)
        return statistics_of(at_first_weights(self.trainer), self._probe) if self.trainer.step else self.rows

    @cached_property
    def rows(self) -> list[LayerRow]:
        """The rows of the weights as they are."""
        return statistics_of(self.trainer, self._probe)

    @cached_property
    def _probe(self) -> Examples:
        return probe(self.trainer, self.examples, 256)

    @cached_property
    def weights(self) -> list[tuple[str, Layer, np.ndarray]]:
        """(path of its layer, the layer, weight) of every parameter with more than one axis, in order."""
        layers = {layer.path: layer for _, layer in self.trainer.model.walk()}
        named = ((name.rpartition(".")[0], p.value) for name, p in self.trainer.model.parameters().items())
        return [(path, layers[path], np.asarray(value)) for path, value in named if value.ndim > 1 and path in layers]

    # ---- course

    @cached_property
    def scale(self) -> Scale:
        """What the loss means on these data."""
        trainer = self.trainer
        loss = trainer.loss.smoothed(trainer.label_smoothing)
        first = self.history.steps.get("loss", [1.0])[:1]
        return scale_of(loss, self.examples.y, trainer.model.output_shape()[-1]) or Scale(first[0] if first else 1.0, 0)

    @cached_property
    def remaining(self) -> float:
        """How much of the loss was left in the last epoch; infinity where it diverged, NaN where there was none."""
        if self.history.diverged:
            return math.inf
        return self.scale.remaining(self.history["loss"][-1]) if self.history["loss"] else math.nan

    @property
    def at_first(self) -> float:
        """How much of the loss there was in the first step; 1 where not even that was finite."""
        first = self.history.steps.get("loss", [])[:1]
        return self.scale.remaining(first[0]) if first and math.isfinite(first[0]) else 1.0

    @cached_property
    def validation_loss(self) -> float:
        """The validation loss of the weights as they are: early stopping may have gone back to better ones."""
        return self.trainer.evaluate(self.validation.arrays())["loss"] if self.validation is not None else math.nan

    @property
    def batch_size(self) -> int:
        """Examples a step, as the counts of steps and epochs tell."""
        if not self.trainer.epoch:
            return min(100, len(self.examples))
        return -(-len(self.examples) // max(1, self.trainer.step // self.trainer.epoch))

    def tried(self, factor: float, steps: int) -> float:
        """What remains after `steps` steps from the first weights with `factor` times the rate; infinity: diverged."""
        losses = losses_at(
            self.trainer, self.examples.arrays()[:2], factor=factor, steps=steps, batch_size=self.batch_size
        )
        if len(losses) < steps:
            return math.inf
        return self.scale.remaining(float(losses[-max(1, round(SETTLED * steps)) :].mean()))

    @cached_property
    def rate(self) -> float:
        """The learning rate that the optimizer began with."""
        return self.trainer.optimizer.rate_at(0)

    # ---- classes

    @property
    def predicts_numbers(self) -> bool:
        """Whether targets are numbers, and the loss one of madi's own for them."""
        loss = self.trainer.loss
        return loss.name in CONSTANTS and not (loss.classes or loss.binary)

    @cached_property
    def labels(self) -> np.ndarray | None:
        """The class of each example; None where targets are no classes."""
        return self.classes_of(self.examples)

    def classes_of(self, found: Examples) -> np.ndarray | None:
        """The class of each of these examples."""
        loss, y = self.trainer.loss, found.y
        if loss.classes:
            return y.astype(int) if y.ndim == 1 else y.argmax(axis=-1)
        return (y.reshape(-1) > 0.5).astype(int) if loss.binary and y.size == len(y) else None

    def predicted(self, found: Examples) -> np.ndarray:
        """The class that the network gives each of these examples."""
        outputs = predict(self.trainer.model, found.x)
        if self.trainer.loss.classes:
            return outputs.argmax(axis=-1)
        return (outputs.reshape(-1) > (0 if self.trainer.loss.contains else 0.5)).astype(int)

    @cached_property
    def sample(self) -> np.ndarray:
        """Inputs (N, features), at most 10,000 examples evenly from all."""
        step = -(-len(self.examples) // MOST)
        return self.examples.x[::step].reshape(len(self.examples.x[::step]), -1).astype(np.float64)

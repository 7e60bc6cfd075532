"""What a network answers for some examples, and how far off it is for each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

import madi.functions as F
from madi.datasets.dataset import Batches
from madi.errors import ConfigurationError, DataError
from madi.graph import Variable
from madi.kernels import random
from madi.layers import Layer
from madi.training.data import examples, gathered, inputs, is_table
from madi.training.losses import LOSSES, Loss
from madi.training.metrics import labels_of
from madi.training.prediction import as_probabilities, predict

MOST = 10_000  # examples of a part that are looked at
DRAW = 2**32 - 7  # the random key of those that are drawn, under the seed's


@dataclass(frozen=True, eq=False)
class Sample:
    """Some examples of a part.

    rows    where in the part each one stands, (n,)
    count   how many examples the part has
    """

    rows: np.ndarray
    count: int
    x: np.ndarray
    y: np.ndarray

    def pick(self, chosen: Any) -> Sample:
        """Some of these."""
        return replace(self, rows=self.rows[chosen], x=self.x[chosen], y=self.y[chosen])


def sample(data: Any, where: str, *, seed: int = 0, most: int = MOST) -> Sample:
    """At most `most` examples: of arrays random ones in their order, of Batches every so many of one pass.

    Raises DataError for what is neither.
    """
    if isinstance(data, Batches):
        return _of_batches(data, where, most)
    x, y = _arrays(data if is_table(data, where) else gathered(data, where), where)
    order = random.generator(random.fold_in(random.key(seed), DRAW)).permutation(len(x)) if len(x) > most else None
    rows = np.arange(len(x)) if order is None else np.sort(order[:most])
    return Sample(rows, len(x), *((x, y) if order is None else (x[rows], y[rows])))


def _arrays(data: Any, where: str) -> tuple[np.ndarray, np.ndarray]:
    return inputs(data, where), np.asarray(data.y if hasattr(data, "y") else data[1])


def _of_batches(data: Batches, where: str, most: int) -> Sample:
    step, seen = max(1, -(-data.count // most)), 0
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for batch in data:
        x, y = batch[0], batch[1]
        chosen = np.arange(-seen % step, len(x), step)
        kept.append((chosen + seen, x[chosen], y[chosen]))
        seen += len(x)
    if not kept:
        raise DataError(f"{where}: there is no batch; expected at least one example.")
    rows, x, y = (np.concatenate(column) for column in zip(*kept, strict=True))
    return Sample(rows, seen, x, y)


@dataclass(frozen=True, eq=False)
class Answers:
    """Examples with what the network answers; those with an answer that is no finite number are left out.

    sample          the examples; y are labels (n,), or numbers of the outputs' shape
    outputs         (n, ...), as the network gives them
    loss            that it was trained for
    probabilities   of each class (n, classes), or of each yes/no question where there are several; None for numbers
    questions       whether each output is a yes/no question of its own
    not_finite      how many were left out
    """

    sample: Sample
    outputs: np.ndarray
    loss: Loss
    probabilities: np.ndarray | None
    questions: bool = False
    not_finite: int = 0

    def __len__(self) -> int:
        return len(self.outputs)

    @property
    def is_classification(self) -> bool:
        """Whether the targets are classes, or answers to yes/no questions."""
        return self.probabilities is not None

    @cached_property
    def losses(self) -> np.ndarray:
        """The loss of each example by itself, (n,)."""
        return losses_of(self.loss, self.outputs, self.sample.y)

    @cached_property
    def labels(self) -> np.ndarray:
        """The true class of each example, (n,); of questions the true answers, (n, questions)."""
        return (self.sample.y > 0.5).astype(int) if self.questions else labels_of(self.sample.y).astype(int)

    @cached_property
    def predicted(self) -> np.ndarray:
        """The predicted class of each example, (n,); of questions the answers, (n, questions)."""
        shown = np.asarray(self.probabilities)
        return (shown > 0.5).astype(int) if self.questions else shown.argmax(axis=-1)

    @cached_property
    def are_logits(self) -> bool:
        """Whether the outputs are not the probabilities themselves."""
        last = np.asarray(self.probabilities)[..., -1]
        return not np.array_equal(last, self.outputs[..., -1])

    @cached_property
    def confidence(self) -> np.ndarray:
        """The probability of the predicted class, (n,)."""
        return np.asarray(self.probabilities).max(axis=-1)

    def worst(self, most: int) -> np.ndarray:
        """The places of the examples with the highest losses, the highest first."""
        return np.argsort(-self.losses, kind="stable")[:most]


def answers_of(model: Layer, loss: Loss, drawn: Sample, where: str, *, task: str | None = None) -> Answers:
    """The network's answers for a sample.

    task     "classification", "regression", or None: as the loss tells

    Raises DataError, ShapeError where the examples do not fit the network and the loss.
    """
    found = examples((drawn.x, drawn.y), loss, model.output_shape(), where=where)
    outputs = predict(model, found.x)
    finite = np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1)
    kept, outputs = replace(drawn, x=found.x, y=found.y).pick(finite), outputs[finite]
    classes = _are_classes(loss, kept.y, task)
    questions = classes and kept.y.ndim > 1 and kept.y.shape[1] > 1 and not loss.classes
    shown = probabilities(model, loss, outputs, questions) if classes else None
    return Answers(kept, outputs, loss, shown, questions, int((~finite).sum()))


def _are_classes(loss: Loss, y: np.ndarray, task: str | None) -> bool:
    if task is not None:
        if task == "regression" and loss.classes:
            raise ConfigurationError(f"task: the loss {loss.name} is for classes. Leave task out.")
        return task == "classification"
    return loss.classes or loss.binary or (loss not in LOSSES.values() and y.ndim == 1 and y.dtype.kind in "iu")


def probabilities(model: Layer, loss: Loss, outputs: np.ndarray, questions: bool = False) -> np.ndarray:
    """Outputs as probabilities: softmax or sigmoid where the loss applies it, else as they are."""
    if questions:
        return np.asarray(F.sigmoid(outputs).value) if loss.contains else outputs
    if loss.contains or loss not in LOSSES.values():
        return as_probabilities(model, outputs)
    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs


def losses_of(loss: Loss, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The loss of each example by itself, (n,): of whatever loss is a mean over examples.

    madi's own losses know those of all examples; any other is asked for one after another.
    """
    with np.errstate(all="ignore"):
        node: Any = loss(Variable(outputs), y).creator if len(outputs) else None
        if hasattr(node, "losses"):
            return np.asarray(node.losses(), np.float64).reshape(len(outputs), -1).mean(axis=1)
        alone = [float(loss(Variable(outputs[i : i + 1]), y[i : i + 1])) for i in range(len(outputs))]
    return np.array(alone, np.float64)

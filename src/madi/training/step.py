"""One training step: forward, backward, update.  A pure function, the same for both engines.

The training state is one tree:

    {"parameters": {path: array}, "optimizer": {...}, "statistics": {path: array}}

`parameters` are the trainable ones; frozen ones stand beside it.  Nothing is assigned to the model.  Where weights are
averaged, the tree has {"average": {path: array}} too, of parameters and statistics; where gradients are accumulated,
{"accumulated": {"gradients": {path: array}, "weight": array}}, the sums since the last update.  Where these entries are
missing, no step computes them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from madi.errors import ShapeError
from madi.functions import add, multiply
from madi.graph import Array, Parameter, Variable, gradients, no_grad
from madi.kernels import random
from madi.kernels.arrays import array_library, is_floating, is_jax, widened
from madi.layers import Layer, auxiliary_outputs
from madi.optimizers import Optimizer
from madi.training.averaging import averaged
from madi.training.losses import Loss
from madi.training.metrics import Metric
from madi.training.precision import exact, rounded

State = dict[str, Any]
Batch = tuple[Any, ...]  # x, targets, and the weight of each example or None

AUGMENTATION = 2**32 - 1  # what augmentation folds into the key of a step; layers fold in numbers of their own


@dataclass(frozen=True)
class Step:
    """What a step is made of; `train` and `evaluate` are its two pure functions."""

    model: Layer
    loss: Loss
    metrics: Sequence[Metric]
    optimizer: Optimizer
    decays: dict[str, bool]
    lengths: Sequence[int]  # how many sums each metric has
    augmentation: tuple[Callable[..., Array], ...] = ()  # functions (x, key) -> x, in training only
    precision: str | None = None  # of activations, where it is not that of weights

    def attempt(
        self, state: State, frozen: dict[str, Array], batch: Batch, numbers: dict[str, Any], rate: Any, key: Any,
        ends: Any = None,
    ) -> tuple[State, Array]:  # fmt: skip
        """One step on one batch: -> (new state, report).

        The report is the vector (loss Σw, Σw, the sums of each metric), as the network was before the update.

        numbers   {"layers": ..., "optimizer": ..., "average": the decay of the average}: hyperparameters, as values
        rate      the learning rate of this step
        key       the random key of this step
        ends      where gradients are accumulated, whether an update follows on this batch
        """
        x, target, sample_weight = batch
        x = self.augmented(x, key)
        weights = {path: Parameter(value) for path, value in self.rounded(state["parameters"]).items()}
        given = {**weights, **self.rounded(frozen)}
        with auxiliary_outputs() as heads:
            y, statistics = self.apply(given, state["statistics"], x, numbers, training=True, key=key)
        loss = total = self.loss(y, target, sample_weight)
        for share, output in heads:
            output = output if self.precision is None else exact(output)
            total = add(total, multiply(self.loss(output, target, sample_weight), share))
        found = gradients(total, array_library(total.value).ones_like(total.value))
        slopes = {path: widened(found[weight]) for path, weight in weights.items() if weight in found}
        moved = {**state, "statistics": statistics}
        if "accumulated" in state:
            weight = len(x) if sample_weight is None else sample_weight.sum()
            new = self.accumulated(moved, slopes, weight, ends, numbers, rate)
        else:
            new = self.updated(moved, slopes, numbers, rate)
        return new, self.report(loss, y, target, sample_weight)

    def rounded(self, values: dict[str, Array]) -> dict[str, Array]:
        """Parameters as the step computes with them."""
        return values if self.precision is None else rounded(values, self.model, self.precision)

    def apply(
        self, values: dict[str, Any], statistics: dict[str, Array], x: Array, numbers: dict[str, Any], **options: Any
    ) -> tuple[Variable, dict[str, Array]]:
        """The model's output, in float32 or wider, and its new statistics."""
        x = x if self.precision is None else x.astype(self.precision)
        y, new = self.model.apply(values, statistics, x, numbers=numbers["layers"], **options)
        return y if self.precision is None else exact(y), new

    def updated(self, state: State, slopes: dict[str, Array], numbers: dict[str, Any], rate: Any) -> State:
        """The state after the optimizer's update by these gradients."""
        parameters, optimizer = self.optimizer.update(
            state["parameters"], slopes, state["optimizer"],
            learning_rate=rate, numbers=numbers["optimizer"], decays=self.decays,
        )  # fmt: skip
        new = {**state, "parameters": parameters, "optimizer": optimizer}
        if "average" in state:
            values = {**parameters, **state["statistics"]}
            new["average"] = averaged(state["average"], values, optimizer["step"], numbers["average"])
        return new

    def accumulated(
        self, state: State, slopes: dict[str, Array], weight: Any, ends: Any, numbers: dict[str, Any], rate: Any
    ) -> State:
        """The state after one more batch of a group, whose last one is followed by an update.

            G <- G + w g,   W <- W + w      g the batch's gradient, w the sum of its examples' weights
            at the end of a group: the update by G / W, then G and W are 0

        For a loss that is a mean over examples G / W is the gradient of the whole group's loss.
        """
        held = state["accumulated"]
        sums = {path: held["gradients"][path] + slope * weight for path, slope in slopes.items()}
        total = held["weight"] + weight

        def update() -> State:
            means = {path: summed / total for path, summed in sums.items()}
            return {**self.updated(state, means, numbers, rate), "accumulated": emptied(held)}

        def wait() -> State:
            return {**state, "accumulated": {"gradients": {**held["gradients"], **sums}, "weight": total}}

        return either(ends, update, wait)

    def augmented(self, x: Array, key: Any) -> Array:
        """x after each augmentation in turn, which draws from a key of its own: (x, key) -> x of the same shape.

        Raises ShapeError for an augmentation that changes the shape.
        """
        xp = array_library(x)
        for number, change in enumerate(self.augmentation):
            changed = change(x, random.fold_in(random.fold_in(key, AUGMENTATION), number))
            if changed.shape != x.shape:
                raise ShapeError(
                    f"augmentation {number} ({_called(change)}): expected x of shape {x.shape} back, got "
                    f"{changed.shape}. The network was built for the first."
                )
            x = xp.asarray(changed, x.dtype)
        return x

    def train(self, state: State, *arguments: Any) -> tuple[State, Array, Any]:
        """`attempt`, taken only where the loss and the new state are finite: -> (state, report, whether they are)."""
        new, report = self.attempt(state, *arguments)
        finite = all_finite((new, report[0]))
        return choose(finite, new, state), report, finite

    def evaluate(self, variables: State, batch: Batch, numbers: dict[str, Any]) -> Array:
        """Loss and metrics of one batch in inference: a report as of `train`."""
        x, target, weight = batch
        with no_grad():
            y, _ = self.apply(self.rounded(variables["parameters"]), variables["statistics"], x, numbers)
            loss = self.loss(y, target, weight)
        return self.report(loss, y, target, weight)

    @property
    def entries(self) -> int:
        """How many numbers a report has."""
        return 2 + sum(self.lengths)

    @cached_property
    def signature(self) -> tuple[Any, ...]:
        """What a compiled program depends on besides the shapes of its arguments."""
        optimizer = type(self.optimizer), tuple(self.optimizer.numbers()), tuple(self.decays.items())
        own = self.loss, tuple(self.metrics), self.augmentation, self.precision
        return layers_signature(self.model), optimizer, own

    def report(self, loss: Variable, y: Variable, target: Array, weight: Array | None) -> Array:
        """(loss Σw, Σw, the sums of each metric in turn)."""
        xp = array_library(y.value)
        weight = xp.ones(y.shape[:1], y.dtype) if weight is None else weight
        total = weight.sum()
        sums = [metric.sums(y.value, target, weight, self.loss.contains is not None) for metric in self.metrics]
        return xp.concatenate([xp.stack([loss.value * total, total]), *(entry.astype(y.dtype) for entry in sums)])

    def read(self, reports: np.ndarray) -> dict[str, float]:
        """Loss and metrics of some steps together, from their reports (steps, entries), added up in float64."""
        return {name: float(column) for name, column in self.columns(reports.astype(np.float64).sum(axis=0)).items()}

    def columns(self, reports: np.ndarray) -> dict[str, np.ndarray]:
        """Loss and metrics of each step on its own, from reports (steps, entries)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            columns, start = {"loss": reports[..., 0] / reports[..., 1]}, 2
            for metric, length in zip(self.metrics, self.lengths, strict=True):
                columns[metric.name] = metric.result(reports[..., start : start + length])
                start += length
        return columns


def layers_signature(model: Layer) -> tuple[Any, ...]:
    """What a program compiled from a model depends on besides its weights, statistics and hyperparameters."""
    return tuple((path, type(layer), *_settings(layer)) for path, layer in model.walk())


def all_finite(tree: Any) -> Any:
    """Whether no element of any floating array of the tree is NaN or infinite."""
    arrays = [array for array in leaves(tree) if is_floating(array.dtype)]
    xp = array_library(*arrays)
    return xp.stack([xp.isfinite(array).all() for array in arrays]).all()


def leaves(tree: Any) -> Iterator[Array]:
    """The arrays of a tree of dictionaries and tuples, in order."""
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    if not isinstance(tree, tuple):
        yield tree
        return
    for entry in tree:
        yield from leaves(entry)


def either(condition: Any, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """What one of two functions returns, of which only that one is computed."""
    if not is_jax(condition):
        return then() if condition else otherwise()
    from jax import lax

    return lax.cond(condition, then, otherwise)


def emptied(tree: Any) -> Any:
    """The tree of dictionaries with zeros for its arrays."""
    if isinstance(tree, dict):
        return {name: emptied(entry) for name, entry in tree.items()}
    return array_library(tree).zeros_like(tree)


def choose(condition: Any, new: Any, old: Any) -> Any:
    """The tree `new` where the condition holds, else `old`."""
    if isinstance(new, dict):
        return {name: choose(condition, entry, old[name]) for name, entry in new.items()}
    xp: ModuleType = array_library(condition, new)
    if xp is np:
        return new if condition else old
    return xp.where(condition, new, old)


def _called(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _settings(layer: Layer) -> list[tuple[str, Any]]:
    """The settings of a layer that its equations read; those that travel as values are left out."""
    own = ((name, value) for name, value in vars(layer).items() if name not in (*layer.numbers, *layer.states))
    return [(name, value) for name, value in own if _plain(value)]


def _plain(value: Any) -> bool:
    """Whether a value is a setting: a number, a text, a function, or a tuple of such."""
    if isinstance(value, tuple):
        return all(map(_plain, value))
    return isinstance(value, (bool, int, float, str)) or inspect.isroutine(value)

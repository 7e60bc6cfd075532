"""A step of training that is looked at and not taken: what each layer put out, every gradient, and the update."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from madi.functions import ReLU, Sigmoid, Tanh, add, multiply
from madi.graph import Function, Parameter, Variable, gradients, observing
from madi.kernels import random
from madi.kernels.arrays import array_library, widened
from madi.layers import Layer, auxiliary_outputs, observing_layers, running_layers
from madi.training.data import Examples
from madi.training.engines import over
from madi.training.first_state import first_state
from madi.training.precision import exact
from madi.training.step import Batch, State, Step
from madi.training.trainer import Trainer

ACTIVATIONS = (ReLU, Sigmoid, Tanh)
LOOKS = 20  # for which it is worth while to compile
OBSERVATION = 2**32 - 5  # the random key of observed steps, under the trainer's

Activation = tuple[type[Function], Any]
Record = tuple[list[Variable], list[Activation]]


@dataclass
class Observed:
    """What one layer did in the step.

    path          of the layer
    outputs       its output in each of its calls
    gradients     dL/d(output), likewise; None where the loss does not depend on it
    activations   the outputs of its own ReLU, sigmoid and tanh nodes, with their classes
    """

    path: str
    outputs: list[Any] = field(default_factory=list)
    gradients: list[Any] = field(default_factory=list)
    activations: list[Activation] = field(default_factory=list)


@dataclass(frozen=True)
class Observation:
    """A step of training on some examples.

    layers                 in the order in which they ended their first calls; those that hold only others are left out
    loss                   before the update
    parameters, slopes     the trainable weights and their gradients by path
    updated                the weights after the optimizer's update
    """

    layers: tuple[Observed, ...]
    loss: Any
    parameters: dict[str, Any]
    slopes: dict[str, Any]
    updated: dict[str, Any]


def observe(trainer: Trainer, found: Examples, summary: Callable[[Observation], Any]) -> Any:
    """`summary` of a step of training on these examples, on the trainer's engine; the trainer stays as it is.

    The weights are the model's, the state of the optimizer and the learning rate those of the step that comes next;
    dropout draws from a key of its own.  Augmentation is left out.

    summary   a pure function of the observation: it is compiled with the step where the engine compiles, and then must
              return arrays in tuples and dictionaries.  Its results come back as NumPy arrays
    """
    engine = trainer._engine(len(found), LOOKS, len(found))
    step = trainer._step(found)
    step = replace(step, precision=None) if engine.name == "numpy" else step  # NumPy has no bfloat16
    state, frozen = over(first_state(trainer), np.asarray)
    rate = np.asarray(trainer.optimizer.rate_at(trainer.step), trainer.dtype)
    key = random.fold_in(trainer.key, OBSERVATION)
    numbers = over(trainer._numbers(), trainer.dtype.type)

    def run(*arguments: Any) -> Any:
        return summary(_observation(step, *arguments))

    arguments = (state, frozen, found.arrays(), numbers, rate, key)
    if engine.name != "numpy":
        return over(engine._run(("observation", summary), step, run, arguments), np.asarray)
    with np.errstate(all="ignore"):
        return over(run(*arguments), np.asarray)


def _observation(
    step: Step, state: State, frozen: dict[str, Any], batch: Batch, numbers: dict[str, Any], rate: Any, key: Any
) -> Observation:
    """One step as `Step.attempt` takes it, every gradient kept."""
    x, target, weight = batch
    leaves = {path: Parameter(value) for path, value in step.rounded(state["parameters"]).items()}
    given = {**leaves, **step.rounded(frozen)}
    with _recording() as recorded, auxiliary_outputs() as heads:
        y, _ = step.apply(given, state["statistics"], x, numbers, training=True, key=key)
    total = step.loss(y, target, weight)
    for share, output in heads:
        output = output if step.precision is None else exact(output)
        total = add(total, multiply(step.loss(output, target, weight), share))
    found = gradients(total, array_library(total.value).ones_like(total.value), keep=True)
    slopes = {path: widened(found[leaf]) for path, leaf in leaves.items() if leaf in found}
    updated = step.updated(state, slopes, numbers, rate)["parameters"]
    return Observation(_layers(recorded, found), total.value, state["parameters"], slopes, updated)


@contextmanager
def _recording() -> Iterator[dict[str, Record]]:
    """Within the block: for each layer by path its outputs, and those of its activation nodes."""
    found: dict[str, Record] = {}
    active: dict[str, list[Activation]] = {}

    def on_node(node: Function, inputs: Sequence[Variable], outputs: Sequence[Variable]) -> None:
        if isinstance(node, ACTIVATIONS) and running_layers():
            active.setdefault(running_layers()[-1].path, []).append((type(node), outputs[0].value))

    def on_layer(layer: Layer, x: Variable, y: Variable) -> None:
        if layer.path in active or not layer.inner_layers():
            found.setdefault(layer.path, ([], active.setdefault(layer.path, [])))[0].append(y)

    with observing(on_node), observing_layers(on_layer):
        yield found


def _layers(recorded: dict[str, Record], slopes: dict[Variable, Any]) -> tuple[Observed, ...]:
    return tuple(
        Observed(path, [y.value for y in outputs], [slopes.get(y) for y in outputs], active)
        for path, (outputs, active) in recorded.items()
    )

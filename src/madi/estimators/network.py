"""The network that an estimator trains: a perceptron of its options, or one's own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from madi import models
from madi.errors import ConfigurationError, ShapeError
from madi.kernels import random
from madi.layers import ACTIVATIONS, BatchNorm, Layer, Sequential


def perceptron(outputs: int, *, activation: str, batch_norm: bool, **options: Any) -> Sequential:
    """A multilayer perceptron of rows; with `batch_norm`, a BatchNorm stands before each activation.

    options   hidden, dropout, initializer: those of `madi.models.mlp`
    """
    model = models.mlp(outputs=outputs, activation=activation, flatten=False, **options)
    return Sequential(*_normalized(model, ACTIVATIONS[activation])) if batch_norm else model


def _normalized(model: Sequential, activation: type[Layer]) -> Iterator[Layer]:
    for layer in model.layers:
        if isinstance(layer, activation):
            yield BatchNorm()
        yield layer


def own_network(given: Layer | Callable[[int, int], Layer], inputs: int, outputs: int) -> Layer:
    """A network of the user's own: a copy of a layer, with the weights that it has, or what a function makes.

    Raises ConfigurationError where that is no layer.
    """
    made = copy.deepcopy(given) if isinstance(given, Layer) or not callable(given) else given(inputs, outputs)
    if not isinstance(made, Layer):
        raise ConfigurationError(
            f"network: expected a madi layer, or a function (inputs, outputs) that makes one, got {made!r}. "
            "Try network=lambda inputs, outputs: Sequential(Dense(50), ReLU(), Dense(outputs))."
        )
    return made


def built(model: Layer, inputs: int, outputs: int, seed: int) -> Layer:
    """The network with weights for rows of `inputs` numbers; ShapeError where it does not put out `outputs` numbers."""
    model.ensure_built((inputs,), random.key(seed))
    shape = model.output_shape((inputs,))
    if shape != (outputs,):
        raise ShapeError(
            f"network: expected {outputs} outputs an example, got shape {shape}. "
            "Let its last layer be Dense(outputs): a classifier needs one for each class, a regressor one a target."
        )
    return model

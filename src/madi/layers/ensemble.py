"""Ensemble: several networks that answer as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import madi.functions as F
from madi.errors import ConfigurationError, ShapeError, unknown_name
from madi.graph import Variable, no_grad
from madi.layers.base import Layer
from madi.layers.composition import expect_layers


class Ensemble(Layer):
    """Networks side by side on the same x, whose probabilities are averaged.

    z_m is the output of network m of M, and what is averaged depends on what it means:

    "softmax"   y = log (1/M Σ softmax(z_m))          softmax(y) is the mean probability of each class
    "sigmoid"   y = log p - log (1 - p)               p = 1/M Σ sigmoid(z_m): sigmoid(y) is the mean probability
    "outputs"   y = 1/M Σ z_m                         for numbers

    So an ensemble of networks that give logits gives logits: loss, metrics and predictions stay what they were.  The
    logarithms of probabilities are averaged as log mean exp(l_m) = l + log mean exp(l_m - l), l the largest, which
    neither overflows nor loses a small probability.

    networks    layers of the same input and output; called "0", "1", ... in the names of parameters
    average     "softmax", "sigmoid" or "outputs"

    Built networks of one input make a built ensemble.  Raises ConfigurationError for no network, an unknown average, or
    softmax of a single output; ShapeError where inputs or outputs differ.

    Source: Hansen and Salamon, "Neural network ensembles", 1990.
    """

    transparent = "networks"

    def __init__(self, *networks: Layer, average: str = "softmax") -> None:
        expect_layers("Ensemble", *networks)
        if not networks:
            raise ConfigurationError("Ensemble: expected at least one network, got none.")
        if average not in AVERAGES:
            raise unknown_name("average of an ensemble", average, AVERAGES)
        self.networks, self.average = networks, average
        shapes = {network.input_shape for network in networks if network.input_shape is not None}
        if len(shapes) > 1:
            raise ShapeError(f"Ensemble: expected networks for one input, got {' and '.join(map(str, shapes))}.")
        if shapes and all(network.input_shape is not None for network in networks):
            self.classes = networks[0].classes
            self.ensure_built(shapes.pop())

    def __call__(self, x: Any, *, training: bool = False, key: Any = None) -> Variable:
        """The networks' answer."""
        outputs = [network(x, training=training, key=key) for network in self.networks]
        if len({output.shape for output in outputs}) > 1:
            made = " and ".join(dict.fromkeys(str(output.shape) for output in outputs))
            raise ShapeError(f"{self.label()}: expected networks of one output, got {made}. Give them one last layer.")
        if self.average == "softmax" and outputs[0].shape[-1:] == (1,):
            raise ConfigurationError(
                f"{self.label()}: softmax of a single output is always 1. Use average='sigmoid' or average='outputs'."
            )
        return AVERAGES[self.average](outputs)

    def __repr__(self) -> str:
        return f"Ensemble({', '.join(map(repr, self.networks))}, average={self.average!r})"


def _softmax(outputs: Sequence[Variable]) -> Variable:
    """log of the mean of softmax."""
    return _log_mean_exp([F.log_softmax(z) for z in outputs])


def _sigmoid(outputs: Sequence[Variable]) -> Variable:
    """log p - log (1 - p), p the mean of sigmoid."""
    yes = _log_mean_exp([_log_sigmoid(z) for z in outputs])
    no = _log_mean_exp([_log_sigmoid(F.negative(z)) for z in outputs])
    return F.subtract(yes, no)


def _outputs(outputs: Sequence[Variable]) -> Variable:
    """The mean."""
    return F.mean(_side_by_side(outputs), axis=0)


AVERAGES: dict[str, Callable[[Sequence[Variable]], Variable]] = {
    "softmax": _softmax,
    "sigmoid": _sigmoid,
    "outputs": _outputs,
}


def _log_sigmoid(z: Variable) -> Variable:
    """log sigmoid(z) = -log(1 + exp(-z))."""
    return F.negative(F.softplus(F.negative(z)))


def _log_mean_exp(logarithms: Sequence[Variable]) -> Variable:
    """log mean exp(l) over the networks.  The largest l is a constant: it cancels, and so does its gradient."""
    joined = _side_by_side(logarithms)
    with no_grad():
        largest = F.max(joined, axis=0)
    return F.add(F.log(F.mean(F.exp(F.subtract(joined, largest)), axis=0)), largest)


def _side_by_side(outputs: Sequence[Variable]) -> Variable:
    """(M, N, ...)."""
    return F.concatenate([F.reshape(output, (1, *output.shape)) for output in outputs], axis=0)

"""Saliency: which pixels of a picture an answer hangs on."""

from __future__ import annotations

from typing import Any

import numpy as np

from madi.functions import Sigmoid, Softmax
from madi.graph import Array, Parameter, Variable
from madi.kernels.arrays import array_library
from madi.kernels.indexing import one_hot
from madi.layers import Layer
from madi.training.compilation import cached_compilation

EAGER = 1e9  # multiply-adds, forward and backward, up to which NumPy is done before a compilation would be


def saliency(model: Layer, x: np.ndarray) -> np.ndarray:
    """|gradient of the predicted class's logit with respect to the input|, of x's shape (N, H, W, C).

    Found by backward through `model.apply`, in inference; compiled where that is a lot of work.  Where the model ends
    in a softmax or a sigmoid, the logit is what that is given; a single output is the logit of the second class.

    Simonyan, Vedaldi, Zisserman, "Deep inside convolutional networks" (2014).
    """

    def run(parameters: dict[str, Array], state: dict[str, Array], x: Array) -> Array:
        return _slopes(model, parameters, state, x)

    values = {path: np.asarray(parameter.value) for path, parameter in model.parameters().items()}
    if 3 * len(x) * model.summary().multiply_adds <= EAGER:
        return np.asarray(run(values, model.state(), np.asarray(x)))
    import jax

    with cached_compilation():
        return np.asarray(jax.jit(run)(values, model.state(), np.asarray(x)))


def _slopes(model: Layer, parameters: dict[str, Array], state: dict[str, Array], x: Array) -> Array:
    leaf: Any = Variable(x)
    fixed = {path: Parameter(value, trainable=False) for path, value in parameters.items()}
    outputs, _ = model.apply(fixed, state, leaf)
    logits = _logits(outputs)
    if not logits.needs_grad:
        return array_library(x).zeros_like(x)
    logits.backward(_predicted(logits.value))
    return abs(leaf.grad)


def _logits(outputs: Variable) -> Variable:
    node = outputs.creator
    return node.inputs[0] if isinstance(node, (Softmax, Sigmoid)) else outputs


def _predicted(logits: Array) -> Array:
    """1 for the predicted class of each example, 0 for the others."""
    return one_hot(logits.argmax(axis=-1), logits.shape[-1], logits.dtype)

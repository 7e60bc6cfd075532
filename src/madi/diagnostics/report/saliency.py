"""Saliency: which pixels of a picture an answer hangs on."""

from __future__ import annotations

from typing import Any

import numpy as np

from madi.functions import Sigmoid, Softmax
from madi.graph import Parameter, Variable
from madi.layers import Layer


def saliency(model: Layer, x: np.ndarray) -> np.ndarray:
    """|gradient of the predicted class's logit with respect to the input|, of x's shape (N, H, W, C).

    Found by backward through `model.apply`, in inference.  Where the model ends in a softmax or a sigmoid, the logit is
    what that is given; a single output is the logit of the second class.

    Simonyan, Vedaldi, Zisserman, "Deep inside convolutional networks" (2014).
    """
    leaf: Any = Variable(np.asarray(x))
    fixed = {path: Parameter(np.asarray(p.value), trainable=False) for path, p in model.parameters().items()}
    outputs, _ = model.apply(fixed, model.state(), leaf)
    logits = _logits(outputs)
    if not logits.needs_grad:
        return np.zeros_like(x)
    logits.backward(_predicted(np.asarray(logits.value)))
    return np.abs(np.asarray(leaf.grad))


def _logits(outputs: Variable) -> Variable:
    node = outputs.creator
    return node.inputs[0] if isinstance(node, (Softmax, Sigmoid)) else outputs


def _predicted(logits: np.ndarray) -> np.ndarray:
    """1 for the predicted class of each example, 0 for the others."""
    chosen = np.zeros_like(logits)
    chosen[np.arange(len(logits)), logits.argmax(axis=-1)] = 1
    return chosen

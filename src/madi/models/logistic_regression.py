"""Logistic regression: the network without a hidden layer."""

from __future__ import annotations

from madi.layers import Dense, Flatten, Sequential


def logistic_regression(outputs: int = 1) -> Sequential:
    """Logistic regression, as a model from any example to `outputs` logits z = x W + b.

    outputs   1: two classes, p(class 1) = sigmoid(z); train it with sigmoid_binary_cross_entropy
              number of classes: p = softmax(z); train it with softmax_cross_entropy

    The weights start at 0: the loss is convex, so that the start does not matter.

    >>> logistic_regression().build((2,)).summary().parameters
    3
    """
    return Sequential(Flatten(), Dense(outputs, initializer="zeros"))

"""One table of all functions: how each is called, on what, and what PyTorch calls it.

The tests of every function, and the mutants of every backward, run from here.  Inputs lie away from kinks, where all
oracles agree; the kinks have tests of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import madi.functions as F
from madi.kernels import random
from tests.functions.case import (
    TF,
    Case,
    binary,
    distributions,
    fractions,
    generator,
    nonzero,
    normal,
    positive,
    tensor,
    torch,
    unary,
)
from tests.functions.elementwise import ELEMENTWISE
from tests.functions.images import IMAGES
from tests.functions.moves import MOVES


def weighted(losses: Any, weight: Any) -> Any:
    """Σ w l / Σ w over examples, from the losses by element or example."""
    weight = tensor(weight, losses)
    by_example = losses.reshape(len(losses), -1).mean(dim=1)
    return (by_example * weight).sum() / weight.sum()


EXPONENTS = np.array([0.0, 1.0, 2.0, 3.0, -1.0])
POWERS = [
    *binary(F.power, lambda x0, x1: x0**x1, positive, normal),
    Case(
        "constant exponents, bases of both signs",
        lambda x: F.power(x, EXPONENTS.astype(x.dtype)),
        (np.array([-2.0, -3.0, -0.5, 1.5, -4.0]),),
        lambda x: x ** tensor(EXPONENTS, x),
    ),
    Case(
        "base 0",
        lambda x: F.power(x, EXPONENTS[:4].astype(x.dtype)),
        (np.zeros(4),),
        lambda x: x ** tensor(EXPONENTS[:4], x),
        apart="jax.grad of 0^0 by its base is NaN; PyTorch's is 0, the slope of the constant 1",
    ),
    Case("exponents of 2", lambda x: F.power(2, x), (normal(3),), lambda x: 2**x),
    Case(
        "exponents of base 0",
        lambda x: F.power(np.array([0.0, 2.0], dtype=x.dtype), x),
        (np.array([1.5, 2.0]),),
        lambda x: tensor([0.0, 2.0], x) ** x,
    ),
]

MATRIX_SHAPES = {
    "matrices": ((2, 3), (3, 4)),
    "two batches": ((5, 2, 3), (5, 3, 4)),
    "a batch and a matrix": ((5, 2, 3), (3, 4)),
    "a matrix and a batch": ((2, 3), (5, 3, 4)),
    "a batch of one": ((1, 2, 3), (5, 3, 4)),
    "batches that broadcast both ways": ((2, 1, 2, 3), (5, 3, 4)),
    "two vectors": ((3,), (3,)),
    "a matrix and a vector": ((2, 3), (3,)),
    "a vector and a matrix": ((3,), (3, 4)),
    "a batch and a vector": ((5, 2, 3), (3,)),
    "a vector and a batch": ((3,), (5, 3, 4)),
}
PRODUCTS = [
    Case(name, F.matmul, (normal(*one), normal(*other)), lambda x0, x1: x0 @ x1)
    for name, (one, other) in MATRIX_SHAPES.items()
]

AFFINE = [
    Case("batch", F.affine, (normal(4, 3), normal(3, 2), normal(2)), lambda x, w, b: TF.linear(x, w.T, b)),
    Case("no bias", F.affine, (normal(4, 3), normal(3, 2)), lambda x, w: x @ w),
    Case("one example", F.affine, (normal(3), normal(3, 2), normal(2)), lambda x, w, b: TF.linear(x, w.T, b)),
    Case("two leading axes", F.affine, (normal(2, 4, 3), normal(3, 2), normal(2)), lambda x, w, b: x @ w + b),
]


def reduction(function: Callable[..., Any], name: str) -> list[Case]:
    """The cases of a sum, mean or extreme."""

    def like(**options: Any) -> Callable[..., Any]:
        return lambda x: getattr(torch, name)(x, **options)

    return [
        Case("all", function, (normal(2, 3),), like()),
        Case("first axis", lambda x: function(x, 0), (normal(2, 3),), like(dim=0)),
        Case("last axis kept", lambda x: function(x, -1, keepdims=True), (normal(2, 3),), like(dim=-1, keepdim=True)),
        Case("two axes", lambda x: function(x, (0, 2)), (normal(2, 3, 4),), like(dim=(0, 2))),
        Case("axes out of order", lambda x: function(x, (-1, 0)), (normal(2, 3, 4),), like(dim=(-1, 0))),
        Case("no axes", lambda x: function(x, ()), (normal(2, 3),), lambda x: x * 1),
        Case("a number", function, (normal(),), like()),
    ]


INDICES = {
    "an integer": 1,
    "a negative integer": -1,
    "a slice": slice(1, 3),
    "a step backward": (slice(None, None, -2), slice(1, None)),
    "a row and a column": (2, 1),
    "an ellipsis and a new axis": (Ellipsis, None, 0),
    "integers, one of them twice": np.array([0, 2, 2, 3]),
    "a matrix of integers": np.array([[0, 3], [3, 3]]),
    "pairs, one of them twice": (np.array([0, 1, 1]), np.array([2, 0, 0])),
    "a list": [3, 0],
    "lists": ([3, 0], [1, 1]),
    "nothing": [],
    "a mask": np.array([True, False, True, True]),
}


def picked(index: Any) -> Callable[..., Any]:
    """PyTorch's x[index], which knows no negative step."""
    if isinstance(index, tuple) and isinstance(index[0], slice):
        return lambda x: x.flip(0)[::2][:, 1:]
    return lambda x: x[index]


PICKS = [
    Case(name, lambda x, index=index: F.get_item(x, index), (normal(4, 3),), picked(index))
    for name, index in INDICES.items()
]

SHAPES = {
    "reshape": [
        Case("a tuple", lambda x: F.reshape(x, (3, 4)), (normal(2, 6),), lambda x: x.reshape(3, 4)),
        Case("sizes", lambda x: F.reshape(x, 4, 3), (normal(2, 6),), lambda x: x.reshape(4, 3)),
        Case("a free size", lambda x: F.reshape(x, (2, -1)), (normal(2, 3, 2),), lambda x: x.reshape(2, -1)),
        Case("flat", lambda x: F.reshape(x, -1), (normal(2, 3),), lambda x: x.reshape(-1)),
        Case("to a number", lambda x: F.reshape(x, ()), (normal(1, 1),), lambda x: x.reshape(())),
    ],
    "transpose": [
        Case("reversed", F.transpose, (normal(2, 3),), lambda x: x.T),
        Case("a cycle", lambda x: F.transpose(x, (1, 2, 0)), (normal(2, 3, 4),), lambda x: x.permute(1, 2, 0)),
        Case("sizes", lambda x: F.transpose(x, 2, 0, 1), (normal(2, 3, 4),), lambda x: x.permute(2, 0, 1)),
        Case("negative axes", lambda x: F.transpose(x, (-1, 0, 1)), (normal(2, 3, 4),), lambda x: x.permute(-1, 0, 1)),
        Case("a number", F.transpose, (normal(),), lambda x: x * 1),
    ],
    "concatenate": [
        Case("rows", lambda *xs: F.concatenate(xs), (normal(2, 3), normal(1, 3)), lambda *xs: torch.cat(xs)),
        Case(
            "three on the last axis",
            lambda *xs: F.concatenate(xs, axis=-1),
            (normal(2, 1, 3), normal(2, 1, 1), normal(2, 1, 2)),
            lambda *xs: torch.cat(xs, dim=-1),
        ),
        Case(
            "the middle axis",
            lambda *xs: F.concatenate(xs, axis=1),
            (normal(2, 1, 3), normal(2, 2, 3)),
            lambda *xs: torch.cat(xs, dim=1),
        ),
        Case("one", lambda x: F.concatenate([x]), (normal(2, 3),), lambda x: x * 1),
        Case("the same twice", lambda x: F.concatenate([x, x]), (normal(2, 3),), lambda x: torch.cat([x, x])),
    ],
    "get_item": PICKS,
}

ACTIVATIONS = {
    "step": unary(F.step, lambda x: (x > 0).to(x.dtype) + 0 * x, nonzero),
    "identity": unary(F.identity, lambda x: x * 1, normal),
    "sigmoid": unary(F.sigmoid, lambda x: torch.sigmoid(x), normal),
    "tanh": unary(F.tanh, lambda x: torch.tanh(x), normal),
    "relu": unary(F.relu, lambda x: TF.relu(x), nonzero),
    "leaky_relu": [
        *unary(F.leaky_relu, lambda x: TF.leaky_relu(x), nonzero),
        Case("slope 0.3", lambda x: F.leaky_relu(x, 0.3), (nonzero(3, 4),), lambda x: TF.leaky_relu(x, 0.3)),
    ],
    "maxout": [
        Case("pairs", lambda x: F.maxout(x, 2), (normal(4, 6),), lambda x: x.unflatten(-1, (3, 2)).amax(-1)),
        Case("one piece", lambda x: F.maxout(x, 1), (normal(4, 3),), lambda x: x * 1),
        Case("one example", lambda x: F.maxout(x, 3), (normal(6),), lambda x: x.unflatten(-1, (2, 3)).amax(-1)),
        Case("images", lambda x: F.maxout(x, 3), (normal(2, 2, 2, 6),), lambda x: x.unflatten(-1, (2, 3)).amax(-1)),
    ],
    "softmax": [
        Case("rows", F.softmax, (normal(3, 4),), lambda x: TF.softmax(x, dim=-1)),
        Case("first axis", lambda x: F.softmax(x, axis=0), (normal(3, 2, 2),), lambda x: TF.softmax(x, dim=0)),
    ],
    "log_softmax": [
        Case("rows", F.log_softmax, (normal(3, 4),), lambda x: TF.log_softmax(x, dim=-1)),
        Case("first axis", lambda x: F.log_softmax(x, axis=0), (normal(3, 2, 2),), lambda x: TF.log_softmax(x, dim=0)),
    ],
}


KEY = random.key(3)
DROPPED = int(np.float32(0.3) * np.float32(2**16))  # of 65,536 levels: the rate as it is drawn
KEPT = random.short_words(KEY, (5, 4)) >= DROPPED
DROPOUT = [
    Case(
        "training",
        lambda x: F.dropout(x, 0.3, key=KEY),
        (normal(5, 4),),
        lambda x: x * tensor(KEPT / (1 - DROPPED / 2**16), x),
    ),
    Case("rate 0", lambda x: F.dropout(x, 0.0, key=KEY), (normal(5, 4),), lambda x: x * 1),
    Case("inference", lambda x: F.dropout(x, 0.3, training=False), (normal(5, 4),), lambda x: x * 1),
]


# ---- losses

WEIGHT = np.array([1.0, 0.5, 0.0, 2.0])
LABELS = np.array([2, 0, 1, 2])
ONE_HOT = np.eye(3)[LABELS]
SOFT = distributions(4, 3)
UNEVEN = generator.uniform(0, 1, (4, 3))  # rows of several labels, which sum to anything
TARGET = normal(4, 3)
TRUTH = generator.integers(0, 2, (4, 3)).astype(float)


def loss(function: Callable[..., Any], like: Callable[..., Any], draw: Any, target: np.ndarray, **options: Any):
    """The cases of a loss by element: plain, and with weights by example. `like` has PyTorch's reduction= option."""
    return [
        Case("plain", lambda x: function(x, target, **options), (draw(4, 3),), lambda x: like(x, tensor(target, x))),
        Case(
            "weights",
            lambda x: function(x, target, sample_weight=WEIGHT, **options),
            (draw(4, 3),),
            lambda x: weighted(like(x, tensor(target, x), reduction="none"), WEIGHT),
        ),
        Case(
            "one axis",
            lambda x: function(x, target[:, 0], sample_weight=WEIGHT, **options),
            (draw(4),),
            lambda x: weighted(like(x, tensor(target[:, 0], x), reduction="none"), WEIGHT),
        ),
    ]


def _log_likelihood(x: Any, target: Any, **options: Any) -> Any:
    """PyTorch's cross entropy of probabilities: it takes logarithms, and labels or rows of them."""
    if target.ndim == 1:
        return TF.nll_loss(torch.log(x), target, **options)
    losses = -(target * torch.log(x)).sum(dim=-1)
    return losses if options.get("reduction") == "none" else losses.mean()


def class_loss(function: Callable[..., Any], like: Callable[..., Any], draw: Any) -> list[Case]:
    """The cases of a loss of classes: labels, one-hot and soft rows, weights."""
    targets = {"labels": LABELS, "one-hot rows": ONE_HOT, "soft rows": SOFT, "rows of any sum": UNEVEN}
    plain = [
        Case(name, lambda x, t=t: function(x, t), (draw(4, 3),), lambda x, t=t: like(x, tensor(t, x)))
        for name, t in targets.items()
    ]
    return [
        *plain,
        Case(
            "weights",
            lambda x: function(x, LABELS, sample_weight=WEIGHT),
            (draw(4, 3),),
            lambda x: weighted(like(x, tensor(LABELS, x), reduction="none"), WEIGHT),
        ),
        Case(
            "labels of two axes",
            lambda x: function(x, LABELS.reshape(2, 2), sample_weight=WEIGHT[:2]),
            (draw(2, 2, 3),),
            lambda x: weighted(like(x.reshape(4, 3), tensor(LABELS, x), reduction="none").reshape(2, 2), WEIGHT[:2]),
        ),
    ]


SMOOTHING = [
    Case(
        "label smoothing",
        lambda x: F.softmax_cross_entropy(x, LABELS, label_smoothing=0.2),
        (normal(4, 3),),
        lambda x: TF.cross_entropy(x, tensor(LABELS, x), label_smoothing=0.2),
    )
]

CODES = {
    "one axis": np.array([2, 0, 2, 3]),
    "two axes, all rows": np.array([[0, 1], [3, 2], [1, 1]]),
    "whole floats": np.array([1.0, 3.0, 3.0]),
    "one code": np.array(2),
    "no codes": np.zeros((0, 2), int),
}
EMBEDDING = [
    Case(
        name,
        lambda weight, codes=codes: F.embedding(codes, weight),
        (normal(4, 3),),
        lambda weight, codes=codes: TF.embedding(torch.as_tensor(codes, dtype=torch.int64), weight),
    )
    for name, codes in CODES.items()
]

TABLE: dict[str, list[Case]] = {
    "add": binary(F.add, lambda x0, x1: x0 + x1, normal),
    "subtract": binary(F.subtract, lambda x0, x1: x0 - x1, normal),
    "multiply": binary(F.multiply, lambda x0, x1: x0 * x1, normal),
    "divide": binary(F.divide, lambda x0, x1: x0 / x1, normal, nonzero),
    "power": POWERS,
    "negative": unary(F.negative, lambda x: -x, normal),
    "exp": unary(F.exp, lambda x: torch.exp(x), normal),
    "log": unary(F.log, lambda x: torch.log(x), positive),
    "matmul": PRODUCTS,
    "affine": AFFINE,
    "embedding": EMBEDDING,
    "sum": reduction(F.sum, "sum"),
    "mean": reduction(F.mean, "mean"),
    "max": reduction(F.max, "amax")[:4],
    "min": reduction(F.min, "amin")[:3],
    **SHAPES,
    **ACTIVATIONS,
    **ELEMENTWISE,
    **MOVES,
    **IMAGES,
    "dropout": DROPOUT,
    "mean_squared_error": loss(F.mean_squared_error, lambda *a, **o: TF.mse_loss(*a, **o), normal, TARGET),
    "mean_absolute_error": loss(F.mean_absolute_error, lambda *a, **o: TF.l1_loss(*a, **o), normal, TARGET),
    "huber": [
        *loss(F.huber, lambda *a, **o: TF.huber_loss(*a, **o), normal, TARGET),
        *(
            Case(f"{entry.name}, delta 0.4", entry.call, entry.inputs, entry.torch)
            for entry in loss(F.huber, lambda *a, **o: TF.huber_loss(*a, delta=0.4, **o), normal, TARGET, delta=0.4)
        ),
    ],
    "cross_entropy": class_loss(F.cross_entropy, _log_likelihood, distributions),
    "softmax_cross_entropy": [
        *class_loss(F.softmax_cross_entropy, lambda *a, **o: TF.cross_entropy(*a, **o), normal),
        *SMOOTHING,
    ],
    "binary_cross_entropy": loss(
        F.binary_cross_entropy, lambda *a, **o: TF.binary_cross_entropy(*a, **o), fractions, TRUTH
    ),
    "sigmoid_binary_cross_entropy": loss(
        F.sigmoid_binary_cross_entropy, lambda *a, **o: TF.binary_cross_entropy_with_logits(*a, **o), normal, TRUTH
    ),
}

"""Loops against matrix products.

The same gradient of logistic regression three ways: with a loop over the examples and one over the features within it;
with the inner loop replaced by a product of vectors; and as madi computes it, one matrix product forward and one
backward.  The numbers agree, the times do not: a product hands the whole loop to compiled code.  The course's
dZ = A - Y carries no 1/m; that stands in dW, and comes from the cost being a mean.

    Z = X W + b      A = sigmoid(Z)      dZ = A - Y      dW = Xᵀ dZ / m      db = Σ dZ / m
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np

from madi.functions import affine, sigmoid_binary_cross_entropy
from madi.graph import Variable, trace
from madi.kernels.arrays import silent_products
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number, Seed

ROWS = ("B9",)
COST = Cost(full=0.1, quick=0.1)

SIZES = (10, 30, 100, 300, 1000, 3000)


def compute(
    *,
    examples: Annotated[tuple[int, ...], Number(1, 100_000, "m, one measurement each", quick=(10, 100, 1000))] = SIZES,
    features: Annotated[int, Number(1, 1000, "of each example")] = 100,
    repeats: Annotated[int, Number(1, 100, "of each measurement, of which the shortest counts")] = 3,
    seed: Seed = 0,
) -> Data:
    """Seconds of each way at each number of examples, how far the gradients are apart, and where 1/m stands."""
    random = np.random.default_rng(seed)
    rows = [problem(random, m, features) for m in examples]
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    apart: dict[str, list[float]] = {name: [] for name in WAYS}
    for x, y, w in rows:
        found = {name: timed(way, x, y, w, repeats) for name, way in WAYS.items()}
        for name, (duration, gradient) in found.items():
            seconds[name].append(duration)
            apart[name].append(float(np.abs(gradient - found["matrices"][1]).max()))
    return {
        "examples": list(examples),
        "features": features,
        "seconds": seconds,
        "apart": {name: max(column) for name, column in apart.items()},
        "1/m": where_one_over_m_stands(*rows[-1]),
    }


def problem(random: np.random.Generator, m: int, features: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs (m, features), labels (m, 1) and weights (features, 1)."""
    x, w = random.standard_normal((m, features)), random.standard_normal((features, 1))
    return x, (random.random((m, 1)) < 0.5).astype(float), w / math.sqrt(features)


def two_loops(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """dW, number by number."""
    rows, labels, weights = x.tolist(), y[:, 0].tolist(), w[:, 0].tolist()
    gradient = [0.0] * len(weights)
    for row, label in zip(rows, labels, strict=True):
        z = 0.0
        for j in range(len(weights)):
            z += row[j] * weights[j]
        dz = 1 / (1 + math.exp(-z)) - label
        for j in range(len(weights)):
            gradient[j] += row[j] * dz / len(rows)
    return np.array(gradient)[:, None]


@silent_products
def one_loop(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """dW, example by example."""
    gradient = np.zeros_like(w)
    for row, label in zip(x, y, strict=True):
        dz = 1 / (1 + np.exp(-(row @ w))) - label
        gradient += np.outer(row, dz) / len(x)
    return gradient


def matrices(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """dW by backpropagation through the nodes of madi."""
    weight = Variable(w)
    cost(x, y, weight).backward()
    return np.asarray(weight.grad)


def cost(x: np.ndarray, y: np.ndarray, weight: Variable) -> Variable:
    """The mean over the examples of the binary cross entropy."""
    return sigmoid_binary_cross_entropy(affine(x, weight, np.zeros(1)), y)


WAYS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "two loops": two_loops,
    "one loop": one_loop,
    "matrices": matrices,
}


def timed(way: Callable[..., np.ndarray], x: Any, y: Any, w: Any, repeats: int) -> tuple[float, np.ndarray]:
    """The shortest of the times that a way took, in seconds, and its gradient."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        gradient = way(x, y, w)
        times.append(time.perf_counter() - began)
    return min(times), gradient


@silent_products
def where_one_over_m_stands(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> Data:
    """How far m ∂J/∂Z is from A - Y, and ∂J/∂W from Xᵀ (A - Y) / m, in a run of madi's nodes."""
    weight = Variable(w)
    product, loss = trace(cost(x, y, weight))
    error = 1 / (1 + np.exp(-product.value)) - y
    return {
        "m": len(x),
        "dZ": float(np.abs(len(x) * product.gradient - error).max()),
        "dW": float(np.abs(product.inputs[1].gradient - x.T @ error / len(x)).max()),
        "loss": float(loss.value),
    }


def claims(data: Data) -> dict[str, bool]:
    """What the measurements show."""
    m, seconds, part = data["examples"][-1], data["seconds"], data["1/m"]
    ratio = {name: seconds[name][-1] / seconds["matrices"][-1] for name in ("two loops", "one loop")}
    apart = max(data["apart"].values())
    return {
        f"All three ways give the same gradient: at most {apart:.0e} apart.": apart < 1e-12,
        f"For {m:,} examples of {data['features']} features matrices are {ratio['two loops']:,.0f} times as fast as "
        f"two loops.": ratio["two loops"] > 5,
        f"They are {ratio['one loop']:,.0f} times as fast as one loop over the examples.": ratio["one loop"] > 5,
        f"dZ = A - Y has no 1/m (it is m ∂J/∂Z, to {part['dZ']:.0e}); dW = Xᵀ dZ / m has it (to {part['dW']:.0e}).": (
            max(part["dZ"], part["dW"]) < 1e-12
        ),
    }


def draw(data: Data) -> Any:
    """Time against the number of examples, and how many times as fast the matrices are."""
    figure, (times, ratios) = style.subplots(1, 2, height=3)
    names = {"two loops": "two loops", "one loop": "one loop (examples)", "matrices": "matrix products"}
    for name, label in names.items():
        times.loglog(data["examples"], 1000 * np.array(data["seconds"][name]), "o-", markersize=4, label=label)
    times.set(xlabel="examples m", ylabel="milliseconds a gradient", title=f"{data['features']} features")
    times.legend(loc="upper left", fontsize=8.5)
    fastest = np.array(data["seconds"]["matrices"])
    for name in ("two loops", "one loop"):
        ratios.loglog(data["examples"], np.array(data["seconds"][name]) / fastest, "o-", markersize=4, label=name)
    ratios.axhline(1, color=style.GREY, linewidth=0.8)
    ratios.set(xlabel="examples m", ylabel="times as fast as the loop", title="gain of the matrix products")
    return figure

"""Logic gates as perceptrons, with the weights of the course."""

from __future__ import annotations

import numpy as np

from madi.errors import unknown_name
from madi.layers import Dense, Sequential, Step

# (w1, w2), b of y = step(w1 x1 + w2 x2 + b): Saito, "Deep Learning from Scratch" (2016), chapter 2.
WEIGHTS: dict[str, tuple[tuple[float, float], float]] = {
    "AND": ((0.5, 0.5), -0.7),
    "NAND": ((-0.5, -0.5), 0.7),
    "OR": ((0.5, 0.5), -0.2),
}
# XOR is not linearly separable: no one perceptron computes it, and two layers of them do.
LAYERS: dict[str, tuple[tuple[str, ...], ...]] = {
    **{name: ((name,),) for name in WEIGHTS},
    "XOR": (("NAND", "OR"), ("AND",)),
}


def gate(name: str) -> Sequential:
    """The gate AND, NAND, OR or XOR as a model from (N, 2) to (N, 1), its inputs and outputs 0 or 1.

    AND, NAND, OR   y = step(x W + b)
    XOR             y = AND(NAND(x), OR(x)), two layers

    Raises UnknownNameError for any other name.

    >>> x = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    >>> gate("XOR")(x).value.ravel().tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    if str(name).upper() not in LAYERS:
        raise unknown_name("gate", name, LAYERS)
    widths = LAYERS[str(name).upper()]
    model = Sequential(*(layer for names in widths for layer in (Dense(len(names)), Step()))).build((2,))
    parameters = model.parameters()
    for index, names in enumerate(widths):
        parameters[f"{2 * index}.weight"].value = np.array([WEIGHTS[name][0] for name in names], np.float32).T
        parameters[f"{2 * index}.bias"].value = np.array([WEIGHTS[name][1] for name in names], np.float32)
    return model


def gates() -> dict[str, Sequential]:
    """All four gates by name."""
    return {name: gate(name) for name in LAYERS}

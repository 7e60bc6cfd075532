"""The cases of the elementwise functions beyond the four operations: extremes, limits, roots, units, types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import madi.functions as F
from tests.functions.case import TF, Case, nonzero, normal, positive, tensor, torch, unary

WIDE = np.array([-5.0, -2.5, -0.4, 0.3, 2.9, 4.0])  # on all three lines of a hard sigmoid
MASK = np.array([[True, False, True], [False, False, True]])
LOWS = np.array([[-0.5], [0.2]])  # the second above the bound of 0.1


def pair(call: Callable[..., Any], like: Callable[..., Any], second: Any = normal) -> list[Case]:
    """Two inputs of one shape, and two that broadcast."""
    return [
        Case("equal shapes", call, (nonzero(2, 3), second(2, 3)), like),
        Case("a column and a row", call, (nonzero(2, 1), second(1, 3)), like),
    ]


ELEMENTWISE = {
    "sqrt": unary(F.sqrt, lambda x: torch.sqrt(x), positive),
    "absolute": unary(F.absolute, lambda x: torch.abs(x), nonzero),
    "erf": unary(F.erf, lambda x: torch.erf(x), normal)[:1],
    "sin": unary(F.sin, lambda x: torch.sin(x), normal),
    "cos": unary(F.cos, lambda x: torch.cos(x), normal),
    "floor": unary(F.floor, lambda x: torch.floor(x), nonzero),
    "cast": [
        Case("there and back", lambda x: F.cast(F.cast(x, np.float64), x.dtype), (normal(3),), lambda x: x * 1),
    ],
    "maximum": pair(F.maximum, lambda x0, x1: torch.maximum(x0, x1)),
    "minimum": pair(F.minimum, lambda x0, x1: torch.minimum(x0, x1)),
    "clip": [
        Case("two numbers", lambda x: F.clip(x, -0.5, 0.7), (normal(3, 4),), lambda x: torch.clamp(x, -0.5, 0.7)),
        Case("from below", lambda x: F.clip(x, low=-0.1), (nonzero(4),), lambda x: torch.clamp(x, min=-0.1)),
        Case("from above", lambda x: F.clip(x, high=0.1), (nonzero(4),), lambda x: torch.clamp(x, max=0.1)),
        Case("no bounds", F.clip, (normal(4),), lambda x: x * 1),
        Case(
            "a column and a number that is below one of it",
            lambda x: F.clip(x, LOWS, 0.1),
            (nonzero(2, 3),),
            lambda x: torch.clamp(x, tensor(LOWS, x), torch.full_like(x, 0.1)),
        ),
    ],
    "where": [
        *pair(lambda x0, x1: F.where(MASK, x0, x1), lambda x0, x1: torch.where(torch.tensor(MASK), x0, x1)),
        Case("a row of the mask", lambda x: F.where(MASK[0], x, 2), (normal(2, 3),), lambda x: _where_row(x)),
    ],
    "elu": [
        *unary(F.elu, lambda x: TF.elu(x), nonzero)[:1],
        Case("alpha 0.3", lambda x: F.elu(x, 0.3), (nonzero(3, 4),), lambda x: TF.elu(x, 0.3)),
    ],
    "prelu": pair(F.prelu, lambda x, slope: torch.where(x > 0, x, slope * x)),
    "hard_sigmoid": [  # PyTorch's own has a slope of float32, even in float64
        Case("three lines", F.hard_sigmoid, (WIDE,), lambda x: torch.clamp(x / 6 + 0.5, 0, 1)),
        Case(
            "another line",
            lambda x: F.hard_sigmoid(x, slope=0.2, offset=0.4),
            (WIDE,),
            lambda x: torch.clamp(0.2 * x + 0.4, 0, 1),
        ),
    ],
    "softplus": unary(F.softplus, lambda x: TF.softplus(x), normal)[:1],
    "gelu": [
        *unary(F.gelu, lambda x: TF.gelu(x), normal)[:1],
        Case("tanh", lambda x: F.gelu(x, "tanh"), (normal(3, 4),), lambda x: TF.gelu(x, approximate="tanh")),
    ],
}


def _where_row(x: Any) -> Any:
    return torch.where(torch.tensor(MASK[0]), x, torch.full_like(x, 2))

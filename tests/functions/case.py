"""What a case of the table is, and the numbers that cases are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

try:
    import torch
    from torch.nn import functional as TF
except ImportError:  # the checks that need it are skipped
    torch = TF = None


@dataclass(frozen=True, eq=False)
class Case:
    """One way of calling a function.

    call     madi's function of Variables or arrays
    inputs   float64 arrays, for each of which there is a gradient
    torch    the same function of tensors
    apart    why jax.grad is no oracle here, where it is none
    """

    name: str
    call: Callable[..., Any]
    inputs: tuple[np.ndarray, ...]
    torch: Callable[..., Any]
    apart: str = ""


generator = np.random.default_rng(7)


def normal(*shape: int) -> np.ndarray:
    """Standard normal numbers."""
    return np.asarray(generator.standard_normal(shape))


def nonzero(*shape: int) -> np.ndarray:
    """Numbers of both signs, 0.2 to 2 from 0."""
    return np.asarray(generator.uniform(0.2, 2, shape) * generator.choice([-1, 1], shape))


def positive(*shape: int) -> np.ndarray:
    """Numbers from 0.5 to 2."""
    return np.asarray(generator.uniform(0.5, 2, shape))


def fractions(*shape: int) -> np.ndarray:
    """Numbers from 0.1 to 0.9."""
    return np.asarray(generator.uniform(0.1, 0.9, shape))


def distributions(*shape: int) -> np.ndarray:
    """Rows that sum to 1."""
    rows = generator.uniform(0.2, 1, shape)
    return rows / rows.sum(axis=-1, keepdims=True)


def tensor(array: Any, like: Any) -> Any:
    """A constant as a tensor: floats of `like`'s dtype, integers as int64."""
    array = np.asarray(array)
    return torch.as_tensor(array, dtype=like.dtype if array.dtype.kind == "f" else torch.int64)


def binary(call: Callable[..., Any], like: Callable[..., Any], draw: Any, draw_second: Any = None) -> list[Case]:
    """The cases of a function of two inputs that broadcast."""
    second = draw_second or draw
    shapes = {
        "equal shapes": ((2, 3), (2, 3)),
        "a row": ((2, 3), (3,)),
        "a column and a row": ((2, 1), (1, 3)),
        "a number": ((), (2, 3)),
        "ranks 3 and 2": ((2, 1, 3), (4, 1)),
        "numbers": ((), ()),
        "an axis of 1 kept": ((1, 3), (1, 1)),
    }
    return [Case(name, call, (draw(*one), second(*other)), like) for name, (one, other) in shapes.items()]


def unary(call: Callable[..., Any], like: Callable[..., Any], draw: Any) -> list[Case]:
    """The cases of an elementwise function of one input."""
    return [Case("matrix", call, (draw(3, 4),), like), Case("number", call, (draw(),), like)]

"""The cases of the functions that move numbers beyond reshape and transpose: padding, taking, repeating, splitting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import madi.functions as F
from tests.functions.case import TF, Case, normal, torch

INDICES = {
    "one twice, from the end": ((4, 3), np.array([0, -1, 2, 2]), 0),
    "a matrix on the last axis": ((2, 4), np.array([[0, 3], [3, 1]]), -1),
    "a number in the middle": ((2, 4, 3), np.array(2), 1),
    "none": ((4, 3), np.zeros((0,), int), 0),
    "a list": ((4,), [3, 3], 0),
}


def taken(indices: Any, axis: int) -> Callable[..., Any]:
    """PyTorch's way of taking slices."""
    return lambda x: x[(slice(None),) * (axis % x.ndim) + (torch.as_tensor(indices),)]


def padded(widths: Any, mode: str, theirs: str, pads: tuple[int, ...]) -> Case:
    """Padding by copies, of images (N, C, H, W)."""
    return Case(mode, lambda x: F.pad(x, widths, mode), (normal(1, 2, 3, 4),), lambda x: TF.pad(x, pads, mode=theirs))


def mixed(parts: Any) -> Any:
    """One output of several parts, each with a factor of its own."""
    first, second, third = parts
    return second * 2 + first + third * 3


IMAGE = ((0, 0), (0, 0), (1, 2), (2, 0))
MOVES = {
    "pad": [
        Case("zeros", lambda x: F.pad(x, [(1, 0), (0, 2)]), (normal(2, 3),), lambda x: TF.pad(x, (0, 2, 1, 0))),
        Case(
            "a value", lambda x: F.pad(x, ((0, 0), (2, 1)), value=0.5), (normal(2, 3),),
            lambda x: TF.pad(x, (2, 1), value=0.5),
        ),
        padded(IMAGE, "edge", "replicate", (2, 0, 1, 2)),
        padded(IMAGE, "reflect", "reflect", (2, 0, 1, 2)),
        padded(IMAGE, "wrap", "circular", (2, 0, 1, 2)),
        Case(
            "mirrors that follow one another",
            lambda x: F.pad(x, ((0, 0), (3, 5)), "reflect"),
            (normal(2, 3),),
            lambda x: x[:, [1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]],
        ),
        Case("nothing", lambda x: F.pad(x, ((0, 0),), "wrap"), (normal(3),), lambda x: x * 1),
    ],
    "take": [
        Case(name, lambda x, i=i, axis=axis: F.take(x, i, axis), (normal(*shape),), taken(i, axis))
        for name, (shape, i, axis) in INDICES.items()
    ],
    "broadcast_to": [
        Case("a new axis and a column", lambda x: F.broadcast_to(x, (2, 3, 4)), (normal(3, 1),),
             lambda x: x.expand(2, 3, 4)),
        Case("a number", lambda x: F.broadcast_to(x, [2]), (normal(),), lambda x: x.expand(2)),
        Case("nothing", lambda x: F.broadcast_to(x, (3,)), (normal(3),), lambda x: x * 1),
    ],
    "split": [
        Case("rows", lambda x: mixed(F.split(x, (2, 2, 2))), (normal(6, 2),), lambda x: mixed(x.split(2))),
        Case(
            "parts of several sizes, one of them not read",
            lambda x: F.split(x, [1, 0, 3], axis=-1)[2],
            (normal(2, 4),),
            lambda x: x.split([1, 0, 3], dim=-1)[2],
        ),
        Case("one part", lambda x: F.split(x, (3,))[0], (normal(3),), lambda x: x * 1),
    ],
}  # fmt: skip

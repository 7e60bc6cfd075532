"""Layers that weigh each number by itself: a scale and a shift, and the leak of a PReLU."""

from __future__ import annotations

from typing import Any

import numpy as np

import madi.functions as F
from madi.errors import ConfigurationError, ShapeError
from madi.graph import Parameter, Variable
from madi.layers.base import Layer
from madi.options import FINITE, expect_number, is_whole


class Scale(Layer):
    """Numbers scaled and shifted, each channel by parameters of its own: what batch norm leaves once its moments rest.

    forward   y  = γ x + β
    backward  gx = γ gy,  gγ = Σ gy x,  gβ = Σ gy       over what shares them

    scale, shift    False leaves γ or β out
    axes            how many axes, counted from the last, γ and β have: 0 is one number each, 1 one a channel

    γ is `scale`, β `shift`; they start at 1 and 0, and weight decay leaves both alone.

    Raises ConfigurationError where both are left out; ShapeError for another shape than the layer was built for.
    """

    def __init__(self, *, scale: bool = True, shift: bool = True, axes: int = 1) -> None:
        if not (scale or shift):
            raise ConfigurationError("Scale: expected a scale or a shift, got neither. Use Identity().")
        self.axes = expect_axes("Scale", axes, least=0)
        self.use_scale, self.use_shift = bool(scale), bool(shift)
        self.scale: Parameter | None = None  # both made by build
        self.shift: Parameter | None = None

    def build(self, shape: Any, key: Any = None, *, seed: int = 0) -> Any:
        """γ ones, β zeros."""
        last = last_sizes(self, shape, self.axes)
        self.scale = Parameter(np.ones(last, np.float32), decay=False) if self.use_scale else None
        self.shift = Parameter(np.zeros(last, np.float32), decay=False) if self.use_shift else None

    def __call__(self, x: Any) -> Variable:
        """γ x + β."""
        for parameter in (self.scale, self.shift):
            if parameter is not None:
                expect_last(self, x.shape, parameter.shape)
        x = x if self.scale is None else F.multiply(x, self.scale)
        return x if self.shift is None else F.add(x, self.shift)


class PReLU(Layer):
    """y = x where x > 0, else slope x; the slope is learned.  See `madi.functions.PReLU`.

    initial    the slope at the start; He et al.'s and PyTorch's 0.25
    axes       how many axes, counted from the last, the slope has: 0 is one number, 1 one a channel

    Weight decay leaves the slope alone: it would pull it towards ReLU.  He et al., 2015.
    """

    def __init__(self, initial: float = 0.25, *, axes: int = 1) -> None:
        self.initial = expect_number("PReLU: initial", initial, FINITE, fix="Try 0.25.")
        self.axes = expect_axes("PReLU", axes, least=0)
        self.slope: Parameter = None  # type: ignore[assignment]  # made by build

    def build(self, shape: Any, key: Any = None, *, seed: int = 0) -> Any:
        """The slope, `initial` everywhere."""
        last = last_sizes(self, shape, self.axes)
        self.slope = Parameter(np.full(last, self.initial, np.float32), decay=False)

    def __call__(self, x: Any) -> Variable:
        """prelu(x)."""
        expect_last(self, x.shape, self.slope.shape)
        return F.prelu(x, self.slope)


def expect_axes(where: str, axes: Any, *, least: int) -> int:
    """A count of axes as a Python int; ConfigurationError below `least`."""
    if not is_whole(axes) or axes < least:
        raise ConfigurationError(f"{where}: axes must be a whole number of at least {least}, got {axes!r}. Try 1.")
    return int(axes)


def last_sizes(layer: Layer, shape: tuple[int, ...], axes: int) -> tuple[int, ...]:
    """The last `axes` sizes of one example of `shape`; ShapeError where it has fewer."""
    if len(shape) < axes:
        sizes = ", ".join(map(str, ("N", *shape)))
        raise ShapeError(
            f"{layer.label()}: expected x with {axes} axes after the first, got ({sizes}). Use fewer axes."
        )
    return tuple(shape[len(shape) - axes :])


def expect_last(layer: Layer, shape: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    """Raise ShapeError unless the last axes of x of `shape` have these sizes."""
    if shape[len(shape) - len(sizes) :] != sizes:
        expected = ", ".join(["N", "...", *map(str, sizes)])
        raise ShapeError(f"{layer.label()}: expected x ({expected}), got {shape}. Build the model for this data.")

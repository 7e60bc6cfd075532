"""Layers that put others side by side: skip connections, parallel paths, auxiliary heads."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import madi.functions as F
from madi.errors import ConfigurationError, ShapeError
from madi.graph import Variable
from madi.kernels import random
from madi.layers.base import Layer
from madi.options import NON_NEGATIVE, expect_number

Outputs = list[tuple[float, Variable]]

_outputs: ContextVar[Outputs | None] = ContextVar("madi_auxiliary_outputs", default=None)


class Residual(Layer):
    """What a body of layers adds to its input: a skip connection.

    forward   y  = body(x) + shortcut(x)
    backward  gx = what comes back through the body + what comes back through the shortcut

    body        a layer
    shortcut    a layer that gives x the shape of body(x); None: x itself, through which the gradient comes back whole

    He et al., 2015, "Deep residual learning for image recognition".  Their ReLU after the sum stands outside.

    Raises ShapeError where the two do not have the same shape.
    """

    def __init__(self, body: Layer, shortcut: Layer | None = None) -> None:
        expect_layers("Residual", body, *([] if shortcut is None else [shortcut]))
        self.body, self.shortcut = body, shortcut

    def __call__(self, x: Any, *, training: bool = False, key: Any = None) -> Variable:
        """The sum of both ways."""
        y = self.body(x, training=training, key=key)
        skipped = x if self.shortcut is None else self.shortcut(x, training=training, key=key)
        if y.shape != skipped.shape:
            fix = (
                "Give it a shortcut that changes x in the same way" if self.shortcut is None else "Change the shortcut"
            )
            raise ShapeError(
                f"{self.label()}: expected body and shortcut to end in one shape, got {y.shape} and {skipped.shape}. "
                f"{fix}, such as Conv2D({y.shape[-1]}, 1, stride=2)."
            )
        return F.add(y, skipped)


class Branches(Layer):
    """Paths side by side, each on the same x, their outputs joined along the channels (last axis), as in Inception.

    forward   y  = [path 0 (x), path 1 (x), ...]
    backward  gx = Σ of what comes back through the paths

    The paths are called "0", "1", ... in the names of parameters.

    Raises ShapeError where the paths' outputs differ elsewhere than in their channels.
    """

    transparent = "paths"

    def __init__(self, *paths: Layer) -> None:
        self.paths = expect_paths("Branches", *paths)

    def __call__(self, x: Any, *, training: bool = False, key: Any = None) -> Variable:
        """The outputs of all paths."""
        outputs = [path(x, training=training, key=key) for path in self.paths]
        if len({output.shape[:-1] for output in outputs}) > 1:
            shapes = ", ".join(str(output.shape) for output in outputs)
            raise ShapeError(
                f"{self.label()}: expected paths whose outputs differ in their channels only, got {shapes}. "
                "Give all of them the same stride, and padding='same'."
            )
        return F.concatenate(outputs, axis=-1)

    def __repr__(self) -> str:
        return f"Branches({', '.join(map(repr, self.paths))})"


class Sum(Layer):
    """Paths side by side, each on the same x, their outputs added; Identity() as a path is x itself.

    forward   y  = Σ path(x)
    backward  gx = Σ of what comes back through the paths

    The outputs have as many axes as each other; where one has size 1 along an axis it is added all along it.  The paths
    are called "0", "1", ... in the names of parameters.  `Residual` is the sum of a body and a shortcut.

    Raises ShapeError where the paths' outputs do not fit.
    """

    transparent = "paths"

    def __init__(self, *paths: Layer) -> None:
        self.paths = expect_paths("Sum", *paths)

    def __call__(self, x: Any, *, training: bool = False, key: Any = None) -> Variable:
        """The sum of all outputs."""
        return functools.reduce(F.add, _fitting(self, [path(x, training=training, key=key) for path in self.paths]))

    def __repr__(self) -> str:
        return f"Sum({', '.join(map(repr, self.paths))})"


class Product(Layer):
    """Paths side by side, each on the same x, their outputs multiplied; Identity() as a path is x itself.

    forward   y  = Π path(x)
    backward  gx = Σ over the paths of what comes back through one for gy times the outputs of all others

    The outputs have as many axes as each other; where one has size 1 along an axis it counts all along it, as the gate
    of each channel does: Product(Identity(), Sequential(GlobalAveragePool(), Dense(c), Sigmoid(), Reshape(1, 1, c))) is
    the end of a squeeze-and-excitation block (Hu, Shen and Sun, 2018).  The paths are called "0", "1", ... in the names
    of parameters.

    Raises ShapeError where the paths' outputs do not fit.
    """

    transparent = "paths"

    def __init__(self, *paths: Layer) -> None:
        self.paths = expect_paths("Product", *paths)

    def __call__(self, x: Any, *, training: bool = False, key: Any = None) -> Variable:
        """The product of all outputs."""
        return functools.reduce(
            F.multiply, _fitting(self, [path(x, training=training, key=key) for path in self.paths])
        )

    def __repr__(self) -> str:
        return f"Product({', '.join(map(repr, self.paths))})"


def _fitting(layer: Layer, outputs: list[Variable]) -> list[Variable]:
    """The outputs; ShapeError unless along each axis they are of one size, or of size 1."""
    shapes = [output.shape for output in outputs]
    counts = {len(shape) for shape in shapes}
    if len(counts) > 1 or any(len({1, *sizes}) > 2 for sizes in zip(*shapes, strict=True)):
        raise ShapeError(
            f"{layer.label()}: expected paths whose outputs have one shape, or size 1 along an axis, got "
            f"{', '.join(map(str, shapes))}. Give all of them the same stride, and padding='same'."
        )
    return outputs


class Auxiliary(Layer):
    """A second head in the middle of a network, which is there for training alone: x itself passes on unchanged.

    training    loss = loss(end of the network) + Σ over the heads of weight loss(head(x))
    inference   the head is not called

    head      a layer that ends in outputs as the network's own
    weight    how much its loss counts

    The gradient enters the network half-way down, where it would otherwise have come far.  Szegedy et al., 2014.

    In training each head hands its output to the innermost `auxiliary_outputs` block, which whoever computes the loss
    opens around the call; outside of one the head is not called.
    """

    def __init__(self, head: Layer, weight: float = 0.3) -> None:
        expect_layers("Auxiliary", head)
        self.head = head
        self.weight = expect_number("Auxiliary: weight", weight, NON_NEGATIVE, fix="Try 0.3.")

    def build(self, shape: Any, key: Any = None, *, seed: int = 0) -> Any:
        """The head's parameters: no call in inference would make them."""
        self.head.ensure_built(shape, random.fold_in(key, 0))

    def __call__(self, x: Any, *, training: bool = False, key: Any = None) -> Variable:
        """x itself."""
        outputs = _outputs.get()
        if training and outputs is not None:
            outputs.append((self.weight, self.head(x, training=True, key=key)))
        return x


@contextmanager
def auxiliary_outputs() -> Iterator[Outputs]:
    """Within the block the auxiliary heads that are called in training add (weight, output) to this list."""
    outputs: Outputs = []
    token = _outputs.set(outputs)
    try:
        yield outputs
    finally:
        _outputs.reset(token)


def expect_paths(where: str, *paths: Any) -> tuple[Layer, ...]:
    """The paths; ConfigurationError unless there are some, and all of them are layers."""
    expect_layers(where, *paths)
    if not paths:
        raise ConfigurationError(f"{where}: expected at least one path, got none.")
    return paths


def expect_layers(where: str, *layers: Any) -> None:
    """Raise ConfigurationError unless all of these are layers."""
    for entry in layers:
        if not isinstance(entry, Layer):
            hint = " A class is given; call it: ReLU()." if isinstance(entry, type) else ""
            if isinstance(entry, list | tuple):
                hint = f" Take them out of the {type(entry).__name__}: {where}(*layers)."
            raise ConfigurationError(f"{where}: expected layers, got {entry!r}.{hint}")

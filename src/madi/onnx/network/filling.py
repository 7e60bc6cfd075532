"""Layers that hold the weights of a file, and constants in the order in which a network has its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

from madi.graph import Parameter
from madi.layers import Layer
from madi.onnx.network.flow import Flow
from madi.onnx.network.table import Place

LARGEST = 2**28  # numbers of an example: 1 GiB

LayerT = TypeVar("LayerT", bound=Layer)


def filled(layer: LayerT, shape: tuple[int, ...], **arrays: np.ndarray | None) -> LayerT:
    """The layer as built for one example of `shape`, with these arrays for its parameters and running statistics.

    Weight decay is for those called "weight" alone.  Numbers become float32, madi's type of weights.
    """
    layer.input_shape = shape
    for name, array in arrays.items():
        value = None if array is None else np.array(array, np.float32, order="C")
        plain = value is None or name in layer.states
        setattr(layer, name, value if plain else Parameter(value, decay=name == "weight"))
    return layer


def expect_modest(sizes: Iterable[int]) -> None:
    """Raise ValueError for examples of so many numbers as no network makes: layers do not ask for memory first."""
    if math.prod(sizes) > LARGEST:
        raise ValueError(f"it makes more than {LARGEST} numbers of an example")


def number(value: Any) -> float:
    """A number of a file, which has 32 bits, as one writes it: 0.0001 for 9.999999747378752e-05."""
    return float(str(np.float32(value)))


def lying_as(place: Place, x: Flow, constant: np.ndarray) -> tuple[Flow, np.ndarray]:
    """A value, and a constant that is broadcast against it, with the axes that the constant has as the value's last.

    Unsupported for a constant that differs between examples, and one that would repeat the value.
    """
    full = np.reshape(constant, (1,) * (len(x.sizes) + 1 - np.ndim(constant)) + np.shape(constant))
    varying = [axis - 1 for axis, size in enumerate(full.shape) if size != 1]
    if full.ndim != len(x.sizes) + 1 or any(axis < 0 or full.shape[axis + 1] != x.sizes[axis] for axis in varying):
        raise place.refusal(f"its constant has the shape {np.shape(constant)}, beside examples of {x.sizes}.")
    if len(varying) < 2:
        x = x.ending_in(varying[0]) if varying else x
        row = full.reshape(full.shape[varying[0] + 1] if varying else ())
        return x, row if x.rows is None or not varying else row[x.rows.places]
    order = [axis for axis in x.axes if axis in varying]
    if list(x.axes[-len(order) :]) != order:
        x = x.arranged([*(axis for axis in x.axes if axis is not None and axis not in order), *order])
    squeezed = full.reshape([x.sizes[axis] for axis in varying])
    return x, squeezed.transpose([varying.index(axis) for axis in order])

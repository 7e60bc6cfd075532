"""A value on its way through a network of layers: which axis of ONNX's each of its axes is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from madi.layers import Flatten, Layer, Permute, Reshape

Sizes = tuple[int, ...]
IMAGE = (1, 2, 0)  # madi's images are (H, W, C), ONNX's (C, H, W)


@dataclass(frozen=True)
class Rows:
    """Images that were flattened as madi has them, where ONNX has them channels first.

    shape   of an example before it became a row
    order   its axes in ONNX's order
    """

    shape: Sizes
    order: tuple[int, ...]

    @property
    def places(self) -> np.ndarray:
        """Where each number of madi's row stands in ONNX's."""
        sizes = [self.shape[axis] for axis in self.order]
        return np.arange(math.prod(sizes)).reshape(sizes).transpose(np.argsort(self.order)).reshape(-1)

    def undone(self) -> list[Layer]:
        """The layers that bring a row into ONNX's order."""
        return [Reshape(*self.shape), Permute(*self.order), Flatten()]


@dataclass(eq=False)
class Flow:
    """A value that the network computes, and the layers that compute it from `source`.

    sizes    of an example as ONNX has it, the axis of examples left out: (C, H, W)
    axes     for each axis of an example as madi has it, which of ONNX's axes it is; None for one of size 1 that ONNX
             has not.  ONNX's axes that are missing have the size 1.  So a Transpose changes this alone, and no layer
             moves anything until one needs another order
    rows     set where the numbers of a row stand in another order than ONNX's
    uses     by how many nodes it is still to be read
    arms     for a merge that no layer says yet: the paths that meet in it, as (where it begins, layers)
    merge    what the arms become, and the node's label for messages
    """

    sizes: Sizes
    axes: tuple[int | None, ...]
    rows: Rows | None = None
    source: Flow | None = None
    layers: list[Layer] = field(default_factory=list)
    uses: int = 1
    arms: list[Arm] = field(default_factory=list)
    merge: str = ""
    label: str = ""

    @property
    def shape(self) -> Sizes:
        """Of an example as madi has it."""
        return tuple(1 if axis is None else self.sizes[axis] for axis in self.axes)

    def then(
        self, *layers: Layer, sizes: Sizes | None = None, axes: Sequence[int | None] | None = None,
        rows: Rows | None = None,
    ) -> Flow:  # fmt: skip
        """What the layers make of this value.  Without new sizes and axes it stays what it was, element by element."""
        same = sizes is None and axes is None
        source, before = arm_of(self)
        before.extend(layers)  # a list of this path alone: `arm_of` gives a value of several readers a new one
        return Flow(
            self.sizes if sizes is None else tuple(sizes), self.axes if axes is None else tuple(axes),
            self.rows if same else rows, source, before,
        )  # fmt: skip

    @property
    def last_layer(self) -> Layer | None:
        """The layer that this value comes out of, where nothing else reads the value."""
        layers = arm_of(self)[1]
        return layers[-1] if layers else None

    def replaced(self, layer: Layer) -> Flow:
        """The value with another layer in place of its `last_layer`, which computes the same axes."""
        source, layers = arm_of(self)
        layers[-1] = layer
        return Flow(self.sizes, self.axes, self.rows, source, layers)

    @property
    def unordered(self) -> Flow:
        """The value with its rows in ONNX's order."""
        if self.rows is None:
            return self
        return self.then(*self.rows.undone(), sizes=self.sizes, axes=self.axes)

    def arranged(self, wanted: Iterable[int]) -> Flow:
        """The value with exactly these of ONNX's axes, in this order; those left out must have the size 1."""
        x, axes = self.unordered, tuple(wanted)
        held, order = ([axis for axis in some if axis is not None and x.sizes[axis] != 1] for some in (x.axes, axes))
        if held != order:
            ones = [place for place, axis in enumerate(x.axes) if axis not in order]
            places = [x.axes.index(axis) for axis in order] + ones
            x = x.then(Permute(*places), sizes=x.sizes, axes=[x.axes[place] for place in places])
        return x.shaped(tuple(x.sizes[axis] for axis in axes), axes)

    def shaped(self, shape: Sizes, axes: Sequence[int | None], sizes: Sizes | None = None) -> Flow:
        """The numbers in the same sequence, in another shape."""
        layers: list[Layer] = [] if shape == self.shape else [Flatten() if len(shape) == 1 else Reshape(*shape)]
        for layer in layers:
            layer.input_shape = self.shape
        return self.then(*layers, sizes=self.sizes if sizes is None else sizes, axes=axes)

    def ending_in(self, axis: int) -> Flow:
        """The value with this axis of ONNX's as its last; rows stay as they are."""
        if self.axes[-1:] == (axis,):
            return self
        return self.arranged([*(held for held in self.axes if held not in (None, axis)), axis])


Arm = tuple[Flow, list[Layer]]


def arm_of(flow: Flow) -> Arm:
    """Where the path to this value begins, at an input, a fork or a merge, and the layers from there on."""
    parts: list[list[Layer]] = []
    while flow.uses == 1 and flow.source is not None:
        parts.append(flow.layers)
        flow = flow.source
    if len(parts) == 1:
        return flow, parts[0]
    return flow, [layer for part in reversed(parts) for layer in part]

"""Layers made of layers."""

from __future__ import annotations

from typing import Any

from madi.errors import ConfigurationError
from madi.graph import Variable
from madi.kernels.arrays import is_traced
from madi.layers.activations import ReLU
from madi.layers.base import Layer
from madi.layers.calling import observed
from madi.layers.convolution import Conv2D


def rectifies(layer: Layer, following: Layer, x: Variable) -> bool:
    """Whether a convolution and the ReLU after it become one node: in a compiled program into which nobody looks.

    The numbers are the same, to the bit; the images pass through memory once less, forward and backward.
    """
    fits = type(layer) is Conv2D and type(following) is ReLU and layer.input_shape is not None
    return fits and is_traced(x.value) and not observed()


class Sequential(Layer):
    """Layers one after the other; they are called "0", "1", ... in paths.

    >>> from madi.layers import Dense, ReLU
    >>> model = Sequential(Dense(3), ReLU(), Dense(2)).build((4,), seed=0)
    >>> list(model.parameters())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    transparent = "layers"

    def __init__(self, *layers: Layer) -> None:
        strangers = [entry for entry in layers if not isinstance(entry, Layer)]
        if strangers:
            hint = " A class is given; call it: Dense(10)." if isinstance(strangers[0], type) else ""
            if isinstance(strangers[0], list | tuple):
                hint = f" Take them out of the {type(strangers[0]).__name__}: Sequential(*layers)."
            raise ConfigurationError(f"Sequential: expected layers, got {strangers[0]!r}.{hint}")
        self.layers = layers

    def __call__(self, x: Any, *, training: bool = False, key: Any = None) -> Variable:
        """Each layer on the output of the one before."""
        waiting = list(reversed(self.layers))
        while waiting:
            layer = waiting.pop()
            if waiting and rectifies(layer, waiting[-1], x):
                waiting.pop()
                x = layer.convolved(x, relu=True)  # type: ignore[attr-defined]
            else:
                x = layer(x, training=training, key=key)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Layer:
        return self.layers[index]

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"

"""A network that reads digits, from the bitmap of a drawing to probabilities, and beside them what led to them."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

import madi.functions as F
from madi.datasets import Split
from madi.datasets.handwriting import normalized
from madi.errors import ConfigurationError
from madi.layers import Layer
from madi.studio.drawing.looking import Look, Within
from madi.studio.drawing.nearest import Nearest, Neighbour
from madi.training import predict
from madi.training.checks import last_node

DIGITS = tuple("0123456789")
MOST_EXAMPLES = 10_000  # among which the nearest are looked for
WORK = 1e11  # multiply-adds that finding their features may take
HIDDEN, PIXELS = "hidden", "pixels"
SPACES = (HIDDEN, PIXELS)


class Reading(NamedTuple):
    """What the network is given (side, side), and the probability of each class."""

    picture: np.ndarray
    probabilities: np.ndarray


class Reader:
    """A network for pictures of single digits, with examples of what it learned from.

    model      built for (side, side, 1) or (side · side,)
    classes    the digit that each output stands for: "0", ...
    examples   pictures, and labels that count in `classes`; none, where they are not known

    Raises ConfigurationError for a network that does not read digits.
    """

    def __init__(self, model: Layer, classes: Sequence[str], examples: Split | None = None) -> None:
        side = side_of(model.shape_of_one(), classes)
        outputs = model.output_shape()
        if side is None or outputs not in ((len(classes),), *([(1,)] if len(classes) == 2 else [])):
            raise ConfigurationError(
                f"draw: expected a network of square grey pictures whose classes are digits, got examples of shape "
                f"{model.shape_of_one()}, outputs {outputs} and classes {', '.join(classes[:12]) or 'without names'}."
            )
        self.model, self.classes, self.side = model, tuple(classes), side
        self.within = Within(model)
        self._last = last_node(model, (1, *model.shape_of_one()))
        self._examples = None if examples is None else self._some(examples)
        self._spaces: dict[str, Nearest] = {}
        blank = np.zeros((side, side), np.float32)
        self.read(blank)  # what is compiled, and the features of the examples, are made now
        self.nearest(blank, 1)
        began = time.perf_counter()
        self.read(blank)
        self.seconds = time.perf_counter() - began  # that a reading takes, about

    def _some(self, examples: Split) -> Split:
        most = min(MOST_EXAMPLES, max(1000, int(WORK / max(self.within.multiply_adds, 1))))
        return Split(examples.x[:most], examples.y[:most])

    # ---- the way of a drawing

    def read(self, bitmap: np.ndarray) -> Reading:
        """The bitmap (H, W) as the network's examples were made, and what the network says."""
        picture = normalized(bitmap, self.side)
        return Reading(picture, self._probabilities(predict(self.model, self._inputs(picture))))

    def _inputs(self, picture: np.ndarray) -> np.ndarray:
        return picture.reshape(1, *self.model.shape_of_one())

    def _probabilities(self, outputs: np.ndarray) -> np.ndarray:
        if outputs.shape[1] == 1:
            yes = float(outputs[0, 0] if self._last == "Sigmoid" else F.sigmoid(outputs).value[0, 0])
            return np.array([1 - yes, yes], np.float32)
        return outputs[0] if self._last == "Softmax" else F.softmax(outputs).value[0]

    def look(self, picture: np.ndarray) -> list[Look]:
        """What each layer answers to the picture."""
        return self.within(self._inputs(picture))

    # ---- examples

    @property
    def count(self) -> int:
        """Examples among which the nearest are looked for."""
        return 0 if self._examples is None else len(self._examples.x)

    def nearest(self, picture: np.ndarray, count: int, space: str = HIDDEN) -> list[Neighbour]:
        """The training examples nearest to the picture, the nearest first; none where they are not known.

        space   "hidden": as the last layer with weights is given them; "pixels": as pictures
        """
        if self._examples is None:
            return []
        if space not in self._spaces:
            self._spaces[space] = Nearest(self._points(self._examples.x, space), self._examples.y)
        return self._spaces[space](self._points(self._inputs(picture), space)[0], count)

    def _points(self, x: np.ndarray, space: str) -> np.ndarray:
        return self.within.features(x) if space == HIDDEN else x.reshape(len(x), -1)

    def example(self, index: int) -> np.ndarray:
        """The picture of an example (side, side)."""
        if self._examples is None:
            raise ConfigurationError("draw: the network's examples are not known.")
        return self._examples.x[index].reshape(self.side, self.side)


def side_of(shape: Sequence[int], classes: Sequence[str]) -> int | None:
    """Pixels of a side of the pictures that such a network reads; None where it does not read digits."""
    side = math.isqrt(math.prod(shape))
    fits = tuple(shape) in ((side, side, 1), (side * side,))
    named = 2 <= len(classes) <= len(DIGITS) and all(name in DIGITS for name in classes)
    return side if fits and side >= 4 and named else None

"""What each layer of a network answers to one example, as pictures: a tile a channel, or a cell a unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.graph import Variable, no_grad
from madi.layers import Layer, observing_layers
from madi.layers.activations import ACTIVATIONS
from madi.training.choice import inference_seconds

MOST_TILES, MOST_UNITS = 32, 256  # of a layer that are shown
ROW = 32  # units in a row
SILENT = ("Flatten", "Dropout", "Identity")  # layers whose output is their input
AFTER = ("BatchNorm", "LayerNorm", *(kind.__name__ for kind in ACTIVATIONS.values()))  # shown with the one before
FEW = 10  # examples of which features are found without compiling
SLOW = 0.004  # seconds a look from which on it is compiled


@dataclass(frozen=True)
class Look:
    """The answer of a layer, with its activation.

    name     "Conv2D · ReLU"
    shape    of its output
    tiles    (count, height, width) int8: the values by the greatest magnitude among them, +-127; the first ones,
             where there are many.  Units are one tile, in rows
    count    channels, or units
    largest  that magnitude
    """

    name: str
    shape: tuple[int, ...]
    tiles: np.ndarray
    count: int
    largest: float


@dataclass(frozen=True)
class Stage:
    """A layer with the activation after it: the kinds of both, and where in the list of leaves its output stands."""

    name: str
    place: int


class Within:
    """The outputs of the layers of a built model for one example, and what its last layer with weights is given.

    Uncompiled where that is quick, else as one compiled program.
    """

    def __init__(self, model: Layer) -> None:
        self.model = model
        example = np.zeros((1, *model.shape_of_one()), np.float32)
        leaves = _leaves(model, example)
        self.stages = _stages([layer for layer, _, _ in leaves])
        self.last = max((i for i, (layer, _, _) in enumerate(leaves) if _weighs(layer)), default=len(leaves) - 1)
        self._compiled: Any = None
        self.multiply_adds = int(model.summary().multiply_adds)
        if inference_seconds(len(leaves), self.multiply_adds, 1, 1) > SLOW:
            self._compiled = self._compile()
            self(example)

    def __call__(self, x: np.ndarray) -> list[Look]:
        """What each layer answers to one example x (1, ...), from the first to the last."""
        return [_look(stage.name, output[0]) for stage, output in zip(self.stages, self._outputs(x), strict=True)]

    def features(self, x: np.ndarray) -> np.ndarray:
        """(N, d) float32: what the last layer with weights is given for the examples x."""
        given = self._features(x) if len(x) <= FEW else self._compiled_features(x)
        return np.asarray(given, np.float32).reshape(len(x), -1)

    def _outputs(self, x: np.ndarray) -> Sequence[np.ndarray]:
        if self._compiled is not None:
            parameters = {path: parameter.value for path, parameter in self.model.parameters().items()}
            return [np.asarray(value) for value in self._compiled(parameters, self.model.state(), x)]
        leaves = _leaves(self.model, x)
        return [np.asarray(leaves[stage.place][2]) for stage in self.stages]

    def _compile(self) -> Any:
        import jax

        places = [stage.place for stage in self.stages]

        def run(parameters: Any, state: Any, x: Any) -> Any:
            leaves = _leaves(self.model.bind({**parameters, **state}), x)
            return [leaves[place][2] for place in places]

        return jax.jit(run)

    def _features(self, x: Any) -> Any:
        return _leaves(self.model, x)[self.last][1]

    def _compiled_features(self, x: np.ndarray, size: int = 250) -> np.ndarray:
        import jax

        run = jax.jit(self._features)
        missing = -len(x) % size
        filled = np.concatenate([x, np.zeros((missing, *x.shape[1:]), x.dtype)])
        parts = [np.asarray(run(filled[start : start + size])) for start in range(0, len(filled), size)]
        return np.concatenate(parts)[: len(x)]


def _leaves(model: Layer, x: Any) -> list[tuple[Layer, Any, Any]]:
    """(layer, its input, its output) of each call of a layer without layers of its own, in their order."""
    found: list[tuple[Layer, Any, Any]] = []

    def on_layer(layer: Layer, given: Variable, output: Variable) -> None:
        if not layer.inner_layers():
            found.append((layer, given.value, output.value))

    with no_grad(), observing_layers(on_layer), np.errstate(over="ignore", invalid="ignore"):
        model(x)
    return found


def _weighs(layer: Layer) -> bool:
    return getattr(layer, "weight", None) is not None or getattr(layer, "kernel", None) is not None


def _stages(layers: Sequence[Layer]) -> list[Stage]:
    """The layers that are shown, each with the activation that follows."""
    stages: list[Stage] = []
    for place, layer in enumerate(layers):
        kind = type(layer).__name__
        if kind in AFTER and stages:
            stages[-1] = Stage(f"{stages[-1].name} · {kind}", place)
        elif kind not in SILENT:
            stages.append(Stage(kind, place))
    return stages


def _look(name: str, output: np.ndarray) -> Look:
    images = output.ndim == 3
    tiles = output.transpose(2, 0, 1)[:MOST_TILES] if images else _rows(output.reshape(-1)[:MOST_UNITS])
    largest = float(np.abs(tiles).max(initial=0.0))
    levels = np.rint(tiles * (127 / largest if largest > 0 else 0)).astype(np.int8)
    return Look(name, output.shape, levels, output.shape[-1] if images else output.size, largest)


def _rows(units: np.ndarray) -> np.ndarray:
    """Units as one tile of rows that are equally long, the last filled up with zeros."""
    columns = -(-len(units) // -(-len(units) // ROW))
    return np.pad(units, (0, -len(units) % columns)).reshape(1, -1, columns)

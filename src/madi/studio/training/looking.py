"""What a frame of a training shows: decision boundary, histograms by layer, filters, the doctor's findings.

Computed on a copy of the network, when a page asks, so that the training itself never waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.diagnostics import Finding
from madi.diagnostics.doctor import examine, look
from madi.diagnostics.statistics import probe
from madi.functions import sigmoid, softmax
from madi.kernels.arrays import array_library, widened
from madi.layers import Conv2D, Dense, Layer
from madi.runs.job import Job
from madi.studio.training.data import MOST_POINTS
from madi.studio.training.frames import Frame
from madi.training import predict
from madi.training.engines import one_thread
from madi.training.observation import Observation, observe
from madi.training.rerun import at_first_weights

GRID = 72  # points of a boundary's side
MARGIN = 0.12  # of the data's extent, around them
EXAMPLES = 32  # whose activations and gradients are looked at
NUMBERS = 4000  # of a layer, evenly from all
BINS = 28
MOST_FILTERS = 32


@dataclass(frozen=True)
class Boundary:
    """What the network answers in the plane of its two inputs.

    shares   (GRID, GRID, classes) probabilities, rows from the smallest second input on; or (GRID, GRID, 1) numbers
    box      (least, most) of the first input, then of the second
    points   (x, y) of examples
    """

    shares: np.ndarray
    box: tuple[float, float, float, float]
    points: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Spread:
    """How the numbers of a layer are spread: counts in equal bins from `least` to `most`."""

    counts: np.ndarray
    least: float
    most: float
    mean: float
    deviation: float


@dataclass(frozen=True)
class LayerSpread:
    """A layer's outputs, and the gradients of the loss by them (None where the loss does not depend on them)."""

    path: str
    kind: str
    outputs: Spread
    gradients: Spread | None


class Look:
    """Looks at frames of a job, one after the other."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._trainer = at_first_weights(job.trainer)
        self._trainer._engines = {}  # programs of its own: engines are not for two threads
        self._lock, self._doctor = threading.Lock(), threading.Lock()
        self._diagnosis: list[Finding] | None = None
        self._probe: Any = None

    @property
    def has_plane(self) -> bool:
        """Whether there are two inputs."""
        part = self.job.parts["training"]
        return isinstance(part, tuple) and part[0].shape[1:] == (2,)

    def boundary(self, frame: Frame) -> Boundary:
        """The answers on a grid over the examples."""
        x, y = self._points()
        low, high = x.min(axis=0), x.max(axis=0)
        room = MARGIN * np.maximum(high - low, 1e-6)
        low, high = low - room, high + room
        first, second = (np.linspace(low[axis], high[axis], GRID, dtype=np.float32) for axis in (0, 1))
        grid = np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2)
        with self._lock, one_thread():
            self._trainer.restore(frame.weights)
            outputs = predict(self._trainer.model, grid)
        shares = self._shares(outputs).reshape(GRID, GRID, -1)
        return Boundary(shares, (float(low[0]), float(high[0]), float(low[1]), float(high[1])), (x, y))

    def _points(self) -> tuple[np.ndarray, np.ndarray]:
        x, y = self.job.parts["training"]
        step = -(-len(x) // MOST_POINTS)
        labels = y[::step]
        if self.job.data.classes and labels.ndim > 1:
            labels = labels.argmax(axis=-1) if labels.shape[-1] > 1 else labels[:, 0].astype(int)
        return x[::step], labels

    def _shares(self, outputs: np.ndarray) -> np.ndarray:
        """Probabilities of classes, one of two as a column of each; numbers as they are."""
        loss = self._trainer.loss
        if not self.job.data.classes:
            return outputs
        if loss.contains == "Softmax":
            return np.asarray(softmax(outputs).value)
        second = np.asarray(sigmoid(outputs).value) if loss.contains == "Sigmoid" else np.clip(outputs, 0, 1)
        return second if second.shape[-1] > 1 else np.concatenate([1 - second, second], axis=-1)

    def spreads(self, frame: Frame) -> list[LayerSpread]:
        """Histograms of every layer's outputs and gradients on some examples, always the same ones."""
        with self._lock, one_thread():
            if self._probe is None:
                self._probe = probe(self._trainer, self._first_part(), EXAMPLES)
            self._trainer.restore(frame.weights)
            found = observe(self._trainer, self._probe, _samples)
        layers = {layer.path: layer for _, layer in self._trainer.model.walk()}
        return [
            LayerSpread(path, type(layer).__name__, spread(found[path]["outputs"]), _spread_or_none(found[path]))
            for path, layer in layers.items()
            if path in found
        ]

    def _first_part(self) -> Any:
        part = self.job.parts["training"]
        return part if isinstance(part, tuple) else next(iter(part))[:2]

    def filters(self, frame: Frame) -> np.ndarray | None:
        """The weights of the first layer that has some as pictures (count, H, W, 1 or 3) in 0..1, or None.

        Of a convolution its filters; of a dense layer on pictures what each unit weighs each pixel with.
        """
        found = first_with_weights(self._trainer.model)
        if found is None:
            return None
        weight = np.asarray(frame.weights[f"{found.path}.weight" if found.path else "weight"])
        return pictures_of(weight, self._trainer.model.shape_of_one())

    def findings(self, frame: Frame, *, ended: bool) -> list[Finding]:
        """What the doctor says: at a look, or, after the end, with other learning rates tried."""
        part, validation = self.job.parts["training"], self.job.parts.get("validation")
        if not isinstance(part, tuple):
            return []
        if ended:
            return self._examined(part, validation)
        with self._lock, one_thread():
            self._trainer.restore(frame.weights)
            self._trainer.history = self.job.trainer.history
            self._trainer.epoch = frame.epoch
            return list(look(self._trainer, part, validation=validation))

    def _examined(self, part: Any, validation: Any) -> list[Finding]:
        """All that the doctor finds of the trained network; once, for it may take some seconds."""
        with self._doctor:
            if self._diagnosis is None:
                self._diagnosis = list(examine(self.job.trainer, part, validation=validation))
            return self._diagnosis


def _samples(seen: Observation) -> dict[str, dict[str, Any]]:
    """Some numbers of each layer: a pure function, which may be compiled."""
    return {
        layer.path: {
            "outputs": _some(layer.outputs),
            "gradients": _some([gradient for gradient in layer.gradients if gradient is not None]),
        }
        for layer in seen.layers
    }


def _some(arrays: list[Any]) -> Any:
    """At most NUMBERS, evenly from all."""
    if not arrays:
        return None
    flat = array_library(*arrays).concatenate([widened(array).reshape(-1) for array in arrays])
    return flat[:: -(-flat.size // NUMBERS)]


def _spread_or_none(found: Mapping[str, Any]) -> Spread | None:
    return None if found["gradients"] is None else spread(found["gradients"])


def spread(numbers: np.ndarray) -> Spread:
    """The histogram of the finite ones among some numbers."""
    finite = np.asarray(numbers, np.float64).reshape(-1)
    finite = finite[np.isfinite(finite)]
    if not finite.size:
        return Spread(np.zeros(BINS, int), 0.0, 0.0, float("nan"), float("nan"))
    least, most = float(finite.min()), float(finite.max())
    counts, _ = np.histogram(finite, bins=BINS, range=(least, most) if most > least else (least - 0.5, least + 0.5))
    return Spread(counts, least, most, float(finite.mean()), float(finite.std()))


def first_with_weights(model: Layer) -> Layer | None:
    """The first convolution or dense layer of a model."""
    return next((layer for _, layer in model.walk() if isinstance(layer, (Conv2D, Dense))), None)


def pictures_of(weight: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """Weights as pictures, each brought to 0..1 with 0 in the middle; None where they are none."""
    if weight.ndim == 2 and len(shape) == 3 and weight.shape[0] == int(np.prod(shape)):
        weight = weight.reshape(*shape, -1)
    if weight.ndim != 4:
        return None
    found = np.moveaxis(weight, -1, 0)[:MOST_FILTERS].astype(np.float64)
    if found.shape[-1] != 3:
        found = found.mean(axis=-1, keepdims=True)
    largest = np.abs(found).max(axis=(1, 2, 3), keepdims=True)
    return 0.5 + found / np.where(largest > 0, 2 * largest, 1)

"""Statistics by layer while a network trains: activations, gradients, dead and saturated units, sizes of updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.functions import ReLU, Sigmoid
from madi.graph import Function
from madi.kernels import random
from madi.kernels.arrays import array_library, widened
from madi.options import expect_count
from madi.training.callbacks import Callback
from madi.training.data import Examples
from madi.training.observation import Observation, Observed, observe
from madi.training.trainer import Trainer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXAMPLES = 256
FLAT = 0.05  # of a sigmoid's or tanh's steepest slope: where it is less steep, it is saturated
PROBE = 2**32 - 6  # the random key of the examples that are looked at, under the trainer's


@dataclass(frozen=True)
class LayerRow:
    """What a layer did on the probe, the same examples each time.  None where it does not apply.

    epoch                  after which; 0: the first weights
    layer, kind            its path in the model, and its class
    mean, deviation        of all numbers that it puts out
    gradient_mean, gradient_deviation, gradient_norm
                           of dL/d(output), the loss being the mean over the probe
    units                  of its ReLUs, or of its sigmoids and tanhs: features, or channels of an image
    dead                   share of its ReLU units that are 0 for every example, everywhere in the image
    saturated              share of the outputs of its sigmoids and tanhs where their slope is less than 5% of the
                           steepest: beyond 0.987 or below 0.013 for a sigmoid, beyond +-0.975 for tanh
    weight_norm            of the weights that it holds, biases left out
    weight_gradient_norm   of dL/d(weights)
    update_ratio           |new weights - weights| / |weights| of the optimizer's next step on the probe
    """

    epoch: int
    layer: str
    kind: str
    mean: float
    deviation: float
    gradient_mean: float | None = None
    gradient_deviation: float | None = None
    gradient_norm: float | None = None
    units: int | None = None
    dead: float | None = None
    saturated: float | None = None
    weight_norm: float | None = None
    weight_gradient_norm: float | None = None
    update_ratio: float | None = None

    @property
    def name(self) -> str:
        """What messages call it: "layer 2 (ReLU)"."""
        return f"layer {self.layer} ({self.kind})" if self.layer else self.kind


class LayerStatistics(Callback):
    """A callback that looks at every layer before the first epoch and after each: `.rows`, `.to_dict()`, `.plot()`.

    data       arrays (x, y) as of `fit`: training data, of which the probe is drawn
    examples   how many the probe has: the same random ones each time
    every      how many epochs from one look to the next; the last epoch of a fit is always looked at

    A look costs about what a training step on the probe costs, forward, backward and update, and once, on the JAX
    engine, a compilation.  Raises what `fit` raises for data that do not fit the model.

    >>> from madi.layers import Dense, ReLU, Sequential
    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> trainer = Trainer(Sequential(Dense(8), ReLU(), Dense(2)), engine="numpy")
    >>> statistics = LayerStatistics((x, x[:, 0] > 0))
    >>> _ = trainer.fit((x, x[:, 0] > 0), epochs=2, callbacks=[statistics], verbose=0)
    >>> [(row.epoch, row.layer, row.kind) for row in statistics.rows[:4]]
    [(0, '0', 'Dense'), (0, '1', 'ReLU'), (0, '2', 'Dense'), (1, '0', 'Dense')]
    """

    def __init__(self, data: Any, *, examples: int = EXAMPLES, every: int = 1) -> None:
        self.data = data
        self.examples = expect_count("LayerStatistics: examples", examples, fix="Try 256.")
        self.every = expect_count("LayerStatistics: every", every, fix="Try 1.")
        self.rows: list[LayerRow] = []
        self._probe: Examples | None = None

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Look at the weights that a fit begins with."""
        self._probe = None
        if not any(row.epoch == trainer.epoch for row in self.rows):
            self.look(trainer)

    def on_epoch_end(self, trainer: Trainer, epoch: int, values: dict[str, float]) -> None:
        """Look at those after the epoch."""
        if epoch % self.every == 0:
            self.look(trainer)

    def on_fit_end(self, trainer: Trainer) -> None:
        """Look at the last, unless that was done."""
        if self.rows and self.rows[-1].epoch != trainer.epoch:
            self.look(trainer)

    def state(self) -> dict[str, Any]:
        """The rows so far."""
        return self.to_dict()

    def restore_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.rows = [LayerRow(**row) for row in state["rows"]]

    def look(self, trainer: Trainer) -> list[LayerRow]:
        """Add the rows of the weights as they are now, and return them."""
        if self._probe is None:
            self._probe = probe(trainer, self.data, self.examples)
        found = statistics_of(trainer, self._probe)
        self.rows += found
        return found

    def epochs(self) -> list[int]:
        """The epochs that were looked at, in order."""
        return sorted({row.epoch for row in self.rows})

    def at(self, epoch: int) -> list[LayerRow]:
        """The rows of an epoch, in the order in which the layers are called."""
        return [row for row in self.rows if row.epoch == epoch]

    def to_dict(self) -> dict[str, Any]:
        """{"rows": [{"epoch": 0, "layer": "0", ...}]}: plain numbers and texts."""
        return {"rows": [asdict(row) for row in self.rows]}

    def plot(self) -> Figure:
        """A matplotlib figure: activations, gradients, dead or saturated units and updates by layer over the epochs.

        Raises DataError where nothing was looked at yet.
        """
        from madi.diagnostics.figure import figure

        return figure(self.rows)


def probe(trainer: Trainer, data: Any, count: int) -> Examples:
    """At most `count` random examples of the data, always the same ones."""
    found = trainer._examples(data, "data")
    if len(found) <= count:
        return found
    order = random.generator(random.fold_in(random.key(trainer.seed), PROBE)).permutation(len(found))
    return found.pick(np.sort(order[:count]))


def statistics_of(trainer: Trainer, found: Examples) -> list[LayerRow]:
    """The rows of every layer, for the trainer's model as it is, on these examples."""
    numbers = observe(trainer, found, _summary)
    layers = {layer.path: layer for _, layer in trainer.model.walk()}  # in order, which a compiled call does not keep
    return [
        LayerRow(trainer.epoch, path, type(layer).__name__, **_plain(numbers[path]))
        for path, layer in layers.items()
        if path in numbers
    ]


def _plain(numbers: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value is None else value.item() for name, value in numbers.items()}


def _summary(seen: Observation) -> dict[str, dict[str, Any]]:
    """The numbers of each layer by path: a pure function, which may be compiled."""
    return {layer.path: _of_layer(layer, seen) for layer in seen.layers}


def _of_layer(layer: Observed, seen: Observation) -> dict[str, Any]:
    outputs = _together(layer.outputs)
    found = {"mean": outputs.mean(), "deviation": outputs.std(), **_of_units(layer), **_of_weights(layer.path, seen)}
    known = [gradient for gradient in layer.gradients if gradient is not None]
    if known:
        slopes = _together(known)
        found |= {"gradient_mean": slopes.mean(), "gradient_deviation": slopes.std(), "gradient_norm": _norm([slopes])}
    return found


def _of_units(layer: Observed) -> dict[str, Any]:
    """Shares of dead ReLU units and of saturated outputs."""
    alive = [(y > 0).any(axis=tuple(range(y.ndim - 1))) for kind, y in layer.activations if kind is ReLU]
    flat = [_is_flat(kind, y) for kind, y in layer.activations if kind is not ReLU]
    found: dict[str, Any] = {}
    if alive or flat:
        found["units"] = np.asarray(sum(y.shape[-1] for _, y in layer.activations))
    if alive:
        found["dead"] = 1 - _together(alive).astype(np.float32).mean()
    if flat:
        found["saturated"] = _together(flat).astype(np.float32).mean()
    return found


def _is_flat(kind: type[Function], y: Any) -> Any:
    """Where the slope, y (1 - y) of a sigmoid and 1 - y² of tanh, is below 5% of its largest."""
    return y * (1 - y) < FLAT / 4 if kind is Sigmoid else 1 - y * y < FLAT


def _of_weights(path: str, seen: Observation) -> dict[str, Any]:
    """Norms of the layer's own weights, of their gradient and of what an update changes."""
    own = [name for name in seen.slopes if name.rpartition(".")[0] == path and seen.parameters[name].ndim > 1]
    if not own:
        return {}
    weight = _norm([seen.parameters[name] for name in own])
    change = _norm([seen.updated[name] - seen.parameters[name] for name in own])
    xp = array_library(weight)
    return {
        "weight_norm": weight,
        "weight_gradient_norm": _norm([seen.slopes[name] for name in own]),
        "update_ratio": xp.where(weight > 0, change / xp.where(weight > 0, weight, 1), 0),
    }


def _together(arrays: Sequence[Any]) -> Any:
    """All numbers of these arrays, in single precision or wider."""
    return array_library(*arrays).concatenate([widened(array).reshape(-1) for array in arrays])


def _norm(arrays: Sequence[Any]) -> Any:
    flat = _together(arrays)
    return array_library(flat).sqrt((flat * flat).sum())

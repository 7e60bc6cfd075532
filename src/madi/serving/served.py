"""A trained model as it answers: what it takes, what it gives, and its batches."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from madi.errors import ConfigurationError
from madi.serving.batching import Batcher, Batching, Outputs
from madi.serving.sources import Source
from madi.serving.tensors import TEXT, Port

if TYPE_CHECKING:
    from madi.datasets import Preparation
    from madi.layers import Layer
    from madi.training import Loss

INPUT, OUTPUT, PROBABILITIES, LABEL, PREDICTION = "input", "output", "probabilities", "label", "prediction"
MOST_NUMBERS = 2**22  # of an answer


class Found(Protocol):
    """A model as it was found: with what its file says of its classes, its preparation and its loss."""

    @property
    def model(self) -> Layer: ...
    @property
    def classes(self) -> list[str] | None: ...
    @property
    def preparation(self) -> Preparation | None: ...
    def loss(self) -> Loss: ...


class Served:
    """A model under a name and a version, warmed up.

    classes        the names of the labels, None where it answers with numbers
    preparation    how raw rows or pictures become its examples, where its file says so
    shape          of one example
    most           examples of a request
    outputs        what it gives: "output", the network's own; of classes "probabilities" and "label"; of numbers with
                   a preparation "prediction", in the units of the target

    Raises ConfigurationError for a model that was never built.
    """

    def __init__(
        self, source: Source, found: Found, batching: Batching, *, batched: Callable[[int], None] = lambda count: None
    ) -> None:
        self.source, self.model, self.preparation = source, found.model, found.preparation
        if self.model.input_shape is None:
            raise ConfigurationError(f"{source.path}: the model has no input shape. Build it before it is saved.")
        self.shape: tuple[int, ...] = tuple(self.model.input_shape)
        self._dtype = next((parameter.value.dtype for parameter in self.model.parameters().values()), np.dtype("f4"))
        batching = replace(batching, most=min(batching.most, self._largest()))
        outputs = self._warmed(batching)
        self.classes = self._classes_of(found, outputs)
        self._last = self._last_node() if self.classes else None
        self.outputs = self._ports(outputs)
        self.most = max(1, MOST_NUMBERS // sum(math.prod(port.shape[1:]) for port in self.outputs))
        self.batcher = Batcher(self._answer, batching, batched=batched)

    # ---- when it is opened

    def _largest(self) -> int:
        """Examples of which a network takes no more at once, for their size."""
        from madi.training.prediction import evaluation_batch

        return evaluation_batch(self.shape)

    def _warmed(self, batching: Batching) -> np.ndarray:
        """Compile for every size of a batch; the outputs of one example."""
        for size in reversed(batching.sizes):
            outputs = self._predict(np.zeros((size, *self.shape), self._dtype))
        return outputs

    def _classes_of(self, found: Found, outputs: np.ndarray) -> list[str] | None:
        """The names of the classes by the rule of `madi predict`."""
        loss = found.loss()
        numbers = self.preparation is not None and not self.preparation.classes
        if numbers or outputs.ndim != 2 or not (loss.classes or loss.contains or "cross_entropy" in loss.name):
            return None
        count = max(outputs.shape[1], 2)
        known = found.classes or []
        return known if len(known) == count else [str(number) for number in range(count)]

    def _last_node(self) -> str | None:
        from madi.training.checks import last_node

        return last_node(self.model, (1, *self.shape))

    def _ports(self, outputs: np.ndarray) -> list[Port]:
        ports = [Port(OUTPUT, "FP32" if outputs.dtype == np.float32 else "FP64", (-1, *outputs.shape[1:]))]
        if self.classes:
            ports += [Port(PROBABILITIES, ports[0].datatype, (-1, len(self.classes))), Port(LABEL, TEXT, (-1,))]
        elif self.preparation is not None:
            ports.append(Port(PREDICTION, "FP64", (-1, len(self.preparation.target))))
        return ports

    @property
    def inputs(self) -> list[Port]:
        """What the protocol's route takes: raw columns of a table, else examples as the network takes them."""
        columns = getattr(self.preparation, "fitted", None)
        if columns is None:
            return [Port(INPUT, "FP64" if self._dtype == np.float64 else "FP32", (-1, *self.shape))]
        types = {"number": "FP64", "boolean": "BOOL"}
        return [Port(column.name, types.get(column.kind, TEXT), (-1, 1)) for column in columns]

    def described(self, versions: list[str]) -> dict[str, Any]:
        """The model's metadata, as the protocol has them."""
        ports = {"inputs": self.inputs, "outputs": self.outputs}
        sides = {side: [port.described() for port in found] for side, found in ports.items()}
        return {"name": self.source.name, "versions": versions, "platform": "madi", **sides}

    # ---- when it answers

    async def answer(self, x: np.ndarray) -> Outputs:
        """The outputs for examples x (n, ...) by name.  Refusal 503 where too many wait."""
        return await self.batcher.submit(x)

    def examples(self, x: np.ndarray) -> np.ndarray:
        """An array as examples of the network's numbers."""
        with np.errstate(over="ignore"):
            return x.astype(self._dtype, copy=False)

    def _answer(self, x: np.ndarray) -> Outputs:
        from madi.training.prediction import probabilities_after

        outputs = {OUTPUT: self._predict(x)}
        if self.classes:
            outputs[PROBABILITIES] = probabilities_after(self._last, outputs[OUTPUT])
        elif self.preparation is not None:
            outputs[PREDICTION] = np.asarray(self.preparation.restore(outputs[OUTPUT]), np.float64)
        return outputs

    def labels(self, probabilities: np.ndarray) -> np.ndarray:
        """The name of the likeliest class of each example (N,)."""
        return np.array(self.classes, object)[probabilities.argmax(axis=1)]

    def _predict(self, x: np.ndarray) -> np.ndarray:
        from madi.training import predict

        return predict(self.model, x, batch_size=len(x), engine="jax")

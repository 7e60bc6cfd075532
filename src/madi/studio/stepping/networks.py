"""The networks of the page by name, each with the examples that go through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import madi.functions as F
from madi import datasets, models
from madi.errors import ConfigurationError
from madi.graph import Variable, no_grad
from madi.graph.trace import computation_order
from madi.lab.apples_and_oranges import NAMES, price, variables
from madi.lab.framework.experiment import experiment
from madi.lab.sigmoid_graph import four_nodes
from madi.layers import Layer
from madi.optimizers import Adam
from madi.training import Trainer
from madi.training.losses import Loss, get

SPOKEN = {**NAMES, "total": "total"}  # names of the course's variables that are words: {field: name in the graph}
LARGEST = 1e9  # of a typed number

Ending = Variable | tuple[Variable, Any]  # the end of a graph, or with it the gradient to start from


@dataclass(frozen=True)
class ByNumbers:
    """A graph whose inputs are typed.

    fields    what each number is called, and what it is at first
    compute   the numbers in that order -> the end of the graph
    """

    fields: Mapping[str, float]
    compute: Callable[[Sequence[float]], Ending]

    def read(self, text: str) -> list[float]:
        """Numbers from an address: "100,2,1.1"; what is missing or no number is as at first."""
        given = [*text.split(",")]
        return [
            _number(given[place] if place < len(given) else "", at_first)
            for place, at_first in enumerate(self.fields.values())
        ]


@dataclass(frozen=True)
class ByExamples:
    """A network that examples of data go through.

    x, y       the examples, and their targets as the loss takes them; y None where there are none
    classes    the names of labels, () where targets are no classes
    names      of the examples, where they have some
    source     where the examples are from
    """

    model: Layer
    loss: Loss | None
    x: np.ndarray
    y: Any = None
    classes: tuple[str, ...] = ()
    names: Sequence[str] = ()
    source: str = ""

    @property
    def count(self) -> int:
        """How many examples there are."""
        return len(self.x)

    def compute(self, number: int) -> Ending:
        """The graph of one example: to the loss, or to the outputs, whose largest is where the way back starts."""
        output = self.model(Variable(self.x[number : number + 1], name="x"))
        if self.loss is not None and self.y is not None:
            end = self.loss(output, self.y[number : number + 1])
            end.name = "loss"
            return end
        start = np.zeros(output.shape, output.dtype)
        start.reshape(-1)[int(np.argmax(output.value))] = 1
        return output, start

    def reading(self, number: int) -> str:
        """The class that the network reads the example as, "" where its outputs stand for no classes."""
        with no_grad():
            outputs = np.asarray(self.model(self.x[number : number + 1]).value)
        return self.classes[int(outputs.argmax())] if outputs.size == len(self.classes) else ""

    def answer(self, number: int) -> str:
        """What the example is, as far as that is known."""
        if self.y is None:
            return ""
        target = np.asarray(self.y[number])
        if self.classes and target.ndim == 0:
            return self.classes[int(target)]
        return ", ".join(f"{entry:g}" for entry in target.reshape(-1)[:4])


Network = ByNumbers | ByExamples


def renamed(end: Ending, names: Mapping[str, str]) -> Ending:
    """The same graph, its variables called by other names where these are given."""
    output = end[0] if isinstance(end, tuple) else end
    for variable in [output, *(entry for node in computation_order(output) for entry in node.inputs)]:
        variable.name = names.get(variable.name or "", variable.name)
    return end


# ---- graphs with typed numbers


def _basket(*names: str) -> ByNumbers:
    """The price of what is bought, as a graph."""
    parameters = experiment("apples_and_oranges").parameters
    fields = {name: float(parameters[name].default) for name in names}
    return ByNumbers(fields, lambda given: price(variables(dict(zip(names, map(float, given), strict=True)))))


def apples() -> ByNumbers:
    """Apples: price, number, tax."""
    return _basket("apple_price", "apples", "tax")


def apples_and_oranges() -> ByNumbers:
    """Apples and oranges: two prices, two numbers, tax."""
    return _basket("apple_price", "apples", "orange_price", "oranges", "tax")


def sigmoid() -> ByNumbers:
    """The sigmoid of four nodes."""

    def compute(given: Sequence[float]) -> Variable:
        y: Variable = four_nodes(Variable(given[0], name="x"))
        y.name = "y"
        return y

    return ByNumbers({"x": 1.0}, compute)


def gate(name: str) -> Callable[[], ByNumbers]:
    """A logic gate of perceptrons."""

    def made() -> ByNumbers:
        model = models.gate(name)

        def compute(given: Sequence[float]) -> Variable:
            y = model(Variable(np.array([given], np.float32), name="x"))
            y.name = "y"
            return y

        return ByNumbers({"x1": 1.0, "x2": 0.0}, compute)

    return made


def three_layer() -> ByNumbers:
    """Two inputs, three and two hidden units, two outputs, and how far they are from what is wanted."""
    values = {name: parameter.default for name, parameter in experiment("three_layer").parameters.items()}
    model = models.mlp((3, 2), 2, activation=values["activation"], flatten=False).build((2,))
    for parameter, name in zip(model.parameters().values(), ("w1", "b1", "w2", "b2", "w3", "b3"), strict=True):
        parameter.value = np.reshape(values[name], parameter.shape)

    def compute(given: Sequence[float]) -> Variable:
        output = model(Variable(np.array([given[:2]]), name="x"))
        loss: Variable = F.mean_squared_error(output, np.array([given[2:]]))
        loss.name = "loss"
        return loss

    return ByNumbers({"x1": values["x"][0], "x2": values["x"][1], "t1": 0.0, "t2": 1.0}, compute)


# ---- networks for the digits in the box


def trained(make: Callable[[], Layer], *, epochs: int, rate: float) -> Callable[[], ByExamples]:
    """A network that has learned the digits in the box for a moment, always the same way."""

    def made() -> ByExamples:
        data = datasets.load("digits")
        model = make().build(data.train.x.shape[1:], seed=0)
        trainer = Trainer(model, optimizer=Adam(rate), loss="softmax_cross_entropy", engine="numpy", seed=0)
        trainer.fit((data.train.x, data.train.y), epochs=epochs, batch_size=50, verbose=0)
        return ByExamples(model, get("softmax_cross_entropy"), data.test.x, data.test.y, data.classes, (), "digits")

    return made


NETWORKS: dict[str, Callable[[], Network]] = {
    "apples": apples,
    "apples_and_oranges": apples_and_oranges,
    "sigmoid": sigmoid,
    **{name: gate(name) for name in ("AND", "NAND", "OR", "XOR")},
    "three_layer": three_layer,
    "softmax": trained(lambda: models.logistic_regression(10), epochs=10, rate=2e-3),
    "simple_convnet": trained(lambda: models.simple_convnet(filters=8, kernel_size=3, hidden=32), epochs=8, rate=5e-3),
    "deep_convnet": trained(models.deep_convnet, epochs=3, rate=3e-3),
}


def _number(text: str, at_first: float) -> float:
    try:
        number = float(text)
    except ValueError:
        return float(at_first)
    return number if abs(number) <= LARGEST else float(at_first)


def expect_example(network: ByExamples, number: int) -> int:
    """The example's number where there is such a one; ConfigurationError otherwise."""
    if not 0 <= number < network.count:
        raise ConfigurationError(f"example: expected 0 to {network.count - 1}, got {number}.")
    return number

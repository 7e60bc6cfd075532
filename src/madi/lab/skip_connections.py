"""Skip connections: signals that reach the first layer.

ReLU stops half of what comes through it.  With Xavier's weights the signal is halved in every two layers on its way
forward, and the gradient in every two on its way back; the gradient of a layer's weights is the product of both, and so
vanishes at all of fifty layers alike.  A skip connection adds the input of two layers to their output: the signal, and
on the way back the gradient, comes through the sum whole, whatever the layers do.  The same layers, the same weights:
with the sums the deep network learns, without them it stays where it began.

    plain    y = relu(body(x))          gx = what comes back through the body
    skip     y = relu(x + body(x))      gx = the same + g, with g the gradient of the sum
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

import madi.functions as F
from madi.datasets import Split
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.images import images
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.layers import Dense, Flatten, Layer, ReLU, Residual, Sequential
from madi.optimizers import Adam
from madi.training import Trainer

ROWS = ("E7",)
COST = Cost(full=25, quick=3.5)

KINDS = {"with skips": True, "without": False}


def compute(
    *,
    data: ImageData = "mnist",
    depths: Annotated[tuple[int, ...], Number(4, 200, "layers with weights, an even number", quick=(10, 50))] = (
        *(10, 20, 50),
    ),
    units: Annotated[int, Number(2, 1000, "of each hidden layer")] = 100,
    examples: Annotated[int, Number(100, 60_000, "to train on", quick=1000)] = 5000,
    epochs: Annotated[int, Number(1, 100, "of training", quick=4)] = 5,
    learning_rate: Annotated[float, Number(1e-6, 1, "of Adam")] = 1e-3,
    seed: Seed = 0,
) -> Data:
    """For each depth, with skips and without: the gradient's norm at each layer at the start, and the training."""
    found = images(data)
    train = Split(found.train.x[:examples], found.train.y[:examples])
    networks = []
    for depth in depths:
        for kind, skips in KINDS.items():
            model = network(depth, units, len(found.classes), skips=skips).build(train.x.shape[1:], seed=seed)
            norms = gradient_norms(model, Split(train.x[:100], train.y[:100]))
            trainer = Trainer(model, optimizer=Adam(learning_rate), metrics=["accuracy"], seed=seed)
            history = trainer.fit(train, epochs=epochs, verbose=0)
            networks.append({"depth": len(norms), "kind": kind, "norms": norms, "accuracy": history["accuracy"]})
    return {"images": {"name": found.name, "notice": found.notice}, "networks": networks}


def network(depth: int, units: int, outputs: int, *, skips: bool) -> Sequential:
    """Dense layers with ReLU; all but the first and the last in pairs, which a skip connection may lead around."""
    layers: list[Layer] = [Flatten(), dense(units), ReLU()]
    for _ in range(depth // 2 - 1):
        body = Sequential(dense(units), ReLU(), dense(units))
        layers += [Residual(body) if skips else body, ReLU()]
    return Sequential(*layers, dense(outputs))


def dense(units: int) -> Dense:
    """A layer with Xavier's weights."""
    return Dense(units, initializer="xavier")


def gradient_norms(model: Layer, batch: Split) -> list[float]:
    """|∂loss/∂W| of each layer's weights on a batch, the first layer's first."""
    F.softmax_cross_entropy(model(batch.x), batch.y).backward()
    weights = [parameter for path, parameter in model.parameters().items() if path.endswith("weight")]
    return [float(np.linalg.norm(weight.grad)) for weight in weights]  # type: ignore[arg-type]


def claims(data: Data) -> dict[str, bool]:
    """What the deepest network shows, with and without its skips."""
    deepest = max(network["depth"] for network in data["networks"])
    skip, plain = (find(data, deepest, kind) for kind in KINDS)
    first = [network["norms"][0] for network in (skip, plain)]
    shares = [network["norms"][0] / network["norms"][-1] for network in (skip, plain)]
    accuracies = [network["accuracy"][-1] for network in (skip, plain)]
    told = {
        f"At the start the gradient at the first of {deepest} layers has norm {first[0]:.3g} with skips and "
        f"{first[1]:.3g} without: {first[0] / first[1]:.1e} times as much.": first[0] >= 100 * first[1],
        f"After {len(skip['accuracy'])} epochs {deepest} layers with skips are right on {accuracies[0]:.1%} of the "
        f"images, without on {accuracies[1]:.1%}.": accuracies[0] > accuracies[1] + 0.2,
    }
    depths = sorted({network["depth"] for network in data["networks"]})
    vanished = [find(data, depth, "without")["norms"][0] for depth in depths]
    if len(depths) > 1:
        told["Without skips, the deeper the network, the smaller the gradient that reaches its first layer."] = (
            vanished == sorted(vanished, reverse=True)
        )
    told[f"With skips the first of {deepest} layers has {shares[0]:.2g} of the last one's gradient."] = (
        0.01 < shares[0] < 100
    )
    return told


def find(data: Data, depth: int, kind: str) -> Data:
    """The network of that depth, with skips or without."""
    return next(made for made in data["networks"] if (made["depth"], made["kind"]) == (depth, kind))


def draw(data: Data) -> Any:
    """The gradient's norm layer by layer at the start, and the accuracy in training; the deepest network is darkest."""
    figure, (left, right) = style.subplots(1, 2, height=3.2)
    depths = sorted({network["depth"] for network in data["networks"]})
    colours = dict(zip(KINDS, (style.BLUE, style.ORANGE), strict=True))
    for network in data["networks"]:
        place = depths.index(network["depth"])
        look = {"color": colours[network["kind"]], "alpha": 0.25 + 0.75 * (place + 1) / len(depths)}
        label = network["kind"] if place == len(depths) - 1 else None
        left.semilogy(range(1, network["depth"] + 1), network["norms"], label=label, **look)
        left.text(network["depth"] + 0.7, network["norms"][-1], network["depth"], va="center", **look)
        right.plot(range(1, len(network["accuracy"]) + 1), network["accuracy"], **look)
        right.text(len(network["accuracy"]) + 0.05, network["accuracy"][-1], network["depth"], va="center", **look)
    left.set(xlabel="layer", ylabel="norm of the gradient of its weights", title="at the start")
    right.set(xlabel="epoch", ylabel="accuracy on the training images", ylim=(0, 1), title="in training")
    right.xaxis.get_major_locator().set_params(integer=True)
    left.legend(title="numbers: layers", loc=(0.5, 0.25))
    return figure

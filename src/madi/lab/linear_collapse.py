"""Why layers need an activation: two linear layers are one.

Without an activation between them the second layer's matrix only multiplies the first's, and the product is again one
matrix, with one bias: however many layers, the network can do no more than a single one.  So a linear network learns
nothing of XOR, which no line separates: its loss stays at log 2, that of a coin.  The same network with tanh between
its layers bends the plane, and learns it.

    y = (x W1 + b1) W2 + b2 = x (W1 W2) + (b1 W2 + b2)
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any

import numpy as np

import madi.functions as F
from madi import optimizers
from madi.lab.framework.bands import bands
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.matrices import canvas, cells, words
from madi.lab.framework.parameters import Choice, Number, Seed
from madi.lab.framework.style import BLUE, ORANGE, SIGNED
from madi.models import mlp
from madi.training import Trainer

ROWS = ("A3",)
COST = Cost(full=1.4, quick=1.4)

PAIRS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
XOR = np.array([[0], [1], [1], [0]], np.float32)
EDGE = (-0.5, 1.5)


def compute(
    *,
    layers: Annotated[int, Number(2, 4, "linear layers to collapse into one")] = 2,
    inputs: Annotated[int, Number(1, 6, "of the first layer")] = 3,
    units: Annotated[int, Number(1, 6, "of each layer but the last")] = 4,
    outputs: Annotated[int, Number(1, 6, "of the last layer")] = 2,
    examples: Annotated[int, Number(1, 10_000, "random inputs on which both forms are compared")] = 1000,
    hidden: Annotated[int, Number(1, 100, "hidden units of the networks that learn XOR")] = 8,
    activation: Annotated[str, Choice(("tanh", "sigmoid", "relu"), "of the network that is not linear")] = "tanh",
    learning_rate: Annotated[float, Number(1e-4, 10, "of both networks")] = 0.5,
    epochs: Annotated[int, Number(1, 10_000, "of both networks", quick=200)] = 300,
    seed: Seed = 0,
) -> Data:
    """The matrices and their product, how far the two forms differ; and XOR learned with and without an activation."""
    generator = np.random.default_rng(seed)
    sizes = [inputs, *[units] * (layers - 1), outputs]
    network = [(generator.standard_normal((n, m)), generator.standard_normal(m)) for n, m in pairwise(sizes)]
    x = generator.standard_normal((examples, inputs))
    one = collapsed(network)
    learned = {name: learn(name, hidden, learning_rate, epochs, seed) for name in ("identity", activation)}
    return {
        "weights": [weight for weight, _ in network],
        "collapsed": one[0],
        "apart": float(np.abs(forward(network, x) - forward([one], x)).max()),
        "activation": activation,
        "linear": learned["identity"],
        "bent": learned[activation],
    }


def forward(network: list[tuple[Any, Any]], x: np.ndarray) -> np.ndarray:
    """Layer after layer of weights and biases, and nothing between them."""
    for weight, bias in network:
        x = F.affine(x, weight, bias).value
    return x


def collapsed(network: list[tuple[Any, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """The one matrix, the product of them all, and the one bias that do the same."""
    weight, bias = network[0]
    for following, its_bias in network[1:]:
        weight, bias = F.matmul(weight, following).value, F.affine(bias, following, its_bias).value
    return weight, bias


def learn(activation: str, hidden: int, learning_rate: float, epochs: int, seed: int) -> dict[str, Any]:
    """A network of one hidden layer on XOR: the loss by epoch, its answers, its output over the plane."""
    model = mlp(hidden, 1, activation=activation, flatten=False).build((2,), seed=seed)
    trainer = Trainer(
        model, optimizer=optimizers.SGD(learning_rate), loss="sigmoid_binary_cross_entropy", engine="numpy", seed=seed
    )
    history = trainer.fit((PAIRS, XOR), epochs=epochs, batch_size=len(PAIRS), verbose=0)
    side = np.linspace(*EDGE, 61)
    plane = np.stack(np.meshgrid(side, side), axis=-1)
    return {
        "loss": history["loss"],
        "probabilities": F.sigmoid(model(PAIRS)).value[:, 0],
        "plane": F.sigmoid(model(plane.astype(np.float32))).value[..., 0],
    }


def claims(data: Data) -> dict[str, bool]:
    """What collapsing and learning show."""
    linear, bent = data["linear"], data["bent"]
    shapes = " ".join(str(weight.shape) for weight in data["weights"])
    return {
        f"{len(data['weights'])} layers, {shapes}, are one of {data['collapsed'].shape}: the outputs differ by "
        f"{data['apart']:.0e} at most.": data["apart"] <= 1e-12,
        f"The linear network has {_right(linear)} of 4 of XOR right, at a loss of {linear['loss'][-1]:.4f}; log 2 is "
        f"{np.log(2):.4f}.": bool(_right(linear) < 4 and abs(linear["loss"][-1] - np.log(2)) < 0.01),
        f"With {data['activation']} it has {_right(bent)}, at a loss of {bent['loss'][-1]:.4f}.": bool(
            _right(bent) == 4 and bent["loss"][-1] < 0.1
        ),
    }


def _right(learned: dict[str, Any]) -> int:
    """How many of the four are answered rightly and clearly: one of 50% is no answer."""
    told = np.where(np.abs(learned["probabilities"] - 0.5) < 0.01, -1, learned["probabilities"] > 0.5)
    return int((told == XOR[:, 0]).sum())


def draw(data: Data) -> Any:
    """The matrices and their product; what both networks make of XOR, and their losses."""
    figure, (matrices, learned) = bands(1.7, 2.4)
    _product(matrices.subplots(), [*data["weights"], data["collapsed"]])
    panels = learned.subplots(1, 3, width_ratios=(1, 1, 1.4))
    titles = {"linear": "no activation", "bent": data["activation"]}
    for axes, (name, title) in zip(panels, titles.items(), strict=False):
        _plane(axes, data[name]["plane"], f"P(1), {title}")
    for (name, title), colour in zip(titles.items(), (ORANGE, BLUE), strict=True):
        panels[2].plot(data[name]["loss"], color=colour, label=title)
    panels[2].set(xlabel="epoch", ylabel="cross entropy", ylim=(0, None))
    panels[2].legend(loc="center right")
    return figure


def _product(axes: Any, matrices: list[np.ndarray]) -> None:
    """W1 · W2 · ... = W, each as cells."""
    x, tallest = 0.0, max(len(matrix) for matrix in matrices)
    for index, matrix in enumerate(matrices):
        last = index == len(matrices) - 1
        cells(axes, matrix, (x, (tallest - len(matrix)) / 2), form=".2f", lit=last, size=8)
        words(axes, "W" if last else f"W{index + 1}", (x + matrix.shape[1] / 2, tallest + 0.5))
        x += matrix.shape[1]
        words(axes, "" if last else "=" if index == len(matrices) - 2 else "·", (x + 0.5, tallest / 2), size=14)
        x += 1
    canvas(axes, x, tallest + 0.8)


def _plane(axes: Any, plane: np.ndarray, title: str) -> None:
    """The probability of 1 over the plane, and the four points."""
    axes.imshow(plane, origin="lower", extent=(*EDGE, *EDGE), cmap=SIGNED, vmin=0, vmax=1, alpha=0.7)
    for (x1, x2), target in zip(PAIRS, XOR[:, 0], strict=True):
        axes.plot(x1, x2, "o", markersize=15, color=BLUE if target else "white", mec=BLUE)
        axes.text(x1, x2, f"{target:.0f}", ha="center", va="center_baseline", color="white" if target else BLUE)
    axes.set(title=title, xlabel="$x_1$", xticks=(0, 1), yticks=(0, 1))
    axes.set_ylabel("$x_2$", rotation=0)

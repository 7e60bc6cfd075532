"""Why training lowers a loss and not the number of mistakes.

Move one weight of a classifier a little.  The accuracy on 100 points does not change at all, until it jumps by one
point: it is flat almost everywhere, so that its slope is 0 and tells no direction.  The loss changes with every move,
and its slope says which way is better.  The same makes the step function useless inside a network: its slope is 0
wherever it has one, and backpropagation hands nothing on; the sigmoid's is never 0.

    p = 1 / (1 + exp(-(x W + b)))        L = -mean( t log p + (1 - t) log(1 - p) )
    ∂ accuracy / ∂w = 0 almost everywhere        ∂L / ∂w = mean( (p - t) x )
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi.datasets import Split, moons_points
from madi.functions import sigmoid, sigmoid_binary_cross_entropy, step
from madi.functions import sum as total
from madi.graph import Variable, numerical_gradient
from madi.initializers import Normal
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number, Seed
from madi.layers import Dense, Layer, Sequential, Sigmoid, Step
from madi.models import logistic_regression

ROWS = ("B3",)
COST = Cost(full=0.1, quick=0.1)


def compute(
    *,
    weights: Annotated[tuple[float, ...], Number(-20, 20, "the two weights of the classifier", length=2)] = (0.5, -1.0),
    reach: Annotated[float, Number(0.01, 20, "how far the first weight is moved either way")] = 2.0,
    moves: Annotated[int, Number(11, 5001, "of the first weight, evenly spread")] = 801,
    hidden: Annotated[int, Number(1, 100, "units of the network that compares step and sigmoid")] = 5,
    seed: Seed = 0,
) -> Data:
    """Accuracy and loss at each value of the weight, their slopes, and the gradients behind step and sigmoid."""
    points, model = hundred_points(seed), classifier(weights)
    places = weights[0] + np.linspace(-reach, reach, moves)
    measured = np.array([measure(model, points, w) for w in places])
    return {
        "points": len(points.x),
        "weights": places,
        "at": weights[0],
        "accuracy": measured[:, 0],
        "loss": measured[:, 1],
        "slopes": slopes(model, points, weights[0]),
        "activations": activations(),
        "hidden": {kind.__name__.lower(): first_gradient(kind(), points, hidden, seed) for kind in (Step, Sigmoid)},
    }


def hundred_points(seed: int) -> Split:
    """Each fourth of the 400 points of two moons, in float64."""
    moons = moons_points(seed)
    return Split(moons.x[::4], moons.y[::4])


def classifier(weights: tuple[float, ...]) -> Sequential:
    """Logistic regression with these two weights, in float64."""
    model = logistic_regression().build((2,))
    model.parameters()["1.weight"].value = np.array(weights)[:, None]
    model.parameters()["1.bias"].value = np.zeros(1)
    return model


def put(model: Sequential, weight: Any) -> None:
    """Set the first weight."""
    parameter = model.parameters()["1.weight"]
    parameter.value = np.array([[float(weight)], [parameter.value[1, 0]]])


def measure(model: Sequential, points: Split, weight: Any) -> tuple[float, float]:
    """Accuracy and loss with this first weight."""
    put(model, weight)
    z = model(points.x)
    right = (z.value[:, 0] > 0) == points.y
    return float(right.mean()), float(sigmoid_binary_cross_entropy(z, points.y[:, None]))


def slopes(model: Sequential, points: Split, weight: float) -> dict[str, float]:
    """The slopes of accuracy and loss by differences, and of the loss by backpropagation."""
    accuracy, loss = (
        float(numerical_gradient(lambda w, which=which: measure(model, points, w)[which], weight)) for which in (0, 1)
    )
    return {"accuracy": accuracy, "loss": loss, "loss by backpropagation": loss_slope(model, points, weight)}


def loss_slope(model: Sequential, points: Split, weight: float) -> float:
    """dL/dw of the first weight by backpropagation."""
    put(model, weight)
    sigmoid_binary_cross_entropy(model(points.x), points.y[:, None]).backward()
    return float(np.asarray(model.parameters()["1.weight"].grad)[0, 0])


def activations() -> Data:
    """Values and slopes of step and sigmoid on -5 to 5."""
    x = np.linspace(-5, 5, 200)  # an even number: 0, where the step has no slope, is left out
    found: Data = {"x": x}
    for name, function in (("step", step), ("sigmoid", sigmoid)):
        variable = Variable(x)
        y = function(variable)
        total(y).backward()
        found[name] = {"values": y.value, "slopes": variable.grad}
    return found


def first_gradient(activation: Layer, points: Split, hidden: int, seed: int) -> float:
    """Largest gradient of the first layer's weights, behind hidden units of this activation."""
    layers = Dense(hidden, initializer=Normal(1.0)), activation, Dense(1, initializer=Normal(1.0))
    model = Sequential(*layers).build((2,), seed=seed)
    sigmoid_binary_cross_entropy(model(points.x), points.y[:, None]).backward()
    return float(np.abs(np.asarray(model.parameters()["0.weight"].grad)).max())


def claims(data: Data) -> dict[str, bool]:
    """What moving one weight shows."""
    values = {name: len(np.unique(data[name])) for name in ("accuracy", "loss")}
    still = float(np.mean(np.diff(data["accuracy"]) == 0))
    slopes, hidden, slope = data["slopes"], data["hidden"], data["activations"]["sigmoid"]["slopes"]
    return {
        f"Over {len(data['weights'])} values of one weight the accuracy takes {values['accuracy']} values and stays "
        f"as it was in {still:.0%} of the moves; the loss takes {values['loss']} values.": still > 0.75
        and values["accuracy"] <= data["points"] + 1
        and values["loss"] > 5 * values["accuracy"],
        f"At w = {data['at']:g} the slope of the accuracy is {slopes['accuracy']:g}, that of the loss "
        f"{slopes['loss']:.4f}.": slopes["accuracy"] == 0
        and abs(slopes["loss"]) > 1e-3
        and abs(slopes["loss"] - slopes["loss by backpropagation"]) < 1e-8,
        f"The step's slope is 0 at every x that has one; the sigmoid's is {slope.max():.2f} in the middle and still "
        f"{slope.min():.4f} at 5.": not np.any(data["activations"]["step"]["slopes"]) and bool(slope.min() > 0),
        f"Behind hidden units of the step the first layer's gradient is {hidden['step']:g}, behind sigmoid units up "
        f"to {hidden['sigmoid']:.3f}.": hidden["step"] == 0 and hidden["sigmoid"] > 1e-4,
    }


def draw(data: Data) -> Any:
    """Accuracy and loss against the weight; step and sigmoid with their slopes."""
    figure, (left, middle, right) = style.subplots(1, 3, height=2.8)
    left.plot(data["weights"], 100 * data["accuracy"], drawstyle="steps-mid", linewidth=1.2)
    left.set(ylabel="accuracy (%)", title="flat, with jumps")
    middle.plot(data["weights"], data["loss"], color=style.ORANGE)
    middle.set(ylabel="loss", title="a slope everywhere")
    for axes in (left, middle):
        axes.axvline(data["at"], color=style.GREY, linewidth=0.8, linestyle=":")
        axes.set_xlabel("one weight $w_0$")
    draw_slopes(right, data["activations"])
    return figure


def draw_slopes(axes: Any, found: Data) -> None:
    """Values as lines, slopes dashed in the same colour."""
    for name, colour in (("step", style.PURPLE), ("sigmoid", style.GREEN)):
        axes.plot(found["x"], found[name]["values"], color=colour, label=name)
        axes.plot(found["x"], found[name]["slopes"], "--", color=colour, label="its slope")
    axes.set(xlabel="x", title="step and sigmoid", ylim=(-0.08, 1.5), yticks=(0, 0.5, 1))
    axes.legend(loc="upper left", fontsize=8, ncols=2)

"""A flower, a line and a hidden layer.

400 points lie on the petals of a flower, red and blue in turn.  Logistic regression draws one straight line: 47% of the
points are on the right side of the best one, less than by tossing a coin.  One hidden layer of 4 tanh units, trained on
all points at once, bends the boundary around the petals.  With 1 or 2 units it cannot; with 20 or 50 it goes after
single points, and wins less on a new flower than on this one.

    z1 = x W1 + b1      a1 = tanh(z1)      z2 = a1 W2 + b2      p(blue) = 1 / (1 + exp(-z2))
    J  = -mean( y log p + (1 - y) log(1 - p) )        W ← W - η ∂J/∂W
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi.datasets import Split, planar_points
from madi.functions import sigmoid, sigmoid_binary_cross_entropy
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number
from madi.layers import Dense, Sequential, Tanh
from madi.models import logistic_regression
from madi.training import predict

ROWS = ("B10",)
COST = Cost(full=25, quick=3)

SIZES = (1, 2, 3, 4, 5, 20, 50)
GRID = 61  # points of a map in each direction
CURVE = 100  # points of a cost curve, about


def compute(
    *,
    hidden: Annotated[tuple[int, ...], Number(1, 200, "tanh units, one panel each", quick=(1, 4))] = SIZES,
    learning_rate: Annotated[float, Number(1e-4, 10, "of gradient descent on all points")] = 1.2,
    steps: Annotated[int, Number(10, 100_000, "of gradient descent", quick=3000)] = 10_000,
    spread: Annotated[float, Number(1e-6, 10, "standard deviation of the first weights")] = 0.01,
    points: Annotated[int, Number(0, 2**31 - 1, "seed of the flower; 1 gives the published one")] = 1,
    seed: Annotated[int, Number(0, 2**31 - 1, "of the first weights; 2 gives those of the exercise")] = 2,
) -> Data:
    """Cost, accuracy and map of logistic regression and of a network of each hidden size."""
    flower, new = planar_points(points), planar_points(points + 1)
    line = logistic_regression().build((2,))
    networks = {"logistic regression": line, **{str(size): network(size, spread, seed) for size in hidden}}
    return {
        "x": flower.x,
        "y": flower.y,
        "learning rate": learning_rate,
        "models": {name: fit(model, flower, new, learning_rate, steps) for name, model in networks.items()},
    }


def network(hidden: int, spread: float, seed: int) -> Sequential:
    """One hidden layer of tanh units, its weights drawn in the order of the exercise, randn (units, inputs) each."""
    model = Sequential(Dense(hidden), Tanh(), Dense(1)).build((2,))
    random, parameters = np.random.RandomState(seed), model.parameters()
    for layer, (units, inputs) in (("0", (hidden, 2)), ("2", (1, hidden))):
        parameters[f"{layer}.weight"].value = (random.randn(units, inputs) * spread).T
        parameters[f"{layer}.bias"].value = np.zeros(units)
    return model


def fit(model: Sequential, flower: Split, new: Split, rate: float, steps: int) -> Data:
    """Gradient descent on all points at once; the costs, and what the network says in the end."""
    shown = sorted({*range(0, steps, max(1, steps // CURVE)), steps})
    costs = descend(model, flower, rate, steps)
    return {
        "steps": shown,
        "costs": [costs[step] for step in shown],
        "accuracy": accuracy(model, flower),
        "accuracy on a new flower": accuracy(model, new),
        "map": sigmoid(predict(model, grid(), engine="numpy")).value.reshape(GRID, GRID),
    }


def descend(model: Sequential, flower: Split, rate: float, steps: int) -> list[float]:
    """The cost before each step, and after the last."""
    x, y, costs = flower.x, flower.y[:, None], []
    for _ in range(steps):
        cost = sigmoid_binary_cross_entropy(model(x), y)
        cost.backward()
        for parameter in model.parameters().values():
            parameter.value = parameter.value - rate * np.asarray(parameter.grad)
        costs.append(float(cost))
    return [*costs, float(sigmoid_binary_cross_entropy(model(x), y))]


def accuracy(model: Sequential, flower: Split) -> float:
    """Share of the points on whose class the model says p >= 1/2."""
    return float(np.mean((model(flower.x).value[:, 0] > 0) == flower.y))


def grid() -> np.ndarray:
    """The points of a map, (GRID², 2), over the square that holds the flower."""
    axis = np.linspace(-5, 5, GRID)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


def claims(data: Data) -> dict[str, bool]:
    """What line and curves reach."""
    line = data["models"]["logistic regression"]
    networks = {int(name): found for name, found in data["models"].items() if name.isdigit()}
    fewest, most, units = min(networks), max(networks), 4 if 4 in networks else max(networks)
    found = networks[units]
    return {
        f"Logistic regression is right on {line['accuracy']:.0%} of the points: no better than a coin.": bool(
            0.45 <= line["accuracy"] <= 0.5
        ),
        f"{units} tanh units are right on {found['accuracy']:.1%}.": found["accuracy"] >= 0.9,
        f"Their cost falls from {found['costs'][0]:.3f}, which is log 2, to {found['costs'][-1]:.3f}; that of logistic "
        f"regression ends at {line['costs'][-1]:.3f}.": abs(found["costs"][0] - np.log(2)) < 1e-3
        and found["costs"][-1] < 0.25
        and line["costs"][-1] > 0.65,
        f"The fewest units, {fewest}, reach {networks[fewest]['accuracy']:.1%}: too few to bend around the petals.": (
            networks[fewest]["accuracy"] < 0.75
        ),
        **(more_units(units, found, most, networks[most]) if most > units else {}),
    }


def more_units(few: int, found: Data, many: int, more: Data) -> dict[str, bool]:
    """What many units win on these points, and what on points that they were not trained on."""
    here = more["accuracy"] - found["accuracy"]
    there = more["accuracy on a new flower"] - found["accuracy on a new flower"]
    return {
        f"{many} units win {here:+.2%} on these points over {few}, and {there:+.2%} on those of a new flower: they go "
        "after single points.": here > there
    }


def draw(data: Data) -> Any:
    """A map for each model, and the cost curves in what is left of the last row."""
    models = data["models"]
    rows = len(models) // 3 + 1
    figure, axes = style.subplots(rows, 3, height=2.5, squeeze=False)
    places, left = list(axes.flat), len(models) % 3
    for place, (name, found) in zip(places, models.items(), strict=False):
        draw_map(place, data, found)
        place.set_title(f"{title(name)}: {found['accuracy']:.1%}")
    for place in places[len(models) :]:
        place.remove()
    draw_costs(figure.add_subplot(axes[0, 0].get_gridspec()[-1, left:]), models)
    return figure


def title(name: str) -> str:
    """What a panel calls the model."""
    return {"logistic regression": name, "1": "1 hidden unit"}.get(name, f"{name} hidden units")


def draw_map(axes: Any, data: Data, found: Data) -> None:
    """p(blue) as colour, the boundary p = 1/2, and the points."""
    from matplotlib.colors import LinearSegmentedColormap

    x0, x1 = grid().reshape(GRID, GRID, 2).transpose(2, 0, 1)
    tints = LinearSegmentedColormap.from_list("classes", [style.ORANGE, "white", style.BLUE])
    axes.contourf(x0, x1, found["map"], levels=np.linspace(0, 1, 11), cmap=tints, alpha=0.3)
    axes.contour(x0, x1, found["map"], levels=[0.5], colors=style.INK)
    for label, colour in ((0, style.ORANGE), (1, style.BLUE)):
        axes.plot(*data["x"][data["y"] == label].T, ".", color=colour, markersize=3)
    axes.set(aspect="equal", xticks=[], yticks=[])
    axes.spines[["left", "bottom"]].set_visible(False)


def draw_costs(axes: Any, models: Data) -> None:
    """The cost of each model against the step; its axis on the right, so that the maps stand close."""
    for (name, found), colour in zip(models.items(), shades(len(models)), strict=True):
        axes.plot(found["steps"], found["costs"], color=colour, label="line" if name[0] == "l" else name)
    axes.set(xlabel="step", title="cost", ylim=(0, 0.75))
    axes.yaxis.tick_right()
    axes.spines["left"].set_visible(False)
    axes.spines["right"].set_visible(True)
    axes.legend(fontsize=7, ncols=2, loc="center right", bbox_to_anchor=(1, 0.59), labelspacing=0.2)


def shades(count: int) -> list[Any]:
    """Grey for the line, then one colour after another from few units to many."""
    import matplotlib

    return [style.GREY, *matplotlib.colormaps[style.AMOUNTS](np.linspace(0, 0.75, count - 1))]

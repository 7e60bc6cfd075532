"""Activation functions: their curves, their slopes, and what depth makes of the slopes.

The step answers yes or no and is flat everywhere: nothing can be learned through it.  The sigmoid is its smooth form,
centred at 0.5; tanh is centred at 0.  Both saturate: far from 0 their slope is nearly 0.  ReLU has the slope 1 for all
positive inputs and needs one comparison where the others need an exponential.  Going back through a network the slopes
multiply, so the sigmoid's, at most 1/4, leave the first of many layers hardly any gradient; those of ReLU leave it one.

    sigmoid   a = 1 / (1 + exp(-z))   slope a (1 - a)        ReLU         a = max(z, 0)         slope 1 or 0
    tanh      a = tanh z              slope 1 - a²           leaky ReLU   a = max(z, 0.01 z)    slope 1 or 0.01
    step      a = 1 or 0              slope 0                identity     a = z                 slope 1
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

import madi.functions as F
from madi.graph import Variable
from madi.lab.framework import style
from madi.lab.framework.bands import bands
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number, Seed
from madi.models import mlp

ROWS = ("A2",)
COST = Cost(full=0.3, quick=0.3)

TITLES = {
    "step": "step",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "relu": "ReLU",
    "leaky_relu": "leaky ReLU",
    "identity": "identity",
}
DEEP = ("sigmoid", "tanh", "relu")
CLASSES = 10


def compute(
    *,
    reach: Annotated[float, Number(1, 100, "of the curves, to either side of 0")] = 6.0,
    slope: Annotated[float, Number(0, 1, "of leaky ReLU below 0")] = 0.01,
    depth: Annotated[int, Number(2, 40, "hidden layers of the deepest network", quick=8)] = 12,
    units: Annotated[int, Number(2, 500, "of each hidden layer", quick=50)] = 100,
    examples: Annotated[int, Number(1, 5000, "normal inputs of as many features as units", quick=100)] = 200,
    seed: Seed = 0,
) -> Data:
    """Values and slopes over a range; operations an element; the first layer's gradient by depth."""
    functions = {name: getattr(F, name) for name in TITLES} | {"leaky_relu": lambda x: F.leaky_relu(x, slope)}
    z = np.linspace(-reach, reach, 401)
    depths = sorted({1, *range(2, depth, 2), depth})
    return {
        "z": z,
        "leaky_slope": slope,
        "curves": {name: curve(function, z) for name, function in functions.items()},
        "operations": {name: operations(function) for name, function in functions.items()},
        "depths": depths,
        "gradients": {
            name: [first_gradient(name, layers, units, examples, seed) for layers in depths] for name in DEEP
        },
    }


def curve(function: Callable[[Any], Any], z: np.ndarray) -> dict[str, np.ndarray]:
    """Value and slope at each z."""
    leaf = Variable(z)
    a = function(leaf)
    a.backward(np.ones_like(z))
    return {"value": a.value, "slope": leaf.grad}


def operations(function: Callable[[Any], Any], count: int = 1000) -> dict[str, float]:
    """What XLA counts for each element of the compiled function: "simple" operations, and "exponentials" or tanh."""
    found = jax.jit(lambda z: function(z).value).lower(jnp.zeros(count)).cost_analysis() or {}
    return {
        "simple": found.get("flops", 0.0) / count,
        "exponentials": found.get("transcendentals", 0.0) / count,
    }


def first_gradient(activation: str, layers: int, units: int, examples: int, seed: int) -> float:
    """Root mean square of the gradient of the first layer's weights, at the start of training."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((examples, units), np.float32)
    target = generator.integers(0, CLASSES, examples)
    model = mlp((units,) * layers, CLASSES, activation=activation, flatten=False).build((units,), seed=seed)
    F.softmax_cross_entropy(model(x), target).backward()
    gradient = np.float64(model.parameters()["0.weight"].grad)
    return float(np.sqrt(np.mean(gradient**2)))


def claims(data: Data) -> dict[str, bool]:
    """What the curves and the gradients show."""
    curves, operations, gradients = data["curves"], data["operations"], data["gradients"]
    middle = {name: float(np.interp(0, data["z"], curve["value"])) for name, curve in curves.items()}
    steepest = {name: float(curve["slope"].max()) for name, curve in curves.items()}
    sigmoid, tanh = curves["sigmoid"], curves["tanh"]
    deepest = {name: found[-1] / found[0] for name, found in gradients.items()}
    return {
        f"The step's slope is {steepest['step']:g} everywhere; the sigmoid's is above 0 everywhere, at most "
        f"{steepest['sigmoid']:.4g}.": bool(np.all(curves["step"]["slope"] == 0) and np.all(sigmoid["slope"] > 0)),
        "The slopes of sigmoid and tanh are a (1 - a) and 1 - a².": bool(
            np.allclose(sigmoid["slope"], sigmoid["value"] * (1 - sigmoid["value"]))
            and np.allclose(tanh["slope"], 1 - tanh["value"] ** 2)
        ),
        f"tanh is centred at {middle['tanh']:g}, the sigmoid at {middle['sigmoid']:g}.": bool(
            abs(middle["tanh"]) < 1e-12 and abs(middle["sigmoid"] - 0.5) < 1e-12
        ),
        f"ReLU takes {operations['relu']['exponentials']:g} exponentials an element, sigmoid and tanh "
        f"{operations['sigmoid']['exponentials']:g}.": (
            operations["relu"]["exponentials"] == 0 and operations["sigmoid"]["exponentials"] > 0
        ),
        f"From {data['depths'][0]} hidden layer to {data['depths'][-1]} the first layer's gradient falls to "
        f"{deepest['sigmoid']:.0e} with the sigmoid, and to {deepest['relu']:.2g} with ReLU.": bool(
            deepest["relu"] > 0.1 and deepest["sigmoid"] < 1e-3 * deepest["relu"]
        ),
    }


def draw(data: Data) -> Any:
    """Each function with its slope; the first layer's gradient by depth; the cost of an element."""
    figure, (curves, below) = bands(4.0, 2.4)
    panels = curves.subplots(2, 3, sharex=True, sharey=True)
    for axes, (name, found) in zip(panels.flat, data["curves"].items(), strict=True):
        _curve(axes, data["z"], found, TITLES[name])
    for text, height, colour in (("value", 1.2, style.BLUE), ("slope", -0.6, style.ORANGE)):
        panels[0, 0].text(data["z"][0], height, text, color=colour)
    depths, costs = below.subplots(1, 2, width_ratios=(2, 1))
    _depths(depths, data)
    _operations(costs, data["operations"])
    return figure


def _curve(axes: Any, z: np.ndarray, found: dict[str, np.ndarray], title: str) -> None:
    axes.axhline(0, color=style.GREY, linewidth=0.6)
    axes.plot(z, found["value"])
    axes.plot(z, found["slope"], "--", color=style.ORANGE)
    axes.set(title=title, ylim=(-1.3, 2.3))


def _depths(axes: Any, data: Data) -> None:
    """How the gradient of the first layer's weights shrinks as layers are put behind it."""
    for name, found in data["gradients"].items():
        (line,) = axes.semilogy(data["depths"], np.array(found) / found[0], "o-", markersize=3, label=TITLES[name])
        end = data["depths"][-1], found[-1] / found[0]
        rise = -9 if name == "tanh" else 3
        axes.annotate(TITLES[name], end, (7, rise), textcoords="offset points", color=line.get_color())
    axes.set(xlabel="hidden layers", ylabel="against one layer", title="Gradient of the first layer's weights")


def _operations(axes: Any, operations: dict[str, dict[str, float]]) -> None:
    """Bars of what each function costs, the exponentials in another colour."""
    shown = {TITLES[name]: found for name, found in reversed(operations.items()) if name != "identity"}
    simple, exponentials = (np.array([found[kind] for found in shown.values()]) for kind in ("simple", "exponentials"))
    axes.barh(list(shown), simple, color=style.SKY, label="simple")
    axes.barh(list(shown), exponentials, left=simple, color=style.ORANGE, label="exp or tanh")
    axes.tick_params(left=False)
    axes.set(title="Operations an element")
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.12), ncols=2, handlelength=1, columnspacing=1)

"""Parity: what depth saves.

Whether the number of ones among n bits is odd.  With gates that each recognise one pattern, a single hidden layer needs
one for every odd pattern, 2^(n-1) of them: a gate that left a bit out would fire for an even pattern too.  In stages,
each taking the parity of a few bits, far fewer do; a tree of XOR gates has 3n - 4 hidden units.  This is a statement
about such gates, not about all networks: units that count, each asking "at least k ones?", do it in one layer with n,
and that is about what training finds.

    pattern p    y = step(Σ ±x + 1/2 - |p|)        + where p has a one, - where not; |p| is the number of its ones
    at least k   y = step(Σ x - k + 1/2)           parity = step(y1 - y2 + y3 - ... - 1/2)
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any

import numpy as np

from madi.functions import add, matmul, sigmoid_binary_cross_entropy, tanh
from madi.graph import Variable
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number, Seed
from madi.layers import Dense, Sequential, Step
from madi.optimizers import Adam

ROWS = ("B13",)
COST = Cost(full=12, quick=3.5)

SPARED = 7  # bits up to which each gate of the single layer is taken out in turn


def compute(
    *,
    bits: Annotated[int, Number(3, 12, "of the largest parity that is built")] = 10,
    trained_bits: Annotated[int, Number(2, 8, "of the largest parity that is trained", quick=5)] = 6,
    layers: Annotated[tuple[int, ...], Number(1, 4, "hidden layers of the trained networks")] = (1, 2),
    starts: Annotated[int, Number(1, 20, "first weights tried at each size")] = 5,
    steps: Annotated[int, Number(10, 10_000, "of Adam from each start, on all patterns", quick=400)] = 1000,
    learning_rate: Annotated[float, Number(1e-4, 1, "of Adam")] = 0.05,
    seed: Seed = 0,
) -> Data:
    """Hidden units and wrong answers of the networks that are built; the smallest sizes that training finds."""
    sizes = list(range(2, bits + 1))
    stages = range(1, int(np.ceil(np.log2(bits))) + 1)
    trained = list(range(2, trained_bits + 1))
    return {
        "bits": sizes,
        "staged": {str(count): [checked(staged(n, count), n) for n in sizes] for count in stages},
        "counting": [checked([[counting(n)]], n) for n in sizes],
        "wrong without one gate": {str(n): without_each(n) for n in sizes if n <= SPARED},
        "trained bits": trained,
        "trained": {
            str(depth): [smallest(n, depth, starts, steps, learning_rate, seed) for n in trained] for depth in layers
        },
    }


def all_inputs(n: int) -> tuple[np.ndarray, np.ndarray]:
    """The 2^n patterns of n bits (2^n, n), and the parity of each (2^n, 1)."""
    x = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    return x.astype(np.float32), (x.sum(axis=1, keepdims=True) % 2).astype(np.float32)


# ---- networks that are built


def patterns(n: int) -> Sequential:
    """One hidden layer: a gate for each odd pattern, and one that asks whether any of them fires."""
    x, parity = all_inputs(n)
    odd = x[parity[:, 0] == 1]
    return two_layers(2 * odd.T - 1, 0.5 - odd.sum(axis=1), np.ones((len(odd), 1)))


def counting(n: int) -> Sequential:
    """One hidden layer: unit k asks whether at least k bits are one; the output adds and takes away in turn."""
    k = np.arange(1, n + 1)
    return two_layers(np.ones((n, n)), 0.5 - k, np.where(k % 2 == 1, 1.0, -1.0)[:, None])


def two_layers(weight: np.ndarray, bias: np.ndarray, output: np.ndarray) -> Sequential:
    """Dense, Step, Dense, Step with these weights; the output's bias is -1/2."""
    model = Sequential(Dense(weight.shape[1]), Step(), Dense(1), Step()).build((len(weight),))
    parameters = model.parameters()
    parameters["0.weight"].value, parameters["0.bias"].value = weight.astype(np.float32), bias.astype(np.float32)
    parameters["2.weight"].value, parameters["2.bias"].value = output.astype(np.float32), np.full(1, -0.5, np.float32)
    return model


def staged(n: int, stages: int) -> list[list[Sequential]]:
    """In each stage the parities of groups of bits, of as few bits as will do; the last stage has one group."""
    group = next(size for size in range(2, n + 2) if size**stages >= n)
    networks = []
    while n > 1:
        groups = [min(group, n - start) for start in range(0, n, group)]
        networks.append([patterns(size) for size in groups if size > 1])  # a bit alone goes on as it is
        n = len(groups)
    return networks


def answer(networks: list[list[Sequential]], x: np.ndarray) -> np.ndarray:
    """What the stages say of the patterns x (N, n): (N, 1)."""
    for stage in networks:
        outputs, start = [], 0
        for network in stage:
            size = network.shape_of_one()[0]
            outputs.append(network(x[:, start : start + size]).value)
            start += size
        x = np.concatenate([*outputs, x[:, start:]], axis=1)
    return x


def checked(networks: list[list[Sequential]], n: int) -> Data:
    """Hidden units and layers, and on how many of all 2^n inputs the answer is wrong."""
    x, parity = all_inputs(n)
    layers = [layer for stage in networks for network in stage for _, layer in network.walk()]
    units = sum(layer.units for layer in layers if isinstance(layer, Dense))
    return {
        "hidden": units - 1,  # the last unit is the output
        "hidden layers": 2 * len(networks) - 1,
        "wrong": int(np.sum(answer(networks, x) != parity)),
    }


def without_each(n: int) -> list[int]:
    """For each gate of the single layer: how many of the inputs are wrong without it."""
    network = patterns(n)
    parameter = network.parameters()["2.weight"]
    whole, wrong = parameter.value, []
    for gate in range(len(whole)):
        parameter.value = whole * (np.arange(len(whole)) != gate)[:, None].astype(np.float32)
        wrong.append(checked([[network]], n)["wrong"])
    return wrong


# ---- networks that are trained


def smallest(n: int, depth: int, starts: int, steps: int, rate: float, seed: int) -> int | None:
    """The fewest hidden units, in `depth` equal layers of tanh, with which one of the starts learns all patterns."""
    widths = range(1, 2 ** (n - 1) + 1)
    return next(
        (depth * width for width in widths if learns((n, *[width] * depth, 1), starts, steps, rate, seed)), None
    )


def learns(sizes: tuple[int, ...], starts: int, steps: int, rate: float, seed: int) -> bool:
    """Whether a network of these layers, trained on all patterns from one of the starts, gets every one of them right.

    All starts are trained side by side, (starts, inputs, units) weights in one array: Adam works element by element.
    """
    x, parity = all_inputs(sizes[0])
    target = np.broadcast_to(parity, (starts, *parity.shape))
    parameters, optimizer = first_weights(sizes, starts, seed), Adam(rate)
    values = {name: parameter.value for name, parameter in parameters.items()}
    state = optimizer.init(values)
    rest: Any = {"numbers": optimizer.numbers(), "decays": dict.fromkeys(values, False)}
    for _ in range(steps):
        z = forward(2 * x - 1, parameters)
        if np.any(np.all((z.value > 0) == (target == 1), axis=(1, 2))):
            return True
        sigmoid_binary_cross_entropy(z, target).backward()
        gradients = {name: parameter.grad for name, parameter in parameters.items()}
        values, state = optimizer.update(values, gradients, state, learning_rate=rate, **rest)
        for name, parameter in parameters.items():
            parameter.value = values[name]
    return False


def first_weights(sizes: tuple[int, ...], starts: int, seed: int) -> dict[str, Variable]:
    """Weights of Xavier's deviation, (starts, inputs, units), and biases of 0, (starts, 1, units), for each layer."""
    random, made = np.random.default_rng(seed), {}
    for layer, (inputs, units) in enumerate(pairwise(sizes)):
        drawn = random.standard_normal((starts, inputs, units), np.float32) * np.sqrt(2 / (inputs + units))
        made[f"weight {layer}"] = Variable(drawn.astype(np.float32))
        made[f"bias {layer}"] = Variable(np.zeros((starts, 1, units), np.float32))
    return made


def forward(x: np.ndarray, parameters: dict[str, Variable]) -> Any:
    """The outputs of all starts, (starts, 2^n, 1): a matrix product and a bias in each layer, tanh between them."""
    y: Any = x
    for layer in range(len(parameters) // 2):
        y = add(matmul(tanh(y) if layer else y, parameters[f"weight {layer}"]), parameters[f"bias {layer}"])
    return y


def claims(data: Data) -> dict[str, bool]:
    """What the counts show."""
    n, staged, counting = data["bits"][-1], data["staged"], data["counting"]
    built = [*staged.values(), counting]
    one, deep, count = staged["1"][-1], list(staged.values())[-1][-1], counting[-1]
    spared = {int(bits): wrong for bits, wrong in data["wrong without one gate"].items()}
    return {
        f"Every network that is built gives the parity of all 2^n inputs, for n from 2 to {n}.": not any(
            part["wrong"] for parts in built for part in parts
        ),
        f"For {n} bits one hidden layer of pattern gates takes {one['hidden']:,} of them, 2^{n - 1}; "
        f"{deep['hidden layers']} hidden layers take {deep['hidden']} units.": one["hidden"] == 2 ** (n - 1)
        and deep["hidden"] == 3 * n - 4,
        f"No gate can be spared: without any one of them exactly one input is wrong (n up to {max(spared)}).": all(
            wrong == [1] * 2 ** (bits - 1) for bits, wrong in spared.items()
        ),
        f"Units that count do it in one hidden layer with {count['hidden']}: the 2^(n-1) belong to the gates.": count[
            "hidden"
        ]
        == n,
        **trained_claim(data),
    }


def trained_claim(data: Data) -> dict[str, bool]:
    """What training finds in one hidden layer, where such were trained."""
    if "1" not in data["trained"]:
        return {}
    found = data["trained"]["1"]
    told = ", ".join("none" if hidden is None else str(hidden) for hidden in found)
    n = data["trained bits"][-1]
    return {
        f"Training finds one hidden layer of {told} tanh units for 2 to {n} bits: for {n} bits less than half of "
        f"2^{n - 1}.": found[-1] is not None and found[-1] < 2 ** (n - 2)
    }


def draw(data: Data) -> Any:
    """Hidden units against bits: of the networks that are built, and of those that training finds."""
    figure, (built, trained) = style.subplots(1, 2, height=3.2)
    bits = data["bits"]
    for count, parts in data["staged"].items():
        label = "1 hidden layer of patterns: 2ⁿ⁻¹" if count == "1" else f"up to {2 * int(count) - 1} hidden layers"
        built.semilogy(bits, [part["hidden"] for part in parts], "o-", markersize=4, label=label)
    hidden = [part["hidden"] for part in data["counting"]]
    built.semilogy(bits, hidden, "--", color=style.INK, label="1 hidden layer that counts: n")
    built.set(xlabel="bits n", ylabel="hidden units", title="built, and right on all inputs")
    built.legend(fontsize=8)
    draw_trained(trained, data)
    return figure


def draw_trained(axes: Any, data: Data) -> None:
    """The smallest sizes that learned, between the lines n and 2^(n-1)."""
    n = np.array(data["trained bits"])
    axes.plot(n, 2.0 ** (n - 1), color=style.GREY, linewidth=1, linestyle=":", label="2ⁿ⁻¹")
    axes.plot(n, n, color=style.GREY, linewidth=1, linestyle="--", label="n")
    for (depth, found), marker in zip(data["trained"].items(), "os^D", strict=False):
        hidden = [np.nan if units is None else units for units in found]
        axes.plot(n, hidden, marker, markersize=6, label=f"{depth} hidden layer{'s' if depth != '1' else ''}")
    axes.set(xlabel="bits n", ylabel="hidden units in all", title="trained: the fewest that learned", xticks=n)
    axes.legend(fontsize=8)

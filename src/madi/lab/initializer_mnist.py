"""Initial weights on handwritten digits.

A network of four hidden layers of 100 ReLU units starts from three deviations of its weights, and learns with the same
examples in the same order.  With 0.01 the signal has shrunk to nothing after five layers, so all outputs are equal, the
loss is ln 10, and gradients, which shrink on the way back as well, move nothing.  Xavier's deviation keeps the signal
through layers that are linear; He's doubles the variance, since ReLU lets only half of it through, and learns first.

    W ~ N(0, std²)        std = 0.01        Xavier  std = 1 / √n        He  std = √(2 / n)        n inputs of a unit
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi import models
from madi.initializers import He, Initializer, Normal, Xavier
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.fitting import fit_steps
from madi.lab.framework.images import images
from madi.lab.framework.loss_curves import draw_errors, draw_losses, final, steps_to_reach
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.optimizers import SGD
from madi.training import Trainer

ROWS = ("D5",)
COST = Cost(full=10, quick=4)


def compute(
    *,
    data: ImageData = "mnist",
    small: Annotated[float, Number(0, 10, "the deviation beside Xavier's and He's")] = 0.01,
    learning_rate: Annotated[float, Number(1e-6, 10, "of SGD")] = 0.01,
    hidden: Annotated[tuple[int, ...], Number(1, 1000, "units of each hidden layer")] = (100, 100, 100, 100),
    steps: Annotated[int, Number(20, 100_000, "of training", quick=300)] = 2000,
    batch_size: Annotated[int, Number(1, 10_000, "images a step")] = 128,
    seed: Seed = 0,
) -> Data:
    """The loss at each step of each network, its accuracy on the test images, and the loss of a guess, ln(classes)."""
    found = images(data)
    starts: dict[str, Initializer] = {f"std {small:g}": Normal(small), "Xavier": Xavier(fan="in"), "He": He()}
    networks = [models.mlp(hidden, len(found.classes), initializer=start) for start in starts.values()]
    trainers = [Trainer(network, optimizer=SGD(learning_rate), metrics=["accuracy"], seed=seed) for network in networks]
    losses = fit_steps(trainers, found.train, steps=steps, batch_size=batch_size)
    tested = [trainer.evaluate(found.test)["accuracy"] for trainer in trainers]
    return {
        "images": {"name": found.name, "notice": found.notice},
        "losses": dict(zip(starts, losses, strict=True)),
        "accuracy": dict(zip(starts, tested, strict=True)),
        "guess": float(np.log(len(found.classes))),
    }


def claims(data: Data) -> dict[str, bool]:
    """That too small a deviation learns nothing, and that He's learns before Xavier's."""
    losses, guess = data["losses"], data["guess"]
    small, xavier, he = losses
    ends = {name: final(values) for name, values in losses.items()}
    steps = len(losses[he])
    reached = steps_to_reach(losses[he], ends[xavier])
    return {
        f"With {small} the loss stays that of a guess, {guess:.3f}: it is {ends[small]:.3f} after {steps} steps.": bool(
            abs(ends[small] - guess) < 0.05
        ),
        f"With Xavier's and He's weights the network learns: {ends[xavier]:.3f} and {ends[he]:.3f}.": bool(
            max(ends[xavier], ends[he]) < 0.9 * guess
        ),
        f"He's reaches Xavier's last loss, {ends[xavier]:.3f}, in {reached} steps of {steps}.": reached < 0.8 * steps,
        f"On test images He's is right in {data['accuracy'][he]:.1%}, {small} in {data['accuracy'][small]:.1%}.": bool(
            data["accuracy"][he] > data["accuracy"][small] + 0.3
        ),
    }


def draw(data: Data) -> Any:
    """The losses by step, and the errors."""
    figure, (curves, bars) = style.subplots(1, 2, height=3.2, gridspec_kw={"width_ratios": [2.4, 1]})
    draw_losses(curves, data["losses"])
    curves.axhline(data["guess"], color=style.GREY, linewidth=0.8, linestyle=":")
    curves.set_ylim(0, 1.2 * data["guess"])
    curves.text(len(data["losses"]["He"]), 1.02 * data["guess"], "as a guess", ha="right")
    draw_errors(bars, data["accuracy"])
    figure.legend(loc="outside upper center", ncols=3)
    return figure

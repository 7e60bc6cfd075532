"""Four optimizers on handwritten digits.

The same network, from the same first weights and with the same examples in the same order, learns by four rules: four
hidden layers of 100 ReLU units.  Momentum, AdaGrad and Adam need far fewer steps than SGD for the same loss.  How many
depends on the learning rates and on the network, so this is no ranking: with a larger rate SGD catches up.

    SGD        W ← W - η ∂L/∂W
    Momentum   V ← 0.9 V + ∂L/∂W           W ← W - η V
    AdaGrad    h ← h + (∂L/∂W)²            W ← W - η ∂L/∂W / √h
    Adam       running means of both, corrected for their start at 0
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi import models
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.fitting import fit_steps
from madi.lab.framework.images import images
from madi.lab.framework.loss_curves import draw_errors, draw_losses, final, steps_to_reach
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.optimizers import SGD, AdaGrad, Adam, Momentum, Optimizer
from madi.training import Trainer

ROWS = ("D2",)
COST = Cost(full=15, quick=4)


def compute(
    *,
    data: ImageData = "mnist",
    learning_rate: Annotated[float, Number(1e-6, 10, "of SGD, Momentum and AdaGrad")] = 0.01,
    adam_rate: Annotated[float, Number(1e-6, 10, "of Adam")] = 0.001,
    hidden: Annotated[tuple[int, ...], Number(1, 1000, "units of each hidden layer")] = (100, 100, 100, 100),
    steps: Annotated[int, Number(20, 100_000, "of training", quick=200)] = 2000,
    batch_size: Annotated[int, Number(1, 10_000, "images a step")] = 128,
    seed: Seed = 0,
) -> Data:
    """The loss of each optimizer at each step, and its network's accuracy on the test images."""
    found = images(data)
    chosen: dict[str, Optimizer] = {
        "SGD": SGD(learning_rate),
        "Momentum": Momentum(learning_rate),
        "AdaGrad": AdaGrad(learning_rate=learning_rate),
        "Adam": Adam(adam_rate),
    }
    trainers = [
        Trainer(models.mlp(hidden, len(found.classes)), optimizer=optimizer, metrics=["accuracy"], seed=seed)
        for optimizer in chosen.values()
    ]
    losses = fit_steps(trainers, found.train, steps=steps, batch_size=batch_size)
    tested = [trainer.evaluate(found.test)["accuracy"] for trainer in trainers]
    return {
        "images": {"name": found.name, "notice": found.notice},
        "rates": {name: optimizer.rate_at(0) for name, optimizer in chosen.items()},
        "losses": dict(zip(chosen, losses, strict=True)),
        "accuracy": dict(zip(chosen, tested, strict=True)),
    }


def claims(data: Data) -> dict[str, bool]:
    """That SGD is behind at these rates."""
    losses, accuracy = data["losses"], data["accuracy"]
    ends = {name: final(values) for name, values in losses.items()}
    others = {name: end for name, end in ends.items() if name != "SGD"}
    steps = len(losses["SGD"])
    reached = {name: steps_to_reach(losses[name], ends["SGD"]) for name in others}
    best = max(others, key=lambda name: accuracy[name])
    return {
        f"After {steps} steps SGD has the highest loss, {ends['SGD']:.3f}: {_listed(others, '.3f')}.": bool(
            ends["SGD"] > max(others.values())
        ),
        f"What SGD reaches in {steps} steps, the others reach in fewer than half: {_listed(reached, 'd')}.": bool(
            max(reached.values()) < 0.5 * steps
        ),
        f"On test images, too, SGD is behind: {accuracy['SGD']:.1%} against {accuracy[best]:.1%} of {best}.": bool(
            accuracy["SGD"] == min(accuracy.values()) < accuracy[best]
        ),
    }


def _listed(values: dict[str, Any], form: str) -> str:
    return ", ".join(f"{name} {value:{form}}" for name, value in values.items())


def draw(data: Data) -> Any:
    """The four losses by step, and the four accuracies."""
    figure, (curves, bars) = style.subplots(1, 2, height=3.2, gridspec_kw={"width_ratios": [2.4, 1]})
    draw_losses(curves, {f"{name}, {data['rates'][name]:g}": values for name, values in data["losses"].items()})
    curves.legend(title="optimizer, learning rate")
    curves.set_ylim(0, 1.05 * np.nanmax([values[0] for values in data["losses"].values()]))
    draw_errors(bars, data["accuracy"])
    return figure

"""Choosing the learning rate.

The weights are parameters: training finds them.  The learning rate is a hyperparameter: somebody chooses it.  Begin at
0.01, go up and down by factors of ten, and look at the cost curves.  Too low, and the cost hardly falls; too high, and
it jumps about or leaves the finite numbers; the best lies between, and it is found by trying.  All curves start from
the same weights and see the same batches.

    W ← W - η ∂L/∂W          one network, one seed, several η
"""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

import numpy as np

from madi import Trainer
from madi.datasets import Split
from madi.errors import DivergenceError
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.images import images
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.models import mlp
from madi.optimizers import SGD

ROWS = ("B12",)
COST = Cost(full=8, quick=4)

RATES = (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0)


def compute(
    *,
    data: ImageData = "mnist",
    rates: Annotated[tuple[float, ...], Number(1e-8, 1e30, "learning rates, one curve each")] = RATES,
    steps: Annotated[int, Number(10, 10_000, "of gradient descent", quick=300)] = 1000,
    batch_size: Annotated[int, Number(1, 1000, "images a step")] = 100,
    hidden: Annotated[int, Number(1, 2000, "ReLU units")] = 100,
    seed: Seed = 0,
) -> Data:
    """The loss of each step at each rate; shorter where training diverged."""
    found = images(data)
    order = np.random.default_rng(seed).permutation(len(found.train.x))
    chosen = np.resize(order, steps * batch_size)
    train = Split(found.train.x[chosen], found.train.y[chosen])
    model = mlp(hidden, len(found.classes)).build(train.x.shape[1:], seed=seed)
    trainer = Trainer(model, optimizer=SGD(), seed=seed)
    curves = {f"{rate:g}": curve(trainer, train, rate, batch_size) for rate in sorted(rates)}
    return {
        "images": {"name": found.name, "notice": found.notice},
        "parameters": model.summary().parameters,
        "rates": sorted(rates),
        "steps": steps,
        "loss": curves,
        "end": {name: float(np.mean(loss[-(steps // 10) :])) for name, loss in curves.items() if len(loss) == steps},
    }


def curve(trainer: Trainer, train: Split, rate: float, batch_size: int) -> np.ndarray:
    """The loss of each step of one epoch over `train`, from the first weights."""
    trainer.reset()
    trainer.optimizer.learning_rate = rate
    with suppress(DivergenceError):  # the curve then ends before its time
        trainer.fit(train, batch_size=batch_size, verbose=0)
    return np.array(trainer.history.steps.get("loss", []), np.float32)


def claims(data: Data) -> dict[str, bool]:
    """What the curves say about the rate."""
    ends, curves, steps = data["end"], data["loss"], data["steps"]
    names = list(curves)
    low, high, best = names[0], names[-1], min(ends, key=ends.__getitem__, default=names[0])
    start, top = float(curves[low][0]), float(curves[high].max())
    last, least = ends.get(low, np.nan), ends.get(best, np.nan)
    finished = f"ends at {ends[high]:.2f}" if high in ends else f"leaves the finite numbers in step {len(curves[high])}"
    return {
        f"At a rate of {low} the loss is {start:.2f} first, {last:.2f} after {steps:,} steps: next to nothing.": bool(
            abs(last / start - 1) < 0.2
        ),
        f"At {high} it jumps to {top:.3g} and {finished}: nothing is learned.": (high not in ends or top > 2 * start)
        and not ends.get(high, np.inf) < 0.8 * start,
        f"The best of these rates is {best}, with {least:.3f}: between both ends.": best not in (low, high)
        and least < 0.25 * start,
        f"A rate ten times lower than the best does worse after {steps:,} steps.": any(
            end > least for name, end in ends.items() if float(name) <= 0.2 * float(best)
        ),
    }


def draw(data: Data) -> Any:
    """All cost curves, smoothed, and where each ends."""
    import matplotlib

    figure, (curves, ends) = style.subplots(1, 2, height=3.2, gridspec_kw={"width_ratios": (1.5, 1)})
    colours = matplotlib.colormaps[style.AMOUNTS](np.linspace(0, 0.92, len(data["loss"])))
    for (name, loss), colour in zip(data["loss"].items(), colours, strict=True):
        curves.semilogy(*smoothed(loss, data["steps"] // 50), color=colour, label=name)
    curves.set(xlabel="step", ylabel="loss", ylim=(None, 60))
    curves.set_title(f"{data['parameters']:,} parameters are learned ({data['images']['name']}), η is chosen")
    curves.legend(title="learning rate", fontsize=8, ncols=2, loc="upper right")
    ends.semilogx([float(name) for name in data["end"]], list(data["end"].values()), color=style.FAINT, zorder=1)
    for name, colour in zip(data["loss"], colours, strict=True):
        if name in data["end"]:
            ends.plot(float(name), data["end"][name], "o", color=colour)
    ends.set(xlabel="learning rate η", ylabel="loss in the end", title=f"after {data['steps']:,} steps")
    return figure


def smoothed(loss: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps and the mean of the loss over `width` of them."""
    width = max(1, min(width, len(loss)))
    return np.arange(len(loss) - width + 1), np.convolve(loss, np.full(width, 1 / width), "valid")

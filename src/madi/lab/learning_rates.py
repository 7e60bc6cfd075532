"""Choosing the learning rate.

The weights are parameters: training finds them.  The learning rate is a hyperparameter: somebody chooses it.  Begin at
0.01, go up and down by factors of ten, and look at the cost curves.  Too low, and the cost hardly falls; too high, and
it jumps about or leaves the finite numbers; the best lies between, and it is found by trying.  All curves start from
the same weights and see the same batches.

    W ← W - η ∂L/∂W          one network, one seed, several η
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi.datasets import Split
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.fitting import fit_steps
from madi.lab.framework.images import images
from madi.lab.framework.loss_curves import final, smoothed
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.models import mlp
from madi.optimizers import SGD
from madi.training import Trainer

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
    """The loss of each step at each rate, NaN once training has diverged."""
    found, rates = images(data), tuple(sorted(rates))
    order = np.random.default_rng(seed).permutation(len(found.train.x))
    train = Split(found.train.x[order], found.train.y[order])
    models = [mlp(hidden, len(found.classes)).build(train.x.shape[1:], seed=seed) for _ in rates]
    trainers = [Trainer(model, optimizer=SGD(rate), seed=seed) for model, rate in zip(models, rates, strict=True)]
    losses = fit_steps(trainers, train, steps=steps, batch_size=batch_size)
    return {
        "images": {"name": found.name, "notice": found.notice},
        "parameters": models[0].summary().parameters,
        "rates": list(rates),
        "loss": {f"{rate:g}": loss for rate, loss in zip(rates, losses, strict=True)},
        "end": {f"{rate:g}": final(loss) for rate, loss in zip(rates, losses, strict=True)},
    }


def claims(data: Data) -> dict[str, bool]:
    """What the curves say about the rate."""
    ends, curves = data["end"], data["loss"]
    names, finite = list(curves), [name for name, end in ends.items() if np.isfinite(end)]
    low, high, best = names[0], names[-1], min(finite, key=ends.get, default=names[0])
    start = float(curves[low][0])
    return {
        f"At a rate of {low} the loss is {start:.2f} first, {ends[low]:.2f} in the end: next to nothing.": bool(
            abs(ends[low] / start - 1) < 0.2
        ),
        f"At {high} {fate(curves[high], ends[high])}: nothing is learned.": high not in finite
        or (np.nanmax(curves[high]) > 2 * start and ends[high] > 0.8 * start),
        f"The best of these rates is {best}, with {ends[best]:.3f}: between both ends.": best not in (low, high)
        and ends[best] < 0.25 * start,
        f"A rate ten times lower than the best does worse after {len(curves[low]):,} steps.": any(
            ends[name] > ends[best] for name in finite if float(name) <= 0.2 * float(best)
        ),
    }


def fate(losses: np.ndarray, end: float) -> str:
    """What becomes of a training at too high a rate, in words."""
    if np.isfinite(end):
        return f"it jumps to {np.max(losses):.3g} and ends at {end:.2f}"
    return f"it leaves the finite numbers after step {int(np.isfinite(losses).sum())}"


def draw(data: Data) -> Any:
    """All cost curves, smoothed, and where each ends."""
    import matplotlib

    figure, (curves, ends) = style.subplots(1, 2, height=3.2, gridspec_kw={"width_ratios": (1.5, 1)})
    colours = matplotlib.colormaps[style.AMOUNTS](np.linspace(0, 0.8, len(data["loss"])))
    for (name, loss), colour in zip(data["loss"].items(), colours, strict=True):
        curves.semilogy(smoothed(loss, 0.01), color=colour, label=name)
    curves.set(xlabel="step", ylabel="loss", ylim=(None, 60))
    curves.set_title(f"{data['parameters']:,} parameters are learned ({data['images']['name']}), η is chosen")
    curves.legend(title="learning rate", fontsize=8, ncols=2, loc="upper right")
    ends.semilogx(data["rates"], list(data["end"].values()), color=style.FAINT, zorder=1)
    ends.scatter(data["rates"], list(data["end"].values()), color=colours, zorder=2)
    ends.set(xlabel="learning rate η", ylabel="loss in the end", title=f"after {len(loss):,} steps")
    return figure

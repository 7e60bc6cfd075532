"""Accuracy on the training images and on others, as training goes on: what three experiments on overfitting measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from madi.datasets import Split
from madi.lab.framework import style
from madi.lab.framework.experiment import Data
from madi.lab.framework.fitting import fit_each
from madi.layers import Layer
from madi.optimizers import Optimizer
from madi.training import Trainer


def trainers_of(
    network: Callable[[], Layer], optimizer: Callable[[], Optimizer], *, seeds: int, seed: int
) -> list[Trainer]:
    """A trainer for each of so many seeds, from `seed` on."""
    options: dict[str, Any] = {"metrics": ["accuracy"], "engine": "jax"}
    return [Trainer(network(), optimizer=optimizer(), seed=seed + number, **options) for number in range(seeds)]


def accuracy_curves(
    trainers: Sequence[Trainer], train: Split, test: Split, *, epochs: int, points: int, batch_size: int = 100
) -> Data:
    """Accuracy in inference at some epochs, 0 and the last among them: {"epoch", "training", "test"}.

    The epochs are (marks,), the accuracies (trainers, marks), NaN from where a network diverged.
    """
    marks = np.unique(np.linspace(0, epochs, points + 1).round().astype(int))
    found = {name: np.full((len(trainers), len(marks)), np.nan) for name in ("training", "test")}
    for column, stretch in enumerate(np.diff(marks, prepend=0).tolist()):
        going = fit_each(trainers, train, epochs=stretch, batch_size=batch_size)
        for row, (trainer, finite) in enumerate(zip(trainers, going, strict=True)):
            if finite:
                found["training"][row, column] = trainer.evaluate(train)["accuracy"]
                found["test"][row, column] = trainer.evaluate(test)["accuracy"]
    return {"epoch": marks, **found}


def last(curves: Data, name: str) -> float:
    """The last accuracy, a mean over the seeds."""
    return float(curves[name][:, -1].mean())


def gap(curves: Data) -> float:
    """By how much the last training accuracy exceeds the test accuracy, a mean over the seeds."""
    return last(curves, "training") - last(curves, "test")


def points(share: float) -> str:
    """A difference of two accuracies in words."""
    return f"{100 * share:.1f} points"


def draw_gaps(curves: Mapping[str, Data]) -> Any:
    """A panel for each: the mean accuracies over the seeds, each seed faint, and the gap at the end."""
    figure, axes = style.subplots(1, len(curves), height=3.3, sharey=True, squeeze=False)
    for axis, (title, found) in zip(axes[0], curves.items(), strict=True):
        _draw_gap(axis, found)
        axis.set(title=f"{title}\ngap at the end: {points(gap(found))}", xlabel="epoch", ylim=(0, 1.04))
    axes[0, 0].set_ylabel("accuracy")
    axes[0, 0].yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def _draw_gap(axis: Any, found: Data) -> None:
    epochs = np.asarray(found["epoch"])
    for name, colour in (("training", style.BLUE), ("test", style.ORANGE)):
        axis.plot(epochs, found[name].T, color=colour, alpha=0.35, linewidth=0.7)
        axis.plot(epochs, found[name].mean(axis=0), color=colour, label=f"{name} images")
    axis.fill_between(epochs, *(found[name].mean(axis=0) for name in ("training", "test")), color=style.FAINT, zorder=0)
    axis.set_xlim(0, epochs[-1])

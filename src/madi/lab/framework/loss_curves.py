"""The losses of several trainings, step by step: smoothed, compared, drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from madi.lab.framework import style


def smoothed(losses: np.ndarray, share: float = 0.02) -> np.ndarray:
    """A mean around each step, (steps,), with normal weights whose deviation is that share of all steps."""
    deviation = max(1.0, share * len(losses))
    distances = np.arange(-round(3 * deviation), round(3 * deviation) + 1)
    weights = np.exp(-0.5 * (distances / deviation) ** 2)
    reach = len(distances) // 2
    sums, shares = (np.convolve(row, weights)[reach : reach + len(losses)] for row in (losses, np.ones(len(losses))))
    return sums / shares


def final(losses: np.ndarray) -> float:
    """The mean loss of the last twentieth of the steps."""
    return float(losses[-max(1, len(losses) // 20) :].mean())


def steps_to_reach(losses: np.ndarray, level: float) -> int:
    """The first step, counted from 1, at which the smoothed loss is at most `level`; past the last if it never is."""
    below = np.flatnonzero(smoothed(losses) <= level)
    return int(below[0]) + 1 if len(below) else len(losses) + 1


def draw_losses(axis: Any, losses: Mapping[str, np.ndarray]) -> None:
    """Each training's smoothed loss by step, over its losses themselves, faint."""
    for number, (name, values) in enumerate(losses.items()):
        steps, colour = np.arange(1, len(values) + 1), style.COLOURS[number]
        axis.plot(steps, values, color=colour, alpha=0.15, linewidth=0.5)
        axis.plot(steps, smoothed(values), color=colour, label=name)
    axis.set(xlabel="step", ylabel="training loss")
    axis.set_xlim(0, max(map(len, losses.values())))


def draw_errors(axis: Any, accuracy: Mapping[str, float]) -> None:
    """The share of test images that each network gets wrong, as bars in the colours of its losses."""
    rows, errors = np.arange(len(accuracy)), 1 - np.array(list(accuracy.values()))
    axis.barh(rows, errors, color=style.COLOURS[: len(rows)], height=0.6)
    for row, error in zip(rows, errors, strict=True):
        axis.text(error, row, f" {error:.1%}", va="center")
    axis.set_yticks(rows, list(accuracy))
    axis.tick_params(axis="y", length=0)
    axis.invert_yaxis()
    axis.set(xlim=(0, 1.3 * errors.max()), xlabel="error on test images")
    axis.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")

"""A toy.

It has `numbers` of a line. Watch them rise <fast> & far.

    y = slope x < 2
    with x > 0

See them <b>all</b>.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi.lab import Choice, Cost, Data, Number, Seed, Switch
from madi.lab.framework import style

ROWS = ("B2", "A1")
COST = Cost(full=0.2, quick=0.1)


def compute(
    *,
    slope: Annotated[float, Number(0, 10, "of the line", quick=1.0)] = 2.0,
    points: Annotated[tuple[int, ...], Number(1, 9, "where it is looked at")] = (1, 2, 3),
    ends: Annotated[tuple[float, ...], Number(-9, 9, "of the axis", length=2)] = (-1.0, 4.5),
    kind: Annotated[str, Choice(("line", "curve"), "of what is drawn")] = "line",
    rising: Annotated[bool, Switch("whether it rises")] = True,
    seed: Seed = 0,
) -> Data:
    """The heights of the points."""
    noise = np.random.default_rng(seed).standard_normal(len(points)).astype(np.float32)
    heights = np.array(points) * (slope if rising else -slope)
    odd = {"none": None, "inf": np.inf, "nan": np.array([1.0, np.nan, -np.inf]), "empty": np.zeros((0, 2))}
    return {
        "heights": heights,
        "noise": noise,
        "ends": ends,
        "kind": kind,
        "odd": odd,
        "images": {"name": "digits", "notice": "only <digits>"},
    }


def claims(data: Data) -> dict[str, bool]:
    """It rises."""
    return {f"The last point, {data['heights'][-1]:g}, is > 3.": data["heights"][-1] > 3, "Always so.": True}


def draw(data: Data) -> Any:
    """The points."""
    figure, axes = style.subplots()
    axes.plot(data["heights"] + data["noise"])
    return figure

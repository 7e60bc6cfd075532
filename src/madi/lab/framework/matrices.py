"""Matrices in figures: grids of cells with their numbers, on a canvas whose unit is one cell."""

from __future__ import annotations

from typing import Any

import numpy as np

from madi.lab.framework import style


def canvas(axes: Any, width: float, height: float) -> None:
    """Make axes a plane of so many cells, (0, 0) in its upper left corner, without ticks or lines."""
    axes.set(xlim=(-0.05, width), ylim=(height, -0.05), aspect="equal", anchor="W")
    axes.axis("off")


def cells(
    axes: Any, matrix: Any, at: tuple[float, float], *, form: str = ".4g", lit: Any = False,
    colour: str = f"{style.SKY}80", size: float = 9.5,
) -> None:  # fmt: skip
    """Draw a matrix (rows, columns) as cells with their numbers, its upper left corner at (x, y) of a canvas.

    form   how each number is written; "" writes none
    lit    which cells are filled with `colour`: a mask that broadcasts to the matrix
    """
    from matplotlib.patches import Rectangle

    matrix = np.atleast_2d(matrix)
    lit = np.broadcast_to(lit, matrix.shape)
    for (row, column), value in np.ndenumerate(matrix):
        x, y = at[0] + column, at[1] + row
        fill = colour if lit[row, column] else "white"
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor=fill, edgecolor=style.GREY, linewidth=0.8))
        if form:
            axes.text(x + 0.5, y + 0.5, f"{value:{form}}", size=size, ha="center", va="center_baseline")


def words(axes: Any, text: str, at: tuple[float, float], **options: Any) -> None:
    """Text centred at (x, y) of a canvas."""
    axes.text(*at, text, **{"ha": "center", "va": "center", **options})

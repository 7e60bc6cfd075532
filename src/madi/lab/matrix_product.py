"""The matrix product: what a layer computes.

Each number of A B is one row of A times one column of B, added up: so the row of A must be as long as the column of B.
The two sizes that meet must agree, and vanish; the outer two are the shape of the product.  A whole batch of examples
goes through a layer in one product, one example a row, and each row comes out as if it had gone alone.

    C = A B      C[i, j] = Σ over k of A[i, k] B[k, j]      (n, k) (k, m) → (n, m)
    A = X W      (batch, inputs) (inputs, units) → (batch, units)
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

import madi.functions as F
from madi.errors import ShapeError
from madi.lab.framework.bands import bands
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.matrices import canvas, cells, words
from madi.lab.framework.parameters import Number, Seed
from madi.lab.framework.style import GREY, ORANGE

ROWS = ("A4",)
COST = Cost(full=0.1, quick=0.1)

FITTING = (((3, 2), (2, 4)), ((3, 2), (2,)))
Matrix = Annotated[tuple[float, ...], Number(-1000, 1000, "a 2 x 2 matrix, row by row", length=4)]
Sizes = Annotated[tuple[int, ...], Number(1, 6, "rows and columns", length=2)]


def compute(
    *,
    left: Matrix = (1.0, 2.0, 3.0, 4.0),
    right: Matrix = (5.0, 6.0, 7.0, 8.0),
    left_shape: Sizes = (2, 3),
    right_shape: Sizes = (2, 2),
    batch: Annotated[int, Number(1, 1000, "examples")] = 100,
    inputs: Annotated[int, Number(1, 1000, "of the layer")] = 784,
    units: Annotated[int, Number(1, 1000, "of the layer")] = 50,
    seed: Seed = 0,
) -> Data:
    """A B and B A; which shapes have a product; a batch in one product and example by example."""
    a, b = np.reshape(left, (2, 2)), np.reshape(right, (2, 2))
    generator = np.random.default_rng(seed)
    x, weight = generator.standard_normal((batch, inputs)), generator.standard_normal((inputs, units))
    together = F.matmul(x, weight).value
    return {
        "left": a,
        "right": b,
        "product": F.matmul(a, b).value,
        "reversed": F.matmul(b, a).value,
        "tried": [tried(*shapes) for shapes in (*FITTING, (left_shape, right_shape))],
        "batch": {
            "shapes": [x.shape, weight.shape, together.shape],
            "corner": together[:2, :3],
            "apart": float(max(np.abs(together[i] - F.matmul(x[i], weight).value).max() for i in range(batch))),
        },
    }


def tried(left: tuple[int, ...], right: tuple[int, ...]) -> dict[str, Any]:
    """The product's shape of matrices of these shapes; where there is none, None and the error's words."""
    try:
        shape, message = F.matmul(np.ones(left), np.ones(right)).shape, ""
    except ShapeError as error:
        shape, message = None, str(error)
    return {"left": left, "right": right, "shape": shape, "message": message}


def claims(data: Data) -> dict[str, bool]:
    """What the products show."""
    a, b, product = data["left"], data["right"], data["product"]
    unfit = [attempt for attempt in data["tried"] if attempt["shape"] is None]
    apart, shapes = (
        data["batch"]["apart"],
        " ".join(map(str, data["batch"]["shapes"][:2])) + f" → {data['batch']['shapes'][2]}",
    )
    by_hand = [[sum(a[i, k] * b[k, j] for k in range(2)) for j in range(2)] for i in range(2)]
    return {
        f"{_told(a)} {_told(b)} = {_told(product)}, each number a row times a column.": bool(
            np.allclose(product, by_hand, rtol=1e-12)
        ),
        f"The other way round it is {_told(data['reversed'])}: the order matters.": not np.allclose(
            product, data["reversed"]
        ),
        f"Of {len(data['tried'])} pairs of shapes {len(unfit)} has no product: "
        f"{''.join(attempt['message'] for attempt in unfit) or 'all fit.'}": len(unfit) == 1,
        f"A batch, {shapes}, differs from its examples one by one by {apart:.0e} at most.": apart <= 1e-12,
    }


def _told(matrix: np.ndarray) -> str:
    """[[1, 2], [3, 4]]"""
    return str([[float(f"{value:.6g}") for value in row] for row in matrix.tolist()]).replace(".0", "")


def draw(data: Data) -> Any:
    """The product with one row, one column and the number they make; the shapes that were tried."""
    figure, (numbers, shapes) = bands(1.6, 1.5)
    numbers.suptitle("A row times a column", x=0.005, ha="left", fontsize=10.5)
    shapes.suptitle("The sizes that meet must agree", x=0.005, ha="left", fontsize=10.5)
    _product(numbers.subplots(), data)
    _shapes(shapes.subplots(), data["tried"])
    return figure


def _product(axes: Any, data: Data) -> None:
    canvas(axes, 16.5, 2.9)
    a, b, product = data["left"], data["right"], data["product"]
    cells(axes, a, (0, 0), lit=[[True], [False]])
    cells(axes, b, (3, 0), lit=[[True, False]], colour=ORANGE + "60")
    cells(axes, product, (6, 0), lit=[[True, False], [False, False]], colour=GREY + "60")
    for x, sign in ((2.5, "·"), (5.5, "=")):
        words(axes, sign, (x, 1), size=14)
    for x, name in ((1, "A"), (4, "B"), (7, "A B")):
        words(axes, name, (x, 2.45))
    words(axes, f"{a[0, 0]:g} · {b[0, 0]:g} + {a[0, 1]:g} · {b[1, 0]:g} = {product[0, 0]:g}", (9, 0.5), ha="left")


def _shapes(axes: Any, tried: list[dict[str, Any]]) -> None:
    """The pairs of shapes as empty grids, the sizes that must agree filled in."""
    x, deepest = 0.0, max(max(attempt["left"][0], attempt["right"][0]) for attempt in tried)
    for attempt in tried:
        x = _pair(axes, attempt, x, deepest + 0.8) + 1.6
    canvas(axes, x, deepest + 1.3)


def _pair(axes: Any, attempt: dict[str, Any], x: float, below: float) -> float:
    """Draw one pair of shapes and their product from x on; return where it ends."""
    row, column = [[True]] + [[False]] * (attempt["left"][0] - 1), np.arange(np.prod(attempt["right"][1:])) == 0
    x = _grid(axes, attempt["left"], x, below, lit=row) + 0.5
    x = _grid(axes, attempt["right"], x, below, lit=column, colour=ORANGE + "60") + 1.2
    if attempt["shape"] is None:
        words(axes, f"{attempt['left'][1]} ≠ {attempt['right'][0]}:\nno product", (x, 1), color=ORANGE, ha="left")
        return x + 3
    words(axes, "→", (x - 0.6, 1), size=14)
    corner = np.zeros((attempt["shape"][0], int(np.prod(attempt["shape"][1:]))), bool)
    corner[0, 0] = True
    return _grid(axes, attempt["shape"], x, below, lit=corner, colour=GREY + "60")


def _grid(axes: Any, shape: tuple[int, ...], x: float, below: float, **options: Any) -> float:
    """An empty grid of a shape, which stands below it; returns its right edge.  A vector is one column."""
    rows, columns = shape if len(shape) == 2 else (shape[0], 1)
    cells(axes, np.zeros((rows, columns)), (x, 0), form="", **options)
    words(axes, str(shape), (x + columns / 2, below - 0.3))
    return x + columns

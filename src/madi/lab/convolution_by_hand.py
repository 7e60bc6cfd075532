"""Convolution and pooling by hand.

A kernel slides over an image: at every place it multiplies the pixels beneath it by its weights and adds them up.
Padding puts zeros around the image, so that the output need not shrink; the stride says how far the kernel moves.  An
image of several channels has a kernel as deep, and each filter makes one channel of the output.  Written out as a
matrix whose rows are the windows (im2col), the whole convolution is one matrix product.  Pooling keeps the largest
number of each window, and has no weights at all.

    y[i, j, o] = b[o] + Σ over k, l, c of x[i s + k - p, j s + l - p, c] W[k, l, c, o]
    H_out      = floor((H + 2 p - K) / s) + 1
    y          = im2col(x) W + b                   im2col(x): (H_out W_out, K K C),  W: (K K C, filters)
    pooled     = max over the pixels of each window
"""

from __future__ import annotations

from itertools import product
from typing import Annotated, Any

import numpy as np

import madi.functions as F
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number, Seed

ROWS = ("E1",)
COST = Cost(full=0.1, quick=0.1)

KERNEL = np.array([[2.0, 0.0, 1.0], [0.0, 1.0, 2.0], [1.0, 0.0, 2.0]])
POOL = 2
SHOWN = 16  # windows that the figure has at most
ROOM, BETWEEN = 1.6, 2.6  # of the figure, in cells: above each row for its titles, and between two tables


def compute(
    *,
    size: Annotated[int, Number(3, 10, "pixels of the image, along each side")] = 4,
    padding: Annotated[int, Number(0, 2, "zeros around the image")] = 0,
    stride: Annotated[int, Number(1, 4, "pixels from one place of the kernel to the next")] = 1,
    bias: Annotated[float, Number(-100, 100, "added to every output")] = 3.0,
    channels: Annotated[int, Number(1, 16, "of the random image")] = 3,
    filters: Annotated[int, Number(1, 16, "of the random convolution")] = 4,
    seed: Seed = 0,
) -> Data:
    """One small image by hand, and a random one of several channels, each convolved in three ways."""
    image = (np.arange(size) - np.arange(size)[:, None] + 1.0) % 4  # 1 2 3 0, and each row one further to the right
    random = np.random.default_rng(seed)
    deep, kernel = random.normal(size=(size, size, channels)), random.normal(size=(3, 3, channels, filters))
    return {
        "image": image,
        "options": {"padding": padding, "stride": stride, "bias": bias},
        "one": three_ways(image[..., None], KERNEL[..., None, None], bias, padding, stride),
        "deep": three_ways(deep, kernel, bias, padding, stride),
        "pooled": F.max_pool2d(image[None, ..., None], POOL).value[0, ..., 0],
    }


def three_ways(image: np.ndarray, kernel: np.ndarray, bias: float, padding: int, stride: int) -> Data:
    """An image (H, W, C) convolved by the node, as one matrix product, and pixel by pixel."""
    options: dict[str, Any] = {"padding": padding, "stride": stride}
    node = F.conv2d(image[None], kernel, np.full(kernel.shape[-1], bias), **options).value[0]
    padded = F.zero_pad(image, ((padding, padding), (padding, padding), (0, 0))).value
    windows = im2col(padded, len(kernel), stride)
    multiplied = F.affine(windows, kernel.reshape(-1, kernel.shape[-1]), np.full(kernel.shape[-1], bias)).value
    return {
        "node": node,
        "windows": windows,
        "kernel": kernel,
        "product": multiplied.reshape(node.shape),
        "by hand": by_hand(padded, kernel, bias, stride, node.shape),
    }


def im2col(padded: np.ndarray, size: int, stride: int) -> np.ndarray:
    """The windows of an image (H, W, C) as the rows of a matrix, (H_out W_out, size size C)."""
    corners = product(range(0, len(padded) - size + 1, stride), repeat=2)
    return np.array([padded[i : i + size, j : j + size].ravel() for i, j in corners])


def by_hand(padded: np.ndarray, kernel: np.ndarray, bias: float, stride: int, shape: tuple[int, ...]) -> np.ndarray:
    """The equation of the page, number by number."""
    y = np.full(shape, bias)
    for i, j, o in np.ndindex(*shape):
        for k, l, c in np.ndindex(kernel.shape[:3]):  # noqa: E741 (the equation's letter)
            y[i, j, o] += padded[i * stride + k, j * stride + l, c] * kernel[k, l, c, o]
    return y


def difference(ways: Data, name: str) -> float:
    """The largest between a way and the node."""
    return float(np.abs(ways[name] - ways["node"]).max())


def claims(data: Data) -> dict[str, bool]:
    """What the two images show."""
    one, deep, pooled = data["one"], data["deep"], data["pooled"]
    size, made, padding, stride = len(data["image"]), len(one["node"]), *list(data["options"].values())[:2]
    rows, columns = one["windows"].shape
    *_, channels, filters = deep["kernel"].shape
    dense = size**2 * made**2
    return {
        f"An image of {size} x {size}, padded by {padding}, and a kernel of 3 x 3 at stride {stride} make "
        f"{made} x {made}: the first number is {one['node'].flat[0]:g}.": made == (size + 2 * padding - 3) // stride + 1
        and difference(one, "by hand") < 1e-12,
        f"The same is one product of a {rows} x {columns} matrix, a window a row.": difference(one, "product") < 1e-12,
        f"With {channels} channels and {filters} filters too, the sums by hand and the product of matrices agree "
        "with the node to 1e-12.": max(difference(deep, "by hand"), difference(deep, "product")) < 1e-12,
        f"The kernel has 9 weights; a dense layer between the same pixels has {dense}.": dense > KERNEL.size,
        f"Pooling keeps the largest of each 2 x 2 pixels, {int(pooled.size)} of {size**2} numbers.": bool(
            pooled[0, 0] == data["image"][:POOL, :POOL].max() and pooled.size <= size**2 / POOL**2
        ),
    }


def draw(data: Data) -> Any:
    """Image, kernel and output; the same as a product of matrices; pooling.  One window is marked in each."""
    options, image, output = data["options"], data["image"], data["one"]["node"][..., 0]
    padded, windows, bias = np.pad(image, options["padding"]), data["one"]["windows"], f"+ {options['bias']:g} ="
    title = "im2col(image): a window a row" + f", {SHOWN} of {len(windows)}" * (len(windows) > SHOWN)
    slid = [
        (padded, "image" + f", padded by {options['padding']}" * bool(options["padding"]), (3, 3)),
        (KERNEL, "kernel", None),
        (output, "output", (1, 1)),
    ]
    multiplied = [
        (windows[:SHOWN], title, (1, KERNEL.size)),
        (KERNEL.reshape(-1, 1), "kernel", None),
        (output.reshape(-1, 1)[:SHOWN], "output", (1, 1)),
    ]
    pooled = [(image, "image", (POOL, POOL)), (data["pooled"], "largest of each 2 x 2", (1, 1))]
    second = len(padded) + ROOM
    third = second + len(windows[:SHOWN]) + ROOM
    width = max(len(padded) + len(output) + 3 + 2 * BETWEEN, KERNEL.size + 2 + 2 * BETWEEN) + 0.2
    height = max(third + len(image), second + KERNEL.size) + ROOM
    cell = min(style.WIDTH / width, 9 / height, 0.34)  # inches
    figure, axis = style.subplots(height=cell * height)
    for top, tables, signs in ((0, slid, "∗" + bias), (second, multiplied, "·" + bias), (third, pooled, "→")):
        row(axis, tables, [signs[0], signs[1:]], -top, 72 * cell)
    axis.set(xlim=(-0.1, width - 0.1), ylim=(ROOM - 0.4 - height, ROOM - 0.4), aspect="equal")
    axis.axis("off")
    return figure


def row(axis: Any, tables: list[Any], between: list[str], top: float, cell: float) -> None:
    """Tables from left to right, with what stands between them, about the middle of the first and none higher."""
    x, middle = 0.0, top - len(tables[0][0]) / 2
    for (values, title, marked), sign in zip(tables, ["", *between], strict=False):
        upper = min(top, middle + len(values) / 2)
        axis.text(x - BETWEEN / 2, middle, sign, ha="center", va="center")
        axis.text(x + values.shape[1] / 2, upper + 0.25, title, ha="center", va="bottom")
        cells(axis, x, upper, values, marked, cell)
        x += values.shape[1] + BETWEEN


def cells(axis: Any, x: float, top: float, values: np.ndarray, marked: tuple[int, int] | None, size: float) -> None:
    """Numbers in a table; the first `marked` (rows, columns) of them stand on a ground; None: they are weights."""
    from matplotlib.patches import Rectangle

    rows, columns = marked or (0, 0)
    for i, j in np.ndindex(*values.shape):
        ground = style.YELLOW + "73" if i < rows and j < columns else "none"
        place = (x + j, top - i - 1)
        axis.add_patch(Rectangle(place, 1, 1, facecolor=ground, edgecolor=style.GREY, linewidth=0.6))
        colour = style.BLUE if marked is None else style.INK
        text = {"ha": "center", "va": "center", "color": colour, "fontsize": min(9.5, 0.42 * size)}
        axis.text(x + j + 0.5, top - i - 0.5, f"{values[i, j]:g}", **text)

"""The networks of ImageNet: deeper, and cleverer.

In ILSVRC a program names what is on a photograph, one of 1,000 classes; it has failed where the right one is not among
its first five.  The winners of 2010 and 2011 had features made by hand.  AlexNet (2012) learned its own; VGG (2014) is
nothing but kernels of 3 x 3, and depth; GoogLeNet (2014) looks with kernels of several sizes side by side, behind 1 x 1
convolutions that save most of the work; ResNet (2015) carries the signal around its layers, and so can be trained with
152 of them.  Parameters and multiply-adds are counted in madi's own models, by tracing one image through them on shapes
alone.

    convolution    K² C_in C_out parameters, and as many multiply-adds at each pixel of its output
    dense layer    inputs x outputs parameters, and as many multiply-adds in all
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Annotated, Any

from madi import models
from madi.initializers import Zeros
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Choice
from madi.layers import Branches, Conv2D, Dense, Layer, Residual, Sequential

ROWS = ("E7",)
COST = Cost(full=2, quick=2)

# Top-5 error in percent on the test images, by year, name and network: Russakovsky et al., "ImageNet Large Scale Visual
# Recognition Challenge" (2015), tables 5 and 8; 2015 He et al., "Deep residual learning for image recognition" (2015).
# The 2013 winner's network is not published.
ERRORS = (
    (2010, "by hand", None, 28.2),
    (2011, "by hand", None, 25.8),
    (2012, "AlexNet", "alexnet", 16.4),
    (2013, "Clarifai", None, 11.7),
    (2014, "VGG", "vgg19", 7.3),
    (2014, "GoogLeNet", "googlenet", 6.7),
    (2015, "ResNet", "resnet152", 3.57),
)
NETWORKS = ("alexnet", "vgg16", "vgg19", "googlenet", "resnet50", "resnet152")
NAMES = ("AlexNet", "VGG-16", "VGG-19", "GoogLeNet", "ResNet-50", "ResNet-152")
DENSE = 0  # stands for the side of a dense layer's kernel
KERNELS = {1: style.SKY, 3: style.BLUE, 5: style.GREEN, 7: style.PURPLE, 11: style.ORANGE, DENSE: style.YELLOW}


def compute(
    *, networks: Annotated[tuple[str, ...], Choice(NETWORKS, "whose parameters and operations are counted")] = NETWORKS
) -> Data:
    """The published errors by year, and what is counted in each network."""
    fields = ("year", "name", "network", "error")
    return {
        "errors": [dict(zip(fields, row, strict=True)) for row in ERRORS],
        "networks": {name: counted(models.create(name), models.INPUT_SHAPES[name]) for name in networks},
    }


def counted(network: Sequential, shape: tuple[int, ...]) -> Data:
    """Parameters and multiply-adds, and the layers with weights: see `columns`.

    dense    parameters of the dense layers, which are as many multiply-adds
    """
    for _, layer in network.walk():
        if hasattr(layer, "initializer"):
            layer.initializer = Zeros()  # which takes no memory until somebody writes into it
    summary = network.build(shape).summary()
    skips: list[tuple[int, int]] = []
    found = columns(network, 0, skips)
    weights = [layer.weight.size for _, layer in network.walk() if isinstance(layer, Dense)]
    return {
        "input": shape,
        "parameters": summary.parameters,
        "multiply_adds": summary.multiply_adds,
        "dense": sum(weights),
        "depth": len(found),
        "columns": found,
        "skips": skips,
    }


def columns(layer: Layer, first: int, skips: list[tuple[int, int]]) -> list[list[int]]:
    """The layers with weights, one after the other; of those side by side all, as the sides of their kernels.

    first    how many stand before
    skips    takes (first, last) of each body with a skip connection, the last not included
    """
    if isinstance(layer, (Conv2D, Dense)):
        return [[layer.kernel_size[0] if isinstance(layer, Conv2D) else DENSE]]
    if isinstance(layer, Residual):
        body = columns(layer.body, first, skips)
        skips.append((first, first + len(body)))
        return body
    if isinstance(layer, Branches):
        return side_by_side([columns(path, first, skips) for path in layer.paths])
    found: list[list[int]] = []
    for _, inner in layer.inner_layers():
        found += columns(inner, first + len(found), skips)
    return found


def side_by_side(paths: list[list[list[int]]]) -> list[list[int]]:
    """Paths that end together, column by column."""
    backwards = zip_longest(*(path[::-1] for path in paths), fillvalue=[])
    return [[side for part in column for side in part] for column in backwards][::-1]


def claims(data: Data) -> dict[str, bool]:
    """What the years and the counts show; a sentence about a network that was left out is left out too."""
    networks, by_network = data["networks"], {row["network"]: row["error"] for row in data["errors"]}
    entered = [networks[row["network"]] for row in data["errors"] if row["network"] in networks]
    depths, errors = [network["depth"] for network in entered], [row["error"] for row in data["errors"]]
    falls = errors == sorted(errors, reverse=True)
    shown = {f"The error fell from {errors[0]:g} to {errors[-1]:g}%.": falls}
    if len(entered) > 1:
        grows = f"From {depths[0]} to {depths[-1]} layers: each network of those years is deeper than the one before."
        shown[grows] = depths == sorted(set(depths))
    return {**shown, **dict(compared(networks, by_network))}


def compared(networks: Data, errors: dict[str, float]) -> Iterator[tuple[str, bool]]:
    """Sentences about two networks each."""
    if {"alexnet", "googlenet"} <= networks.keys():
        old, new = networks["alexnet"], networks["googlenet"]
        share = old["dense"] / old["parameters"]
        work = old["dense"] / old["multiply_adds"]
        yield (
            f"Dense layers hold {share:.0%} of AlexNet's parameters and do {work:.0%} of its multiply-adds.",
            share > 0.9 and work < 0.1,
        )
        times = old["parameters"] / new["parameters"]
        yield (
            f"GoogLeNet has {new['parameters'] / 1e6:.1f} million parameters, {times:.1f} times fewer than AlexNet.",
            times > 5 and errors["googlenet"] < errors["alexnet"],
        )
    if {"vgg19", "resnet152"} <= networks.keys():
        old, new = networks["vgg19"], networks["resnet152"]
        yield (
            f"ResNet-152 is {new['depth'] / old['depth']:.0f} times as deep as VGG-19, with {giga(new)} billion "
            f"multiply-adds for {giga(old)}.",
            new["depth"] == 8 * old["depth"] and new["multiply_adds"] < old["multiply_adds"],
        )


def giga(network: Data) -> str:
    """Multiply-adds in billions."""
    return f"{network['multiply_adds'] / 1e9:.1f}"


def draw(data: Data) -> Any:
    """Errors by year, the size of each network against its work, and its layers, one after the other."""
    figure, axes = style.subplots(2, 2, height=2.8, height_ratios=(1, 1.15))
    draw_errors(axes[0, 0], data["errors"])
    draw_counts(axes[0, 1], data["networks"])
    axes[1, 0].remove()
    axes[1, 1].remove()
    draw_layers(figure.add_subplot(axes[1, 0].get_gridspec()[1, :]), data["networks"])
    return figure


def draw_errors(axis: Any, rows: list[Data]) -> None:
    """A bar for each entry."""
    places, colours = range(len(rows)), [style.BLUE if row["network"] else style.GREY for row in rows]
    axis.barh(places, [row["error"] for row in rows], color=colours, height=0.72)
    for place, row in zip(places, rows, strict=True):
        axis.text(row["error"] + 0.4, place, f"{row['error']:g}", va="center", fontsize=8.5)
    axis.set_yticks(places, [f"{row['name']}  {row['year']}" for row in rows])
    axis.tick_params(axis="y", length=0)
    axis.set(xlabel="top-5 error (%)", title="ILSVRC, year by year", xlim=(0, 32))
    axis.invert_yaxis()


def draw_counts(axis: Any, networks: Data) -> None:
    """Parameters against multiply-adds; names above and below in turn."""
    x = [network["multiply_adds"] / 1e9 for network in networks.values()]
    y = [network["parameters"] / 1e6 for network in networks.values()]
    axis.loglog(x, y, "o", color=style.BLUE)
    for number, (name, *place) in enumerate(zip(networks, x, y, strict=True)):
        offset, side = ((0, -6), "top") if number % 2 else ((0, 6), "bottom")
        options = {"textcoords": "offset points", "ha": "center", "va": side, "fontsize": 8.5}
        axis.annotate(title(name), place, offset, **options)
    axis.set(xlabel="multiply-adds for one image (billions)", ylabel="parameters (millions)", title="size and work")
    axis.set(xlim=(min(x) / 2.2, max(x) * 2.2), ylim=(min(y) / 2, max(y) * 2))
    for axle in (axis.xaxis, axis.yaxis):
        axle.set_major_formatter("{x:g}")


def draw_layers(axis: Any, networks: Data) -> None:
    """A line for each network, a cell for each of its layers with weights; skip connections as brackets above."""
    from matplotlib.patches import Patch, Rectangle

    for line, network in enumerate(networks.values()):
        for place, column in enumerate(network["columns"]):
            height = 0.5 / len(column)
            for number, side in enumerate(sorted(column)):
                corner = (place + 0.1, line + 0.25 - (number + 1) * height)
                axis.add_patch(Rectangle(corner, 0.8, height * 0.92, color=KERNELS[side], linewidth=0))
        for first, last in network["skips"]:
            ends = [first + 0.25, first + 0.25, last - 0.25, last - 0.25]
            axis.plot(ends, [line - 0.28, line - 0.36, line - 0.36, line - 0.28], color=style.INK, linewidth=0.5)
    deepest = max(network["depth"] for network in networks.values())
    axis.set(
        xlim=(-1, deepest + 1), ylim=(len(networks) - 0.5, -0.6), xlabel="layers with weights, one after the other"
    )
    axis.set_yticks(range(len(networks)), [title(name) for name in networks])
    axis.tick_params(axis="y", length=0)
    axis.spines.left.set_visible(False)
    sides = {side for network in networks.values() for column in network["columns"] for side in column}
    words = {side: f"{side} x {side}" if side else "dense" for side in KERNELS if side in sides}
    axis.legend(handles=[Patch(color=KERNELS[side], label=word) for side, word in words.items()], loc="upper right")


def title(network: str) -> str:
    """The name that papers call it."""
    return dict(zip(NETWORKS, NAMES, strict=True))[network]

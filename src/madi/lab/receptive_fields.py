"""Fields of view: small kernels, stacked.

What a unit sees of the image is its field of view.  Two layers of 3 x 3 see as much as one of 5 x 5, three as much as
one of 7 x 7, with fewer weights and a ReLU more between them: a reason for depth.  The field is measured, not
calculated: the pixels for which the gradient of one output is not zero are those that it sees.  All weights are 1
here, so that the gradient counts the paths from a pixel to the unit: in a stack most of them begin in the middle of the
field, and few in its corners.  Pooling widens the view at once, and a unit of the last layers of `deep_convnet` sees
all of a digit.

    field of view of y = {pixels p: ∂y/∂x[p] ≠ 0}
    L layers of k x k at stride 1     see L (k - 1) + 1 pixels, and have L k² C² weights between C channels
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi.graph import Variable
from madi.initializers import Constant
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number
from madi.layers import Conv2D, Layer, MaxPool2D, ReLU, Sequential
from madi.models import deep_convnet

ROWS = ("E6",)
COST = Cost(full=0.2, quick=0.2)

RIM = 2  # pixels around a field that cannot be seen from it: one on each side
DIGIT = 28
READABLE = 1000  # paths: larger numbers have no room in the figure


def compute(
    *,
    kernel_size: Annotated[int, Number(2, 5, "of the small kernels, in pixels")] = 3,
    depths: Annotated[tuple[int, ...], Number(2, 6, "layers of each stack, compared with one large kernel")] = (2, 3),
    channels: Annotated[int, Number(1, 32, "into and out of every layer of the stacks")] = 1,
) -> Data:
    """Each stack of small kernels beside the one large kernel that sees as much, and the layers of deep_convnet."""
    pairs = []
    for depth in depths:
        large = depth * (kernel_size - 1) + 1
        stacks = {"large": [large], "small": [kernel_size] * depth}
        pairs.append({name: measured(kernels, large + RIM, channels) for name, kernels in stacks.items()})
    return {"channels": channels, "pairs": pairs, "deep_convnet": fields_of_deep_convnet()}


def measured(kernels: list[int], image: int, channels: int) -> Data:
    """A stack of convolutions of weights 1: how many there are, and the paths from each pixel to the middle output."""
    layers = [Conv2D(channels, size, padding="valid", bias=False, initializer=Constant(1)) for size in kernels]
    stack = Sequential(*(entry for layer in layers for entry in (layer, ReLU())))
    stack.build((image, image, channels))
    paths = gradient_of_middle(stack, np.ones((1, image, image, channels), np.float32))
    return {"kernels": kernels, "weights": stack.summary().parameters, "paths": paths, "field": extent(paths)}


def gradient_of_middle(network: Layer, image: np.ndarray) -> np.ndarray:
    """|∂y/∂x| of each pixel, (H, W), where y is the unit in the middle, all channels added."""
    x = Variable(image)
    y: Any = network(x)
    middle, gradient = y.shape[1] // 2, np.zeros(y.shape, np.float32)
    gradient[:, middle, middle] = 1
    y.backward(gradient)
    return np.abs(np.asarray(x.grad)[0]).sum(axis=-1)


def extent(gradient: np.ndarray) -> list[int]:
    """[height, width] of the part that is not zero."""
    return [int(np.ptp(places)) + 1 for places in np.nonzero(gradient)]


def fields_of_deep_convnet() -> list[Data]:
    """How far a unit of each convolution and pooling sees, on an image that is large enough.

    Weights and pixels are random: no ReLU shuts a whole path off, and another seed gives the same fields.
    """
    network = deep_convnet(dropout=0).build((56, 56, 1), seed=0)
    image = np.random.default_rng(0).random((1, 56, 56, 1)).astype(np.float32)
    found = []
    for place, layer in enumerate(network.layers):
        if isinstance(layer, (Conv2D, MaxPool2D)):
            field = extent(gradient_of_middle(Sequential(*network.layers[: place + 1]), image))
            found.append({"layer": "pool" if isinstance(layer, MaxPool2D) else "conv", "field": field})
    return found


def claims(data: Data) -> dict[str, bool]:
    """What the stacks and deep_convnet show."""
    shown, fields = {}, [layer["field"] for layer in data["deep_convnet"]]
    for pair in data["pairs"]:
        large, small = pair["large"], pair["small"]
        shown[
            f"{len(small['kernels'])} layers of {square(small['kernels'][0])} see {size(small['field'])} pixels with "
            f"{small['weights']:,} weights; one of {square(large['kernels'][0])} sees {size(large['field'])} with "
            f"{large['weights']:,}."
        ] = small["field"] == large["field"] and small["weights"] < large["weights"]
    middle, corner = (int(data["pairs"][-1]["small"]["paths"].max()), corner_of(data["pairs"][-1]["small"]))
    shown[f"In the deepest stack {middle:,} paths begin in the middle of the field, {corner:,} in its corner."] = (
        middle > corner > 0
    )
    whole = next((place for place, field in enumerate(fields, 1) if min(field) >= DIGIT), None)
    told = "no layer" if whole is None else f"layer {whole} of {len(fields)}"
    shown[f"A unit of deep_convnet's first layer sees {size(fields[0])} pixels; {told} is the first to see all 28."] = (
        fields[0] == [3, 3] and whole is not None
    )
    return shown


def corner_of(stack: Data) -> int:
    """Paths that begin in the corner of the field of view."""
    rows, columns = np.nonzero(stack["paths"])
    return int(stack["paths"][rows.min(), columns.min()])


def size(field: list[int]) -> str:
    """A field in words: 5 x 5."""
    return f"{field[0]} x {field[1]}"


def square(side: int) -> str:
    """A square in words."""
    return size([side, side])


def draw(data: Data) -> Any:
    """A row for each pair, the paths as colours; to the right how far each layer of deep_convnet sees."""
    rows = len(data["pairs"])
    figure, axes = style.subplots(rows, 3, height=2.6, width_ratios=(1, 1, 1.3), squeeze=False)
    for pair, (left, right, rest) in zip(data["pairs"], axes, strict=True):
        paths(left, pair["large"])
        paths(right, pair["small"])
        rest.remove()
    layers(figure.add_subplot(axes[0, 0].get_gridspec()[:, 2]), data["deep_convnet"])
    return figure


def paths(axis: Any, stack: Data) -> None:
    """How many paths lead from each pixel, those that are not seen left white."""
    count, kernels = stack["paths"], stack["kernels"]
    seen = np.where(count > 0, count, np.nan)
    axis.imshow(seen, cmap="YlGnBu", vmin=0, vmax=1.3 * count.max() if len(kernels) > 1 else 4 * count.max())
    for i, j in zip(*np.nonzero(count), strict=True) if count.max() < READABLE else ():
        dark = count[i, j] > 0.75 * count.max() and len(kernels) > 1
        axis.text(
            j, i, f"{count[i, j]:.0f}", ha="center", va="center", fontsize=7, color="white" if dark else style.INK
        )
    axis.set(xticks=[], yticks=[], xlim=(-0.5, len(count) - 0.5), ylim=(len(count) - 0.5, -0.5))
    axis.spines[:].set(visible=True, color=style.GREY)
    many = f"{len(kernels)} layers" if len(kernels) > 1 else "1 layer"
    axis.set_title(f"{many} of {square(kernels[0])}")
    axis.set_xlabel(f"{stack['weights']:,} weights see {size(stack['field'])}")


def layers(axis: Any, found: list[Data]) -> None:
    """The side of each layer's field of view."""
    sides, places = [layer["field"][0] for layer in found], range(len(found))
    colours = [style.ORANGE if layer["layer"] == "pool" else style.BLUE for layer in found]
    axis.barh(places, sides, color=colours, height=0.7)
    for place, side in zip(places, sides, strict=True):
        axis.text(side + 0.6, place, f"{side}", va="center", fontsize=8.5)
    axis.axvline(DIGIT, color=style.GREY, linewidth=1, linestyle="--")
    axis.text(DIGIT + 0.5, -0.65, "a digit", color=style.GREY, fontsize=8.5, va="center")
    axis.set_yticks(places, [f"{layer['layer']}" for layer in found])
    axis.tick_params(axis="y", length=0)
    axis.set(xlabel="side of the field of view in pixels", title="deep_convnet", xlim=(0, max(sides) * 1.12))
    axis.invert_yaxis()

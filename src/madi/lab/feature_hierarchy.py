"""A hierarchy of features.

What does a unit inside of a trained network answer to?  The test images are shown to it, and the places that excite it
most are kept: each patch is as large as the unit's field of view.  In the first layers these are edges and ends of
strokes, whatever digit they belong to; further on curves and crossings; at last whole digits, many of them of one
class.  That is measured too, as class selectivity: how much of what a unit does is decided by the class of the image.
The units shown are the most selective of their layer.  Nobody told any layer what to look for: each learned what the
next one needs.

    excitement of a unit by an image   a = max over all places of its output
    selectivity                        variance of a between the classes / variance of a over all images
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, NamedTuple

import numpy as np

from madi.lab.framework import style
from madi.lab.framework.bands import bands
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.images import images
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.layers import Conv2D, Layer, MaxPool2D, Sequential
from madi.models import deep_convnet
from madi.optimizers import Adam
from madi.training import Trainer, predict

ROWS = ("E8",)
COST = Cost(full=70, quick=4.5)

SHOWN = (2, 4, 6)  # the convolutions whose units are shown


class View(NamedTuple):
    """What a unit sees along each axis: `side` pixels from first + i step on, for the unit at place i."""

    side: int
    step: int
    first: int


def compute(
    *,
    data: ImageData = "mnist",
    examples: Annotated[int, Number(100, 60_000, "to train on", quick=1000)] = 60_000,
    epochs: Annotated[int, Number(1, 100, "of training", quick=8)] = 5,
    batch_size: Annotated[int, Number(1, 1000, "examples a step", quick=50)] = 100,
    learning_rate: Annotated[float, Number(1e-6, 1, "of Adam")] = 1e-3,
    looked_at: Annotated[int, Number(50, 5000, "test images that are shown to every unit", quick=300)] = 1000,
    units: Annotated[int, Number(1, 8, "of each layer in the figure")] = 4,
    patches: Annotated[int, Number(1, 9, "of each unit, from as many images")] = 6,
    seed: Seed = 0,
) -> Data:
    """What the units of each convolution of deep_convnet answer to."""
    found = images(data)
    model = deep_convnet(len(found.classes))
    trainer = Trainer(model, optimizer=Adam(learning_rate), metrics=["accuracy"], seed=seed)
    trainer.fit((found.train.x[:examples], found.train.y[:examples]), epochs=epochs, batch_size=batch_size, verbose=0)
    x, labels = found.test.x[:looked_at], found.test.y[:looked_at]
    return {
        "images": {"name": found.name, "notice": found.notice},
        "accuracy": trainer.evaluate((x, labels))["accuracy"],
        "layers": layer_by_layer(model, x, labels, units, patches),
    }


def layer_by_layer(model: Sequential, x: np.ndarray, labels: np.ndarray, units: int, patches: int) -> list[Data]:
    """For each convolution, after its ReLU: what a unit sees, how selective each is, and what excites the strongest."""
    ends = [place + 2 for place, layer in enumerate(model.layers) if isinstance(layer, Conv2D)]
    outputs, layers = x, []
    for number, (start, end) in enumerate(pairwise([0, *ends]), 1):
        outputs = predict(Sequential(*model.layers[start:end]), outputs)
        excitement, seen = outputs.max(axis=(1, 2)), view(model.layers[:end])
        layer: Data = {"number": number, "side": seen.side, "selectivity": selectivity(excitement, labels)}
        if number in SHOWN:
            chosen = np.argsort(-layer["selectivity"], kind="stable")[:units]
            layer["units"] = [best_patches(seen, x, outputs[..., unit], patches) for unit in chosen]
        layers.append(layer)
    return layers


def selectivity(excitement: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Of units (images, units): the share of the variance that lies between classes; 0 for one that never answers."""
    classes = np.unique(labels)
    means = np.stack([excitement[labels == each].mean(axis=0) for each in classes])
    sizes = np.array([[np.mean(labels == each)] for each in classes])
    between = (sizes * (means - excitement.mean(axis=0)) ** 2).sum(axis=0)
    return between / np.maximum(excitement.var(axis=0), np.finfo(np.float32).tiny)


def view(layers: Sequence[Layer]) -> View:
    """What a unit behind these layers sees: each adds its window at the step so far, and pooling doubles the step."""
    side, step, first = 1, 1, 0
    for layer in layers:
        if isinstance(layer, (Conv2D, MaxPool2D)):
            size = layer.kernel_size[0] if isinstance(layer, Conv2D) else layer.size[0]
            first, side, step = first - layer.padding * step, side + (size - 1) * step, step * layer.stride[0]
    return View(side, step, first)


def best_patches(seen: View, x: np.ndarray, outputs: np.ndarray, count: int) -> np.ndarray:
    """The `count` patches that excite a unit most, one of an image: (count, side, side).

    outputs    of the unit, (images, height, width); where its field is wider than the image, the whole image is shown
    """
    images = np.argsort(-outputs.max(axis=(1, 2)), kind="stable")[:count]
    return np.stack([patch(seen, x[place, ..., 0], outputs[place]) for place in images])


def patch(seen: View, image: np.ndarray, output: np.ndarray) -> np.ndarray:
    """What the unit sees at the place where its output is largest; white beyond the image."""
    if seen.side >= len(image):
        return image
    places = np.unravel_index(output.argmax(), output.shape)
    top, left = (seen.first + int(place) * seen.step + seen.side for place in places)
    return np.pad(image, seen.side)[top : top + seen.side, left : left + seen.side]


def claims(data: Data) -> dict[str, bool]:
    """How the layers differ."""
    layers = data["layers"]
    means = [float(layer["selectivity"].mean()) for layer in layers]
    first, last = layers[0], layers[-1]
    best = float(last["selectivity"].max())
    return {
        f"A unit of the first convolution sees {first['side']} x {first['side']} pixels, one of the last "
        f"{last['side']} x {last['side']}.": last["side"] > first["side"],
        f"The class decides {means[0]:.0%} of what a unit of the first convolution does on average, {means[-1]:.0%} in "
        "the last.": means[-1] > 1.3 * means[0],
        f"The most selective unit of the last convolution is decided by the class to {best:.0%}; the network reads "
        f"{data['accuracy']:.1%} of the images.": best > 0.5 and data["accuracy"] > 0.5,
    }


def draw(data: Data) -> Any:
    """A row for each of three layers: for some of its units the patches that excite them most; below, selectivity."""
    shown = [layer for layer in data["layers"] if "units" in layer]
    figure, (*rows, lower) = bands(*[1.75] * len(shown), 2.0)
    for band, layer in zip(rows, shown, strict=True):
        side = layer["side"]
        band.suptitle(f"convolution {layer['number']}: units that see {side} x {side} pixels", fontsize=9.5)
        for axis, patches in zip(panels(band, len(layer["units"])), layer["units"], strict=True):
            axis.imshow(montage(patches), cmap=style.IMAGE, vmin=0, vmax=1)
            axis.axis("off")
    draw_selectivity(lower.subplots(), data["layers"])
    return figure


def panels(band: Any, count: int) -> Any:
    """Axes side by side, far enough apart that each is seen as one."""
    return band.subplots(1, count, squeeze=False, gridspec_kw={"wspace": 0.12})[0]


def montage(patches: np.ndarray) -> np.ndarray:
    """Patches in two rows, with gaps that stay white and a frame that does not."""
    count, side, _ = patches.shape
    columns, gap = -(-count // 2), max(side // 6, 1)
    whole = np.full((2 * (side + gap), columns * (side + gap)), np.nan)
    for number, each in enumerate(patches):
        top, left = (place * (side + gap) for place in divmod(number, columns))
        whole[top : top + side, left : left + side] = 0.12 + 0.88 * each
    return whole[:-gap, :-gap]


def draw_selectivity(axis: Any, layers: list[Data]) -> None:
    """A dot for each unit, a line through the means."""
    for layer in layers:
        spread = np.linspace(-0.22, 0.22, len(layer["selectivity"]))
        axis.plot(layer["number"] + spread, 100 * layer["selectivity"], ".", color=style.GREY, markersize=3)
    numbers, means = zip(*((layer["number"], 100 * layer["selectivity"].mean()) for layer in layers), strict=True)
    axis.plot(numbers, means, "o-", color=style.ORANGE, label="mean of the units")
    axis.set(xlabel="convolution", ylabel="class selectivity (%)", ylim=(0, 100))
    axis.set_xticks(numbers)
    axis.legend(loc="upper left")

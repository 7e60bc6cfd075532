"""Filters before and after training.

The first layer of a convolutional network holds filters of 5 x 5 weights.  Before training they are noise; after it,
without anybody having asked for it, neighbouring weights are alike: there are edges, light on one side and dark on the
other, and blobs.  A filter that is an edge answers where the digit has an edge of that direction, and nowhere else.
How smooth filters are is measured: 1 where all weights are equal, about 0 for noise.  The first weights are as small as
the book's, of deviation 0.01, so that what is learned is not hidden beneath them.

    y = relu(x * W + b)
    smoothness of W = Σ over neighbours (p, q) of W[p] W[q] / Σ over neighbours (p, q) of (W[p]² + W[q]²) / 2
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi.datasets import Split
from madi.initializers import Normal
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.images import images
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.layers import Sequential
from madi.models import simple_convnet
from madi.optimizers import Adam
from madi.training import Trainer, predict

ROWS = ("E2",)
COST = Cost(full=60, quick=2.5)

DIRECTIONS = ("ink to the right", "to the left", "below", "above")
WHOLE = [60_000, 20]  # the book's training: examples, epochs


def compute(
    *,
    data: ImageData = "mnist",
    filters: Annotated[int, Number(4, 60, "of the convolution")] = 30,
    kernel_size: Annotated[int, Number(3, 7, "of a filter, in pixels")] = 5,
    examples: Annotated[int, Number(100, 60_000, "to train on", quick=2000)] = 60_000,
    epochs: Annotated[int, Number(1, 100, "of training", quick=5)] = 20,
    learning_rate: Annotated[float, Number(1e-6, 1, "of Adam")] = 1e-3,
    deviation: Annotated[float, Number(1e-6, 1, "of the first weights")] = 0.01,
    seed: Seed = 0,
) -> Data:
    """simple_convnet, its filters as they were drawn and as they are after training."""
    found = images(data)
    model = simple_convnet(
        len(found.classes), filters=filters, kernel_size=kernel_size, initializer=Normal(deviation)
    ).build(found.train.x.shape[1:], seed=seed)
    first: Any = model.layers[0]
    before = np.array(first.weight.value[..., 0, :])
    trainer = Trainer(model, optimizer=Adam(learning_rate), metrics=["accuracy"], seed=seed)
    train = Split(found.train.x[:examples], found.train.y[:examples])
    trainer.fit(train, epochs=epochs, verbose=0)
    after = np.array(first.weight.value[..., 0, :])
    chosen = edges(after)
    return {
        "images": {"name": found.name, "notice": found.notice},
        "training": [len(train.x), epochs],
        "before": before,
        "after": after,
        "smoothness": {"before": smoothness(before), "after": smoothness(after)},
        "test accuracy": trainer.evaluate(found.test)["accuracy"],
        "digit": found.test.x[0, ..., 0],
        "edges": chosen,
        "answers": predict(Sequential(*model.layers[:2]), found.test.x[:1])[0][..., chosen],
    }


def edges(filters: np.ndarray) -> list[int]:
    """Of filters (height, width, filters) those that rise most clearly to the right, the left, downwards, upwards."""
    size = len(filters)
    ramp = np.linspace(-1, 1, size)
    across, down = np.broadcast_to(ramp, (size, size)), np.broadcast_to(ramp[:, None], (size, size))
    scaled = filters / np.linalg.norm(filters, axis=(0, 1))
    return [int(np.tensordot(slope, scaled).argmax()) for slope in (across, -across, down, -down)]


def smoothness(filters: np.ndarray) -> np.ndarray:
    """How alike neighbouring weights are, for each filter of (height, width, filters): 1 where all are equal."""
    pairs = [(filters[1:], filters[:-1]), (filters[:, 1:], filters[:, :-1])]
    alike = sum((one * other).sum(axis=(0, 1)) for one, other in pairs)
    size = sum((one**2 + other**2).sum(axis=(0, 1)) / 2 for one, other in pairs)
    return alike / size


def claims(data: Data) -> dict[str, bool]:
    """What became of the filters."""
    before, after = (float(data["smoothness"][when].mean()) for when in ("before", "after"))
    growth = float(data["after"].std() / data["before"].std())
    least = 0.985 if data["training"] == WHOLE and data["images"]["name"] == "mnist" else 0.5
    alike = int((data["smoothness"]["after"] > data["smoothness"]["before"].max()).sum())
    return {
        f"The filters' smoothness is {before:.2f} before training, that of noise, and {after:.2f} after it.": abs(
            before
        )
        < 0.2
        < 0.4
        < after,
        f"Most filters end smoother than the smoothest began: {alike} of {data['after'].shape[-1]}.": alike
        > 0.5 * data["after"].shape[-1],
        f"Training has made the weights {growth:.1f} times as large: what is seen was learned.": growth > 2,
        f"The network reads {data['test accuracy']:.2%} of the test images.": data["test accuracy"] > least,
    }


def draw(data: Data) -> Any:
    """The filters before and after, each in colours up to its own largest weight; below, what four edges answer to."""
    figure, axes = style.subplots(2, 1, height=2.5, height_ratios=(1.9, 1))
    upper, lower = (axis.get_subplotspec() for axis in axes)
    for axis in axes:
        axis.remove()
    for columns, when in zip(upper.subgridspec(1, 2), ("before", "after"), strict=True):
        axis = image(figure.add_subplot(columns), montage(data[when]), style.SIGNED, vmin=-1, vmax=1)
        axis.set_title(f"{when} training: smoothness {data['smoothness'][when].mean():.2f}")
    draw_answers(figure, lower.subgridspec(1, 15), data)
    return figure


def montage(filters: np.ndarray) -> np.ndarray:
    """Filters (height, width, filters) side by side, each divided by its largest weight, with gaps between them."""
    size, _, count = filters.shape
    columns = int(np.ceil(np.sqrt(1.2 * count)))
    rows = -(-count // columns)
    whole = np.full((rows * (size + 1), columns * (size + 1)), np.nan)
    for number in range(count):
        top, left = (place * (size + 1) for place in divmod(number, columns))
        whole[top : top + size, left : left + size] = filters[..., number] / np.abs(filters[..., number]).max()
    return whole[:-1, :-1]


def draw_answers(figure: Any, grid: Any, data: Data) -> None:
    """A digit, and four filters, each with its answer to it; all answers are dark where the filter's is largest."""
    image(figure.add_subplot(grid[:3]), data["digit"], style.IMAGE).set_title("an image", fontsize=9)
    for number, (place, words) in enumerate(zip(data["edges"], DIRECTIONS, strict=True)):
        weights = data["after"][..., place]
        image(figure.add_subplot(grid[3 + 3 * number]), weights, style.SIGNED, **limits(weights))
        answer = figure.add_subplot(grid[4 + 3 * number : 6 + 3 * number])
        image(answer, data["answers"][..., number], style.IMAGE).set_title(words, fontsize=9)


def image(axis: Any, values: np.ndarray, colours: str, **options: float) -> Any:
    """An image without axes."""
    axis.imshow(values, cmap=colours, **options)
    axis.axis("off")
    return axis


def limits(values: np.ndarray) -> dict[str, float]:
    """Of the colours, the same on both sides of 0."""
    most = float(np.abs(values).max())
    return {"vmin": -most, "vmax": most}

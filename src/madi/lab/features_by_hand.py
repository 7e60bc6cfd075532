"""Features by hand against learned features.

Before networks learned from pixels, people wrote down what matters in an image.  Histograms of oriented gradients say
for each cell of the image how strong its edges are in each direction; a linear classifier on them reads digits far
better than one on the pixels.  A network of one hidden layer gets nothing but the pixels and finds features of its own:
each hidden unit's weights are an image of what it looks for.  It needs nobody who knows digits, only examples.

    gradient    (gx, gy) = differences of neighbouring pixels,  length |g|,  direction θ = atan2(gy, gx) mod π
    histogram   of each cell: Σ |g| by direction, shared out between the nearest directions and cells;
                those of an image scaled to a root mean square of 1
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np

from madi import optimizers
from madi.lab.framework import style
from madi.lab.framework.bands import bands
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.images import images
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.models import logistic_regression, mlp
from madi.training import Trainer

ROWS = ("A10",)
COST = Cost(full=40, quick=6.5)

CHUNK = 2000  # images whose gradients are held at once
BATCH = 50
SHOWN, FILTERS = 5, 16
TITLES = {
    "pixels": "pixels, linear classifier",
    "by_hand": "oriented gradients, linear classifier",
    "network": "pixels, network",
}


def compute(
    *,
    data: ImageData = "mnist",
    examples: Annotated[
        tuple[int, ...], Number(50, 60_000, "training images, one run each", quick=(400, 1500, 5000))
    ] = (
        500,
        2000,
        10_000,
        60_000,
    ),
    tested: Annotated[int, Number(100, 10_000, "test images", quick=2000)] = 10_000,
    cells: Annotated[int, Number(1, 14, "of the histograms, across and down")] = 7,
    directions: Annotated[int, Number(2, 18, "of the histograms")] = 9,
    hidden: Annotated[int, Number(1, 1000, "hidden units of the network")] = 100,
    steps: Annotated[int, Number(1, 100_000, "of training, at least; whole epochs", quick=400)] = 6000,
    learning_rate: Annotated[float, Number(1e-5, 1, "of Adam")] = 0.003,
    seed: Seed = 0,
) -> Data:
    """Test accuracy of three classifiers by the number of training images; histograms; the learned features."""
    dataset = images(data)
    x, y = (part[: max(examples)] for part in dataset.train)
    test_x, test_y = (part[:tested] for part in dataset.test)
    by_hand, test_by_hand = (histograms(part, cells, directions) for part in (x, test_x))
    sizes = sorted({min(size, len(x)) for size in examples})

    def train(make: Callable[[], Any], training: np.ndarray, test: np.ndarray) -> tuple[list[float], Any]:
        """Accuracy on the test images for each number of training images, and the last model."""
        accuracy = []
        for size in sizes:
            model = make()
            trainer = Trainer(model, optimizer=optimizers.Adam(learning_rate), metrics=["accuracy"], seed=seed)
            epochs = -(-steps * BATCH // size)
            trainer.fit((training[:size], y[:size]), epochs=epochs, batch_size=BATCH, verbose=0)
            accuracy.append(trainer.evaluate((test, test_y))["accuracy"])
        return accuracy, model

    classes = len(dataset.classes)
    network, model = train(lambda: mlp(hidden, classes), x, test_x)
    return {
        "images": {"name": dataset.name, "notice": dataset.notice},
        "sizes": sizes,
        "accuracy": {
            "pixels": train(lambda: logistic_regression(classes), x, test_x)[0],
            "by_hand": train(lambda: logistic_regression(classes), by_hand, test_by_hand)[0],
            "network": network,
        },
        "shown": {"images": x[:SHOWN], "histograms": by_hand[:SHOWN]},
        "learned": learned(model, x.shape[1:3]),
    }


def learned(model: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Weights of the first layer's units as images (units, H, W): those with the largest, which look for most."""
    weight = next(iter(model.parameters().values())).value
    order = np.argsort(-np.linalg.norm(weight, axis=0), kind="stable")[:FILTERS]
    return np.array(weight[:, order].T.reshape(-1, *shape))


def histograms(images: np.ndarray, cells: int, directions: int) -> np.ndarray:
    """Histograms of oriented gradients of images (N, H, W, 1): (N, cells, cells, directions), float32."""
    parts = [images[start : start + CHUNK, ..., 0] for start in range(0, len(images), CHUNK)]
    return np.concatenate([_histograms(part, cells, directions) for part in parts])


def _histograms(images: np.ndarray, cells: int, directions: int) -> np.ndarray:
    gy, gx = np.gradient(images, axis=(1, 2))
    place = np.arctan2(gy, gx) / np.pi * directions  # of the direction, counted in bins; it comes round after them all
    away = np.abs((place[..., None] - np.arange(directions) + directions / 2) % directions - directions / 2)
    strength = np.hypot(gx, gy)[..., None] * np.maximum(1 - away, 0)
    down, across = (_shares(size, cells) for size in images.shape[1:])
    found = np.einsum("nhwd,hr,wc->nrcd", strength, down, across, optimize=True)
    size = np.sqrt((found**2).mean(axis=(1, 2, 3), keepdims=True))
    return (found / np.maximum(size, 1e-9)).astype(np.float32)


def _shares(size: int, cells: int) -> np.ndarray:
    """What share of each of `size` pixels goes to each cell (size, cells): by its distance from the cell's middle."""
    pixels, middles = np.arange(size) + 0.5, (np.arange(cells) + 0.5) * size / cells
    return np.maximum(1 - np.abs(pixels[:, None] - middles) * cells / size, 0)


def claims(data: Data) -> dict[str, bool]:
    """What the accuracies show."""
    pixels, by_hand, network = (data["accuracy"][name] for name in TITLES)
    sizes = data["sizes"]
    fewer = [place for place, size in enumerate(sizes) if 3 * size <= sizes[-1]] or [0]
    return {
        f"A linear classifier reads {by_hand[-1]:.1%} of the test digits by oriented gradients, {pixels[-1]:.1%} by "
        f"pixels, after {sizes[-1]:,} examples.": by_hand[-1] > pixels[-1],
        f"A network on the same pixels reads {network[-1]:.1%}: it has found features itself.": network[-1]
        > pixels[-1],
        f"Knowledge replaces examples: by hand {by_hand[fewer[-1]]:.1%} after {sizes[fewer[-1]]:,}, where the network "
        f"needs {sizes[-1]:,} for {network[-1]:.1%}.": len(sizes) > 1 and by_hand[fewer[-1]] >= network[-1],
    }


def draw(data: Data) -> Any:
    """Digits and their histograms; accuracy by the number of examples; features that the network learned."""
    figure, (shown, below) = bands(2.4, 2.9)
    panels = shown.subplots(2, SHOWN)
    for column, (image, histogram) in enumerate(zip(*data["shown"].values(), strict=True)):
        panels[0, column].imshow(image[..., 0], cmap=style.IMAGE, vmin=0, vmax=1)
        _histogram(panels[1, column], histogram)
    for axes in panels.flat:
        axes.axis("off")
    curves, filters = below.subfigures(1, 2, width_ratios=(1.5, 1))
    _accuracies(curves.subplots(), data)
    curves.legend(loc="outside upper left", fontsize=8.5)
    _filters(filters, data["learned"])
    return figure


def _histogram(axes: Any, histogram: np.ndarray) -> None:
    """For each cell a line along each direction's edge, as dark and long as the histogram says."""
    from matplotlib.collections import LineCollection

    row, column, direction = (index.ravel() for index in np.indices(histogram.shape))
    strength = histogram.ravel() / histogram.max()
    edge = np.pi * direction / histogram.shape[2] + np.pi / 2  # along the edge: across the gradient
    half = 0.5 * np.stack([np.cos(edge), np.sin(edge)], axis=-1) * strength[:, None]
    middle = np.stack([column, row], axis=-1) + 0.5
    lines = LineCollection(np.stack([middle - half, middle + half], axis=1).tolist(), colors=style.BLUE, linewidths=1.2)
    lines.set_alpha(strength.tolist())
    axes.add_collection(lines)
    axes.set(xlim=(0, histogram.shape[1]), ylim=(histogram.shape[0], 0), aspect="equal")


def _accuracies(axes: Any, data: Data) -> None:
    for name, found in data["accuracy"].items():
        axes.semilogx(data["sizes"], 100 * np.array(found), "o-", label=TITLES[name])
    axes.set(xlabel="training images", ylabel="test accuracy in %")
    axes.set_xticks(data["sizes"], [f"{size:,}" for size in data["sizes"]])
    axes.minorticks_off()


def _filters(part: Any, learned: np.ndarray) -> None:
    """Weights of hidden units: orange what speaks for it, blue what speaks against."""
    part.suptitle("what hidden units look for", fontsize=10.5)
    panels = part.subplots(4, FILTERS // 4)
    for axes in panels.flat:
        axes.axis("off")
    reach = np.abs(learned).max()
    for axes, weights in zip(panels.flat, learned, strict=False):
        axes.imshow(weights, cmap=style.SIGNED, vmin=-reach, vmax=reach)

"""Reading digits: a trained network at work.

The images are read as bytes, scaled to 0..1 and flattened: a row of as many numbers as it has pixels, one column of
weights for each of the first layer's units.  Ten outputs, one for each digit; its label as a one-hot row has a 1 in
its place.  A batch of images goes through as one matrix, each image a row: the answers are the same as one by one, at
a hundredth of the calls.

    784 pixels → 50 hidden → 10 outputs → softmax        (N, 784) (784, 50) → (N, 50);  (N, 50) (50, 10) → (N, 10)
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

import madi.functions as F
from madi import optimizers
from madi.datasets import Dataset
from madi.graph import trace
from madi.lab.framework import style
from madi.lab.framework.bands import bands
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.images import images
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.models import mlp
from madi.training import Trainer, predict, predict_classes

ROWS = ("A7",)
COST = Cost(full=8, quick=2)

SHOWN = 8


def compute(
    *,
    data: ImageData = "mnist",
    hidden: Annotated[tuple[int, ...], Number(1, 1000, "units of each hidden layer")] = (50,),
    examples: Annotated[int, Number(100, 60_000, "training images", quick=5000)] = 60_000,
    epochs: Annotated[int, Number(1, 100, "of training", quick=8)] = 10,
    learning_rate: Annotated[float, Number(1e-5, 1, "of Adam, in training")] = 0.003,
    batch_size: Annotated[int, Number(2, 1000, "images that go through the network at once")] = 100,
    compared: Annotated[int, Number(1, 10_000, "test images that also go one by one", quick=500)] = 1000,
    seed: Seed = 0,
) -> Data:
    """Shapes on the way, accuracy on the test images, batches against single images, and one image of each digit."""
    dataset = images(data)
    x, y = dataset.train.x[:examples], dataset.train.y[:examples]
    model = mlp(hidden, len(dataset.classes)).build(x.shape[1:], seed=seed)
    Trainer(model, optimizer=optimizers.Adam(learning_rate), seed=seed).fit(
        (x, y), epochs=epochs, batch_size=50, verbose=0
    )
    answers, probabilities = predict_classes(model, dataset.test.x, batch_size=batch_size)
    return {
        "images": {"name": dataset.name, "notice": dataset.notice},
        "range": [float(x.min()), float(x.max())],
        "shapes": [list(x[:batch_size].shape), *shapes(model, x[:batch_size])],
        "one_hot": one_hot_against_label(model, dataset.test.x[:compared], dataset.test.y[:compared]),
        "accuracy": float((answers == dataset.test.y).mean()),
        "tested": len(answers),
        "batches": batches_against_single(model, dataset.test.x[:compared], batch_size),
        "shown": {name: shown(dataset, probabilities, order) for name, order in _orders(probabilities).items()},
    }


def shapes(model: Any, x: np.ndarray) -> list[list[int]]:
    """The shape of a batch as it goes through: what enters each matrix product, and what leaves the last."""
    steps = [step for step in trace(model(x)) if step.kind == "Affine"]
    return [*(list(step.inputs[0].value.shape) for step in steps), list(steps[-1].value.shape)]


def one_hot_against_label(model: Any, x: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """The first label as a one-hot row, and the loss with labels and with such rows."""
    outputs = predict(model, x)
    rows = np.eye(outputs.shape[1], dtype=outputs.dtype)[labels]
    losses = [float(F.softmax_cross_entropy(outputs, target)) for target in (labels, rows)]
    return {"label": int(labels[0]), "row": rows[0], "losses": losses}


def batches_against_single(model: Any, x: np.ndarray, batch_size: int) -> dict[str, Any]:
    """The same images in batches and one by one: calls of the network, and how far the outputs are apart."""
    together, single = (predict(model, x, batch_size=size, engine="numpy") for size in (batch_size, 1))
    return {
        "images": len(x),
        "calls": [-(-len(x) // batch_size), len(x)],
        "apart": float(np.abs(together - single).max()),
        "same_answers": int((together.argmax(axis=1) == single.argmax(axis=1)).sum()),
    }


def _orders(probabilities: np.ndarray) -> dict[str, np.ndarray]:
    """Which test images are shown: the first ones, and those of whose answers the network is least sure."""
    return {"first": np.arange(SHOWN), "least sure": probabilities.max(axis=1).argsort(kind="stable")[:SHOWN]}


def shown(dataset: Dataset, probabilities: np.ndarray, order: np.ndarray) -> dict[str, Any]:
    """Some test images with their labels and the probabilities given to each class."""
    return {
        "images": dataset.test.x[order],
        "labels": dataset.test.y[order],
        "probabilities": probabilities[order],
    }


def claims(data: Data) -> dict[str, bool]:
    """What reading the test images shows."""
    batches, losses = data["batches"], data["one_hot"]["losses"]
    path = " → ".join(str(tuple(shape)) for shape in data["shapes"])
    return {
        f"Images go through as {path}: one row an image, ten outputs.": (
            data["shapes"][-1] == [data["shapes"][0][0], 10] and data["shapes"][1][1] == np.prod(data["shapes"][0][1:])
        ),
        f"{data['accuracy']:.1%} of {data['tested']:,} test images are read rightly.": data["accuracy"] > 0.9,
        f"{batches['images']:,} images in {batches['calls'][0]} batches and one by one: {batches['same_answers']:,} "
        f"answers the same, the outputs to {batches['apart']:.0e}.": (
            batches["same_answers"] == batches["images"] and batches["apart"] < 1e-4
        ),
        f"Labels and one-hot rows give the same loss, {losses[0]:.6f}.": bool(
            np.isclose(losses[0], losses[1], rtol=1e-6)
        ),
    }


def draw(data: Data) -> Any:
    """Test images with the answers and their probabilities: the first ones, and the least sure."""
    figure, parts = bands(2.1, 2.1)
    for part, (name, found) in zip(parts, data["shown"].items(), strict=True):
        part.suptitle(f"{name.capitalize()} of the test images" if name == "first" else "Those it is least sure of",
                      x=0.005, ha="left", fontsize=10.5)  # fmt: skip
        panels = part.subplots(2, SHOWN, height_ratios=(1, 0.6))
        for column, (image, label, row) in enumerate(
            zip(found["images"], found["labels"], found["probabilities"], strict=True)
        ):
            _image(panels[0, column], image, label, row)
            _probabilities(panels[1, column], label, row)
    return figure


def _image(axes: Any, image: np.ndarray, label: int, probabilities: np.ndarray) -> None:
    answer = int(probabilities.argmax())
    axes.imshow(image[..., 0], cmap=style.IMAGE, vmin=0, vmax=1)
    right = answer == label
    axes.set_title(f"{answer}" if right else f"{answer}, is {label}", color=style.BLUE if right else style.ORANGE)
    axes.axis("off")


def _probabilities(axes: Any, label: int, probabilities: np.ndarray) -> None:
    """Ten bars; that of the label in blue."""
    colours = [style.BLUE if number == label else style.ORANGE for number in range(len(probabilities))]
    axes.bar(range(len(probabilities)), probabilities, color=colours)
    axes.set(ylim=(0, 1), yticks=(), xticks=(0, 3, 6, 9))
    axes.tick_params(labelsize=7)
    axes.spines["left"].set_visible(False)

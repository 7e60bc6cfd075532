"""Overfitting.

A network of six hidden layers has far more weights than it gets images, so it can learn 300 of them by heart: soon all
training images are right, while new ones lag behind.  That gap is overfitting.  The surest remedy is more images: with
four times as many, and as many steps, the same network has a smaller gap.

    gap = accuracy on the training images - accuracy on the test images
"""

from __future__ import annotations

from typing import Annotated, Any

from madi import models
from madi.datasets import Split
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.generalization import accuracy_curves, draw_gaps, gap, last, points, trainers_of
from madi.lab.framework.images import images
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.optimizers import SGD

ROWS = ("D7",)
COST = Cost(full=15, quick=6)


def compute(
    *,
    data: ImageData = "mnist",
    few: Annotated[int, Number(10, 10_000, "images to learn by heart")] = 300,
    more: Annotated[int, Number(10, 60_000, "images to compare with")] = 1200,
    epochs: Annotated[int, Number(1, 10_000, "over the few images", quick=120)] = 201,
    learning_rate: Annotated[float, Number(1e-6, 10, "of SGD")] = 0.01,
    hidden: Annotated[int, Number(1, 20, "layers of 100 units")] = 6,
    seeds: Annotated[int, Number(1, 20, "networks of each kind")] = 3,
    marks: Annotated[int, Number(2, 200, "measurements on the way", quick=6)] = 25,
    seed: Seed = 0,
) -> Data:
    """The curves of both, {"epoch", "training", "test"} each, the accuracies (seeds, marks)."""
    found = images(data)
    curves = {}
    for name, examples in (("few", few), ("more", more)):
        train = Split(found.train.x[:examples], found.train.y[:examples])
        trainers = trainers_of(
            lambda: models.mlp([100] * hidden, len(found.classes)), lambda: SGD(learning_rate), seeds=seeds, seed=seed
        )
        as_many = max(1, round(epochs * min(few, len(train.x)) / len(train.x)))  # epochs of as many steps
        curves[name] = accuracy_curves(trainers, train, found.test, epochs=as_many, points=marks)
    weights = sum(parameter.value.size for parameter in trainers[0].model.parameters().values())
    return {
        "images": {"name": found.name, "notice": found.notice},
        "examples": {"few": few, "more": len(train.x)},
        "weights": weights,
        "curves": curves,
    }


def claims(data: Data) -> dict[str, bool]:
    """That the few are learned by heart, and that more leave a smaller gap."""
    few, more = data["curves"]["few"], data["curves"]["more"]
    count = data["examples"]
    return {
        f"The network, of {data['weights']:,} weights, learns {count['few']} images by heart: after "
        f"{int(few['epoch'][-1])} epochs {last(few, 'training'):.1%} are right.": last(few, "training") > 0.95,
        f"Of new images only {last(few, 'test'):.1%} are: a gap of {points(gap(few))}.": gap(few) > 0.05,
        f"With {count['more']} images and as many steps the gap is {points(gap(more))}, and "
        f"{last(more, 'test'):.1%} of the new images are right.": (
            gap(more) < gap(few) and last(more, "test") > last(few, "test")
        ),
    }


def draw(data: Data) -> Any:
    """Accuracy on the training images and on new ones, with few images and with more."""
    return draw_gaps({f"{data['examples'][name]:,} training images": data["curves"][name] for name in data["curves"]})

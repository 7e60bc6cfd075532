"""Weight decay.

Weight decay, or L2 regularization, adds a penalty on the squares of the weights to the loss.  So every step also pulls
each weight towards 0, and only those grow that many images ask for.  The network of six hidden layers that learned 300
images by heart then leaves some of them wrong, and the gap to new images is smaller.  A decay of 0.1 is strong: new
images, too, are right a little less often.

    L' = L + λ/2 Σ w²              ∂L'/∂w = ∂L/∂w + λ w              biases are left alone
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import numpy as np

from madi import models
from madi.datasets import Split
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.generalization import accuracy_curves, draw_gaps, gap, last, points, trainers_of
from madi.lab.framework.images import images
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.optimizers import SGD
from madi.training import Trainer

ROWS = ("D7",)
PLACE = 1
COST = Cost(full=15, quick=6)


def compute(
    *,
    data: ImageData = "mnist",
    weight_decay: Annotated[float, Number(0, 10, "λ")] = 0.1,
    examples: Annotated[int, Number(10, 10_000, "training images")] = 300,
    epochs: Annotated[int, Number(1, 10_000, "of training", quick=100)] = 201,
    learning_rate: Annotated[float, Number(1e-6, 10, "of SGD")] = 0.01,
    hidden: Annotated[int, Number(1, 20, "layers of 100 units")] = 6,
    seeds: Annotated[int, Number(1, 20, "networks of each kind")] = 3,
    marks: Annotated[int, Number(2, 200, "measurements on the way", quick=6)] = 25,
    seed: Seed = 0,
) -> Data:
    """The curves without and with decay, {"epoch", "training", "test"} each, and the size of the weights at the end."""
    found = images(data)
    train = Split(found.train.x[:examples], found.train.y[:examples])
    curves, sizes = {}, {}
    for name, decay in (("without", 0.0), ("with", weight_decay)):
        trainers = trainers_of(
            lambda: models.mlp([100] * hidden, len(found.classes)),
            partial(SGD, learning_rate, weight_decay=decay),
            seeds=seeds, seed=seed,
        )  # fmt: skip
        curves[name] = accuracy_curves(trainers, train, found.test, epochs=epochs, points=marks)
        sizes[name] = weight_size(trainers)
    return {
        "images": {"name": found.name, "notice": found.notice},
        "weight decay": weight_decay,
        "curves": curves,
        "sizes": sizes,
    }


def weight_size(trainers: list[Trainer]) -> float:
    """The root mean square of all weights, biases left out."""
    held = [p.value for trainer in trainers for p in trainer.model.parameters().values() if p.decay]
    return float(np.sqrt(np.mean(np.concatenate([value.ravel() for value in held]) ** 2)))


def claims(data: Data) -> dict[str, bool]:
    """That decay holds the weights down, and the gap with them."""
    plain, decayed, sizes = data["curves"]["without"], data["curves"]["with"], data["sizes"]
    seeds = len(plain["test"])
    return {
        f"Over {seeds} seeds the gap is {points(gap(decayed))} with weight decay, {points(gap(plain))} without.": (
            gap(decayed) < gap(plain)
        ),
        f"The weights stay smaller: {sizes['with']:.3f} in the root mean square, {sizes['without']:.3f} without.": (
            sizes["with"] < 0.9 * sizes["without"]
        ),
        f"With it {told(decayed)}; without, {told(plain)}.": last(decayed, "training") < last(plain, "training") - 0.02,
    }


def told(curves: Data) -> str:
    """The last accuracies in words."""
    return f"{last(curves, 'training'):.1%} of the training images are right and {last(curves, 'test'):.1%} of new ones"


def draw(data: Data) -> Any:
    """Accuracy on the training images and on new ones, without and with."""
    titles = ("without weight decay", f"weight decay {data['weight decay']:g}")
    return draw_gaps(dict(zip(titles, data["curves"].values(), strict=True)))

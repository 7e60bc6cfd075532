"""Digits that a deep network misreads.

Of the test digits a trained deep network misreads less than one in a hundred, and those few are hard for people too: a
loop that is not closed, a stroke that is missing.  Beneath each stand its label, the network's answer, and how sure it
was.  The network knows something of its own mistakes: where it is wrong it is less sure than where it is right, and the
label is often its second choice.  So a reader of cheques sets aside what it is least sure of, and leaves it to people.

    p = softmax(network(x))      answer = argmax p      sureness = max p
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi.datasets import Split
from madi.lab.framework import style
from madi.lab.framework.bands import bands
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.images import images
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.models import deep_convnet
from madi.optimizers import Adam
from madi.training import Trainer, predict_classes

ROWS = ("E3",)
PLACE = 1
COST = Cost(full=130, quick=4.5)

COLUMNS = 10


def compute(
    *,
    data: ImageData = "mnist",
    examples: Annotated[int, Number(100, 60_000, "to train on", quick=1000)] = 60_000,
    epochs: Annotated[int, Number(1, 100, "of training", quick=6)] = 10,
    batch_size: Annotated[int, Number(1, 1000, "examples a step", quick=50)] = 100,
    learning_rate: Annotated[float, Number(1e-6, 1, "of Adam")] = 1e-3,
    tested: Annotated[int, Number(100, 10_000, "images that it is tested on", quick=1000)] = 10_000,
    shown: Annotated[int, Number(1, 50, "misread images in the figure, the surest first")] = 20,
    aside: Annotated[float, Number(0, 0.9, "share of the images that are set aside, the least sure first")] = 0.05,
    seed: Seed = 0,
) -> Data:
    """deep_convnet, trained by the book's recipe, and its answers to the test images."""
    found = images(data)
    test = Split(*(part[:tested] for part in found.test))
    model = deep_convnet(len(found.classes))
    trainer = Trainer(model, optimizer=Adam(learning_rate), seed=seed)
    trainer.fit((found.train.x[:examples], found.train.y[:examples]), epochs=epochs, batch_size=batch_size, verbose=0)
    _, probabilities = predict_classes(model, test.x)
    order = probabilities.argsort(axis=1)[:, ::-1]
    sureness, right = probabilities.max(axis=1), order[:, 0] == test.y
    wrong = np.flatnonzero(~right)
    surest = wrong[np.argsort(-sureness[wrong], kind="stable")][:shown]
    kept = np.argsort(-sureness, kind="stable")[: len(right) - round(aside * len(right))]
    return {
        "images": {"name": found.name, "notice": found.notice},
        "right": right,
        "sureness": sureness,
        "second choice": int((order[wrong, 1] == test.y[wrong]).sum()),
        "aside": {"share": aside, "error": float(1 - right[kept].mean())},
        "shown": {
            "images": test.x[surest],
            "labels": [found.classes[label] for label in test.y[surest]],
            "answers": [found.classes[answer] for answer in order[surest, 0]],
            "sureness": sureness[surest],
        },
    }


def claims(data: Data) -> dict[str, bool]:
    """What the mistakes have in common."""
    right, sureness, aside, second = (data[name] for name in ("right", "sureness", "aside", "second choice"))
    count, error = int((~right).sum()), float(1 - right.mean())
    when = [float(sureness[chosen].mean()) if chosen.any() else 1.0 for chosen in (right, ~right)]
    surer = f"Where it is right it is {when[0]:.1%} sure on average, where it is wrong {when[1]:.1%}."
    better = f"With the least sure {aside['share']:.0%} set aside {aside['error']:.2%} are misread, not {error:.2%}."
    return {
        f"It misreads {count} of {len(right):,} test images, {error:.2%}.": 0 < error < 0.5,
        surer: when[0] > when[1] + 0.05,
        f"Of {count} misread images {second} have their label as the second choice.": second > count / 3,
        better: aside["error"] < error,
    }


def draw(data: Data) -> Any:
    """The misread images, and how sure the network was of right and of wrong answers."""
    shown = data["shown"]
    rows = -(-len(shown["labels"]) // COLUMNS)
    figure, (upper, lower) = bands(1.25 * rows + 0.3, 1.9)
    upper.suptitle("label → answer, and how sure the network was of it", fontsize=9.5)
    axes = upper.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis, *what in zip(axes, *shown.values(), strict=False):
        draw_one(axis, *what)
    for axis in axes:
        axis.axis("off")
    draw_sureness(lower.subplots(), data)
    return figure


def draw_one(axis: Any, image: np.ndarray, label: str, answer: str, sureness: float) -> None:
    """An image, and what was made of it."""
    axis.imshow(image.squeeze(), cmap=style.IMAGE)
    size = 9 if len(label + answer) < 6 else 6
    axis.set_title(f"{label} → {answer}\n{sureness:.0%}", fontsize=size)


def draw_sureness(axis: Any, data: Data) -> None:
    """Shares of the answers by how sure the network was, right ones and wrong ones apart."""
    edges = np.linspace(0, 1, 21)
    for name, chosen, colour in (("right", data["right"], style.BLUE), ("wrong", ~data["right"], style.ORANGE)):
        if chosen.any():
            share = np.histogram(data["sureness"][chosen], edges)[0] / chosen.sum()
            axis.stairs(100 * share, edges, color=colour, label=f"{name} answers: {chosen.sum():,}", linewidth=1.6)
    axis.set(xlabel="probability of the answer", ylabel="share of them (%)", xlim=(0, 1))
    axis.legend(loc="best")

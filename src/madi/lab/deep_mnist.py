"""A deep network on MNIST.

Six convolutions of 3 x 3, two and two with a pooling between them, then 50 units, dropout and the ten classes: by the
book's recipe it reads 99.38% of the digits that it has never seen.  One run says little about the last tenth of a
percent, where ten digits of 10,000 decide: so it is trained from several seeds, and the mean and the spread are what
counts.  Dropout works in training alone, which is why the loss there may stay above that on the test images.  A quick
run, of few images and epochs, shows how the network learns, and not how well it reads in the end.

    conv 16, conv 16, pool, conv 32, conv 32, pool, conv 64, conv 64, pool, dense 50, dropout, dense 10, dropout
    loss = -(1/N) Σ log softmax(network(x))[label]
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi.datasets import Split
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.fitting import fit_each
from madi.lab.framework.images import images
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.models import deep_convnet
from madi.optimizers import Adam
from madi.training import Trainer

ROWS = ("E3",)
COST = Cost(full=720, quick=8)
LONG = True

COLUMNS = {"training loss": "loss", "test loss": "validation_loss", "test accuracy": "validation_accuracy"}
WHOLE = [60_000, 20]  # the book's training: examples, epochs


def compute(
    *,
    data: ImageData = "mnist",
    examples: Annotated[int, Number(100, 60_000, "to train on", quick=1000)] = 60_000,
    epochs: Annotated[int, Number(1, 200, "of training", quick=6)] = 20,
    tested: Annotated[int, Number(100, 10_000, "images that it is tested on", quick=1000)] = 10_000,
    batch_size: Annotated[int, Number(1, 1000, "examples a step", quick=50)] = 100,
    learning_rate: Annotated[float, Number(1e-6, 1, "of Adam")] = 1e-3,
    dropout: Annotated[float, Number(0, 0.95, "share of units left out, after the 50 and after the last layer")] = 0.5,
    runs: Annotated[int, Number(1, 20, "from as many seeds, this one and those after it", quick=2)] = 3,
    seed: Seed = 0,
) -> Data:
    """Loss and accuracy, epoch by epoch, of every run; the test images are measured, never chosen by."""
    found = images(data)
    train, test = (
        Split(found.train.x[:examples], found.train.y[:examples]),
        Split(*(part[:tested] for part in found.test)),
    )
    trainers = [recipe(len(found.classes), dropout, learning_rate, number) for number in range(seed, seed + runs)]
    fit_each(trainers, train, validation=test, epochs=epochs, batch_size=batch_size)
    return {
        "images": {"name": found.name, "notice": found.notice},
        "training": [len(train.x), epochs],
        "tested": len(test.x),
        "parameters": trainers[0].model.summary().parameters,
        "dropout": dropout,
        "runs": [measured(trainer) for trainer in trainers],
    }


def recipe(classes: int, dropout: float, learning_rate: float, seed: int) -> Trainer:
    """The network and its optimizer, as the book has them."""
    model = deep_convnet(classes, dropout=dropout)
    return Trainer(model, optimizer=Adam(learning_rate), metrics=["accuracy"], seed=seed)


def measured(trainer: Trainer) -> Data:
    """What one run measured, epoch by epoch, and the seconds of all epochs."""
    curves = {name: np.array(trainer.history[column]) for name, column in COLUMNS.items()}
    return {"seed": trainer.seed, **curves, "seconds": sum(trainer.history["seconds"])}


def claims(data: Data) -> dict[str, bool]:
    """What the runs show together."""
    runs, (examples, epochs) = data["runs"], data["training"]
    first, last = (np.array([run["test accuracy"][place] for run in runs]) for place in (0, -1))
    whole = data["training"] == WHOLE and data["images"]["name"] == "mnist"
    losses = {name: np.mean([run[name][-1] for run in runs]) for name in ("training loss", "test loss")}
    wrong = (1 - last) * data["tested"]
    told = {
        f"Trained on {examples:,} images for {epochs} epochs, it reads {last.mean():.2%} of {data['tested']:,} test "
        f"images{several(last)}.": bool(last.mean() >= (0.993 if whole else 0.5)),
        f"Every run reads more after the last epoch than after the first: {first.mean():.2%} on average then.": bool(
            (last > first).all()
        ),
    }
    if len(runs) > 1:
        told[
            f"From {wrong.min():.0f} to {wrong.max():.0f} images are misread, by seed alone: less than is gained by "
            "training on."
        ] = bool(np.ptp(last) < (last - first).mean())
    if data["dropout"]:
        told[
            f"With dropout the loss in training, {losses['training loss']:.3f}, stays above that on the test images, "
            f"{losses['test loss']:.3f}."
        ] = bool(losses["training loss"] > losses["test loss"])
    return told


def several(accuracies: np.ndarray) -> str:
    """Of how many seeds they are, where there is more than one."""
    return f", the mean of {len(accuracies)} seeds (deviation {accuracies.std():.2%})" if len(accuracies) > 1 else ""


def draw(data: Data) -> Any:
    """Loss and test error by epoch: a thin line for each seed, a thick one for their mean."""
    figure, (left, right) = style.subplots(1, 2, height=3.0)
    for name, colour in (("training loss", style.BLUE), ("test loss", style.ORANGE)):
        spread(left, [run[name] for run in data["runs"]], colour, name)
    errors = [100 * (1 - run["test accuracy"]) for run in data["runs"]]
    spread(right, errors, style.ORANGE, "")
    last = np.mean([error[-1] for error in errors])
    right.text(len(errors[0]) * 1.02, last, f"{last:.2f}%", va="center", color=style.ORANGE)
    left.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    left.legend()
    right.set(xlabel="epoch", ylabel="misread test images (%)", yscale="log")
    for formatted in (right.yaxis.set_major_formatter, right.yaxis.set_minor_formatter):
        formatted("{x:g}")
    for axis in (left, right):
        axis.xaxis.get_major_locator().set_params(integer=True)
    return figure


def spread(axis: Any, curves: list[np.ndarray], colour: str, label: str) -> None:
    """A thin line for each curve, a thick one for their mean."""
    epochs = range(1, len(curves[0]) + 1)
    for curve in curves:
        axis.plot(epochs, curve, color=colour, linewidth=0.6, alpha=0.6)
    axis.plot(epochs, np.mean(curves, axis=0), color=colour, label=label)

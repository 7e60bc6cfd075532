"""A network of two layers learns to read digits.

784 pixels, 50 sigmoid units, 10 outputs: gradient descent on batches of 100 images.  With first weights of deviation
0.01 all classes are as good as equal, and the loss starts at log 10.  For a while little happens; then the loss falls,
and it is still falling at the end.  Each batch is another one, so that the curve is rough.  The accuracy on images that
were not trained on rises together with that on the training images: nothing has been learned by heart.

    a = sigmoid(x W1 + b1)      y = softmax(a W2 + b2)      L = -mean Σ t log y
    W ← W - η ∂L/∂W             one step for each batch; an epoch is as many as make up the training set
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi.datasets import Split
from madi.initializers import Normal
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.fitting import fit_each
from madi.lab.framework.images import images
from madi.lab.framework.loss_curves import smoothed
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.models import mlp
from madi.optimizers import SGD
from madi.training import Trainer

ROWS = ("B8",)
COST = Cost(full=10, quick=3)

MEASURED = 25  # times, about, that the accuracies are measured


def compute(
    *,
    data: ImageData = "mnist",
    hidden: Annotated[int, Number(1, 2000, "sigmoid units")] = 50,
    learning_rate: Annotated[float, Number(1e-5, 10, "of gradient descent")] = 0.1,
    batch_size: Annotated[int, Number(1, 1000, "images a step")] = 100,
    steps: Annotated[int, Number(10, 100_000, "of training", quick=3000)] = 10_000,
    spread: Annotated[float, Number(0, 10, "standard deviation of the first weights")] = 0.01,
    enlarged: Annotated[int, Number(1, 100_000, "first steps shown enlarged")] = 1000,
    seed: Seed = 0,
) -> Data:
    """The loss of each step; accuracy on training and test images after each epoch."""
    found = images(data)
    model = mlp(hidden, len(found.classes), activation="sigmoid", initializer=Normal(spread))
    model.build(found.train.x.shape[1:], seed=seed)
    trainer = Trainer(model, optimizer=SGD(learning_rate), metrics=["accuracy"], seed=seed)
    rows = train(trainer, found.train, found.test, batch_size, steps)
    return {
        "images": {"name": found.name, "notice": found.notice},
        "classes": len(found.classes),
        "parameters": model.summary().parameters,
        "enlarged": min(enlarged, steps),
        "loss": np.array(trainer.history.steps["loss"], np.float32),
        "epochs": rows,
    }


def train(trainer: Trainer, train: Split, test: Split, batch_size: int, steps: int) -> Data:
    """Take `steps` steps, and measure both sets before the first, after epochs, and in the end."""
    epoch = -(-len(train.x) // batch_size)
    whole, rest = divmod(steps, epoch)
    every = max(1, whole // MEASURED)
    rows: Data = {"epoch": [], "train": [], "test": []}

    def measure(*_: Any) -> None:
        if trainer.step in (0, steps) or trainer.step % (every * epoch) == 0:
            rows["epoch"].append(trainer.step / epoch)
            rows["train"].append(trainer.evaluate(train)["accuracy"])
            rows["test"].append(trainer.evaluate(test)["accuracy"])

    measure()
    options = {"batch_size": batch_size, "callbacks": [measure]}
    fine = fit_each([trainer], train, epochs=whole, **options) == [True]
    if fine and rest:
        order = np.random.default_rng(trainer.seed).permutation(len(train.x))[: rest * batch_size]
        fit_each([trainer], Split(train.x[order], train.y[order]), **options)
    return rows


def claims(data: Data) -> dict[str, bool]:
    """What the curves show."""
    loss, epochs = data["loss"], data["epochs"]
    start, end, many = float(loss[0]), float(loss[-100:].mean()), data["classes"]
    train, test = epochs["train"][-1], epochs["test"][-1]
    rough = float(loss[-100:].std() / end)
    return {
        f"The first loss is {start:.3f}: log {many} = {np.log(many):.3f}, as of one who knows nothing.": bool(
            abs(start - np.log(many)) < 0.05
        ),
        f"Over the last 100 of {len(loss):,} steps it is {end:.3f}; from batch to batch it varies by {rough:.0%}.": (
            end < 0.25 * start and rough > 0.05
        ),
        f"The network then reads {train:.1%} of the training and {test:.1%} of the test images.": test > 0.9,
        f"Both accuracies rise together: they end {abs(train - test):.1%} apart.": abs(train - test) < 0.05,
    }


def draw(data: Data) -> Any:
    """The loss, its first steps enlarged, and both accuracies by epoch."""
    figure, (whole, first, accuracy) = style.subplots(1, 3, height=2.7)
    whole.plot(data["loss"], linewidth=0.3, alpha=0.6)
    whole.plot(smoothed(data["loss"], 0.005), color=style.INK, linewidth=1)
    whole.set(xlabel="step", ylabel="loss", ylim=(0, None), title="loss of each batch")
    first.plot(data["loss"][: data["enlarged"]], linewidth=0.6)
    first.set(xlabel="step", ylim=(0, None), title=f"the first {data['enlarged']:,} steps")
    for name, line in (("train", "-"), ("test", "--")):
        values = 100 * np.array(data["epochs"][name])
        accuracy.plot(data["epochs"]["epoch"], values, line, label=f"{name}: {values[-1]:.1f}%")
    accuracy.set(xlabel="epoch", ylabel="accuracy (%)", ylim=(0, 100), title=data["images"]["name"])
    accuracy.legend(loc="lower right")
    return figure

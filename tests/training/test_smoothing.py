"""Label smoothing follows PyTorch's, in training and in measuring."""

import re

import numpy as np
import pytest
import torch

import madi.functions as F
from madi import optimizers
from madi.errors import ConfigurationError
from madi.kernels import random
from madi.layers import Auxiliary, Dense, Sequential
from madi.training.batches import epoch_rows

from .common import CLASSES, ENGINES, INPUTS, assert_close, fit, network, points, trainer, values

SHARE = 0.2


def torch_run(weights):
    """PyTorch's weights and losses over two epochs with label smoothing."""
    model = torch.nn.Sequential(torch.nn.Linear(INPUTS, 8), torch.nn.ReLU(), torch.nn.Linear(8, CLASSES))
    leaves = {f"{layer}.{kind}": getattr(model[layer], kind) for layer in (0, 2) for kind in ("weight", "bias")}
    with torch.no_grad():
        for path, leaf in leaves.items():
            leaf.copy_(torch.tensor(weights[path].T))
    optimizer, losses = torch.optim.SGD(model.parameters(), lr=0.2), []
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=SHARE)
    x, y = map(torch.tensor, points())
    for epoch in range(2):
        for rows in epoch_rows(50, 10, random.key(7), epoch)[0]:
            optimizer.zero_grad()
            loss = loss_of(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    final = float(loss_of(model(x), y).detach())
    return {path: leaf.detach().numpy().T for path, leaf in leaves.items()}, losses, final


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_with_smoothed_labels_along_pytorch(engine):
    theirs, losses, final = torch_run(values(network()))
    own = trainer(engine=engine, seed=7, optimizer=optimizers.SGD(0.2), label_smoothing=SHARE)
    fit(own, epochs=2)
    assert_close(values(own.model), theirs, 1e-4)
    np.testing.assert_allclose(own.history.steps["loss"], losses, rtol=1e-4)
    assert own.evaluate(points())["loss"] == pytest.approx(final, rel=1e-4)


def test_the_validation_loss_is_smoothed_and_metrics_are_not():
    """A network that is sure and right: the loss by hand is log Σ exp x - (1 - s) x_t - s mean x."""
    logits = np.diag([9.0, 9.0, 9.0]).astype(np.float32)
    own = trainer(Sequential(Dense(3)).build((3,)), label_smoothing=0.3, metrics=["accuracy"])
    own.model.parameters()["0.weight"].value = logits
    found = own.evaluate((np.eye(3), np.arange(3)))
    normalizer = np.log(np.exp(9) + 2)
    assert found["loss"] == pytest.approx(normalizer - 0.7 * 9 - 0.3 * 3, rel=1e-5)
    assert found["accuracy"] == 1


def test_auxiliary_heads_are_smoothed_too():
    x, y = points()
    runs = []
    for loss, share in (("softmax_cross_entropy", SHARE), (smoothed_by_hand, 0.0)):
        model = Sequential(Dense(4), Auxiliary(Dense(CLASSES)), Dense(CLASSES)).build((INPUTS,), seed=0)
        runs.append(trainer(model, loss=loss, label_smoothing=share))
        fit(runs[-1], (x, y))
    assert_close(values(runs[0].model), values(runs[1].model), 1e-6)


def smoothed_by_hand(y, target):
    """The cross entropy with one-hot rows that are smoothed already."""
    return F.softmax_cross_entropy(y, (1 - SHARE) * np.eye(CLASSES, dtype=np.float32)[target] + SHARE / CLASSES)


def test_a_function_with_the_option_is_given_it():
    def with_option(y, target, *, label_smoothing=0.0):
        return F.softmax_cross_entropy(y, target, label_smoothing=label_smoothing)

    runs = [trainer(loss=loss, label_smoothing=SHARE) for loss in (with_option, "softmax_cross_entropy")]
    for own in runs:
        fit(own)
    assert runs[0].history["loss"] == runs[1].history["loss"]


@pytest.mark.parametrize(
    ("loss", "share", "message"),
    [
        (
            "mean_squared_error",
            0.1,
            "label_smoothing: the loss mean_squared_error takes no such option: it is for targets that are classes of "
            "logits. Use loss='softmax_cross_entropy', or leave label_smoothing out.",
        ),
        (
            "softmax_cross_entropy",
            1.0,
            "label_smoothing must be a number of at least 0 and below 1, got 1.0. Try 0.1.",
        ),
    ],
)
def test_where_it_means_nothing_it_is_refused(loss, share, message):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        trainer(loss=loss, label_smoothing=share)

"""Averaged weights: PyTorch's AveragedModel is the oracle; what the model holds, and what training goes on from."""

import re

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel

from madi import optimizers
from madi.errors import ConfigurationError
from madi.kernels import random
from madi.layers import BatchNorm, Dense, ReLU, Sequential
from madi.training import Callback, EarlyStopping
from madi.training.batches import epoch_rows
from madi.training.step import leaves

from .common import CLASSES, ENGINES, INPUTS, assert_close, assert_same, fit, network, points, trainer, values

DECAY = 0.9


def normalized(seed=0):
    """6-8-3 with batch norm between."""
    return Sequential(Dense(8, bias=False), BatchNorm(), ReLU(), Dense(CLASSES)).build((INPUTS,), seed=seed)


def held(own):
    """Copies of weights and running statistics."""
    return own.snapshot()


def warmed(average, value, number):
    """The average after `number` updates before this one, PyTorch's form: its first call copies the start."""
    kept = min(DECAY, (1 + int(number)) / (10 + int(number)))
    return kept * average + (1 - kept) * value


def torch_run(weights):
    """The averages of PyTorch after 4 epochs, batch norm's buffers among them, and the weights beneath."""
    model = torch.nn.Sequential(
        torch.nn.Linear(INPUTS, 8, bias=False), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Linear(8, CLASSES)
    )
    with torch.no_grad():
        for layer in (0, 3):
            model[layer].weight.copy_(torch.tensor(weights[f"{layer}.weight"].T))
        model[3].bias.zero_()
    average = AveragedModel(model, avg_fn=warmed, use_buffers=True)
    average.update_parameters(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    x, y = map(torch.tensor, points())
    for epoch in range(4):
        for rows in epoch_rows(50, 10, random.key(7), epoch)[0]:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
            average.update_parameters(model)
    return of_torch(average.module), of_torch(model)


def of_torch(model):
    """Weights and statistics of PyTorch's network by madi's paths."""
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    found = {f"{layer}.weight": state[f"{layer}.weight"].T for layer in (0, 3)} | {"3.bias": state["3.bias"]}
    norm = {"scale": "weight", "shift": "bias", "mean": "running_mean", "variance": "running_var"}
    return found | {f"1.{own}": state[f"1.{theirs}"] for own, theirs in norm.items()}


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_and_statistics_are_averaged_along_pytorch(engine):
    average, beneath = torch_run(values(normalized()))
    own = trainer(normalized(), engine=engine, seed=7, optimizer=optimizers.SGD(0.2), average=DECAY)
    fit(own, epochs=4)
    found = held(own)
    assert_close(found, {path: average[path] for path in found}, 1e-4)
    assert_close(own._underneath.values, {path: beneath[path] for path in own._underneath.values}, 1e-4)
    assert np.abs(found["0.weight"] - beneath["0.weight"]).max() > 0.01


def test_the_first_averages_by_hand():
    """d is (1 + 1) / (10 + 1) = 2/11 at the first update: 2/11 start + 9/11 weights."""
    start = values(network())
    own, plain = trainer(average=0.999), trainer()
    for each in (own, plain):
        each.fit(points(), batch_size=50, verbose=0)
    expected = {path: 2 / 11 * start[path] + 9 / 11 * value for path, value in values(plain.model).items()}
    assert_close(values(own.model), expected, 1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_training_itself_is_the_same(engine):
    runs = [trainer(normalized(), engine=engine, average=average) for average in (None, DECAY)]
    for own in runs:
        fit(own, epochs=3)
    assert runs[0].history.steps["loss"] == pytest.approx(runs[1].history.steps["loss"], rel=1e-6)
    beneath = runs[1]._underneath.values
    assert_close({path: beneath[path] for path in held(own)}, held(runs[0]), 1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_two_fits_are_one_long_fit(engine):
    whole, parts = (trainer(normalized(), engine=engine, average=DECAY, optimizer="adam") for _ in range(2))
    first = held(parts)
    fit(whole, epochs=5)
    for _ in range(2):
        fit(parts, epochs=2)
        fit(parts, epochs=3)
        assert_same(held(parts), held(whole))
        assert parts.history.steps == whole.history.steps
        parts.reset()
        assert_same(held(parts), first)


@pytest.mark.parametrize("engine", ENGINES)
def test_validation_and_evaluate_use_the_averages(engine):
    """While a fit lasts, in its callbacks, and after it."""
    seen = []

    class Look(Callback):
        def on_epoch_end(self, trainer, epoch, row):
            seen.append((trainer.evaluate(points(20, seed=1))["loss"], row["validation_loss"]))

    own = trainer(normalized(), engine=engine, average=0.99)
    fit(own, validation=points(20, seed=1), epochs=3, callbacks=[Look()])
    assert own.evaluate(points(20, seed=1))["loss"] == pytest.approx(own.history["validation_loss"][-1], rel=1e-6)
    for during, row in seen:
        assert during == pytest.approx(row, rel=1e-6)
    plain = trainer(normalized(), engine=engine)
    fit(plain, validation=points(20, seed=1), epochs=3)
    assert plain.history["validation_loss"][-1] != own.history["validation_loss"][-1]


def test_callbacks_that_change_nothing_change_nothing():
    runs = [trainer(normalized(), average=DECAY) for _ in range(2)]
    fit(runs[0], epochs=3)
    fit(runs[1], epochs=3, callbacks=[Callback(), lambda epoch, row: None])
    assert_same(held(runs[0]), held(runs[1]))
    assert_same(runs[0]._underneath.values, runs[1]._underneath.values)


def test_weights_that_a_callback_puts_in_are_gone_on_from():
    """Both the weights and their average are then what was put in."""
    given = held(trainer(normalized(seed=5)))

    class Swap(Callback):
        def on_epoch_end(self, trainer, epoch, row):
            if epoch == 1:
                trainer.restore(given)

    own = trainer(normalized(), average=DECAY)
    fit(own, epochs=1, callbacks=[Swap()])
    assert_same(held(own), given)
    assert_same(own._underneath.values, given)


def test_the_best_averages_are_restored_and_gone_on_from():
    own = trainer(normalized(), average=DECAY, optimizer=optimizers.SGD(1.0))
    stopping = EarlyStopping(patience=2)
    fit(own, validation=points(20, seed=1), epochs=30, callbacks=[stopping])
    assert stopping.best_epoch < own.epoch
    assert_same(held(own), stopping.snapshot)
    assert own.evaluate(points(20, seed=1))["loss"] == pytest.approx(stopping.best, rel=1e-6)
    assert own._underneath.resumed(held(own))["0.weight"] is not own._underneath.values["0.weight"]
    np.testing.assert_array_equal(own._underneath.resumed(held(own))["0.weight"], stopping.snapshot["0.weight"])


def test_weights_put_into_the_model_between_fits_are_gone_on_from():
    own = trainer(average=DECAY)
    fit(own)
    own.model.parameters()["0.weight"].value = np.zeros((INPUTS, 8), np.float32)
    own.fit(points(), epochs=0, verbose=0)
    assert not own._underneath.values["0.weight"].any()
    assert own._underneath.values["2.weight"].any()


def test_writing_into_the_models_arrays_is_seen():
    own = trainer(average=DECAY)
    fit(own)
    own.model.parameters()["0.weight"].value[:] = 0
    own.fit(points(), epochs=0, verbose=0)
    assert not own._underneath.values["0.weight"].any()


@pytest.mark.parametrize("engine", ENGINES)
def test_frozen_layers_stay_and_thawed_ones_begin_their_average(engine):
    own = trainer(network().freeze("0"), engine=engine, average=DECAY)
    before = values(own.model)
    fit(own)
    np.testing.assert_array_equal(values(own.model)["0.weight"], before["0.weight"])
    own.model.unfreeze()
    fit(own)
    assert (values(own.model)["0.weight"] != before["0.weight"]).any()


def test_a_changed_decay_compiles_nothing_and_counts():
    own = trainer(engine="jax", average=0.1)
    fit(own)
    first = values(own.model)
    own.reset()
    own.average = 0.9
    fit(own)
    assert own._engines["jax"].compilations == 1
    assert (values(own.model)["0.weight"] != first["0.weight"]).any()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_divergence_leaves_the_last_finite_averages(engine):
    x, y = points()
    own = trainer(engine=engine, average=DECAY, optimizer=optimizers.SGD(1e30))
    with pytest.raises(ArithmeticError, match=r"^Training diverged in step "):
        fit(own, (x, y), epochs=20)
    assert all(np.isfinite(value).all() for value in leaves(held(own)))


@pytest.mark.parametrize("average", [1.0, -0.1, "0.9", True])
def test_a_decay_that_is_none_is_refused(average):
    message = f"average must be a number of at least 0 and below 1, got {average!r}. Try 0.999."
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        trainer(average=average)

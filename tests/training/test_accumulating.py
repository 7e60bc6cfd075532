"""Accumulated gradients: groups of small batches are large batches, but for batch norm."""

import re

import numpy as np
import pytest
import torch

from madi import optimizers, schedules
from madi.errors import ConfigurationError, DivergenceError
from madi.kernels import random
from madi.layers import BatchNorm, Dense, ReLU, Sequential
from madi.training.batches import epoch_rows, step_keys, with_last
from madi.training.grouping import Groups

from .common import CLASSES, ENGINES, INPUTS, assert_close, assert_same, fit, network, points, trainer, values

METRICS = ["accuracy", "f1"]


def pair(**options):
    """Two trainers alike: batches of 5 in groups of 4, and batches of 20."""
    return trainer(metrics=METRICS, seed=3, **options), trainer(metrics=METRICS, seed=3, **options)


def both(small, large, data, **options):
    fit(small, data, batch_size=5, accumulate=4, **options)
    fit(large, data, batch_size=20, **options)


OPTIMIZERS = {
    "schedule": lambda: optimizers.Momentum(schedules.exponential_decay(0.2, 0.5, 3)),
    "clipped": lambda: optimizers.SGD(0.5, clip_norm=0.1, weight_decay=0.01),
    "adam": lambda: optimizers.Adam(0.01),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("count", [60, 50, 53])
def test_groups_of_small_batches_are_large_batches(engine, name, count):
    """Even, with a smaller last group, and with a smaller last batch in it; so are steps, rates and the history."""
    small, large = pair(engine=engine, optimizer=OPTIMIZERS[name]())
    both(small, large, points(count), epochs=4)
    assert_close(values(small.model), values(large.model), 1e-5)
    assert small.step == large.step == 12
    assert small.history["learning_rate"] == large.history["learning_rate"]
    for column in ("loss", "accuracy"):
        assert small.history.steps[column] == pytest.approx(large.history.steps[column], rel=1e-5, abs=1e-7)
    for column in ("loss", *METRICS):
        assert small.history[column] == pytest.approx(large.history[column], rel=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_gradients_are_weighted_as_their_examples_are(engine):
    x, y = points(53)
    weight = np.random.default_rng(0).random(53) ** 3 + 0.01
    small, large = pair(engine=engine, average=0.9)
    both(small, large, (x, y), epochs=3, sample_weight=weight, class_weight={1: 3.0})
    assert_close(values(small.model), values(large.model), 1e-5)
    assert_close(small._underneath.values, large._underneath.values, 1e-5)
    assert small.history["loss"] == pytest.approx(large.history["loss"], rel=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_batches_of_a_stream_are_grouped_likewise(engine):
    """The last group of an epoch is known by its end."""
    x, y = points(54)
    stream = [(x[start : start + 6], y[start : start + 6]) for start in range(0, 54, 6)]
    large = [(x[start : start + 24], y[start : start + 24]) for start in range(0, 54, 24)]
    grouped, plain = (trainer(engine=engine, optimizer="momentum") for _ in range(2))
    grouped.fit(stream, epochs=2, accumulate=4, verbose=0)
    plain.fit(large, epochs=2, verbose=0)
    assert grouped.step == plain.step == 6
    assert_close(values(grouped.model), values(plain.model), 1e-5)


def test_pytorchs_accumulation():
    """Its usual form: backward of loss / 4 for each of four batches, then a step."""
    weights = values(network())
    model = torch.nn.Sequential(torch.nn.Linear(INPUTS, 8), torch.nn.ReLU(), torch.nn.Linear(8, CLASSES))
    leaves = {f"{layer}.{kind}": getattr(model[layer], kind) for layer in (0, 2) for kind in ("weight", "bias")}
    with torch.no_grad():
        for path, leaf in leaves.items():
            leaf.copy_(torch.tensor(weights[path].T))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    x, y = map(torch.tensor, points(60))
    for epoch in range(3):
        for number, rows in enumerate(epoch_rows(60, 5, random.key(3), epoch)[0]):
            (torch.nn.functional.cross_entropy(model(x[rows]), y[rows]) / 4).backward()
            if number % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()
    own = trainer(engine="jax", seed=3, optimizer=optimizers.Adam(0.01))
    fit(own, points(60), batch_size=5, accumulate=4, epochs=3)
    assert_close(values(own.model), {path: leaf.detach().numpy().T for path, leaf in leaves.items()}, 1e-4)


def test_batch_norm_sees_the_small_batches():
    """The documented difference: statistics of 5 examples are not those of 20, and the running ones move four times."""

    def normalized():
        return Sequential(Dense(8), BatchNorm(), ReLU(), Dense(CLASSES)).build((INPUTS,), seed=0)

    small, large = (trainer(normalized(), seed=3, optimizer=optimizers.SGD(0.0001)) for _ in range(2))
    both(small, large, points(20))
    assert abs(small.history["loss"][0] / large.history["loss"][0] - 1) > 1e-3
    x, _ = points(20)
    order = epoch_rows(20, 5, random.key(3), 0)[0]
    hidden = x @ values(normalized())["0.weight"]
    mean = np.zeros(8)
    for rows in order:
        mean = 0.9 * mean + 0.1 * hidden[rows].mean(axis=0)
    np.testing.assert_allclose(small.snapshot()["1.mean"], mean, atol=1e-5)
    np.testing.assert_allclose(large.snapshot()["1.mean"], 0.1 * hidden.mean(axis=0), atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_lengths_of_the_calls_change_nothing(engine, monkeypatch):
    """A group may begin in one call and end in another."""
    found = []
    for seconds in (1.0, 1e-9):
        monkeypatch.setattr("madi.training.run.SECONDS_PER_CALL", seconds)
        found.append(trainer(network(dropout=0.5), engine=engine, metrics=METRICS))
        fit(found[-1], points(73), batch_size=5, accumulate=4, epochs=3)
    assert_same(values(found[0].model), values(found[1].model))
    assert found[0].history.steps == found[1].history.steps


@pytest.mark.parametrize("engine", ENGINES)
def test_two_fits_are_one_long_fit(engine):
    whole, parts = (trainer(network(dropout=0.5), engine=engine, optimizer="adam") for _ in range(2))
    fit(whole, points(53), accumulate=4, epochs=3)
    fit(parts, points(53), accumulate=4)
    fit(parts, points(53), accumulate=4, epochs=2)
    assert_same(values(parts.model), values(whole.model))


def test_what_compiles():
    own = trainer(engine="jax")
    fit(own, points(50), accumulate=4, epochs=3)
    assert own._engines["jax"].compilations == 1
    fit(own, points(50), accumulate=3)  # how many batches a group has is a value
    assert own._engines["jax"].compilations == 1
    fit(own, points(50))
    assert own._engines["jax"].compilations == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_a_divergence_in_the_middle_of_a_group(engine):
    """The step that is named is the update that would have come; what came before it is kept."""
    x, y = points(60)
    large = trainer(engine=engine, seed=3)
    fit(large, (x, y), batch_size=20)
    x = x.copy()
    broken = epoch_rows(60, 5, random.key(3), 1)[0][6]  # the third batch of the second group of the second epoch
    x[broken] = 1e38
    own = trainer(engine=engine, seed=3)
    fit(own, points(60), batch_size=5, accumulate=4)
    after = values(own.model)
    with pytest.raises(DivergenceError, match=r"^Training diverged in step 5 \(epoch 2\): the loss is (nan|inf); "):
        fit(own, (x, y), batch_size=5, accumulate=4)
    assert own.step == 4
    assert (values(own.model)["0.weight"] != after["0.weight"]).any()
    assert all(np.isfinite(value).all() for value in values(own.model).values())


def test_a_gradient_that_overflows_is_named():
    """The loss of each batch is finite, its gradient is not."""
    x = np.full((20, INPUTS), 1e30, np.float32)
    own = trainer(Sequential(Dense(1)).build((INPUTS,)), loss="mean_absolute_error")
    own.model.parameters()["0.weight"].value[:] = 0
    with pytest.raises(DivergenceError, match=r"the accumulated gradient of '0\.weight' is the first that is not"):
        own.fit((x, np.ones((20, 1))), batch_size=10, sample_weight=np.full(20, 1e10), accumulate=2, verbose=0)


def test_every_batch_has_a_key_of_its_own_and_the_first_of_a_step_the_steps():
    steps, places = np.divmod(np.arange(24), 4)
    keys = step_keys(random.key(0), steps, places)
    assert len({tuple(key) for key in keys.tolist()}) == 24
    plain = step_keys(random.key(0), np.arange(6), np.zeros(6, int))
    np.testing.assert_array_equal(keys[::4], plain)


def test_reports_are_added_up_by_group():
    """Eight batches in groups of three, in calls of two, five and one: 0+1+2, 3+4+5, 6+7."""
    groups, found = Groups(3), []
    for numbers, closes in (([0, 1], False), ([2, 3, 4, 5, 6], False), ([7], True)):
        ends = groups.ends(len(numbers), 5, closes=closes)
        found.append(groups.by_update(np.array(numbers, np.float32)[:, None], ends))
    assert [entry.ravel().tolist() for entry in found] == [[], [3, 12], [13]]
    assert groups.place == 0


def test_the_last_entry_is_known():
    assert list(with_last("abc")) == [("a", False), ("b", False), ("c", True)]
    assert not list(with_last([]))


@pytest.mark.parametrize("accumulate", [0, 2.0, True])
def test_what_is_no_number_of_batches_is_refused(accumulate):
    message = f"fit: accumulate must be a whole number of at least 1, got {accumulate!r}."
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        fit(trainer(), accumulate=accumulate)

"""The same seed gives the same bits; two fits are one long fit; reset starts anew."""

import numpy as np
import pytest

from madi import optimizers, schedules
from madi.layers import Dense, Dropout, ReLU, Sequential
from madi.training.batches import epoch_rows, stretches

from .common import CLASSES, ENGINES, assert_same, fit, network, points, trainer, values


def make(engine, *, seed=0):
    """Everything that could depend on more than the seed: dropout, momentum, a schedule, a partial batch, metrics."""
    optimizer = optimizers.Adam(schedules.exponential_decay(0.01, 0.9, 3))
    return trainer(network(dropout=0.5), engine=engine, optimizer=optimizer, metrics=["accuracy"], seed=seed)


def fitted(own, epochs):
    fit(own, points(53), epochs=epochs, validation=0.2)
    return own


def rows(history):
    """The history without times."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history.epochs]


@pytest.mark.parametrize("engine", ENGINES)
def test_same_seed_same_bits(engine):
    one, two = (fitted(make(engine), 5) for _ in range(2))
    assert_same(values(one.model), values(two.model))
    assert rows(one.history) == rows(two.history)
    assert one.history.steps == two.history.steps


def test_another_seed_another_order():
    one, two = (fitted(make("numpy", seed=seed), 1) for seed in (0, 1))
    assert (values(one.model)["0.weight"] != values(two.model)["0.weight"]).any()


@pytest.mark.parametrize("engine", ENGINES)
def test_two_fits_are_one_long_fit_and_reset_starts_anew(engine):
    whole = fitted(make(engine), 5)
    own = make(engine)
    before = values(own.model)
    fitted(fitted(own, 2), 3)
    for _ in range(2):
        assert_same(values(own.model), values(whole.model))
        assert rows(own.history) == rows(whole.history)
        assert own.history.steps == whole.history.steps
        assert [row["epoch"] for row in own.history.epochs] == [1, 2, 3, 4, 5]
        own.reset()
        assert_same(values(own.model), before)
        assert (own.epoch, own.step, len(own.history)) == (0, 0, 0)
        fitted(own, 5)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_lengths_of_the_calls_change_nothing(engine, monkeypatch):
    """Calls are as long as the machine is fast; no bit may depend on that."""
    found = []
    for seconds in (1.0, 1e-9):
        monkeypatch.setattr("madi.training.run.SECONDS_PER_CALL", seconds)
        own = make(engine)
        fit(own, points(200), epochs=3)
        found.append(own)
    assert_same(values(found[0].model), values(found[1].model))
    assert rows(found[0].history) == rows(found[1].history)


def test_reset_before_any_fit_changes_nothing():
    own = trainer()
    before = values(own.model)
    own.reset()
    assert_same(values(own.model), before)


def test_reset_survives_a_change_of_the_arrays_themselves():
    """The first weights are copies: writing into the model's arrays does not reach them."""
    own = trainer()
    before = values(own.model)
    own.fit(points(), epochs=0, verbose=0)
    own.model.parameters()["0.weight"].value[:] = 5
    own.reset()
    assert_same(values(own.model), before)


def test_training_does_not_write_into_the_users_arrays():
    model, (x, y) = network(), points()
    held = {path: parameter.value for path, parameter in model.parameters().items()}
    before = values(model), x.copy(), y.copy()
    fit(trainer(model), (x, y), epochs=2)
    assert_same(held, before[0])
    np.testing.assert_array_equal(x, before[1])
    np.testing.assert_array_equal(y, before[2])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_layer_may_be_replaced_between_fits(engine):
    """Its optimizer state starts anew, the others' goes on, and reset keeps the new layer."""
    own = make(engine)
    fit(own)
    own.model.replace("3", Sequential(Dense(5), Dropout(0.1), ReLU(), Dense(CLASSES)))
    fit(own)
    own.model.replace("3", Dense(CLASSES + 1))
    fit(own)
    assert own._optimizer_state["mean"]["3.weight"].shape == (8, CLASSES + 1)
    assert own._optimizer_state["step"] == 15
    last = values(own.model)["3.weight"]
    own.reset()
    assert values(own.model)["3.weight"] is not last
    np.testing.assert_array_equal(values(own.model)["3.weight"], last)
    np.testing.assert_array_equal(values(own.model)["0.weight"], values(network(dropout=0.5))["0.weight"])


def test_an_unbuilt_model_is_built_from_the_seed():
    one, two, three = (trainer(Sequential(Dense(8), ReLU(), Dense(CLASSES)), seed=seed) for seed in (4, 4, 5))
    for own in (one, two, three):
        own.evaluate(points())
    assert_same(values(one.model), values(two.model))
    assert (values(one.model)["0.weight"] != values(three.model)["0.weight"]).any()


# ---- the order of the examples


@pytest.mark.parametrize("count", [1, 9, 10, 25])
def test_an_epoch_takes_every_example_once(count):
    full, rest = epoch_rows(count, 10, np.zeros(2, np.uint32), 3)
    assert full.shape == (count // 10, 10)
    assert rest.shape == (1 if count % 10 else 0, max(count % 10, 1))
    assert sorted([*full.reshape(-1), *rest.reshape(-1)]) == list(range(count))


def test_every_epoch_has_its_own_order():
    orders = [epoch_rows(50, 50, np.zeros(2, np.uint32), epoch)[0].tolist() for epoch in (0, 1, 0)]
    assert orders[0] == orders[2] != orders[1]


def test_stretches_have_one_size_and_miss_nothing():
    found = list(stretches(np.arange(14).reshape(7, 2), iter([1, 3, 100]).__next__))
    assert [(len(rows), count) for rows, count in found] == [(7, 1), (7, 3), (7, 3)]
    assert np.concatenate([rows[:count] for rows, count in found]).tolist() == np.arange(14).reshape(7, 2).tolist()


def test_stretches_from_a_row_on_have_the_same_size():
    found = list(stretches(np.arange(7)[:, None], lambda: 3, 2))
    assert [(len(rows), count) for rows, count in found] == [(7, 3), (7, 2)]
    assert np.concatenate([rows[:count, 0] for rows, count in found]).tolist() == [2, 3, 4, 5, 6]
    assert list(stretches(np.arange(7)[:, None], lambda: 3, 7)) == []


def test_an_empty_stretch():
    assert list(stretches(np.zeros((0, 1), np.int32), lambda: 5)) == []

"""Augmentation inside the step: in training only, with keys of its own."""

import re

import numpy as np
import pytest

from madi.errors import ConfigurationError, ShapeError
from madi.kernels import random
from madi.kernels.arrays import array_library
from madi.layers import Dense, Flatten, Sequential

from .common import CLASSES, ENGINES, assert_close, assert_same, fit, network, points, trainer, values


def reversed_columns(x, key):
    """The features in reverse order."""
    return x[:, ::-1]


def same(x, key):
    """x."""
    return x


def noisy(x, key):
    """x with noise, drawn from the key."""
    return x + random.uniform(key, x.shape)


def doubled(x, key):
    """2 x, in double precision on NumPy."""
    return x * np.float64(2) if array_library(x) is np else x * 2


@pytest.mark.parametrize("engine", ENGINES)
def test_the_network_is_trained_on_what_the_functions_make_in_turn(engine):
    x, y = points()
    changed = trainer(engine=engine, augmentation=[reversed_columns, doubled])
    fit(changed, (x, y), epochs=2)
    plain = trainer(engine=engine)
    fit(plain, (2 * x[:, ::-1], y), epochs=2)
    assert_close(values(changed.model), values(plain.model), 1e-6)
    assert values(changed.model)["0.weight"].dtype == np.float32
    assert changed.history["loss"] == pytest.approx(plain.history["loss"], rel=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_measuring_leaves_the_examples_as_they_are(engine):
    own = trainer(engine=engine, augmentation=[doubled])
    history = fit(own, validation=points(20, seed=1))
    plain = trainer(own.model, engine=engine).evaluate(points(20, seed=1))
    assert history["validation_loss"][-1] == pytest.approx(plain["loss"], rel=1e-6)
    assert own.evaluate(points(20, seed=1)) == plain


@pytest.mark.parametrize("engine", ENGINES)
def test_dropout_draws_what_it_would_without_augmentation(engine):
    found = []
    for augmentation in ((), [same], [same, same]):
        own = trainer(network(dropout=0.5), engine=engine, augmentation=augmentation)
        fit(own, epochs=2)
        found.append(values(own.model))
    assert_same(found[1], found[0])
    assert_same(found[2], found[0])


def test_every_augmentation_of_every_step_has_a_key_of_its_own():
    seen = []

    def note(x, key):
        seen.append(tuple(np.asarray(key).tolist()))
        return x

    own = trainer(augmentation=[note, note])
    fit(own, epochs=2)
    fit(own)
    assert len(seen) == len(set(seen)) == 2 * 15


@pytest.mark.parametrize("streamed", [False, True])
def test_the_engines_draw_the_same(streamed):
    data = [points(10, seed=seed) for seed in range(5)] if streamed else points()
    runs = [trainer(engine=engine, augmentation=[noisy], dtype="float64") for engine in ENGINES]
    for own in runs:
        fit(own, data, epochs=2)
    assert_close(values(runs[1].model), values(runs[0].model), 1e-9)
    plain = fit(trainer(dtype="float64"), data, epochs=2)
    assert abs(plain["loss"][-1] - runs[0].history["loss"][-1]) > 0.01


def test_a_program_belongs_to_its_augmentation():
    own = trainer(engine="jax", augmentation=[noisy])
    fit(own)
    fit(own)
    assert own._engines["jax"].compilations == 1
    own.augmentation = [reversed_columns]
    fit(own)
    assert own._engines["jax"].compilations == 2
    own.augmentation = [noisy]
    fit(own)
    assert own._engines["jax"].compilations == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_names_mean_those_of_madi(engine):
    """The same text makes equal augmentations, so that a second trainer's step is the same program."""
    x = np.random.default_rng(0).random((20, 5, 5, 1), dtype=np.float32)
    model = Sequential(Flatten(), Dense(CLASSES)).build((5, 5, 1), seed=0)
    own = trainer(model, engine=engine, augmentation=["flip", "crop:1"])
    fit(own, (x, np.arange(20) % CLASSES), epochs=2)
    assert own.augmentation == trainer(model, augmentation=["flip", "crop:1"]).augmentation
    assert np.isfinite(own.history["loss"]).all()


def test_a_jax_function_serves_the_numpy_engine():
    def halved(x, key):
        import jax.numpy as jnp

        return jnp.asarray(x) / 2

    own = trainer(augmentation=[halved])
    fit(own)
    assert isinstance(own.model.parameters()["0.weight"].value, np.ndarray)


def test_a_changed_shape_is_refused():
    def cut(x, key):
        return x[:, 1:]

    message = (
        "augmentation 1 (cut): expected x of shape (10, 6) back, got (10, 5). The network was built for the first."
    )
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        fit(trainer(augmentation=[same, cut]))


class Unhashable:
    """Equal to others of its kind, and so without a hash."""

    def __eq__(self, other):
        return isinstance(other, Unhashable)

    def __call__(self, x, key):
        """x."""
        return x

    def __repr__(self):
        return "Unhashable()"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (same, "augmentation: expected a list such as ['flip', 'crop:4'], got <function same at"),
        ([0.5], "augmentation: expected a text such as 'crop:4', or a function of (images, key), got 0.5."),
        ([Unhashable()], "augmentation: expected functions that have a hash, got Unhashable(). Give its class a"),
    ],
)
def test_what_is_no_augmentation_is_refused(given, message):
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}"):
        trainer(augmentation=given)

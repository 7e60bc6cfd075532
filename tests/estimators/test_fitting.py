"""What both estimators share: options, validation, early stopping, going on, types, custom networks, errors."""

import signal

import numpy as np
import pytest

import madi
from madi import optimizers, schedules
from madi.errors import ConfigurationError, DataError, DivergenceError, MadiError, ShapeError, UnknownNameError
from madi.layers import BatchNorm, Dense, Dropout, Layer, ReLU, Sequential, Softmax, Tanh
from madi.training import Callback

from .common import classes, classifier, fitted, regressor, rows, weights

MAKERS = (classifier, regressor)


# ---- the network


def test_options_make_the_network():
    own = fitted(classifier((8, 6), activation="tanh", dropout=0.25, batch_norm=True))
    kinds = [type(layer) for layer in own.model_.layers]
    assert kinds == [Dense, BatchNorm, Tanh, Dropout, Dense, BatchNorm, Tanh, Dropout, Dense]
    assert [layer.units for layer in own.model_.layers if isinstance(layer, Dense)] == [8, 6, 3]
    assert own.model_.layers[3].rate == 0.25


@pytest.mark.parametrize(("hidden", "units"), [((), [1]), (7, [7, 1]), ([np.int64(4)], [4, 1])])
def test_hidden_layers_by_a_number_or_a_sequence(hidden, units):
    own = fitted(regressor(hidden))
    assert [layer.units for layer in own.model_.layers if isinstance(layer, Dense)] == units


def test_the_initializer_is_the_networks():
    own = fitted(regressor((8,), initializer="zeros", epochs=1, learning_rate=1e-12))
    assert abs(weights(own)).max() < 1e-9


def test_a_function_makes_a_network_for_the_inputs_and_outputs_of_the_data():
    asked = []

    def make(inputs, outputs):
        asked.append((inputs, outputs))
        return Sequential(Dense(5), ReLU(), Dense(outputs))

    fitted(classifier(network=make))
    fitted(regressor(network=make))
    assert asked == [(4, 3), (4, 1)]


def test_a_layer_is_copied_with_the_weights_that_it_has():
    model = Sequential(Dense(5), ReLU(), Dense(1)).build((4,), seed=3)
    before = [parameter.value.copy() for parameter in model.parameters().values()]
    own = fitted(regressor(network=model, epochs=0))
    np.testing.assert_array_equal(weights(own), np.concatenate([value.ravel() for value in before]))
    fitted(own.set_params(epochs=2))
    assert own.model_ is not model
    for parameter, value in zip(model.parameters().values(), before, strict=True):
        np.testing.assert_array_equal(parameter.value, value)


class Doubled(Layer):
    """A layer of a user's own."""

    def __call__(self, x):
        return x + x


def test_a_layer_of_ones_own_inside_the_network():
    own = fitted(regressor(network=Sequential(Doubled(), Dense(1)), epochs=30, learning_rate=0.05))
    assert own.score(rows(), rows().sum(axis=1)) > 0.9


def test_the_model_is_madis_own(tmp_path):
    own = fitted(classifier((8,), dtype="float32"))
    madi.save(own.model_, tmp_path / "model.safetensors")
    loaded = madi.load(tmp_path / "model.safetensors")
    names, probabilities = madi.predict_classes(loaded, rows())
    np.testing.assert_array_equal(names, own.predict(rows()))
    np.testing.assert_allclose(probabilities, own.predict_proba(rows()), rtol=1e-6)


def test_softmax_in_a_network_of_ones_own_with_its_loss():
    network = Sequential(Dense(3), Softmax())
    own = fitted(classifier(network=network, loss="cross_entropy", epochs=30, learning_rate=0.05))
    probabilities = own.predict_proba(rows())
    np.testing.assert_allclose(probabilities, madi.predict(own.model_, rows()), rtol=1e-12)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert own.score(rows(), classes(rows())) > 0.9
    with pytest.raises(ConfigurationError, match="takes logits"):
        fitted(classifier(network=network))


# ---- training


def test_a_random_state_gives_the_same_network_again_and_another_another():
    found = [weights(fitted(classifier(random_state=seed, dropout=0.2))) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_without_a_random_state_fits_differ_and_a_generator_is_drawn_from():
    one, two = (weights(fitted(classifier(random_state=None))) for _ in range(2))
    assert not np.array_equal(one, two)
    generators = [np.random.RandomState(5) for _ in range(2)]
    assert np.array_equal(*(weights(fitted(classifier(random_state=generator))) for generator in generators))
    assert generators[0].randint(1000) == generators[1].randint(1000) != np.random.RandomState(5).randint(1000)


@pytest.mark.parametrize("optimizer", ["sgd", optimizers.SGD(0.3, weight_decay=0.1)])
def test_rate_and_decay_stand_in_for_the_optimizers_own(optimizer):
    expected = fitted(regressor(optimizer=optimizers.SGD(0.05, weight_decay=0.01)))
    own = fitted(regressor(optimizer=optimizer, learning_rate=0.05, weight_decay=0.01))
    np.testing.assert_array_equal(weights(own), weights(expected))
    assert optimizer == "sgd" or optimizer == optimizers.SGD(0.3, weight_decay=0.1)


def test_a_schedule_as_the_learning_rate():
    own = fitted(regressor(learning_rate=schedules.step_decay(0.1, every=3, factor=0.1)))
    assert own.history_["learning_rate"] == pytest.approx([0.1, 0.01, 0.001, 0.0001, 0.00001], rel=1e-6)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("given", "asked", "expected"),
    [
        (np.float32, None, np.float32),
        (np.float64, None, np.float64),
        (np.int16, None, np.float64),
        (np.float64, "float32", np.float32),
        (np.float32, np.float64, np.float64),
    ],
)
def test_the_weights_follow_the_type_of_x(make, given, asked, expected):
    x = (10 * rows()).astype(given)
    own = make(dtype=asked).fit(x, classes(x) if make is classifier else x[:, 0])
    assert weights(own).dtype == expected
    outputs = own.predict_proba(x) if make is classifier else madi.predict(own.model_, x)
    assert outputs.dtype == expected


def test_engines_agree_and_auto_takes_numpy_for_a_small_job():
    numpy, jax = (fitted(classifier(engine=engine)) for engine in ("numpy", "jax"))
    np.testing.assert_allclose(weights(jax), weights(numpy), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(weights(fitted(classifier(engine="auto"))), weights(numpy))


@pytest.mark.parametrize("make", MAKERS)
def test_in_one_batch_a_weight_is_a_repetition(make):
    x, counts = rows(), np.arange(60) % 3
    y = classes(x) if make is classifier else x[:, 0] ** 2
    own = make(batch_size=1000, epochs=20, learning_rate=0.01)
    weighted = weights(own.fit(x, y, sample_weight=counts))
    repeated = weights(own.fit(x.repeat(counts, axis=0), y.repeat(counts)))
    np.testing.assert_allclose(weighted, repeated, rtol=1e-7, atol=1e-10)
    assert not np.allclose(weighted, weights(own.fit(x, y)), atol=1e-3)


def test_what_a_fit_leaves_behind():
    own = fitted(classifier(epochs=4))
    assert own.n_iter_ == len(own.loss_curve_) == 4
    assert own.n_features_in_ == 4
    assert own.validation_scores_ == []
    assert own.history_.names() == ["epoch", "loss", "accuracy", "learning_rate", "seconds"]


# ---- validation and early stopping


@pytest.mark.parametrize("make", MAKERS)
def test_early_stopping_goes_back_to_the_best_epoch(make):
    own = fitted(make(early_stopping=True, patience=2, epochs=200, learning_rate=0.3, validation_fraction=0.3))
    losses = own.history_["validation_loss"]
    best = int(np.argmin(losses))
    assert own.n_iter_ == best + 3 < 200
    assert len(own.validation_scores_) == own.n_iter_
    fewer = fitted(make(early_stopping=True, patience=2, epochs=best + 1, learning_rate=0.3, validation_fraction=0.3))
    np.testing.assert_array_equal(weights(own), weights(fewer))


def test_data_to_validate_on_take_the_place_of_a_fraction():
    x, other = rows(), rows(30, seed=7)
    own = classifier(early_stopping=True, dtype="float32").fit(x, classes(x), X_val=other, y_val=classes(other))
    assert own.validation_scores_[-1] == pytest.approx(own.score(other, classes(other)))
    plain = classifier(dtype="float32").fit(x, classes(x), X_val=other, y_val=classes(other))
    assert plain.loss_curve_ == own.loss_curve_  # all of x is trained on
    assert plain.validation_scores_ == own.validation_scores_


def test_the_score_of_a_regressor_is_r_squared():
    x, other = rows(), rows(30, seed=7)
    own = regressor().fit(x, 100 + 9 * x[:, 0], X_val=other, y_val=100 + 9 * other[:, 0])
    assert own.validation_scores_[-1] == pytest.approx(own.score(other, 100 + 9 * other[:, 0]))


def test_the_part_that_is_held_out_has_every_class_in_proportion():
    x, y = rows(100), np.array([0] * 90 + [1] * 10)
    own = classifier(early_stopping=True, validation_fraction=0.2, epochs=1)
    own.fit(x, y)
    data, held_out = own._parted(x, y, None)
    assert np.bincount(held_out[1]).tolist() == [18, 2]
    assert np.bincount(data[1]).tolist() == [72, 8]


def test_weights_of_what_is_held_out_count_in_the_validation():
    x, y = rows(), rows()[:, 0]
    own = regressor(early_stopping=True, validation_fraction=0.5, epochs=1)
    losses = [own.fit(x, y, sample_weight=weight).history_["validation_loss"] for weight in (None, 1 + 9 * (y > 0))]
    assert losses[0] != losses[1]


# ---- going on


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("engine", ["numpy", "jax"])
def test_warm_start_goes_on_as_if_it_had_not_stopped(make, engine):
    once = fitted(make(epochs=6, dropout=0.3, engine=engine))
    twice = fitted(fitted(make(epochs=3, dropout=0.3, engine=engine, warm_start=True)))
    np.testing.assert_array_equal(weights(twice), weights(once))
    assert twice.loss_curve_ == once.loss_curve_
    assert twice.n_iter_ == 6


def test_without_warm_start_a_fit_begins_anew():
    once, twice = fitted(classifier()), fitted(fitted(classifier()))
    np.testing.assert_array_equal(weights(twice), weights(once))
    assert twice.n_iter_ == 5


def test_a_warm_start_takes_the_rate_that_is_set_since():
    own = fitted(regressor(warm_start=True))
    before = weights(own)
    fitted(own.set_params(learning_rate=1e-30))
    np.testing.assert_allclose(weights(own), before, atol=1e-20)


@pytest.mark.parametrize("make", MAKERS)
def test_partial_fits_are_epochs_and_a_fit_may_come_before(make):
    x = rows()
    y = classes(x) if make is classifier else x[:, 0]
    first = {"classes": ["ash", "birch", "cedar"]} if make is classifier else {}
    own = make().partial_fit(x, y, **first)
    for _ in range(4):
        own.partial_fit(x, y)
    np.testing.assert_array_equal(weights(own), weights(make(epochs=5).fit(x, y)))
    assert own.n_iter_ == 5
    np.testing.assert_array_equal(weights(make(epochs=4).fit(x, y).partial_fit(x, y)), weights(own))


# ---- what goes wrong


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"hidden": (0,)}, ConfigurationError, "units must be a whole number of at least 1, got 0"),
        ({"activation": "rleu"}, UnknownNameError, "did you mean 'relu'"),
        ({"optimizer": "adm"}, UnknownNameError, "did you mean 'adam'"),
        ({"learning_rate": -1}, ConfigurationError, "learning_rate must be a positive finite number"),
        ({"weight_decay": -1}, ConfigurationError, "weight_decay must be a finite number of at least 0"),
        ({"dropout": 1.0}, ConfigurationError, "rate"),
        ({"epochs": 0.5}, ConfigurationError, "epochs must be a whole number"),
        ({"batch_size": 0}, ConfigurationError, "batch_size must be a whole number of at least 1"),
        ({"engine": "torch"}, UnknownNameError, "Unknown engine 'torch'"),
        ({"dtype": "float16"}, ConfigurationError, "dtype must be 'float32' or 'float64', got 'float16'"),
        ({"loss": "huberr"}, UnknownNameError, "did you mean 'huber'"),
        ({"verbose": 7}, ConfigurationError, "verbose must be 0"),
        ({"early_stopping": True, "patience": -1}, ConfigurationError, "patience must be a whole number"),
        ({"early_stopping": True, "validation_fraction": 1.5}, ConfigurationError, "validation_fraction must be"),
        ({"network": "mlp"}, ConfigurationError, "network: expected a madi layer, or a function"),
        ({"network": lambda inputs, outputs: None}, ConfigurationError, "that makes one, got None"),
        ({"network": Sequential(Dense(2))}, ShapeError, "expected 1 outputs an example, got shape \\(2,\\)"),
        ({"network": Sequential(Dense(1)).build((9,))}, ShapeError, "expected inputs of size 9"),
    ],
)
def test_options_that_do_not_fit_are_told_and_leave_no_network(options, error, message):
    own = fitted(regressor())
    with pytest.raises(error, match=message):
        fitted(own.set_params(**options))
    assert not hasattr(own, "model_")
    assert issubclass(error, MadiError)


def test_half_of_the_data_to_validate_on():
    with pytest.raises(DataError, match=r"y_val is missing\. Give both, or neither"):
        fitted(regressor(), X_val=rows(5))


def test_data_to_validate_on_must_fit_those_to_train_on():
    with pytest.raises(ValueError, match="X has 3 features, but NeuralNetworkRegressor is expecting 4"):
        fitted(regressor(), X_val=rows(5, 3), y_val=np.ones(5))


def test_a_partial_fit_cannot_stop_early():
    with pytest.raises(ConfigurationError, match="early_stopping=True needs data"):
        regressor(early_stopping=True).partial_fit(rows(), rows()[:, 0])


def test_divergence_is_told_and_leaves_the_last_finite_weights():
    own = regressor(optimizer="sgd", learning_rate=1e30, dtype="float32", batch_size=1000)
    with pytest.raises(DivergenceError):
        fitted(own)
    assert not hasattr(own, "model_") or np.isfinite(weights(own)).all()


class Interrupt(Callback):
    """Ctrl-C at the end of the second epoch."""

    def on_epoch_end(self, trainer, epoch, values):
        if epoch == 2:
            signal.raise_signal(signal.SIGINT)


def test_an_interrupted_fit_keeps_its_weights_and_ends_what_it_is_part_of(monkeypatch):
    monkeypatch.setattr("madi.estimators.base.EarlyStopping", lambda **options: Interrupt())
    own = regressor(early_stopping=True)
    with pytest.raises(KeyboardInterrupt, match="the weights so far are kept"):
        fitted(own)
    assert own.n_iter_ == len(own.loss_curve_) == 2
    assert np.isfinite(own.predict(rows())).all()


@pytest.mark.parametrize("make", MAKERS)
def test_the_documentation_names_every_option(make):
    own = make()
    lines = [line.split("  ")[0] for line in type(own).__doc__.splitlines()]
    assert set(own.get_params()) <= set(lines)


@pytest.mark.parametrize("epochs", [0, -1, 2.5, True, "ten"])
def test_epochs_that_train_nothing_are_refused(epochs):
    network = classifier(epochs=epochs)
    with pytest.raises(ConfigurationError, match=r"^epochs must be a whole number of at least 1, got .* Try 100\.$"):
        network.fit([[0.0], [1.0]], [0, 1])
    assert not hasattr(network, "model_")

"""Ensembles: mean probabilities as logits, safe far out, with gradients, saved as one model."""

import numpy as np
import pytest

import madi
from madi import Trainer, errors
from madi.layers import Dense, Dropout, Ensemble, ReLU, Sequential

X = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)


def network(seed, outputs=3):
    """4-5-outputs, built."""
    return Sequential(Dense(5), ReLU(), Dense(outputs)).build((4,), seed=seed)


def ensemble(average="softmax", outputs=3, count=3):
    """Of networks of different seeds."""
    return Ensemble(*(network(seed, outputs) for seed in range(count)), average=average)


class Given(madi.layers.Layer):
    """Puts out one of the rows that it is given, whatever x is."""

    def __init__(self, row):
        self.row = row

    def __call__(self, x):
        return x[:, :1] * 0 + np.array(self.row, np.float32)


def softmax(z):
    """Rows of probabilities, in float64."""
    raised = np.exp(z.astype(np.float64) - z.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def test_by_hand():
    """Softmax of (0, log 3) is (1/4, 3/4), of (0, 0) is (1/2, 1/2): the mean is (3/8, 5/8)."""
    y = Ensemble(Given((0.0, float(np.log(3)))), Given((0.0, 0.0)))(X)
    np.testing.assert_allclose(np.exp(y.value), np.tile([3 / 8, 5 / 8], (7, 1)), rtol=1e-6)


def test_softmax_of_the_answer_is_the_mean_probability():
    model = ensemble()
    expected = np.mean([softmax(member(X).value) for member in model.networks], axis=0)
    np.testing.assert_allclose(softmax(model(X).value), expected, rtol=1e-5)
    np.testing.assert_allclose(madi.predict_classes(model, X)[1], expected, rtol=1e-5)


def test_sigmoid_of_the_answer_is_the_mean_probability():
    model = ensemble("sigmoid", outputs=2)
    each = [1 / (1 + np.exp(-member(X).value.astype(np.float64))) for member in model.networks]
    np.testing.assert_allclose(1 / (1 + np.exp(-model(X).value)), np.mean(each, axis=0), rtol=1e-5)


def test_numbers_are_averaged():
    model = ensemble("outputs", outputs=1)
    expected = np.mean([member(X).value for member in model.networks], axis=0)
    np.testing.assert_allclose(model(X).value, expected, rtol=1e-5, atol=1e-6)


def test_logits_far_out():
    """Of (1000, 0) and (0, 1000) the mean is one half each; of two that agree it stays as sure as they are."""
    apart = Ensemble(Given((1000.0, 0.0)), Given((0.0, 1000.0)))(X).value
    np.testing.assert_allclose(np.exp(apart), 0.5, rtol=1e-6)
    agreed = Ensemble(Given((0.0, 1000.0)), Given((0.0, 900.0)))(X).value
    np.testing.assert_allclose(agreed, np.tile([-900 - np.log(2), 0], (7, 1)), rtol=1e-6)
    sure = Ensemble(Given((90.0, -500.0)), Given((95.0, -500.0)), average="sigmoid")(X).value
    np.testing.assert_allclose(sure, np.tile([90 + np.log(2) - np.log1p(np.exp(-5)), -500], (7, 1)), rtol=1e-6)


@pytest.mark.parametrize(("average", "loss", "outputs"), [
    ("softmax", "softmax_cross_entropy", 3),
    ("sigmoid", "sigmoid_binary_cross_entropy", 2),
    ("outputs", "mean_squared_error", 2),
])  # fmt: skip
def test_gradients(average, loss, outputs):
    model = ensemble(average, outputs, count=2)
    target = np.arange(7) % 3 if average == "softmax" else np.random.default_rng(1).random((7, 2))
    function = madi.training.LOSSES[loss]
    values = {path: parameter.value for path, parameter in model.parameters().items()}

    def whole(x, *given):
        return function(model.apply(dict(zip(values, given, strict=True)), {}, x)[0], target)

    report = madi.check_gradients(whole, X.astype(np.float64), *(v.astype(np.float64) for v in values.values()))
    assert all(entry.relative < 1e-6 for entry in report.inputs)


def test_it_trains_and_is_evaluated_as_any_model():
    labels = (X @ np.random.default_rng(2).normal(size=(4, 3))).argmax(axis=1)
    model = ensemble()
    trainer = Trainer(model, optimizer=madi.optimizers.Adam(0.05), metrics=["accuracy"], engine="numpy")
    before = trainer.evaluate((X, labels))
    trainer.fit((X, labels), epochs=60, verbose=0)
    after = trainer.evaluate((X, labels))
    assert after["loss"] < 0.2 * before["loss"]
    assert after["accuracy"] == 1


def test_dropout_differs_from_network_to_network():
    same = [Sequential(Dense(50, initializer="xavier"), Dropout(0.5)).build((4,), seed=0) for _ in range(2)]
    model = Ensemble(*same, average="outputs")
    key = madi.kernels.random.key(0)
    y, single = model(X, training=True, key=key).value, same[0](X, training=True, key=key).value
    assert (y != single).any()


def test_saved_as_one_model(tmp_path):
    model = ensemble("sigmoid", outputs=2)
    madi.save(model, tmp_path / "ensemble.safetensors")
    loaded = madi.load(tmp_path / "ensemble.safetensors")
    assert loaded.average == "sigmoid"
    assert list(loaded.parameters()) == list(model.parameters())
    assert list(loaded.parameters())[:2] == ["0.0.weight", "0.0.bias"]
    np.testing.assert_array_equal(loaded(X).value, model(X).value)


def test_summary_and_outline():
    summary = ensemble(count=2).summary()
    assert summary.parameters == 2 * (4 * 5 + 5 + 5 * 3 + 3)
    assert [row.path for row in summary.rows][:2] == ["0", "0.0"]
    (stage,) = summary.outline.stages
    assert stage.output_shape == (3,)
    assert str(stage.entry) == "Ensemble 2 x (Dense 5 → Dense 3)"


def test_of_built_networks_it_is_built():
    assert ensemble().input_shape == (4,)
    assert ensemble().networks[1].path == "1"
    assert Ensemble(Sequential(Dense(2)), Sequential(Dense(2))).input_shape is None


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: Ensemble(), errors.ConfigurationError, "Ensemble: expected at least one network, got none"),
    (lambda: Ensemble(network(0), average="softmx"), errors.UnknownNameError, "softmax"),
    (lambda: Ensemble([network(0)]), errors.ConfigurationError, r"the list: Ensemble\(\*layers\)"),
    (lambda: Ensemble(Dense), errors.ConfigurationError, "Ensemble: expected layers"),
    (lambda: Ensemble(network(0), Dense(3).build((5,))), errors.ShapeError, "expected networks for one input"),
    (lambda: Ensemble(network(0), network(0, 2)), errors.ShapeError, r"one output, got \(1, 3\) and \(1, 2\)"),
    (lambda: Ensemble(network(0, 1)), errors.ConfigurationError, "softmax of a single output is always 1"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()

"""predict and predict_classes: the network's outputs, probabilities and names of classes."""

import gc
import weakref

import numpy as np
import pytest

import madi
from madi.errors import ConfigurationError, DataError, ShapeError
from madi.layers import Dense, Dropout, LeakyReLU, ReLU, Sequential, Sigmoid, Softmax
from madi.training.prediction import evaluation_batch

from .common import CLASSES, ENGINES, INPUTS, fit, network, points, trainer


def softmax(scores):
    raised = np.exp(scores.astype(np.float64))
    return raised / raised.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("engine", [*ENGINES, "auto"])
@pytest.mark.parametrize("batch_size", [None, 1, 8, 25, 100])
def test_predict_is_the_models_output_in_any_batches(engine, batch_size):
    """Logits stay logits; dropout is off; the last batch may be smaller."""
    model, (x, _) = network(dropout=0.5), points(25)
    found = madi.predict(model, x, batch_size=batch_size, engine=engine)
    assert isinstance(found, np.ndarray)
    assert found.shape == (25, CLASSES)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, model(x).value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_float64_weights_give_float64_outputs(engine):
    own, (x, y) = trainer(engine=engine, dtype="float64"), points(20)
    fit(own, (x, y))
    found = madi.predict(own.model, x.astype(np.float64), engine=engine)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, own.model(x.astype(np.float64)).value, rtol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_predict_after_a_change_of_weights_or_settings(engine):
    """The compiled program takes the weights as values, and is made anew for another slope."""
    model, (x, _) = Sequential(Dense(4), LeakyReLU(), Dense(2)).build((INPUTS,)), points(10)
    madi.predict(model, x, engine=engine)
    model.parameters()["0.bias"].value = np.full(4, -3, np.float32)
    np.testing.assert_allclose(madi.predict(model, x, engine=engine), model(x).value, rtol=1e-5, atol=1e-6)
    model.layers[1].slope = 0.9
    np.testing.assert_allclose(madi.predict(model, x, engine=engine), model(x).value, rtol=1e-5, atol=1e-6)
    model.replace("2", Dense(5))
    np.testing.assert_allclose(madi.predict(model, x, engine=engine), model(x).value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_unbuilt_model_is_built_by_its_first_input(engine):
    model = Sequential(Dense(4), ReLU(), Dense(2))
    assert madi.predict(model, np.zeros((3, 5)), engine=engine).shape == (3, 2)
    assert model.input_shape == (5,)


def test_a_model_is_not_kept_alive_by_its_programs():
    model = network()
    madi.predict(model, points(5)[0], engine="jax")
    seen = weakref.ref(model)
    del model
    gc.collect()
    assert seen() is None


def test_inputs_are_checked():
    model = network()
    with pytest.raises(
        DataError, match=r"^predict: x: 1 value is NaN or infinite, the first nan at \(0, 1\)\. Fill or "
    ):
        madi.predict(model, [[0, np.nan, 0, 0, 0, 0]])
    with pytest.raises(DataError, match=r"^predict: x: expected at least one example, got shape \(0, 6\)\.$"):
        madi.predict(model, np.zeros((0, 6)))
    with pytest.raises(
        ShapeError, match=r"^Dense '0': expected inputs of size 6 on the last axis, got \(3, 5\)\. Give it "
    ):
        madi.predict(model, np.zeros((3, 5)))


# ---- classes


@pytest.mark.parametrize("engine", ENGINES)
def test_probabilities_of_logits_and_labels_as_names(engine):
    model, (x, _) = network(), points(25)
    names, probabilities = madi.predict_classes(model, x, engine=engine, batch_size=10)
    expected = softmax(model(x).value)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-5)
    assert names.tolist() == expected.argmax(axis=1).tolist()


def test_names_as_given_and_as_the_model_carries_them():
    model, (x, _) = network(), points(25)
    labels = madi.predict_classes(model, x)[0]
    given = madi.predict_classes(model, x, classes=["a", "b", "고양이"])[0]
    assert given.tolist() == [["a", "b", "고양이"][label] for label in labels]
    model.classes = ("x", "y", "z")
    assert madi.predict_classes(model, x)[0].tolist() == ["xyz"[label] for label in labels]
    with pytest.raises(ConfigurationError, match=r"^predict_classes: expected 3 class names, got 2: \['a', 'b'\]\.$"):
        madi.predict_classes(model, x, classes=["a", "b"])


def test_outputs_that_are_probabilities_stay():
    model, (x, _) = Sequential(Dense(3), Softmax(), Dropout(0.5)).build((INPUTS,)), points(10)
    np.testing.assert_array_equal(madi.predict_classes(model, x)[1], madi.predict(model, x))


@pytest.mark.parametrize("sigmoid", [False, True])
def test_a_single_output_is_the_probability_of_the_second_class(sigmoid):
    model = Sequential(Dense(1), *([Sigmoid()] if sigmoid else [])).build((INPUTS,), seed=2)
    x, _ = points(20)
    logits = x @ model.parameters()["0.weight"].value
    names, probabilities = madi.predict_classes(model, x, classes=["no", "yes"])
    yes = 1 / (1 + np.exp(-logits[:, 0]))
    np.testing.assert_allclose(probabilities, np.stack([1 - yes, yes], axis=1), rtol=1e-5)
    assert names.tolist() == ["yes" if p > 0.5 else "no" for p in yes]


def test_outputs_of_more_axes_are_no_classes():
    model = Sequential(Dense(3)).build((4, 5))
    with pytest.raises(DataError, match=r"^predict_classes: expected outputs \(N, classes\), got \(2, 4, 3\)\.$"):
        madi.predict_classes(model, np.zeros((2, 4, 5)))


@pytest.mark.parametrize(("shape", "size"), [((6,), 1000), ((784,), 1000), ((224, 224, 3), 6), ((5000, 5000), 1)])
def test_inference_takes_about_a_million_numbers_at_once(shape, size):
    assert evaluation_batch(shape) == size

"""The networks by name: gates that compute their truth tables, sizes that follow from options."""

from __future__ import annotations

import numpy as np
import pytest

from madi import initializers, models
from madi.errors import ConfigurationError, UnknownNameError
from madi.layers import ACTIVATIONS, Dense, Dropout, LeakyReLU, Sequential, Tanh

INPUTS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
TRUTH = {"AND": [0, 0, 0, 1], "NAND": [1, 1, 1, 0], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}


@pytest.mark.parametrize("name", TRUTH)
@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.float64])
def test_a_gate_computes_its_truth_table(name, dtype):
    assert models.gate(name)(INPUTS.astype(dtype)).value.ravel().tolist() == TRUTH[name]


def test_and_has_the_weights_of_the_course():
    parameters = models.gate("and").parameters()
    np.testing.assert_array_equal(parameters["0.weight"].value, np.float32([[0.5], [0.5]]))
    np.testing.assert_array_equal(parameters["0.bias"].value, np.float32([-0.7]))


def test_xor_has_two_layers_and_the_others_one():
    dense = {n: sum(isinstance(layer, Dense) for layer in m.layers) for n, m in models.gates().items()}
    assert dense == {"AND": 1, "NAND": 1, "OR": 1, "XOR": 2}


def test_an_unknown_gate_is_told_the_closest():
    message = "^Unknown gate 'xnor': did you mean 'XOR'\\? Known: AND, NAND, OR, XOR.$"
    with pytest.raises(UnknownNameError, match=message):
        models.gate("xnor")


@pytest.mark.parametrize(("outputs", "parameters"), [(1, 785), (10, 7850)])
def test_logistic_regression_is_one_dense_layer_that_starts_at_zero(outputs, parameters):
    model = models.logistic_regression(outputs).build((28, 28, 1))
    assert model.summary().parameters == parameters
    assert not model(np.ones((2, 28, 28, 1), np.float32)).value.any()


def test_mlp_has_the_published_size():
    # 784 x 100 + 100 + 100 x 10 + 10 = 79,510
    assert models.mlp().build((28, 28, 1)).summary().parameters == 79510


def test_mlp_follows_its_options():
    model = models.mlp((5, 4), 3, activation="tanh", dropout=0.2, flatten=False)
    names = [type(layer).__name__ for layer in model.layers]
    assert names == ["Dense", "Tanh", "Dropout", "Dense", "Tanh", "Dropout", "Dense"]
    assert model[2].rate == 0.2
    assert [layer.units for layer in model.layers if isinstance(layer, Dense)] == [5, 4, 3]
    assert isinstance(model[1], Tanh)


def test_hidden_may_be_one_number_or_none():
    assert [type(layer).__name__ for layer in models.mlp(7).layers] == ["Flatten", "Dense", "ReLU", "Dense"]
    assert [type(layer).__name__ for layer in models.mlp(()).layers] == ["Flatten", "Dense"]


@pytest.mark.parametrize(
    ("activation", "given", "expected"),
    [
        ("relu", None, initializers.He()),
        ("leaky_relu", None, initializers.He(slope=LeakyReLU().slope)),
        ("tanh", None, initializers.Xavier()),
        ("sigmoid", None, initializers.Xavier()),
        ("relu", "xavier", initializers.Xavier()),
        ("relu", initializers.Normal(0.01), initializers.Normal(0.01)),
    ],
)
def test_mlp_starts_with_the_initializer_that_fits_its_activation(activation, given, expected):
    model = models.mlp((5,), 3, activation=activation, initializer=given)
    assert {layer.initializer for layer in model.layers if isinstance(layer, Dense)} == {expected}


def test_create_gives_the_model_of_that_name():
    model = models.create("MLP", outputs=4, hidden=[6], dropout=0.1)
    assert isinstance(model, Sequential)
    assert model.build((8, 8, 1)).output_shape() == (4,)
    assert isinstance(model[3], Dropout)
    assert models.create("logistic_regression", outputs=3).build((2,)).output_shape() == (3,)


@pytest.mark.parametrize("name", models.MODELS)
def test_every_model_takes_outputs_and_builds(name, undrawn):
    assert models.create(name, outputs=3).build(models.INPUT_SHAPES.get(name, (8, 8, 1))).output_shape() == (3,)


def test_outputs_that_are_left_out_are_the_models_own():
    assert models.create("mlp").layers[-1].units == 10
    assert models.create("vgg11").layers[-1].units == 1000


def test_options_are_listed_with_their_defaults():
    assert models.options_of("mlp") == {
        "hidden": (100,), "activation": "relu", "initializer": None, "dropout": 0.0, "flatten": True
    }  # fmt: skip
    assert models.options_of("logistic_regression") == {}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: models.create("mpl"), UnknownNameError,
         f"Unknown model 'mpl': did you mean 'mlp'? Known: {', '.join(sorted(models.MODELS))}."),
        (lambda: models.create("mlp", hiden=(3,)), ConfigurationError,
         "Unknown option of mlp 'hiden': did you mean 'hidden'? "
         "Known: activation, dropout, flatten, hidden, initializer."),
        (lambda: models.mlp(activation="rely"), UnknownNameError,
         f"Unknown activation 'rely': did you mean 'relu'? Known: {', '.join(sorted(ACTIVATIONS))}."),
        (lambda: models.mlp((0,)), ConfigurationError,
         "Dense: units must be a whole number of at least 1, got 0."),
        (lambda: models.mlp(dropout=1.0), ConfigurationError,
         "Dropout: expected a rate of at least 0 and below 1, got 1.0. Try 0.5."),
    ],
)  # fmt: skip
def test_mistakes_are_named(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value) == message

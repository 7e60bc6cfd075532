"""One example of each layer, worked by hand in the comments."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from madi import layers
from madi.errors import ConfigurationError, ShapeError
from madi.graph import Variable
from madi.kernels import random

LIBRARIES = pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])


def dense(library=np):
    layer = layers.Dense(3).build((2,))
    layer.weight.value = library.asarray([[1, 2, 3], [4, 5, 6]], dtype=np.float32)
    layer.bias.value = library.asarray([0.5, 0, -0.5], dtype=np.float32)
    return layer


@LIBRARIES
def test_dense(library):
    layer = dense(library)
    x = Variable(library.asarray([[1, 2], [3, 4]], dtype=np.float32))
    y = layer(x)
    # first example:   1*1 + 2*4 =  9,   1*2 + 2*5 = 12,   1*3 + 2*6 = 15;   plus (0.5, 0, -0.5)
    # second example:  3*1 + 4*4 = 19,   3*2 + 4*5 = 26,   3*3 + 4*6 = 33
    np.testing.assert_array_equal(y.value, [[9.5, 12, 14.5], [19.5, 26, 32.5]])
    y.backward(library.asarray([[1, 0, 1], [0, 1, 0]], dtype=np.float32))
    # gx = gy Wᵀ:   (1 + 3, 4 + 6) = (4, 10)   and   (2, 5)
    np.testing.assert_array_equal(x.grad, [[4, 10], [2, 5]])
    # gW = xᵀ gy:   (1*1 + 3*0, 1*0 + 3*1, 1*1 + 3*0) = (1, 3, 1)   and   (2, 4, 2)
    np.testing.assert_array_equal(layer.weight.grad, [[1, 3, 1], [2, 4, 2]])
    # gb = Σ gy over the examples
    np.testing.assert_array_equal(layer.bias.grad, [1, 1, 1])
    assert isinstance(y.value, type(x.value))


def test_dense_takes_more_leading_axes_as_examples():
    x = np.float32([[[1, 2], [3, 4]], [[0, 0], [1, 1]]])
    expected = [[[9.5, 12, 14.5], [19.5, 26, 32.5]], [[0.5, 0, -0.5], [5.5, 7, 8.5]]]
    np.testing.assert_array_equal(dense()(x).value, expected)


def test_dense_without_a_bias():
    layer = layers.Dense(3, bias=False).build((2,))
    assert list(layer.parameters()) == ["weight"]
    np.testing.assert_array_equal(layer(np.zeros((1, 2), np.float32)).value, [[0, 0, 0]])


def test_weight_decay_applies_to_the_weights_and_not_to_the_bias():
    layer = dense()
    assert (layer.weight.decay, layer.bias.decay) == (True, False)


X = np.float32([[-2, 0, 1]])

# layer, y of X, gx for gy = 1
ACTIVATIONS = {
    "identity": (layers.Identity(), [-2, 0, 1], [1, 1, 1]),
    "step": (layers.Step(), [0, 0, 1], [0, 0, 0]),
    "relu": (layers.ReLU(), [0, 0, 1], [0, 0, 1]),
    # slope 0.1 below 0:  -0.2
    "leaky_relu": (layers.LeakyReLU(0.1), [-0.2, 0, 1], [0.1, 0.1, 1]),
    # 1 / (1 + e²) = 0.11920292;  1 / (1 + 1) = 0.5;  1 / (1 + 1/e) = 0.73105858;  slopes y (1 - y)
    "sigmoid": (layers.Sigmoid(), [0.11920292, 0.5, 0.73105858], [0.10499359, 0.25, 0.19661193]),
    # (e^-2 - e²) / (e^-2 + e²) = -0.96402758;  0;  (e² - 1) / (e² + 1) = 0.76159416;  slopes 1 - y²
    "tanh": (layers.Tanh(), [-0.96402758, 0, 0.76159416], [0.07065082, 1, 0.41997434]),
    # e^-3 = 0.04978707, e^-1 = 0.36787944, 1, whose sum is 1.41766651;  gy = 1 everywhere moves no probability
    "softmax": (layers.Softmax(), [0.03511903, 0.25949646, 0.70538451], [0, 0, 0]),
    # x - log(1.41766651) - 1;  gy = 1 everywhere: 1 - 3 softmax
    "log_softmax": (layers.LogSoftmax(), [-3.34901222, -1.34901222, -0.34901222], [0.8946429, 0.2215106, -1.1161535]),
    # 2 (e^-2 - 1) = -1.72932943, slope 2 e^-2;  at 0 the slope is alpha
    "elu": (layers.ELU(2), [-1.72932943, 0, 1], [0.27067057, 2, 1]),
    # 0.4 * -2 + 0.5 < 0;  0.4 * 1 + 0.5
    "hard_sigmoid": (layers.HardSigmoid(0.4, 0.5), [0, 0.5, 0.9], [0, 0.4, 0.4]),
    # log(1 + e^-2), log 2, log(1 + e);  slopes are sigmoid's values
    "softplus": (layers.Softplus(), [0.12692801, 0.69314718, 1.31326169], [0.11920292, 0.5, 0.73105858]),
    # -2 Φ(-2) = -2 * 0.02275013,  Φ(1) = 0.84134475;  slopes Φ(x) + x φ(x), φ(2) = 0.05399097, φ(1) = 0.24197072
    "gelu": (layers.GELU(), [-0.04550026, 0, 0.84134475], [-0.08523181, 0.5, 1.08331547]),
}


def test_every_activation_has_an_example():
    assert ACTIVATIONS.keys() == layers.ACTIVATIONS.keys()
    assert all(type(ACTIVATIONS[name][0]) is layer for name, layer in layers.ACTIVATIONS.items())


@LIBRARIES
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name, library):
    layer, y, gx = ACTIVATIONS[name]
    x = Variable(library.asarray(X))
    output = layer(x)
    output.backward(library.ones((1, 3), dtype=np.float32))
    np.testing.assert_allclose(output.value, [y], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(x.grad, [gx], rtol=1e-5, atol=1e-7)
    assert not layer.parameters()


def test_gelu_by_tanh():
    # t = tanh(√(2/π) (1 + 0.044715)) = tanh(0.83355993) = 0.68238398;  (1 + t) / 2
    np.testing.assert_allclose(layers.GELU("tanh")(np.float64([1])).value, [0.84119199], rtol=1e-7)


@LIBRARIES
def test_flatten(library):
    x = Variable(library.arange(12, dtype=np.float32).reshape(2, 2, 3))
    y = layers.Flatten()(x)
    np.testing.assert_array_equal(y.value, [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]])
    y.backward(y.value)
    np.testing.assert_array_equal(x.grad, x.value)


def test_flatten_of_numbers_makes_a_column():
    assert layers.Flatten()(np.zeros(3, np.float32)).shape == (3, 1)


@LIBRARIES
def test_dropout_keeps_what_its_bits_say_and_scales_it(library):
    key = random.key(7)
    layer = layers.Dropout(0.25)
    x = Variable(library.full((4, 5), 3, dtype=np.float32))
    y = layer(x, training=True, key=library.asarray(key))
    # kept where the 16 bits, as a fraction of 2¹⁶, are at least 0.25;  3 / (1 - 0.25) = 4
    kept = random.short_words(random.fold_in(key, layer.stream), (4, 5)) / 2**16 >= 0.25
    assert 0 < kept.sum() < kept.size
    np.testing.assert_allclose(y.value, np.where(kept, 4, 0), rtol=1e-6)
    y.backward(library.ones((4, 5), dtype=np.float32))
    np.testing.assert_allclose(x.grad, np.where(kept, 1 / 0.75, 0), rtol=1e-6)


def test_dropout_passes_everything_in_inference():
    x = Variable(X)
    assert layers.Dropout(0.9)(x) is x


def test_dropouts_of_one_model_draw_different_bits_from_one_key():
    model = layers.Sequential(layers.Dropout(0.5), layers.Dropout(0.5)).build((1000,))
    key, x = random.key(0), np.ones((1, 1000), np.float32)
    masks = [layer(x, training=True, key=key).value > 0 for layer in model.layers]
    # two independent masks agree in half of 1000 places, with a standard deviation of 16
    assert 400 < (masks[0] == masks[1]).sum() < 600
    again = model(x, training=True, key=key).value > 0
    np.testing.assert_array_equal(again, masks[0] & masks[1])


def test_the_rate_of_dropout_may_change_between_calls():
    layer, key, x = layers.Dropout(0.5), random.key(1), np.ones((1, 1000), np.float32)
    shares = []
    for layer.rate in (0.1, 0.8, 0.0):
        shares.append(float((layer(x, training=True, key=key).value > 0).mean()))
    assert shares == pytest.approx([0.9, 0.2, 1.0], abs=0.05)
    assert repr(layer) == "Dropout(rate=0.0)"


def test_sequential_is_one_layer_on_the_output_of_the_other():
    model = layers.Sequential(dense(), layers.ReLU(), layers.Dense(1)).build((2,))
    model[0].weight.value = np.float32([[1, 2, 3], [4, 5, 6]])
    model[2].weight.value = np.float32([[1], [-1], [2]])
    model[2].bias.value = np.float32([1])
    # (1, -1):  1 - 4 = -3 -> 0,  2 - 5 = -3 -> 0,  3 - 6 = -3 -> 0;   output 1
    # (1, 2):   9, 12, 15 -> 9 - 12 + 30 + 1 = 28
    np.testing.assert_array_equal(model(np.float32([[1, -1], [1, 2]])).value, [[1], [28]])
    assert len(model) == 3


MISTAKES = {
    "a class instead of a layer": (
        lambda: layers.Sequential(layers.Dense),
        ConfigurationError,
        "Sequential: expected layers, got <class 'madi.layers.dense.Dense'>. A class is given; call it: Dense(10).",
    ),
    "a list of layers": (
        lambda: layers.Sequential([layers.ReLU()]),
        ConfigurationError,
        "Sequential: expected layers, got [ReLU()]. Take them out of the list: Sequential(*layers).",
    ),
    "no units": (
        lambda: layers.Dense(0),
        ConfigurationError,
        "Dense: units must be a whole number of at least 1, got 0.",
    ),
    "half a unit": (
        lambda: layers.Dense(2.5),
        ConfigurationError,
        "Dense: units must be a whole number of at least 1, got 2.5.",
    ),
    "a truth as the units": (
        lambda: layers.Dense(True),
        ConfigurationError,
        "Dense: units must be a whole number of at least 1, got True.",
    ),
    "a rate of one": (
        lambda: layers.Dropout(1),
        ConfigurationError,
        "Dropout: expected a rate of at least 0 and below 1, got 1. Try 0.5.",
    ),
    "no key": (
        lambda: layers.Dropout(0.5)(X, training=True),
        ConfigurationError,
        "dropout: training needs a random key, got none. Pass key=, as in model(x, training=True, key=key).",
    ),
    "images into a dense layer": (
        lambda: Named().build((784,))(np.zeros((100, 28, 28), np.float32)),
        ShapeError,
        "Dense 'fc1': expected inputs of size 784 on the last axis, got (100, 28, 28). Add Flatten() before it.",
    ),
    "too few features": (
        lambda: layers.Dense(3).build((4,))(np.zeros((2, 3), np.float32)),
        ShapeError,
        "Dense: expected inputs of size 4 on the last axis, got (2, 3). Give it 4 features, or build the model "
        "for this data.",
    ),
    "no feature axis": (
        lambda: layers.Sequential(layers.Dense(3))(np.zeros(5, np.float32)),
        ShapeError,
        "Dense '0': expected examples as rows of features, (N, features), got one number an example. Give it "
        "x.reshape(-1, 1).",
    ),
    "no sizes": (
        lambda: layers.Dense(3).build((0,)),
        ShapeError,
        "build: expected the sizes of one example, such as (784,) or (28, 28, 1), got (0,).",
    ),
}


class Named(layers.Layer):
    """A layer within an attribute, whose name is then its path."""

    def __init__(self):
        self.fc1 = layers.Dense(10)

    def __call__(self, x):
        return self.fc1(x)


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_named(case, assert_mistake):
    assert_mistake(*MISTAKES[case])


def test_a_layer_that_takes_no_arguments_says_so():
    with pytest.raises(TypeError, match=r"Flatten\(\) takes no arguments"):
        layers.Flatten(3)

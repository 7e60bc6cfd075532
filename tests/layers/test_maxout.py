"""Maxout: worked by hand, ties, against PyTorch, jax.grad and differences, saved."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import madi.functions as F
from madi import Trainer, layers, load, save
from madi.errors import ConfigurationError, ShapeError
from madi.graph import Variable
from madi.kernels import random

BITS = np.random.default_rng(8)
LIBRARIES = pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])


def built(library=np):
    """Two units of two pieces each, of two inputs."""
    layer = layers.Maxout(2, 2).build((2,))
    layer.weight.value = library.asarray([[1, -1, 2, 0], [0, 1, 1, 3]], dtype=np.float32)
    layer.bias.value = library.asarray([0, 0.5, 0, 0], dtype=np.float32)
    return layer


@LIBRARIES
def test_by_hand(library):
    layer = built(library)
    x = Variable(library.asarray([[1, 2], [3, 1]], dtype=np.float32))
    y = layer(x)
    # z = x W + b:  (1, -1 + 2 + 0.5, 2 + 2, 6) = (1, 1.5, 4, 6)   and   (3, -3 + 1 + 0.5, 6 + 1, 3) = (3, -1.5, 7, 3)
    np.testing.assert_array_equal(y.value, [[1.5, 6], [3, 7]])
    y.backward(library.asarray([[1, 10], [100, 1000]], dtype=np.float32))
    # gz = (0, 1, 0, 10) and (100, 0, 1000, 0);  gb is their sum, gW = xᵀ gz, gx = gz Wᵀ
    np.testing.assert_array_equal(layer.bias.grad, [100, 1, 1000, 10])
    np.testing.assert_array_equal(layer.weight.grad, [[300, 1, 3000, 10], [100, 2, 1000, 20]])
    np.testing.assert_array_equal(x.grad, [[-1 + 0, 1 + 30], [100 + 2000, 0 + 1000]])


@LIBRARIES
def test_of_equal_pieces_the_first_has_the_whole_gradient(library):
    x = Variable(library.asarray([[2, 2, 2], [1, 3, 3]], dtype=np.float32))
    F.maxout(x, 3).backward(library.ones((2, 1), dtype=np.float32))
    np.testing.assert_array_equal(x.grad, [[1, 0, 0], [0, 1, 0]])


@LIBRARIES
def test_a_nan_beats_every_number(library):
    x = Variable(library.asarray([1, np.nan, 3, 4], dtype=np.float32))
    y = F.maxout(x, 2)
    np.testing.assert_array_equal(y.value, [np.nan, 4])
    y.backward(library.ones(2, dtype=np.float32))
    np.testing.assert_array_equal(x.grad, [0, 1, 0, 1])


def test_one_piece_is_a_dense_layer():
    layer, x = layers.Maxout(3, 1).build((4,), seed=2), BITS.standard_normal((5, 4)).astype(np.float32)
    np.testing.assert_array_equal(layer(x).value, F.affine(x, layer.weight, layer.bias).value)


def test_two_opposite_pieces_are_the_absolute_value():
    layer = layers.Maxout(1, 2, bias=False).build((1,))
    layer.weight.value = np.float32([[1, -1]])
    x = np.linspace(-2, 2, 9, dtype=np.float32).reshape(-1, 1)
    np.testing.assert_array_equal(layer(x).value, np.abs(x))


def test_gradients(assert_gradients):
    layer = layers.Maxout(3, 4).build((5,))

    def call(x, weight, bias):
        return layer.bind({"weight": weight, "bias": bias})(x)

    inputs = BITS.standard_normal((6, 5)), BITS.standard_normal((5, 12)), BITS.standard_normal(12)
    seed = BITS.standard_normal((6, 3))
    assert_gradients(call, inputs, seed)


def test_as_pytorch():
    torch = pytest.importorskip("torch")
    layer, x = layers.Maxout(3, 4).build((5,), seed=3), BITS.standard_normal((6, 5)).astype(np.float32)
    weight = torch.tensor(layer.weight.value, requires_grad=True)
    y = (torch.tensor(x) @ weight + torch.tensor(layer.bias.value)).unflatten(-1, (3, 4)).max(dim=-1).values
    y.square().sum().backward()
    own = layer(x)
    F.sum(own * own).backward()
    np.testing.assert_allclose(own.value, y.detach().numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.weight.grad, weight.grad.numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("pieces", "growth"), [(1, 1.0), (2, 1.0), (4, 1.551)])
def test_the_first_weights_keep_the_mean_square_as_said(pieces, growth):
    layer = layers.Maxout(4000, pieces, bias=False).build((200,), seed=1)
    x = BITS.standard_normal((50, 200)).astype(np.float32)
    assert float((layer(x).value ** 2).mean() / (x**2).mean()) == pytest.approx(growth, rel=0.03)


def test_both_engines_train_alike_and_learn():
    x = BITS.standard_normal((200, 2)).astype(np.float32)
    y = (np.abs(x).sum(axis=1) > 1.2).astype(int)
    found = []
    for engine in ("numpy", "jax"):
        model = layers.Sequential(layers.Maxout(8, 3), layers.Dense(2)).build((2,), seed=0)
        trainer = Trainer(model, engine=engine, optimizer="adam", metrics=["accuracy"])
        trainer.optimizer.learning_rate = 0.03
        history = trainer.fit((x, y), epochs=30, batch_size=20, verbose=0)
        assert history["accuracy"][-1] > 0.95
        found.append(np.array(model[0].weight.value))
    np.testing.assert_allclose(found[0], found[1], atol=1e-3)


def test_it_is_saved(tmp_path):
    model = layers.Sequential(layers.Maxout(3, pieces=4, initializer="he")).build((5,))
    save(model, tmp_path / "model.safetensors")
    other, x = load(tmp_path / "model.safetensors"), BITS.standard_normal((2, 5)).astype(np.float32)
    assert repr(other[0]) == repr(model[0])
    np.testing.assert_array_equal(other(x).value, model(x).value)


def test_it_stands_in_the_summary():
    summary = layers.Sequential(layers.Maxout(3, 4)).build((5,)).summary()
    row = summary.rows[0]
    assert (row.parameters, row.multiply_adds, row.output_shape) == (5 * 12 + 12, 60, (3,))
    assert "Maxout 3" in str(summary.outline)


def test_the_first_weights_come_from_the_key():
    one, other = (layers.Maxout(3).build((5,), random.key(seed)).weight.value for seed in (1, 2))
    assert (one != other).all()


@pytest.mark.parametrize("pieces", [0, 1.5, -2])
def test_pieces_out_of_range(pieces):
    with pytest.raises(ConfigurationError, match=r"^Maxout: pieces must be a whole number of at least 1, got"):
        layers.Maxout(3, pieces)


def test_mistakes_name_the_layer():
    model = layers.Sequential(layers.Maxout(3)).build((4,))
    with pytest.raises(ShapeError, match=r"^Maxout '0': expected inputs of size 4 on the last axis, got \(2, 5\)"):
        model(np.ones((2, 5), np.float32))

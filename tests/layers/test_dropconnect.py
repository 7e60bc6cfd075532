"""DropConnect: worked by hand, against PyTorch, jax.grad and differences, saved, and changed without compiling."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import madi.functions as F
from madi import Trainer, layers, load, save
from madi.errors import ConfigurationError, ShapeError
from madi.graph import Variable
from madi.kernels import random

KEY = random.key(5)
BITS = np.random.default_rng(3)


def built(units=4, rate=0.25, inputs=6, **options):
    layer = layers.DropConnect(units, rate, **options).build((inputs,), seed=1)
    return layer


def kept(layer):
    """The mask of the weights under KEY."""
    return random.short_words(random.fold_in(KEY, layer.stream), layer.weight.shape) / 2**16 >= layer.rate


@pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])
def test_weights_that_are_kept_are_scaled_and_the_others_have_no_part(library):
    layer = built(2, 0.5, inputs=3)
    layer.weight.value = library.asarray([[1, 2], [3, 4], [5, 6]], dtype=np.float32)
    layer.bias.value = library.asarray([10, 20], dtype=np.float32)
    mask = kept(layer)
    assert 0 < mask.sum() < mask.size
    x = Variable(library.asarray([[1, 2, 3]], dtype=np.float32))
    y = layer(x, training=True, key=library.asarray(KEY))
    # each kept weight counts 1 / (1 - 0.5) = 2 times: 2 (1 m + 3*2 m + 5*3 m) + 10, and likewise for the second unit
    np.testing.assert_allclose(
        y.value, [[2 * (np.array([1, 6, 15]) @ mask[:, 0]) + 10, 2 * (np.array([2, 8, 18]) @ mask[:, 1]) + 20]]
    )
    y.backward(library.ones((1, 2), dtype=np.float32))
    # gW = (xᵀ gy) m / (1 - rate);  gx = gy Vᵀ;  the bias is never dropped
    np.testing.assert_allclose(layer.weight.grad, 2 * np.array([[1], [2], [3]]) * mask)
    np.testing.assert_allclose(x.grad[0], 2 * (np.array([[1, 2], [3, 4], [5, 6]]) * mask).sum(axis=1))
    np.testing.assert_array_equal(layer.bias.grad, [1, 1])


def test_inference_is_the_dense_layer():
    layer, x = built(), BITS.standard_normal((5, 6)).astype(np.float32)
    np.testing.assert_array_equal(layer(x).value, F.affine(x, layer.weight, layer.bias).value)


def test_inference_is_the_mean_over_masks():
    layer, x = built(rate=0.4), BITS.standard_normal((1, 6)).astype(np.float32)
    drawn = [layer(x, training=True, key=random.fold_in(KEY, i)).value for i in range(3000)]
    spread = np.std(drawn, axis=0)
    assert spread.min() > 0.1
    assert np.abs(np.mean(drawn, axis=0) - layer(x).value).max() < 4 * spread.max() / np.sqrt(3000)


def test_one_mask_serves_the_whole_batch():
    layer, x = built(), np.ones((7, 6), np.float32)
    y = layer(x, training=True, key=KEY).value
    np.testing.assert_allclose(y, np.broadcast_to(y[0], y.shape), rtol=1e-6)


def test_layers_of_one_model_drop_different_weights():
    model = layers.Sequential(layers.DropConnect(40), layers.DropConnect(40)).build((40,))
    masks = [kept(layer) for layer in model.layers]
    # two independent masks agree in half of 1600 places, with a standard deviation of 20
    assert 700 < (masks[0] == masks[1]).sum() < 900


def test_gradients(assert_gradients):
    layer = built()

    def call(x, weight, bias):
        return layer.bind({"weight": weight, "bias": bias})(x, training=True, key=KEY)

    inputs = BITS.standard_normal((5, 6)), BITS.standard_normal((6, 4)), BITS.standard_normal(4)
    seed = BITS.standard_normal((5, 4))
    assert_gradients(call, inputs, seed)


def test_as_pytorch_multiplies_the_mask():
    torch = pytest.importorskip("torch")
    layer, x = built(), BITS.standard_normal((5, 6)).astype(np.float32)
    weight = torch.tensor(layer.weight.value, requires_grad=True)
    share = 1 - int(0.25 * 2**16) / 2**16
    y = torch.tensor(x) @ (weight * torch.tensor(kept(layer)) / share)
    y.square().sum().backward()
    own = layer(x, training=True, key=KEY)
    F.sum(own * own).backward()
    np.testing.assert_allclose(own.value, y.detach().numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.weight.grad, weight.grad.numpy(), rtol=1e-5, atol=1e-5)


def test_the_rate_is_a_number_that_compiles_nothing():
    model = layers.Sequential(layers.DropConnect(8, 0.5), layers.ReLU(), layers.Dense(3)).build((6,), seed=0)
    assert model.hyperparameters() == {"0.rate": 0.5}
    trainer = Trainer(model, engine="jax")
    x, y = BITS.standard_normal((40, 6)).astype(np.float32), np.arange(40) % 3
    trainer.fit((x, y), epochs=1, batch_size=10, verbose=0)
    before = trainer._engines["jax"].compilations
    first = np.array(model[0].weight.value)
    model[0].rate = 0.999  # nearly all gradients of the first layer are 0 now
    trainer.fit((x, y), epochs=1, batch_size=10, verbose=0)
    assert trainer._engines["jax"].compilations == before
    assert (np.array(model[0].weight.value) == first).mean() > 0.9


def test_both_engines_train_alike():
    x, y = BITS.standard_normal((40, 6)).astype(np.float32), np.arange(40) % 3
    found = []
    for engine in ("numpy", "jax"):
        model = layers.Sequential(layers.DropConnect(8, 0.3), layers.ReLU(), layers.Dense(3)).build((6,), seed=0)
        Trainer(model, engine=engine, optimizer="adam").fit((x, y), epochs=3, batch_size=10, verbose=0)
        found.append(np.array(model[0].weight.value))
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_it_is_saved_with_its_rate(tmp_path):
    model = layers.Sequential(layers.DropConnect(4, 0.5, bias=False)).build((6,))
    model[0].rate = 0.1
    save(model, tmp_path / "model.safetensors")
    other = load(tmp_path / "model.safetensors")
    assert repr(other[0]) == repr(model[0]) == "DropConnect(units=4, rate=0.1, bias=False)"
    np.testing.assert_array_equal(other[0].weight.value, model[0].weight.value)


def test_it_stands_in_the_summary():
    summary = layers.Sequential(layers.DropConnect(4)).build((6,)).summary()
    assert (summary.rows[0].parameters, summary.rows[0].multiply_adds) == (28, 24)
    assert "DropConnect 4" in str(summary.outline)


@pytest.mark.parametrize("rate", [-0.1, 1, 2])
def test_a_rate_out_of_range(rate):
    with pytest.raises(ConfigurationError, match=r"^DropConnect: expected a rate of at least 0 and below 1, got"):
        layers.DropConnect(3, rate)


def test_mistakes_name_the_layer():
    model = layers.Sequential(layers.DropConnect(3)).build((4,))
    with pytest.raises(ConfigurationError, match=r"^DropConnect '0': training needs a random key, got none\."):
        model(np.ones((2, 4), np.float32), training=True)
    with pytest.raises(ShapeError, match=r"^DropConnect '0': expected inputs of size 4 on the last axis, got \(2, 5\)"):
        model(np.ones((2, 5), np.float32))
    with pytest.raises(ConfigurationError, match=r"^DropConnect: units must be a whole number of at least 1, got 0\."):
        layers.DropConnect(0)

"""Embedding and EmbedColumns: worked by hand, against one-hot rows and PyTorch, trained by both engines, saved."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import madi.functions as F
from madi import Trainer, layers, load, save
from madi.errors import ConfigurationError, DataError, ShapeError
from madi.graph import Variable
from madi.kernels import random
from madi.training import fit_together

BITS = np.random.default_rng(8)
LIBRARIES = pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])


def rows(count, seed=0):
    """Two numbers, a category of 5 between them, and one of 3 at the end."""
    bits = np.random.default_rng(seed)
    x = bits.standard_normal((count, 4)).astype(np.float32)
    x[:, 1], x[:, 3] = bits.integers(0, 5, count), bits.integers(0, 3, count)
    return x


@LIBRARIES
def test_by_hand(library):
    layer = layers.Embedding(3, 2).build(())
    layer.weight.value = library.asarray([[1, 2], [3, 4], [5, 6]], dtype=np.float32)
    y = layer(Variable(library.asarray([2.0, 0.0, 2.0], dtype=np.float32)))
    np.testing.assert_array_equal(y.value, [[5, 6], [1, 2], [5, 6]])
    y.backward(library.asarray([[1, 10], [100, 1000], [2, 20]], dtype=np.float32))
    np.testing.assert_array_equal(layer.weight.grad, [[100, 1000], [0, 0], [3, 30]])  # row 2 was picked twice


@LIBRARIES
def test_it_is_a_dense_layer_on_one_hot_rows(library):
    layer, codes = layers.Embedding(6, 4).build((3,), seed=1), BITS.integers(0, 6, (7, 3))
    one_hot = np.eye(6, dtype=np.float32)[codes]
    weight = Variable(layer.weight.value)
    expected, seed = F.matmul(one_hot, weight), BITS.standard_normal((7, 3, 4)).astype(np.float32)
    expected.backward(seed)
    found = layer(library.asarray(codes))
    found.backward(library.asarray(seed))
    np.testing.assert_array_equal(found.value, expected.value)
    np.testing.assert_allclose(layer.weight.grad, weight.grad, rtol=1e-5, atol=1e-6)


def test_as_pytorch():
    torch = pytest.importorskip("torch")
    layer, codes = layers.Embedding(6, 4).build((3,), seed=1), BITS.integers(0, 6, (7, 3))
    other = torch.nn.Embedding(6, 4, _weight=torch.tensor(layer.weight.value))
    other(torch.as_tensor(codes)).square().sum().backward()
    own = layer(codes)
    F.sum(own * own).backward()
    np.testing.assert_array_equal(own.value, other(torch.as_tensor(codes)).detach().numpy())
    np.testing.assert_allclose(layer.weight.grad, other.weight.grad.numpy(), rtol=1e-6)


def test_gradients_of_columns(assert_gradients):
    layer = layers.EmbedColumns([(3, 3, 2), (1, 5, 3)]).build((4,))
    x, seed = rows(6).astype(np.float64), BITS.standard_normal((6, 2 + 2 + 3))

    def call(last, first):
        return layer.bind({"3.weight": last, "1.weight": first})(x)

    inputs = BITS.standard_normal((3, 2)), BITS.standard_normal((5, 3))
    assert_gradients(call, inputs, seed)


def test_columns_by_hand():
    layer = layers.EmbedColumns([(1, 3, 2)]).build((3,))
    assert list(layer.parameters()) == ["1.weight"]
    layer.parameters()["1.weight"].value = np.float32([[0, 0], [3, 4], [5, 6]])
    x = Variable(np.float32([[0.5, 2, -1], [1.5, 0, -2]]))
    y = layer(x)
    np.testing.assert_array_equal(y.value, [[0.5, -1, 5, 6], [1.5, -2, 0, 0]])
    y.backward(np.float32([[1, 2, 3, 4], [5, 6, 7, 8]]))
    np.testing.assert_array_equal(x.grad, [[1, 0, 2], [5, 0, 6]])  # of a category there is no slope
    np.testing.assert_array_equal(layer.parameters()["1.weight"].grad, [[7, 8], [0, 0], [3, 4]])


def test_columns_may_be_all_there_are():
    layer = layers.EmbedColumns([(0, 3, 2), (1, 3, 1)]).build((2,), seed=0)
    assert layer(np.float32([[1, 2]])).shape == (1, 3)
    assert layer.output_shape() == (3,)


def test_the_spare_category_starts_at_zero_and_others_differ():
    weight = layers.Embedding(4, 3, spare=True).build(()).weight.value
    assert not weight[0].any()
    assert weight[1:].all()
    assert layers.Embedding(4, 3).build(()).weight.value.all()
    layer = layers.EmbedColumns([(0, 4, 3), (1, 4, 3)]).build((2,), random.key(1))
    one, other = (parameter.value for parameter in layer.parameters().values())
    assert not one[0].any()
    assert (one[1:] != other[1:]).all()


def network():
    return layers.Sequential(
        layers.EmbedColumns([(1, 5, 3), (3, 3, 2)]), layers.Dense(8), layers.ReLU(), layers.Dense(2)
    )


def judged(x):
    """A class that follows from both categories: no sum of their numbers tells it."""
    return ((x[:, 1] % 2) == (x[:, 3] % 2)).astype(int)


def test_both_engines_train_alike_and_learn():
    x, found = rows(200), []
    for engine in ("numpy", "jax"):
        trainer = Trainer(network().build((4,), seed=0), engine=engine, optimizer="adam", metrics=["accuracy"])
        trainer.optimizer.learning_rate = 0.02
        history = trainer.fit((x, judged(x)), epochs=25, batch_size=20, verbose=0)
        assert history["accuracy"][-1] > 0.97
        found.append(np.array(trainer.model.parameters()["0.1.weight"].value))
    np.testing.assert_allclose(found[0], found[1], atol=1e-3)


def test_networks_train_together_as_alone():
    x = rows(60)
    trainers = [Trainer(network().build((4,), seed=seed), engine="jax", order_seed=0, seed=seed) for seed in (0, 1)]
    fit_together(trainers, (x, judged(x)), epochs=2, batch_size=20, verbose=0)
    alone = Trainer(network().build((4,), seed=1), engine="jax", order_seed=0, seed=1)
    alone.fit((x, judged(x)), epochs=2, batch_size=20, verbose=0)
    for name, parameter in alone.model.parameters().items():
        np.testing.assert_allclose(trainers[1].model.parameters()[name].value, parameter.value, atol=1e-5)


def test_it_is_saved(tmp_path):
    model, x = network().build((4,), seed=3), rows(5)
    model.parameters()["0.1.weight"].value[0] = 7  # what the spare category has learned
    save(model, tmp_path / "model.safetensors")
    other = load(tmp_path / "model.safetensors")
    assert repr(other[0]) == repr(model[0])
    np.testing.assert_array_equal(other(x).value, model(x).value)


def test_it_stands_in_the_summary():
    rows_by_path = {row.path: row for row in network().build((4,)).summary().rows}
    assert rows_by_path["0.1"].parameters == 15
    assert rows_by_path["0.3"].parameters == 6
    assert rows_by_path["0"].output_shape == (7,)


@pytest.mark.parametrize(
    ("code", "told"), [(5, "5.0 at (1,)"), (-1, "-1.0 at (1,)"), (0.5, "0.5 at (1,)"), (np.nan, "nan at (1,)")]
)
def test_codes_out_of_range_are_named(code, told):
    model, x = network().build((4,)), rows(3)
    x[1, 1] = code
    with pytest.raises(DataError, match=r"^Embedding '0.1': expected whole numbers from 0 to 4, one for each") as found:
        model(x)
    assert told in str(found.value)


def test_codes_that_a_number_type_cannot_tell_apart():
    layer = layers.Embedding(300, 2).build(())
    with pytest.raises(DataError, match=r"^Embedding: bfloat16 tells 256 codes apart, and there are 300 categories\."):
        layer(jnp.zeros(3, jnp.bfloat16))
    assert layers.Embedding(256, 2).build(())(jnp.zeros(3, jnp.bfloat16)).shape == (3, 2)


def test_mistakes():
    with pytest.raises(ConfigurationError, match=r"^Embedding: categories must be a whole number of at least 1, got 0"):
        layers.Embedding(0, 2)
    with pytest.raises(ConfigurationError, match=r"expected \(column, categories, size\) .* got \[\]"):
        layers.EmbedColumns([])
    with pytest.raises(ConfigurationError, match=r"expected \(column, categories, size\)"):
        layers.EmbedColumns([(1, 2)])
    with pytest.raises(ConfigurationError, match="named twice"):
        layers.EmbedColumns([(1, 2, 3), (1, 2, 4)])
    with pytest.raises(ShapeError, match=r"^EmbedColumns: expected at least 4 features on the last axis, got \(1, 3\)"):
        layers.EmbedColumns([(3, 2, 3)]).build((3,))
    with pytest.raises(ShapeError, match=r"^EmbedColumns '0': expected 4 features on the last axis, got \(2, 5\)"):
        network().build((4,))(np.ones((2, 5), np.float32))
    with pytest.raises(ShapeError, match=r"expected weights \(categories, size\), got \(3,\)"):
        F.embedding(np.array([1]), np.ones(3))

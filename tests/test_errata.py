"""Of each of the course's errata: the right form agrees with madi or with a difference, and the wrong one fails."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import madi
import madi.functions as F
from madi.kernels import random

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "errata.md").read_text(encoding="utf-8")
COURSE = (ROOT / "docs" / "course.md").read_text(encoding="utf-8")
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def net():
    """A tanh-sigmoid net on five examples in columns, as the notes write it, with the gradients that madi finds."""
    sizes = {"x": (3, 5), "w1": (4, 3), "b1": (4, 1), "w2": (1, 4), "b2": (1, 1)}
    found = {name: RNG.standard_normal(size) for name, size in sizes.items()}
    found["y"] = np.array([[1.0, 0.0, 1.0, 1.0, 0.0]])
    found["a1"] = np.tanh(found["w1"] @ found["x"] + found["b1"])
    found["a2"] = 1 / (1 + np.exp(-(found["w2"] @ found["a1"] + found["b2"])))
    names = ("w1", "b1", "w2", "b2")
    leaves = {name: madi.Variable(found[name].T) for name in names}
    hidden = F.affine(found["x"].T, leaves["w1"], F.reshape(leaves["b1"], (4,)))
    z1 = madi.Variable(hidden.value)  # a leaf here, so that its own gradient is told
    z2 = F.affine(F.tanh(z1), leaves["w2"], F.reshape(leaves["b2"], (1,)))
    F.sigmoid_binary_cross_entropy(z2, found["y"].T).backward()
    found["dz1 by madi"] = z1.grad.T
    full = F.affine(F.tanh(hidden), leaves["w2"], F.reshape(leaves["b2"], (1,)))
    F.sigmoid_binary_cross_entropy(full, found["y"].T).backward()
    return found | {f"d{name} by madi": leaves[name].grad.T for name in names}


def test_the_page_has_every_erratum_of_the_course():
    listed = re.findall(r"^(\d+)\. ", COURSE.partition("## Errata")[2], re.MULTILINE)
    assert re.findall(r"^## (\d+)\.", PAGE, re.MULTILINE) == listed != []


def test_1_the_gradient_of_weights(net):
    m, dz2 = 5, net["a2"] - net["y"]
    np.testing.assert_allclose(dz2 @ net["a1"].T / m, net["dw2 by madi"], rtol=1e-12)
    wrong = np.sum(dz2, axis=1, keepdims=True) / m
    np.testing.assert_allclose(wrong, net["db2 by madi"], rtol=1e-12)
    assert wrong.shape != net["dw2 by madi"].shape
    with pytest.raises(TypeError):
        np.sum(dz2, axis=1, keepdim=True)


def test_2_the_output_layer_is_the_last(net):
    dz2 = net["a2"] - net["y"]
    dz1 = net["w2"].T @ dz2 * (1 - net["a1"] ** 2)
    np.testing.assert_allclose(dz1 / 5, net["dz1 by madi"], rtol=1e-12)
    np.testing.assert_allclose(dz1 @ net["x"].T / 5, net["dw1 by madi"], rtol=1e-12)
    assert (dz2 @ net["x"].T).shape != net["w1"].shape  # the output's error taken for the hidden layer's


def test_3_the_input_belongs_into_the_sum(net):
    x, w1, b1 = net["x"], net["w1"], net["b1"]
    layer = madi.layers.Dense(4).build((3,), seed=0)
    layer.weight.value, layer.bias.value = w1.T, b1.ravel()
    np.testing.assert_allclose((w1 @ x + b1).T, layer(x.T).value, rtol=1e-12)
    assert (w1 + b1).shape != (w1 @ x + b1).shape
    with pytest.raises(ValueError, match="matmul"):
        x @ w1
    assert (w1 @ x[:, :1] + b1).shape == (4, 1)
    assert b1.shape[1] == 1  # the same for all examples


def test_4_random_weights():
    with pytest.raises(TypeError):
        np.random.rand((2, 2))
    assert np.random.randn(2, 2).shape == (2, 2)
    drawn = np.random.RandomState(0)
    assert (drawn.rand(100, 100) >= 0).all()
    assert abs(drawn.randn(100, 100).mean()) < 0.05 < abs(drawn.rand(100, 100).mean())


def test_5_slopes():
    def slope(function, at):
        x = madi.Variable(np.array([at]))
        function(x).backward(np.ones(1))
        return float(x.grad[0])

    assert slope(F.leaky_relu, -3.0) == 0.01
    assert [slope(F.relu, at) for at in (-1.0, 0.0, 1.0)] == [0, 0, 1]
    assert float(F.step(np.array([0.0])).value[0]) == 0


@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_6_dropout_counts_what_is_kept(rate):
    x = np.ones(200_000)
    trained = F.dropout(x, rate, key=random.key(1)).value
    kept = trained > 0
    mean_seen_in_training = kept.mean()  # of units that are dropped and not scaled
    assert abs((1 - rate) * 1.0 - mean_seen_in_training) < 0.01
    assert abs(rate * 1.0 - mean_seen_in_training) > 0.3  # the share deleted
    assert abs(trained.mean() - 1) < 0.01  # madi: as large as without dropout


def test_7_the_gradient_points_uphill():
    def bowl(x):
        return (x**2).sum()

    x = madi.Variable(np.array([3.0, -4.0]))
    bowl(x).backward()
    here, step = float(bowl(x)), 1e-3 * x.grad
    assert float(bowl(madi.Variable(x.value + step))) > here > float(bowl(madi.Variable(x.value - step)))


def test_8_indices_and_words(net):
    a1 = net["a1"]
    assert (net["w2"] @ a1 + net["b2"]).shape == net["y"].shape
    with pytest.raises(ValueError, match="matmul"):
        net["w1"] @ a1  # w[l-1] in layer l
    da = madi.Variable(net["a2"].T)
    F.binary_cross_entropy(da, net["y"].T).backward()
    right = (-net["y"] / net["a2"] + (1 - net["y"]) / (1 - net["a2"])) / 5
    np.testing.assert_allclose(da.grad.T, right, rtol=1e-9)
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert re.search(r"^\| parameter \| [^|]*매개변수", glossary, re.MULTILINE)
    assert re.search(r"^\| hyperparameter \| 하이퍼파라미터 ", glossary, re.MULTILINE)


def test_9_the_minus_covers_both_terms(net):
    y, a = net["y"], net["a2"]
    right = -(y * np.log(a) + (1 - y) * np.log(1 - a)).mean()
    np.testing.assert_allclose(right, float(F.binary_cross_entropy(a, y)), rtol=1e-9)
    wrong = (-y * np.log(a) + (1 - y) * np.log(1 - a)).mean()
    assert abs(wrong - right) > 0.1

"""Saliency is the slope of the predicted class's logit: central differences say so."""

from __future__ import annotations

import numpy as np
import pytest

from madi.diagnostics.report import saliency as module
from madi.diagnostics.report.saliency import saliency
from madi.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU, Sequential, Sigmoid, Softmax, Tanh

X = np.random.default_rng(4).normal(size=(3, 6, 6, 2))


def in_double(model):
    model.build(X.shape[1:], seed=1)
    for parameter in model.parameters().values():
        parameter.value = np.asarray(parameter.value, np.float64)
    return model


def central_differences(logit, x, h=1e-5):
    """|slope| of logit(x) -> (n,) by each element of x: of one example after another."""
    found = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        moved = np.zeros_like(x)
        moved[place] = h
        found[place] = (logit(x + moved) - logit(x - moved))[place[0]] / (2 * h)
    return np.abs(found)


def body():
    return Conv2D(3, 3), Tanh(), BatchNorm(), Dropout(0.5), MaxPool2D(2), Flatten()


@pytest.mark.parametrize("last", [(), (Softmax(),)])
def test_several_classes(last):
    model = in_double(Sequential(*body(), Dense(4), *last))
    without = Sequential(*model.layers[:-1]) if last else model
    chosen = np.asarray(without(X).value).argmax(axis=1)
    expected = central_differences(lambda x: np.asarray(without(x).value)[np.arange(3), chosen], X)
    found = saliency(model, X)
    assert found.shape == X.shape
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    assert found.max() > 0


@pytest.mark.parametrize("last", [(), (Sigmoid(),)])
def test_one_output(last):
    model = in_double(Sequential(*body(), Dense(1), *last))
    without = Sequential(*model.layers[:-1]) if last else model
    expected = central_differences(lambda x: np.asarray(without(x).value)[:, 0], X)
    np.testing.assert_allclose(saliency(model, X), expected, rtol=1e-6, atol=1e-9)


def test_it_leaves_the_model_as_it_is():
    model = in_double(Sequential(Flatten(), Dense(4), ReLU(), Dense(2)))
    before = {path: (p.value.copy(), p.trainable, p.grad) for path, p in model.parameters().items()}
    saliency(model, X)
    for path, parameter in model.parameters().items():
        value, trainable, gradient = before[path]
        np.testing.assert_array_equal(parameter.value, value)
        assert (parameter.trainable, parameter.grad) == (trainable, gradient)


def test_what_no_answer_hangs_on_is_dark():
    model = Sequential(Flatten(), Dense(2)).build((2, 2, 1), seed=0)
    model.parameters()["1.weight"].value = np.array([[0, 0], [3, 1], [0, 0], [0, -2]], np.float32)
    x = np.array([[[0.0], [1.0]], [[0.0], [0.0]]], np.float32)[None]
    # logits 3 and 1: the first class, whose slopes are 0, 3, 0, 0
    np.testing.assert_array_equal(saliency(model, x).reshape(-1), [0, 3, 0, 0])


def test_the_compiled_one_is_the_same(monkeypatch):
    model = Sequential(*body(), Dense(4), Softmax()).build(X.shape[1:], seed=1)
    x = X.astype(np.float32)
    expected = saliency(model, x)
    monkeypatch.setattr(module, "EAGER", 0)
    found = saliency(model, x)
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)

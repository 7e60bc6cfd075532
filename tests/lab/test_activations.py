"""Activation functions: values, slopes and operations; the gradient that is left behind many layers."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import run

SMALL = {"depth": 4, "units": 10, "examples": 20}


@pytest.fixture(scope="module")
def data():
    return run("activations", **SMALL).data


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize(
    ("name", "value", "slope"),
    [
        ("step", lambda z: z > 0, np.zeros_like),
        ("sigmoid", sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
        ("tanh", np.tanh, lambda z: 1 / np.cosh(z) ** 2),
        ("relu", lambda z: np.maximum(z, 0), lambda z: z > 0),
        ("leaky_relu", lambda z: np.maximum(z, 0.01 * z), lambda z: np.where(z > 0, 1, 0.01)),
        ("identity", np.copy, np.ones_like),
    ],
)
def test_values_and_slopes(data, name, value, slope):
    np.testing.assert_allclose(data["curves"][name]["value"], value(data["z"]), atol=1e-12)
    np.testing.assert_allclose(data["curves"][name]["slope"], slope(data["z"]), atol=1e-12)


def test_at_zero_the_step_and_the_slope_of_relu_are_zero(data):
    middle = np.flatnonzero(data["z"] == 0)
    assert len(middle) == 1
    assert data["curves"]["step"]["value"][middle] == 0
    assert data["curves"]["relu"]["slope"][middle] == 0


def test_operations_of_an_element(data):
    exponentials = {name: found["exponentials"] for name, found in data["operations"].items()}
    assert exponentials == {"step": 0, "sigmoid": 1, "tanh": 1, "relu": 0, "leaky_relu": 0, "identity": 0}
    assert data["operations"]["relu"]["simple"] == 1


def test_the_first_layers_gradient_by_depth(data):
    assert data["depths"] == [1, 2, 4]
    left = {name: found[-1] / found[0] for name, found in data["gradients"].items()}
    assert left["sigmoid"] < 0.1 < left["tanh"]
    assert left["relu"] > 0.3
    deeper = run("activations", **{**SMALL, "depth": 6}).data["gradients"]["sigmoid"]
    assert deeper[:3] == data["gradients"]["sigmoid"]
    assert deeper[-1] < 0.1 * deeper[-2]


def test_the_slope_of_leaky_relu_is_a_parameter():
    data = run("activations", slope=0.2, reach=1.0, depth=2, units=5).data
    assert data["curves"]["leaky_relu"]["value"][0] == -0.2

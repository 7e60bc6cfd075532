"""`madi.trace`: each step of a run with its equation, numbers, gradients and local derivatives."""

import copy
import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import madi
import madi.functions as F
from madi import layers
from madi.errors import ShapeError
from madi.graph.trace import computation_order, equations_of
from madi.kernels import random


def apples():
    apple, count, tax = (madi.Variable(v, name=n) for v, n in ((100.0, "apple"), (2.0, "count"), (1.1, "tax")))
    return apple * count * tax


class Split(madi.Function):
    """Two outputs.

    forward   a = x[:1],   b = x[1:]
    """

    def forward(self, x):
        return x[:1], x[1:]

    def backward(self, ga, gb):
        return np.concatenate([ga, gb])


def test_the_apples_step_by_step():
    output = apples()
    first, second = madi.trace(output)
    assert (first.index, first.name, first.kind, first.symbol) == (0, "#0", "Multiply", "×")
    assert (first.forward, first.backward) == ("y = x0 x1", "gx0 = gy x1, gx1 = gy x0")
    assert [(entry.name, entry.step, float(entry.value)) for entry in first.inputs] == [
        ("apple", None, 100.0),
        ("count", None, 2.0),
    ]
    np.testing.assert_allclose([first.value, first.gradient], [200, 1.1], rtol=1e-15)
    np.testing.assert_allclose([entry.gradient for entry in first.inputs], [2.2, 110], rtol=1e-15)
    assert first.local_derivatives == (2.0, 100.0)
    assert [(entry.name, entry.step) for entry in second.inputs] == [("#0", 0), ("tax", None)]
    np.testing.assert_allclose([second.value, second.gradient], [220, 1], rtol=1e-15)
    assert output.creator.inputs[1].grad is None, "tracing writes no gradient"


def test_a_readable_table():
    assert str(madi.trace(apples())).splitlines() == [
        "step  node      equation   inputs                  value  gradient  local derivatives",
        "----  --------  ---------  ----------------------  -----  --------  -----------------",
        "0     Multiply  y = x0 x1  apple = 100, count = 2  200    1.1       2, 100",
        "1     Multiply  y = x0 x1  #0 = 200, tax = 1.1     220    1         1.1, 200",
    ]


def test_large_arrays_are_told_by_shape_and_norm():
    x = madi.Variable(np.full((3, 4), 2.0), name="x")
    line = str(madi.trace(F.sum(x * 1.0))).splitlines()[2]
    assert "x = (3, 4) norm 6.928" in line


def test_a_shared_variable_has_the_sum_of_its_gradients():
    t = madi.Variable(2.0, name="x") + madi.Variable(3.0, name="y")
    t.name = "t"
    add, multiply = madi.trace(t * t)
    assert add.name == "t"
    assert float(add.gradient) == 10.0
    assert multiply.local_derivatives == (5.0, 5.0)


def test_the_local_derivative_of_a_node_that_mixes_elements_is_that_of_the_sum_of_its_outputs():
    w = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    (step,) = madi.trace(F.matmul(madi.Variable(np.ones((2, 2))), madi.Variable(w)))
    np.testing.assert_array_equal(step.local_derivatives[0], [[6.0, 15.0], [6.0, 15.0]])
    assert step.gradient is None
    assert step.inputs[0].gradient is None, "no seed for an output of many elements"


def test_a_constant_has_no_local_derivative():
    (step,) = madi.trace(madi.Variable(3.0, name="x") * 2)
    assert step.local_derivatives == (2.0, None)
    assert [entry.name for entry in step.inputs] == ["x", "2"]


def test_the_gradient_given_is_the_seed():
    y = madi.Variable(np.array([1.0, 2.0])) * 3.0
    (step,) = madi.trace(y, gradient=[10.0, 100.0])
    np.testing.assert_array_equal(step.inputs[0].gradient, [30.0, 300.0])
    with pytest.raises(ShapeError, match=r"expected shape \(2,\), got \(3,\)"):
        madi.trace(y, gradient=np.ones(3))


def test_a_node_of_two_outputs_of_which_one_is_read():
    a, _ = Split()(madi.Variable(np.array([1.0, 2.0, 3.0])))
    first, _ = madi.trace(F.sum(a))
    assert first.value[1] is None
    assert float(first.value[0][0]) == 1.0
    assert first.gradient[1] is None
    np.testing.assert_array_equal(first.local_derivatives[0], [1.0, 1.0, 1.0])
    assert first.forward == "a = x[:1], b = x[1:]"


def test_to_dict_is_json():
    y = madi.Variable(np.array([1.0, 1.0]), name="x") * np.array([np.inf, 2.0])
    told = json.loads(json.dumps(madi.trace(y).to_dict(), allow_nan=False))
    assert told["steps"][0]["value"] == [None, 2.0]
    assert told["steps"][0]["inputs"][0] == {
        "name": "x",
        "step": None,
        "value": [1.0, 1.0],
        "gradient": None,
        "local_derivative": [None, 2.0],
    }


def test_a_leaf_has_no_steps():
    trace = madi.trace(madi.Variable(1.0))
    assert len(trace) == 0
    assert str(trace) == "No steps: a leaf was not computed from anything."


def test_it_is_a_sequence():
    trace = madi.trace(apples())
    assert [step.index for step in trace] == [0, 1]
    assert trace[-1].index == 1
    assert [step.index for step in trace[1:]] == [1]
    assert repr(trace[:1]) == "<Trace of 1 steps>"


def test_the_order_of_computation_visits_inputs_first_and_each_node_once():
    x = madi.Variable(1.0)
    left, right = x * 2.0, x * 3.0
    output = (left + right) * left
    assert computation_order(output) == [
        left.creator,
        right.creator,
        output.creator.inputs[0].creator,
        output.creator,
    ]


def test_twenty_thousand_nodes():
    x = madi.Variable(1.0)
    for _ in range(20_000):
        x = x + 1.0
    trace = madi.trace(x)
    assert len(trace) == 20_000
    assert float(trace[-1].value) == 20_001.0
    assert float(trace[0].gradient) == 1.0


def test_jax_arrays_stay_jax_arrays():
    (step,) = madi.trace(F.tanh(madi.Variable(jnp.float32(0.5))))
    assert isinstance(step.local_derivatives[0], jax.Array)
    np.testing.assert_allclose(step.local_derivatives[0], 1 - np.tanh(0.5) ** 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        (None, ("", "")),
        ("Prose without equations.", ("", "")),
        ("forward y = 2 x", ("y = 2 x", "")),
        ("Head.\n\n    forward   y   = x0 + x1      broadcast\n    backward  gx0 = gy", ("y = x0 + x1", "gx0 = gy")),
        ("\n    backward  ga = gy\n              gb = -gy\n    keeps nothing", ("", "ga = gy; gb = -gy")),
        ("\n    forward  y = x       a remark that\n                         goes on here", ("y = x", "")),
    ],
)
def test_equations_of_a_docstring(docstring, expected):
    assert equations_of(docstring) == expected


def test_every_function_states_its_equations():
    nodes = [kind for kind in vars(F).values() if isinstance(kind, type) and issubclass(kind, madi.Function)]
    assert nodes
    for kind in nodes:
        forward, backward = equations_of(kind.__doc__)
        assert "=" in forward
        assert "=" in backward, kind.__name__


def test_bfloat16_has_gradients_and_local_derivatives_too():
    """NumPy takes it for no real number."""
    x = madi.Variable(jnp.asarray([1.0, 2.0], jnp.bfloat16), "x")
    (step,) = madi.trace(F.relu(x), gradient=jnp.ones(2, jnp.bfloat16))
    assert step.gradient.tolist() == [1, 1]
    assert step.local_derivatives[0].tolist() == [1, 1]
    (step,) = madi.trace(F.relu(madi.Variable(jnp.asarray([1.0, jnp.inf], jnp.bfloat16))))
    assert step.to_dict()["value"] == [1, None]


@pytest.mark.parametrize("training", [True, False])
def test_a_convolutional_network_node_by_node(training):
    """Each node's local derivatives are those of the sum of its outputs, and its gradients those of `backward`."""
    network = (
        *(layers.Conv2D(2, 3, padding="same"), layers.BatchNorm(), layers.Tanh(), layers.MaxPool2D(2)),
        *(layers.LocalResponseNormalization(), layers.AveragePool2D(2), layers.Flatten(), layers.Maxout(3, 2)),
        *(layers.Dropout(0.5), layers.DropConnect(2, 0.5)),
    )
    model = layers.Sequential(*network).build((8, 8, 1), seed=0)
    for parameter in model.parameters().values():
        parameter.value = parameter.value.astype(np.float64)
    x = madi.Variable(np.random.default_rng(0).standard_normal((4, 8, 8, 1)), name="x")
    loss = F.softmax_cross_entropy(model(x, training=training, key=random.key(2)), np.array([0, 1, 1, 0]))
    steps = madi.trace(loss)
    assert {"Conv2D", "MaxPool2D", "LocalResponseNormalization", "AveragePool2D", "Maxout", "Affine"} < {
        step.kind for step in steps
    }
    for step in steps:
        assert step.forward
        assert step.backward
        for entry, slope in zip(step.inputs, step.local_derivatives, strict=True):
            assert (slope is None) == (entry.gradient is None)
            assert slope is None or slope.shape == entry.value.shape == entry.gradient.shape
        places = [place for place, slope in enumerate(step.local_derivatives) if slope is not None]
        total = functools.partial(total_of, step.node, places)
        numbers = madi.numerical_gradient(total, [step.inputs[place].value for place in places])
        for place, number in zip(places, numbers, strict=True):
            np.testing.assert_allclose(step.local_derivatives[place], number, rtol=1e-6, atol=1e-6)
    loss.backward()
    found = {entry.name: entry.gradient for step in steps for entry in step.inputs}
    for path, parameter in {**model.parameters(), "x": x}.items():
        np.testing.assert_array_equal(found[path], parameter.grad)


def total_of(node, places, *values):
    """The sum of a node's outputs, with other values in some of its inputs' places."""
    inputs = [entry.value for entry in node.inputs]
    for place, value in zip(places, values, strict=True):
        inputs[place] = value
    return float(np.sum(copy.copy(node).forward(*inputs)))

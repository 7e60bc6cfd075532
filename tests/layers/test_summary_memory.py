"""What a summary says of memory and kernels, against what nodes hold, what XLA reserves, and what runs."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import madi.functions as F
from madi import models
from madi.graph import Function, Parameter, gradients, no_grad, observing
from madi.kernels import native, random
from madi.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool2D,
    ReLU,
    Residual,
    Sequential,
    auxiliary_outputs,
)

compiled = pytest.mark.skipif(native.path() == "off", reason="XLA's own convolutions reserve room of their own")


def memory_of(array):
    """The array that owns the memory."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def held_by_nodes(model, shape, examples):
    """Bytes of the arrays that the nodes of one step on NumPy hold for backward, each once, parameters left out."""
    nodes = []
    x = np.random.default_rng(0).random((examples, *shape)).astype(np.float32)
    with observing(lambda node, inputs, outputs: nodes.append(node)), auxiliary_outputs():
        model.bind({})(x, training=True, key=random.key(0))
    values = [value for node in nodes if any(node.needs) for value in vars(node).values()]
    held = {id(memory_of(value)): memory_of(value) for value in values if isinstance(value, np.ndarray)}
    weights = {id(memory_of(parameter.value)) for parameter in model.parameters().values()}
    return sum(array.nbytes for name, array in held.items() if name not in weights)


@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [
        ("mlp", (28, 28, 1), {}),
        ("lenet5", (28, 28, 1), {}),
        ("deep_convnet", (28, 28, 1), {}),
        ("resnet_cifar", (32, 32, 3), {}),
        ("resnet_cifar", (32, 32, 3), {"shortcut": "B"}),
        ("googlenet", (96, 96, 3), {"auxiliary": True}),
    ],
)
def test_what_is_kept_is_what_the_nodes_hold(name, shape, options):
    model = models.create(name, **options).build(shape)
    more = held_by_nodes(model, shape, 4) - held_by_nodes(model, shape, 2)
    summary = model.summary()
    assert summary.kept_bytes == more // 2
    assert sum(row.memory for row in summary.rows) == summary.kept_bytes


def test_by_hand():
    model = Sequential(Conv2D(4, 3), BatchNorm(), ReLU(), MaxPool2D(2), Flatten(), Dropout(0.5), Dense(10))
    rows = model.build((8, 8, 3)).summary().rows
    # conv: x, 8 8 3;  norm: the output of conv, 8 8 4;  relu: its own output;  pooling: a byte for each of 4 4 4
    # maxima;  dropout: its mask of 64;  dense: its input of 64;  numbers of 4 bytes
    assert [row.memory for row in rows] == [4 * 192, 4 * 256, 4 * 256, 64, 0, 4 * 64, 4 * 64]


def test_what_two_layers_keep_counts_for_the_first():
    rows = Sequential(Dense(4), ReLU(), Dense(4)).build((4,)).summary().rows
    # the output of ReLU is the input of the last layer, which keeps it too
    assert [row.memory for row in rows] == [16, 16, 0]


def test_what_lies_before_the_first_trainable_layer_keeps_nothing():
    model = Sequential(Dense(4), ReLU(), Dense(4)).build((4,))
    assert [row.memory for row in model.freeze("0").summary().rows] == [0, 0, 16]
    summary = model.freeze().summary()
    assert summary.kept_bytes == 0
    assert "kept" not in str(summary)


def step_bytes(model, shape, examples):
    """What XLA reserves for a training step besides its arguments and results."""
    weights = {path: np.asarray(parameter.value) for path, parameter in model.parameters().items()}

    def step(weights, x, target):
        leaves = {path: Parameter(value) for path, value in weights.items()}
        loss = F.softmax_cross_entropy(model.apply(leaves, {}, x, training=True)[0], target)
        found = gradients(loss, jnp.ones_like(loss.value))
        return {path: value - 0.1 * found[leaves[path]] for path, value in weights.items()}

    x = jax.ShapeDtypeStruct((examples, *shape), np.float32)
    target = jax.ShapeDtypeStruct((examples,), np.int32)
    return compiled_bytes(jax.jit(step, donate_argnums=0), weights, x, target)


def compiled_bytes(program, *arguments):
    return program.lower(*arguments).compile().memory_analysis().temp_size_in_bytes


@compiled
def test_xla_reserves_what_is_said():
    shape = (16, 16, 4)
    layers = [layer for _ in range(3) for layer in (Conv2D(8, 3), ReLU())]
    model = Sequential(*layers, MaxPool2D(2), Flatten(), Dense(10)).build(shape)
    summary = model.summary()
    more = (step_bytes(model, shape, 64) - step_bytes(model, shape, 32)) / 32
    data = 4 * 16 * 16 * 4  # the images themselves are arguments of the program
    # besides what is kept, two gradients at the widest place of the network: as much as the values there
    assert more == pytest.approx(summary.kept_bytes + summary.inference_bytes - data, rel=0.15)


@compiled
def test_xla_reserves_what_is_said_of_inference():
    shape = (16, 16, 8)
    model = Sequential(Conv2D(16, 3), Conv2D(16, 3), Conv2D(1, 3)).build(shape)

    def infer(x):
        with no_grad():
            return model(x).value

    sizes = [compiled_bytes(jax.jit(infer), jax.ShapeDtypeStruct((n, *shape), np.float32)) for n in (32, 64)]
    # the widest place: 16 channels into 16
    assert (sizes[1] - sizes[0]) / 32 == model.summary().inference_bytes == 4 * 16 * 16 * (16 + 16)


def test_a_model_that_cannot_be_trained_says_why():
    class Deaf(Layer):
        def __init__(self):
            self.norm = BatchNorm()

        def __call__(self, x):
            return self.norm(x)

    summary = Deaf().build((4,)).summary()
    assert summary.kept_bytes is None
    assert [row.memory for row in summary.rows] == [None]
    assert "\nmemory in training is not known: Deaf: its __call__ takes no training, so BatchNorm 'norm'" in str(
        summary
    )


# ---- kernels


@pytest.mark.parametrize("path", native.paths())
def test_kernels_are_those_that_the_functions_choose(path):
    other = "xla" if path == "off" else path
    with native.using(path):
        layers = (Conv2D(4, 3), ReLU(), MaxPool2D(2), Flatten(), Dense(64), ReLU(), Dense(300))
        rows = Sequential(*layers).build((8, 8, 3)).summary().rows
    # Dense(300): the compiled kernels take at most 128 columns of a product, which the 64 of its input's gradient are
    last = "xla" if path == "off" else f"xla / {path}"
    assert [row.kernels for row in rows] == [other, "xla", other, "", other, "xla", last]


@compiled
def test_a_long_sum_runs_on_xla_forward_and_compiled_backward():
    row = Dense(10).build((5000,)).summary().rows[0]
    # forward has 5,000 terms in each sum, above the limit of 2,048; the weight's gradient has one for each example
    assert row.kernels == f"xla / {native.path()}"


def test_kernels_that_are_all_the_same_are_said_once():
    with native.using("off"):
        text = Sequential(Dense(4), ReLU()).build((4,)).summary().table(kernels=True)
    assert text.splitlines()[0] == "path  layer  output shape  parameters  multiply-adds  kept B"
    assert text.endswith("\nkernels xla")


def test_a_node_that_computes_its_layers_again_keeps_its_input_alone():
    """A wrapper whose node calls layers where nothing is recorded, as recomputation does."""

    class Again(Function):
        def __init__(self, inner):
            self.inner = inner

        def forward(self, x):
            self.x = x
            with no_grad():
                return self.inner(x).value

        def backward(self, gy):
            y = self.inner(self.x)
            return gy * y.value

    class Wrapper(Layer):
        def __init__(self, inner):
            self.inner = inner

        def __call__(self, x, *, training=False, key=None):
            return Again(self.inner)(x)

    rows = Sequential(Dense(4), Wrapper(Sequential(Dense(4), ReLU(), Dense(4)))).build((4,)).summary().rows
    assert [(row.path, row.memory) for row in rows] == [
        ("0", 16), ("1", 16), ("1.inner", 0), ("1.inner.0", 0), ("1.inner.1", 0), ("1.inner.2", 0)
    ]  # fmt: skip
    assert sum(row.multiply_adds for row in rows) == 3 * 16


def test_tracing_leaves_the_model_alone():
    model = Sequential(Residual(Sequential(Dense(4), BatchNorm()))).build((4,))
    before = {path: value.copy() for path, value in model.state().items()}
    str(model.summary())
    for path, value in model.state().items():
        np.testing.assert_array_equal(value, before[path])


def test_a_network_in_float64_keeps_twice_the_bytes():
    model = Sequential(Dense(8), BatchNorm(), ReLU(), Dense(3)).build((6,))
    narrow = model.summary().kept_bytes
    for parameter in model.parameters().values():
        parameter.value = parameter.value.astype(np.float64)
    model.layers[1].mean, model.layers[1].variance = np.zeros(8), np.ones(8)
    wide = model.summary()
    assert not wide.untrainable
    assert narrow < wide.kept_bytes <= 2 * narrow  # the sign that ReLU keeps is no wider

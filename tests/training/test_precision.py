"""Mixed precision: bfloat16 where numbers flow, float32 where they must add up."""

import copy
import re

import jax.numpy as jnp
import numpy as np
import pytest

import madi.functions as F
from madi import Variable, datasets, optimizers
from madi.errors import ConfigurationError, DivergenceError, UnknownNameError
from madi.graph import Function, observing
from madi.kernels.arrays import is_floating, widened
from madi.layers import (
    Auxiliary,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    LocalResponseNormalization,
    MaxPool2D,
    ReLU,
    Residual,
    Sequential,
)

from .common import assert_close, assert_same, fit, network, points, trainer, values

ROUNDING = 2.0**-8  # the largest relative step between neighbours in bfloat16


def convolutional(seed=0):
    """All kinds of nodes that images meet."""
    body = Sequential(Conv2D(8, 3, bias=False), BatchNorm(), ReLU())
    return Sequential(
        Conv2D(8, 3), LocalResponseNormalization(), ReLU(), Residual(body), MaxPool2D(2), AveragePool2D(2),
        Flatten(), Auxiliary(Dense(10)), Dropout(0.1), Dense(10),
    ).build((8, 8, 1), seed=seed)  # fmt: skip


def low(model=None, **options):
    return trainer(model, **{"engine": "jax", "precision": "bfloat16", **options})


# ---- the numbers themselves


def test_bfloat16_is_a_number_that_gradients_flow_through():
    x = Variable(jnp.array([1.0, 2.0], jnp.bfloat16))
    assert x.needs_grad
    (x * x).sum().backward()
    assert x.grad.dtype == jnp.bfloat16
    np.testing.assert_array_equal(x.grad.astype(np.float32), [2, 4])


@pytest.mark.parametrize(
    ("dtype", "floating"),
    [("float16", True), ("float64", True), ("complex64", True), ("bfloat16", True), ("int32", False), ("bool", False)],
)
def test_what_is_a_floating_type(dtype, floating):
    assert is_floating(jnp.zeros(1, dtype).dtype if dtype == "bfloat16" else np.dtype(dtype)) is floating


def test_only_half_precision_is_widened():
    for dtype, wide in ((jnp.bfloat16, "float32"), (np.float16, "float32"), (np.float32, "float32"), (int, "int64")):
        assert widened(np.ones(2, dtype)).dtype == wide
    x = np.ones(2)
    assert widened(x) is x


def test_batch_norm_takes_its_means_in_float32():
    """In bfloat16 neighbours of 100 are half a unit apart: its own means would be rounded to that."""
    x = jnp.asarray(np.random.default_rng(0).normal(100, 3, (200, 4)), jnp.bfloat16)
    exact = np.asarray(x, np.float64)
    scale, shift, zeros, ones = (jnp.full(4, value, jnp.float32) for value in (2, 1, 0, 1))
    y, mean, variance = F.batch_norm(x, scale, shift, zeros, ones, training=True, momentum=1.0)
    np.testing.assert_allclose(mean, exact.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(variance, exact.var(axis=0, ddof=1), rtol=1e-5)
    assert (y.dtype, mean.dtype, variance.dtype) == (jnp.bfloat16, np.float32, np.float32)
    expected = 2 * (exact - exact.mean(axis=0)) / exact.std(axis=0) + 1
    np.testing.assert_allclose(np.asarray(y.value, np.float64), expected, rtol=ROUNDING, atol=1e-4)


class Halves(Function):
    """Both halves of x times w, which a wide node sees in float32."""

    wide = True

    def forward(self, x, w):
        self.x, self.w, self.seen = x, w, {x.dtype.name}
        return x * w / 2, x * w / 2

    def backward(self, gy, gz):
        self.seen |= {gy.dtype.name, gz.dtype.name}
        return (gy + gz) * self.w / 2, (gy + gz) * self.x / 2


def test_a_wide_node_of_two_outputs():
    """Outputs are rounded to the first input's type, and each gradient to its own input's."""
    x, w = Variable(jnp.array([1.0, 3.0], jnp.bfloat16)), Variable(jnp.array([1.0, 0.5], jnp.float32))
    node = Halves()
    y, z = node(x, w)
    assert (y.dtype, z.dtype) == (jnp.bfloat16, jnp.bfloat16)
    (y + z).sum().backward()
    assert node.seen == {"float32"}
    assert (x.grad.dtype, w.grad.dtype) == (jnp.bfloat16, jnp.float32)
    np.testing.assert_array_equal(w.grad, [1, 3])


@pytest.mark.parametrize("compiled", [False, True])
def test_a_convolution_is_that_of_float32_rounded(compiled, monkeypatch):
    """The compiled kernels take bfloat16 widened; XLA's takes it as it is."""
    if not compiled:
        monkeypatch.setenv("MADI_KERNELS", "off")
    rng = np.random.default_rng(0)
    arrays = [jnp.asarray(rng.normal(size=shape), jnp.bfloat16) for shape in ((2, 6, 6, 3), (3, 3, 3, 4), (4,))]
    found = []
    for dtype in (jnp.bfloat16, np.float32):
        leaves = [Variable(array.astype(dtype)) for array in arrays]
        y = F.conv2d(*leaves, padding="same")
        y.backward(jnp.ones(y.shape, dtype))
        found.append([y.value, *(leaf.grad for leaf in leaves)])
    for low, exact in zip(*found, strict=True):
        assert low.dtype == jnp.bfloat16
        np.testing.assert_allclose(
            low.astype(np.float32), exact, rtol=ROUNDING, atol=ROUNDING * float(abs(exact).max())
        )


# ---- a step


def test_nodes_compute_in_bfloat16_but_for_those_that_must_not():
    seen = {}

    def note(node, inputs, outputs):
        seen.setdefault(type(node).__name__, set()).update(str(output.dtype) for output in outputs)

    images = np.random.default_rng(0).random((20, 8, 8, 1)), np.arange(20) % 10
    own = low(convolutional())
    with observing(note):
        fit(own, images)
    narrow = {"Conv2D", "LocalResponseNormalization", "ReLU", "BatchNorm", "Add", "MaxPool2D", "AveragePool2D",
              "Reshape", "Dropout", "Affine"}  # fmt: skip
    assert {name for name, types in seen.items() if "bfloat16" in types} == narrow
    assert seen["Cast"] == seen["SoftmaxCrossEntropy"] == {"float32"}
    assert {str(value.dtype) for value in own.snapshot().values()} == {"float32"}


def test_gradients_are_those_of_float32_but_for_rounding():
    """A step of SGD at rate 1 is the gradient.  A dozen nodes round by 1 part in 256, and some maxima change places."""
    images = np.random.default_rng(0).random((50, 8, 8, 1)), np.arange(50) % 10
    found = []
    for precision in ("float32", "bfloat16"):
        own = low(convolutional(), precision=precision, optimizer=optimizers.SGD(1.0))
        before = values(own.model)
        own.fit(images, batch_size=50, verbose=0)
        found.append({path: before[path] - value for path, value in values(own.model).items()})
    for path, expected in found[0].items():
        error = np.linalg.norm(found[1][path] - expected) / np.linalg.norm(expected)
        assert 0 < error < 25 * ROUNDING, (path, error)


def test_updates_too_small_for_bfloat16_add_up():
    """A weight of 1 that falls by a thousandth in each step would stay 1 for ever in bfloat16."""
    model = Sequential(Dense(1, bias=False)).build((1,))
    model.parameters()["0.weight"].value = np.ones((1, 1), np.float32)
    own = low(model, loss="mean_absolute_error", optimizer=optimizers.SGD(1e-3))
    own.fit((np.ones((10, 1)), np.zeros((10, 1))), batch_size=10, epochs=20, verbose=0)
    np.testing.assert_allclose(values(model)["0.weight"], 0.98, atol=1e-5)


def test_float32_is_what_it_was():
    runs = [trainer(network(dropout=0.5), engine="jax", precision=precision) for precision in (None, "float32")]
    for own in runs:
        fit(own)
    assert_same(values(runs[0].model), values(runs[1].model))


def test_with_all_that_a_step_can_do():
    """Frozen layers, accumulation, averages, smoothing, augmentation; and it follows float32."""
    runs = []
    for precision in (None, "bfloat16"):
        own = low(network(dropout=0.2).freeze("0.bias"), precision=precision, average=0.9, label_smoothing=0.1,
                  augmentation=[lambda x, key: -x], metrics=["accuracy", "auc"])  # fmt: skip
        runs.append(own)
        fit(own, validation=points(20, seed=1), accumulate=2, epochs=5)
    assert runs[1].history["loss"] == pytest.approx(runs[0].history["loss"], rel=0.02)
    assert_close(values(runs[1].model), values(runs[0].model), 0.05)
    assert runs[1].evaluate(points(20, seed=1))["loss"] == pytest.approx(runs[1].history["validation_loss"][-1])


@pytest.mark.parametrize("kind", ["dense", "convolutional"])
def test_it_learns_digits_as_well_as_float32(kind):
    first = Dense(32) if kind == "dense" else Conv2D(8, 3)
    data, found = datasets.load("digits"), []
    for precision in (None, "bfloat16"):
        last = [MaxPool2D(2), Flatten()] if kind == "convolutional" else []
        flat = [Flatten()] if kind == "dense" else []
        model = Sequential(*flat, copy.deepcopy(first), BatchNorm(), ReLU(), *last, Dense(10)).build((8, 8, 1), seed=0)
        own = low(model, precision=precision, metrics=["accuracy"], optimizer=optimizers.Adam(0.01))
        own.fit(data.train, epochs=5, batch_size=50, verbose=0)
        found.append(own.evaluate(data.test)["accuracy"])
    assert found[0] > 0.95
    assert found[1] > found[0] - 0.03  # of 360 images with an error of 3%: more than two deviations of a difference


def test_a_divergence_is_explained():
    x, y = points()
    own = low(optimizer=optimizers.SGD(1e30))
    with pytest.raises(DivergenceError, match=r"^Training diverged in step "):
        fit(own, (x, y), epochs=5)


def test_it_is_compiled_however_small_the_job():
    own = low(engine="auto")
    fit(own)
    assert list(own._engines) == ["jax"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"engine": "numpy"},
            ConfigurationError,
            "precision='bfloat16': the NumPy engine computes in float32 and float64 alone. Use engine='jax'.",
        ),
        (
            {"dtype": "float64"},
            ConfigurationError,
            "precision: expected dtype='float32' for precision='bfloat16', got float64. Leave one of them out.",
        ),
        (
            {"precision": "bfloat"},
            UnknownNameError,
            "Unknown precision 'bfloat': did you mean 'bfloat16'? Known: bfloat16, float32.",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(options, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        low(**options)

"""Every function is written or refused by name, also where no layer calls it, and layers of one's own go out."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import madi
import madi.functions as F
from madi.functions.regularization import Dropout
from madi.graph import Function, Parameter, Variable
from madi.layers import Layer
from madi.onnx import Unsupported, export, exporter
from madi.onnx.exporting import EXPORTS
from tests.onnx.written import assert_runs_alike

ROWS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
IMAGES = np.random.default_rng(1).normal(size=(3, 6, 5, 4)).astype(np.float32)
IN_TRAINING = {F.BatchNorm, Dropout}
LOSSES = {
    F.BinaryCrossEntropy, F.CrossEntropy, F.Huber, F.MeanAbsoluteError, F.MeanSquaredError,
    F.SigmoidBinaryCrossEntropy, F.SoftmaxCrossEntropy,
}  # fmt: skip


class Calls(Layer):
    """A layer of one's own: any function of x."""

    def __init__(self, function):
        self.function = function

    def build(self, shape, key=None, *, seed=0):
        """Nothing: it is not even called."""

    def __call__(self, x):
        return self.function(x)


def test_no_function_is_left_out():
    known = {kind for kind in vars(F).values() if inspect.isclass(kind) and issubclass(kind, Function)}
    assert known - set(EXPORTS) == IN_TRAINING | LOSSES


OF_ROWS = {
    "absolute": F.absolute,
    "erf": F.erf,
    "exp": F.exp,
    "log": lambda x: F.log(F.add(F.absolute(x), 0.5)),
    "sin": F.sin,
    "cos": F.cos,
    "floor": F.floor,
    "sqrt": lambda x: F.sqrt(F.absolute(x)),
    "operators": lambda x: -(2 - x) / (3 + x * x) ** 2.0,
    "whole numbers": lambda x: x * np.array([1, 2, 3, 4]) + np.array([[1], [2]])[:1],
    "maximum": lambda x: F.maximum(x, 0.2),
    "minimum": lambda x: F.minimum(F.maximum(x, [[0.1, -0.2, 0.3, 0.0]]), 0.4),
    "clip by arrays": lambda x: F.clip(x, np.zeros(4, np.float32), np.full(4, 0.5, np.float32)),
    "where": lambda x: F.where(F.cast(F.step(x), bool), x, F.negative(x)),
    "cast": lambda x: F.cast(F.cast(F.multiply(x, 10), np.int32), np.float32),
    "prelu": lambda x: F.prelu(x, np.array([0.1, 0.2, 0.3, 0.4], np.float32)),
    "maxout": lambda x: F.maxout(x, 2),
    "matmul": lambda x: x @ np.arange(8, dtype=np.float32).reshape(4, 2),
    "product of values": lambda x: F.matmul(F.reshape(x, (x.shape[0], 2, 2)), F.reshape(x, (x.shape[0], 2, 2))),
    "sum": lambda x: F.sum(x, axis=1, keepdims=True),
    "mean of the batch": lambda x: x - F.mean(x, axis=-1, keepdims=True),
    "max": lambda x: F.max(x, axis=1),
    "min": lambda x: F.min(x, axis=(1,), keepdims=True),
    "transpose": lambda x: F.reshape(F.transpose(F.reshape(x, (x.shape[0], 2, 2)), (0, 2, 1)), (x.shape[0], 4)),
    "concatenate": lambda x: F.concatenate([x, F.exp(x), x], axis=1),
    "split": lambda x: F.multiply(*F.split(x, (2, 2), axis=1)),
    "part of a split": lambda x: F.split(x, (1, 3), axis=-1)[1],
    "pad": lambda x: F.pad(x, ((0, 0), (2, 1)), value=3),
    "broadcast": lambda x: F.broadcast_to(F.reshape(x, (x.shape[0], 1, 4)), (x.shape[0], 3, 4)),
    "take": lambda x: F.take(x, [[3, 0], [-1, 1]], axis=1),
    "item by number": lambda x: x[:, 2],
    "item by slices": lambda x: x[:, 1:4:2],
    "items backwards": lambda x: x[:, ::-1],
    "items to the front": lambda x: x[..., 2::-1],
    "items by places": lambda x: x[..., [0, 3, 3]],
    "new axes": lambda x: x[:, None, :, None],
    "number and new axis": lambda x: x[:, 1, None],
    "softmax of the first axis of an example": lambda x: F.softmax(F.reshape(x, (x.shape[0], 2, 2)), axis=1),
    "detached": lambda x: x + Variable(F.exp(x).value),
}
OF_IMAGES = {
    "sum over pixels": lambda x: F.sum(x, axis=(1, 2)),
    "max over channels": lambda x: F.max(x, axis=3),
    "mean kept": lambda x: x - F.mean(x, axis=(1, 2), keepdims=True),
    "mean over rows": lambda x: F.mean(x, axis=1),
    "channel by channel": lambda x: x * np.array([1, 2, 3, 4], np.float32) + np.float32(2),
    "pixel by pixel": lambda x: x * np.arange(30, dtype=np.float32).reshape(1, 6, 5, 1),
    "joined along the height": lambda x: F.concatenate([x, x], axis=1),
    "channels apart": lambda x: F.add(*F.split(x, (2, 2), axis=3)),
    "rows apart": lambda x: F.split(x, (1, 5), axis=1)[1],
    "items": lambda x: x[:, 1:3, ::2, 0],
    "with its own pool": lambda x: x * F.reshape(F.sigmoid(F.global_average_pool(x)), (x.shape[0], 1, 1, 4)),
    "positions": lambda x: F.cast(F.max_pool2d_positions(x, 2)[1], np.float32),
    "both of a pool": lambda x: F.multiply(*(F.cast(y, np.float32) for y in F.max_pool2d_positions(x, 3, stride=2))),
    "pool with dilation": lambda x: F.max_pool2d(x, 2, stride=1, dilation=2),
    "mean pool with dilation": lambda x: F.average_pool2d(x, 2, stride=1, dilation=2),
    "convolution and relu": lambda x: F.conv2d(x, np.ones((2, 2, 4, 3), np.float32), relu=True),
    "softmax of channels": lambda x: F.softmax(x, axis=-1),
    "softmax of columns": lambda x: F.softmax(x, axis=2),
    "clip": lambda x: F.clip(x, -0.3, 0.3),
    "to the square root of size 1": lambda x: F.reshape(F.max_pool2d(x, (6, 5)), (x.shape[0], 2, 2)),
}


@pytest.mark.parametrize("name", OF_ROWS)
def test_of_rows(name):
    assert_runs_alike(Calls(OF_ROWS[name]).build((4,)), ROWS)


@pytest.mark.parametrize("name", OF_IMAGES)
def test_of_images(name):
    function = OF_IMAGES[name]
    assert_runs_alike(Calls(function).build((6, 5, 4)), IMAGES)
    pixelwise = np.random.default_rng(2).normal(size=(1, 1, 4, 4)).astype(np.float32)
    assert_runs_alike(Calls(lambda x: function(F.conv2d(x, pixelwise))).build((6, 5, 4)), IMAGES)  # channels first


@pytest.mark.parametrize("opset", [17, 18, 19, 20])
def test_older_meanings(opset):
    def reductions(x):
        return F.concatenate([F.max(x, axis=1, keepdims=True), F.mean(x, axis=1, keepdims=True), F.gelu(x),
                              F.gelu(x, "tanh"), F.sum(x, axis=1, keepdims=True), F.softplus(x)], axis=1)  # fmt: skip

    assert_runs_alike(Calls(reductions).build((4,)), ROWS, opset=opset)


def test_a_mean_pool_with_dilation_is_refused_where_onnx_has_none():
    pool = Calls(lambda x: F.average_pool2d(x, 2, dilation=2)).build((6, 5, 4))
    with pytest.raises(Unsupported, match=r"Calls: an average pool with dilation is known since version 19"):
        export(pool, opset=18)


class Cube(Function):
    """forward y = x³"""

    def forward(self, x):
        return x**3


class CubeOfOwn(Cube):
    """Another class: what it computes nobody knows."""


def test_a_function_of_ones_own_is_refused_by_name_until_it_has_an_entry(monkeypatch):
    model = madi.Sequential(madi.layers.Dense(2), Calls(lambda x: Cube()(x))).build((4,))
    with pytest.raises(Unsupported, match=r"Calls '1': its node Cube has no form in ONNX.*madi.onnx.exporter"):
        export(model)

    @exporter(Cube)
    def cube(write, node, x):
        return write.elementwise("Pow", x, 3.0)

    try:
        assert_runs_alike(model, ROWS)
        with pytest.raises(Unsupported, match="CubeOfOwn has no form"):
            export(Calls(lambda x: CubeOfOwn()(x)).build((4,)))
    finally:
        del EXPORTS[Cube]


class Weighs(Layer):
    """A layer that computes on its own weights, and holds one that is not a parameter."""

    def build(self, shape, key=None, *, seed=0):
        self.weight = Parameter(np.array([1.0, -2.0, 3.0, 4.0], np.float32))
        self.half = np.float64(0.5)

    def __call__(self, x):
        return x * F.exp(self.weight) * self.half


def test_what_depends_on_weights_alone_is_a_constant():
    model = Weighs().build((4,))
    assert_runs_alike(model, ROWS)
    graph = madi.onnx.load(export(model)).graph
    assert [node.kind for node in graph.nodes] == ["Mul", "Mul"]


def beside(x):
    import jax.numpy as jnp

    return x * Variable(jnp.sin(x.value))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (beside, "Calls: computes a value beside the nodes"),
        (lambda x: x if x.value.sum() > 0 else -x, "Calls: a layer in it looks at values"),
        (lambda x: x * np.asarray(x.value).max(), "Calls: a layer in it looks at values"),
        (lambda x: x * np.zeros((x.shape[0], 1), np.float32), "holds a constant that depends on the number of ex"),
        (lambda x: F.exp(x) if x.shape[0] == 2 else F.log(x), "runs other nodes for 3 examples than for 2"),
        (lambda x: F.reshape(x @ F.transpose(x), (x.shape[0], 1, x.shape[0])), "two sizes depend"),
        (lambda x: F.reshape(x, (4 * x.shape[0], 1)) + F.broadcast_to(F.sum(x), (x.shape[0] * 4, 1)), "broadcast_to"),
        (lambda x: x[[0, 1], [0, 1]], "by more than one array"),
        (lambda x: F.broadcast_to(np.ones((1, 4), np.float32), (2, 4)), "does not depend on its input"),
    ],
)
def test_what_would_be_lost_is_refused(function, message):
    with pytest.raises(Unsupported, match=message):
        export(Calls(function).build((4,)))

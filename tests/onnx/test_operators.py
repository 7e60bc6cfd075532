"""The table of operators: ONNX's own cases, the order in which images lie, and what is refused."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

import madi.functions as F
from madi.errors import FileError, MadiError, ShapeError
from madi.graph import Variable
from madi.graph.variable import observing
from madi.onnx import OPERATORS, Unsupported
from madi.onnx.graph import Node
from madi.onnx.table import meaning
from madi.onnx.value import Value
from tests.onnx.single import array_of, cases, compute, opset_of, run

CLAIMED = """
    Conv ConvTranspose Gemm MatMul Add Sub Mul Div Neg Abs Exp Log Sqrt Pow Relu LeakyRelu PRelu Elu HardSigmoid Sigmoid
    Tanh Softplus Gelu Softmax LogSoftmax Clip MaxPool AveragePool GlobalAveragePool GlobalMaxPool BatchNormalization
    LayerNormalization LRN Dropout Flatten Reshape Transpose Squeeze Unsqueeze Concat Split Slice Pad Gather Expand
    Shape Identity Constant ConstantOfShape Cast Max Min Mean Sum ReduceMean ReduceSum ReduceMax ReduceMin
"""
SKIPPED = {  # of ONNX's own cases
    "AveragePool": 6,  # three axes
    "Cast": 2,  # to powers of 2
    "ConvTranspose": 1,  # three axes
    "Dropout": 4,  # training
    "Equal": 2,  # of text
    "MaxPool": 4,  # three axes
    "Mod": 9,  # of floats
    "ReduceProd": 9,  # of floats
}
X = np.random.default_rng(5).standard_normal((2, 3, 4, 5)).astype(np.float32)
IMAGES = Value(last=np.moveaxis(X, 1, -1))


def test_what_dense_and_convolutional_networks_need_is_claimed() -> None:
    assert set(OPERATORS) >= set(CLAIMED.split())


@pytest.mark.parametrize("kind", sorted(OPERATORS))
def test_onnx_own_cases_of_an_operator(kind: str) -> None:
    found = [case for case in cases().values() if case.model.graph.node[-1].op_type == kind]
    outcomes = Counter(passes(case) for case in found)
    assert outcomes[False] == SKIPPED.get(kind, 0)
    assert outcomes[True] or kind == "ReduceProd"  # whose cases are all of floats


def passes(case: Any) -> bool:
    """Whether a case is taken, in either order of axes; its results are checked."""
    try:
        for inputs, expected in case.data_sets:
            arrays = [array_of(entry) for entry in inputs]
            check(case, [Value(array) for array in arrays], expected)
            check(case, [Value(last=np.moveaxis(x, 1, -1)) if x.ndim > 2 else Value(x) for x in arrays], expected)
    except Unsupported:
        return False
    return True


def check(case: Any, inputs: list[Value], expected: list[Any]) -> None:
    graph = case.model.graph
    values = {port.name: value for port, value in zip(graph.input, inputs, strict=True)}
    for node in graph.node:
        with np.errstate(all="ignore"):
            values |= zip(node.output, compute(node, opset_of(case), values), strict=True)
    for port, want in zip(graph.output, map(array_of, expected), strict=True):
        found = np.asarray(values[port.name].first.value)
        assert (found.dtype, found.shape) == (want.dtype, want.shape), case.name
        plain = (array.astype(np.float32) if array.dtype.itemsize < 3 else array for array in (found, want))
        np.testing.assert_allclose(*plain, rtol=case.rtol, atol=case.atol, err_msg=case.name)


# ---- the order of axes


def vector(size: int = 3) -> Value:
    return Value(np.linspace(0.5, 1.5, size, dtype=np.float32))


LYING: dict[str, tuple[str, list[Value], dict[str, Any]]] = {
    "convolution": ("Conv", [Value(X[:2, :, :2, :2])], {"pads": [1, 0, 0, 1]}),
    "transposed convolution": ("ConvTranspose", [Value(np.ones((3, 2, 2, 2), np.float32))], {}),
    "norm": ("BatchNormalization", [vector()] * 4, {}),
    "response norm": ("LRN", [], {"size": 3}),
    "dropout": ("Dropout", [], {}),
    "activation": ("Relu", [], {}),
    "clip": ("Clip", [Value(np.array(0, np.float32)), Value(np.array(6, np.float32))], {}),
    "slopes": ("PRelu", [Value(vector().first.value.reshape(3, 1, 1))], {}),
    "a number": ("Mul", [Value(np.array([2], np.float32))], {}),
    "a number a channel": ("Add", [Value(vector().first.value.reshape(3, 1, 1))], {}),
    "another image": ("Add", [IMAGES], {}),
    "max pool": ("MaxPool", [], {"kernel_shape": [2, 2]}),
    "mean pool": ("AveragePool", [], {"kernel_shape": [2, 2]}),
    "global mean": ("GlobalAveragePool", [], {}),
    "mean": ("ReduceMean", [Value(np.array([2, 3]))], {}),
    "concat": ("Concat", [IMAGES], {"axis": 1}),
    "split": ("Split", [], {"axis": 1}),
    "slice": ("Slice", [Value(np.array([1])), Value(np.array([3])), Value(np.array([1]))], {}),
    "gather": ("Gather", [Value(np.array([1, 0]))], {"axis": 1}),
    "pad": ("Pad", [Value(np.array([0, 0, 1, 1, 0, 0, 1, 1]))], {}),
    "softmax": ("Softmax", [], {"axis": 1}),
    "cast": ("Cast", [], {"to": TensorProto.FLOAT16}),
}


@pytest.mark.parametrize("name", LYING)
def test_images_stay_channels_last(name: str) -> None:
    kind, others, attributes = LYING[name]
    node = Node(kind, "", tuple("xabcd"[: 1 + len(others)]), ("y",), attributes)
    turned: list[Any] = []
    given = Value(last=np.moveaxis(X, 1, -1))
    with observing(lambda function, inputs, outputs: turned.append((type(function), inputs[0].shape))):
        (y,) = meaning(node, 18)(node, [given, *others])
    assert y.is_last
    assert given.is_last
    assert (F.Transpose, (2, 4, 5, 3)) not in turned


@pytest.mark.parametrize("order", [(0, 3, 1, 2), (0, 2, 3, 1)])
def test_moving_the_channels_to_the_other_end_moves_nothing(order: tuple[int, ...]) -> None:
    given = Value(X) if order[1] == 3 else Value(last=np.moveaxis(X, 1, -1))
    moved: list[Any] = []
    with observing(lambda *seen: moved.append(seen)):
        (y,) = compute(helper.make_node("Transpose", ["x"], ["y"], perm=order), 13, {"x": given})
    assert not moved
    np.testing.assert_array_equal(y.first.value, X.transpose(order))


def test_gradients_come_back_in_the_order_of_the_file() -> None:
    weight, slope = Variable(np.ones((2, 3, 2, 2), np.float32)), Variable(np.full((2, 1, 1), 0.5, np.float32))
    images = Variable(X)
    (u,) = compute(helper.make_node("Conv", ["x", "w"], ["u"]), 13, {"x": Value(images), "w": Value(weight)})
    (y,) = compute(helper.make_node("PRelu", ["u", "s"], ["y"]), 13, {"u": u, "s": Value(slope)})
    total: Any = y.first
    total.sum().backward()
    negative = np.minimum(u.first.value, 0).sum(axis=(0, 2, 3))
    np.testing.assert_allclose(slope.grad.reshape(2), negative, rtol=1e-5)
    assert weight.grad.shape == (2, 3, 2, 2)
    assert images.grad.shape == X.shape


# ---- refusals


@pytest.mark.parametrize(
    ("kind", "opset", "inputs", "attributes", "message"),
    [
        ("Gelu", 19, [X], {}, "has no operator Gelu of version 19"),
        ("Einsum", 13, [X], {"equation": "nchw->nc"}, "has no operator Einsum"),
        ("Conv", 13, [X[None], X[:, :, None]], {}, "1 or 2 axes, got 3"),
        ("MaxPool", 13, [X[None]], {"kernel_shape": [2, 2, 2]}, "1 or 2 axes, got 3"),
        ("Dropout", 6, [X], {}, "drops numbers at random"),
        ("Dropout", 13, [X, np.float32(0.5), np.array(True)], {}, "drops numbers at random"),
        ("LayerNormalization", 17, [X, X[0, 0, 0]], {"stash_type": 10}, "stash_type 10"),
        ("Cast", 13, [X], {"to": TensorProto.STRING}, "does not cast from float32 to str"),
        ("Cast", 13, [np.array(["1"], object)], {"to": TensorProto.FLOAT}, "does not cast from str"),
        ("Constant", 13, [], {"value_string": "text"}, "does not take its attribute 'value_string'"),
        ("Equal", 19, [np.array(["a"], object)] * 2, {}, "text"),
        ("Mod", 13, [X, X], {"fmod": 1}, "got float32"),
        ("ReduceProd", 13, [X], {}, "got float32"),
    ],
)
def test_what_is_not_taken_is_refused_by_name(
    kind: str, opset: int, inputs: list[Any], attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(Unsupported, match=message):
        run(kind, *inputs, opset=opset, **attributes)


def test_the_training_of_old_batch_norms_is_refused() -> None:
    with pytest.raises(Unsupported, match="has 5 outputs"):
        run("BatchNormalization", X, *[vector().first.value] * 4, opset=9, outputs=5)


@pytest.mark.parametrize(
    ("kind", "inputs", "attributes", "message"),
    [
        ("Conv", [X, np.ones((2, 3, 2, 2), np.float32)], {"kernel_shape": [3, 3]}, r"its kernel_shape \(3, 3\)"),
        ("AveragePool", [X], {"kernel_shape": [2]}, r"expected an input of 3 axes for \(2,\)"),
        ("Softmax", [X], {"axis": 4}, "axis 4 is out of range for an input of 4 axes; use -4 to 3"),
        ("Squeeze", [X, np.array([0])], {}, r"expected axes of size 1 at \[0\]"),
        ("Unsqueeze", [X, np.array([0, -6])], {}, "expected each axis once"),
        ("Reshape", [X[0, 0, 0], np.array([5, 0])], {}, "takes the size of axis 1"),
        ("Expand", [X, np.array([4])], {}, "does not broadcast"),
    ],
)
def test_a_node_that_does_not_fit_is_named(
    kind: str, inputs: list[Any], attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ShapeError, match=f"{kind} 'y0'.*{message}"):
        run(kind, *inputs, opset=13, **attributes)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"auto_pad": "SAME"}, "expected auto_pad to be one of NOTSET, SAME_UPPER, SAME_LOWER, VALID, got 'SAME'"),
        ({"strides": [2]}, r"expected 2 numbers as strides, got \(2,\)"),
        ({"pads": [1, 1]}, r"expected 4 numbers as pads, got \(1, 1\)"),
        ({"dilations": [1, 1, 1]}, "expected 2 numbers as dilations"),
    ],
)
def test_windows_that_contradict_themselves_are_named(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(FileError, match=f"MaxPool 'y0': {message}"):
        run("MaxPool", X, opset=13, kernel_shape=[2, 2], **attributes)


def test_a_constant_too_large_for_the_memory_is_refused_before_it_is_made() -> None:
    with pytest.raises(MadiError, match="GiB"):
        run("ConstantOfShape", np.array([2**60]), opset=9)
    with pytest.raises(MadiError, match="GiB"):
        run("Expand", X, np.array([2**50, 1, 1, 1, 1]), opset=13)
    with pytest.raises(MadiError, match="GiB"):
        run("Pad", X, np.array([0, 0, 0, 2**50, 0, 0, 0, 0]), opset=13)
    with pytest.raises(FileError, match="sizes of at least 0"):
        run("ConstantOfShape", np.array([-1]), opset=9)


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("Reshape", [X, [0, -1]]),
        ("Expand", [X, [2, 3, 4, 5]]),
        ("Squeeze", [X, [0]]),
        ("Slice", [X, [0], [1]]),
        ("Pad", [X, [0] * 8]),
        ("ReduceSum", [X, [1]]),
        ("ConstantOfShape", [[2, 3]]),
    ],
)
def test_numbers_that_decide_about_shapes_are_to_be_known(kind: str, inputs: list[Any]) -> None:
    jnp = pytest.importorskip("jax.numpy")
    given = [array if array is X else jnp.asarray(array) for array in inputs]
    named = "x0" if kind == "ConstantOfShape" else "x1"
    with pytest.raises(Unsupported, match=f"{kind} 'y0': madi needs the numbers of its input '{named}' before"):
        run(kind, *given, opset=13)

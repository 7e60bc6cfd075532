"""Extremes, limits, units and casts: ties and kinks, types that are kept, whole numbers, and numbers beyond reason."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import madi
import madi.functions as F
from madi.graph import Variable

LIBRARIES = pytest.mark.parametrize("library", [np, jnp])
NAN, INF = math.nan, math.inf


def slopes(y: Any, *leaves: Variable, gradient: Any = None) -> list[list[Any]]:
    """Gradients of the leaves as lists, for a gradient of ones where none is given."""
    y.backward(np.ones(y.shape) if gradient is None else np.asarray(gradient))
    return [np.asarray(leaf.grad).tolist() for leaf in leaves]


# ---- by hand


def test_units_by_hand():
    x = np.array([-1.0, 0.0, 2.0])
    for y, expected in (
        (F.elu(x, 2.0), [2 * (math.exp(-1) - 1), 0, 2]),
        (F.prelu(x, np.array([0.5, 0.5, 9.0])), [-0.5, 0, 2]),
        (F.hard_sigmoid(x), [1 / 3, 1 / 2, 5 / 6]),
        (F.softplus(x), [math.log1p(math.exp(-1)), math.log(2), 2 + math.log1p(math.exp(-2))]),
        (F.gelu(x), [-(1 + math.erf(-math.sqrt(0.5))) / 2, 0, 1 + math.erf(math.sqrt(2))]),
        (F.gelu(x, "tanh"), [-0.158808009, 0, 1.954597694]),
        (F.erf(x), [math.erf(-1), 0, math.erf(2)]),
    ):
        np.testing.assert_allclose(y.value, expected, rtol=1e-8, atol=1e-15)


def test_picking_padding_and_splitting_by_hand():
    x = np.arange(3.0)
    assert F.take(x, [[2, -3]]).value.tolist() == [[2, 0]]
    assert F.where(np.array([True, False, True]), x, -1).value.tolist() == [0, -1, 2]
    assert F.pad(x, [(1, 2)], value=7).value.tolist() == [7, 0, 1, 2, 7, 7]
    assert F.pad(x, [(2, 3)], "edge").value.tolist() == [0, 0, 0, 1, 2, 2, 2, 2]
    assert F.pad(x, [(2, 3)], "reflect").value.tolist() == [2, 1, 0, 1, 2, 1, 0, 1]
    assert F.pad(x, [(2, 4)], "wrap").value.tolist() == [1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert F.broadcast_to(x, (2, 3)).value.tolist() == [[0, 1, 2], [0, 1, 2]]
    first, second = F.split(x, (2, 1))
    assert (first.value.tolist(), second.value.tolist()) == ([0, 1], [2])
    assert isinstance(F.split(x, (3,)), tuple)


# ---- ties and kinks, where the slope is a choice: PyTorch's


@LIBRARIES
def test_equal_ones_share_the_gradient(library):
    x0, x1 = (Variable(library.asarray(x)) for x in ([1.0, 2.0, 3.0], [1.0, 3.0, 2.0]))
    assert slopes(F.maximum(x0, x1), x0, x1) == [[0.5, 0, 1], [0.5, 1, 0]]
    assert slopes(F.minimum(x0, x1), x0, x1) == [[0.5, 1, 0], [0.5, 0, 1]]
    x = Variable(library.asarray([[1.0, 4.0, 4.0], [2.0, 2.0, 2.0]]))
    assert slopes(F.max(x, 1), x, gradient=[1, 3]) == [[[0, 0.5, 0.5], [1, 1, 1]]]
    assert slopes(F.min(x), x, gradient=6) == [[[6, 0, 0], [0, 0, 0]]]


def test_ties_are_pytorchs():
    torch = pytest.importorskip("torch")
    one, other = np.array([[1.0, 2.0, 2.0], [5.0, 5.0, 5.0]]), np.array([[1.0, 3.0, 2.0], [5.0, 4.0, 6.0]])
    for name in ("maximum", "minimum"):
        leaves, tensors = [Variable(one), Variable(other)], [torch.tensor(x, requires_grad=True) for x in (one, other)]
        getattr(torch, name)(*tensors).sum().backward()
        assert slopes(getattr(F, name)(*leaves), *leaves) == [tensor.grad.tolist() for tensor in tensors]
    for name, theirs in (("max", torch.amax), ("min", torch.amin)):
        leaf, tensor = Variable(one), torch.tensor(one, requires_grad=True)
        theirs(tensor, 1).sum().backward()
        assert slopes(getattr(F, name)(leaf, 1), leaf) == [tensor.grad.tolist()]


@pytest.mark.parametrize(
    ("function", "values", "expected"),
    [
        (F.absolute, [0.0], [0]),
        (lambda x: F.clip(x, -1, 1), [-1.0, 1.0, -1.5, 1.5], [1, 1, 0, 0]),
        (lambda x: F.clip(x, 1, -1), [0.0, -1.0, 1.0], [0, 0, 0]),
        (lambda x: F.elu(x, 3.0), [0.0], [3]),
        (lambda x: F.prelu(x, 0.25), [0.0], [0.25]),
        (lambda x: F.hard_sigmoid(x, 0.5, 0.5), [-1.0, 1.0, 0.0], [0, 0, 0.5]),
        (F.sqrt, [4.0], [0.25]),
    ],
)
def test_slopes_at_kinks(function, values, expected):
    x = Variable(np.array(values))
    assert slopes(function(x), x) == [expected]


def test_a_nan_beats_every_number_and_gets_the_gradient():
    x = Variable(np.array([1.0, NAN, 3.0]))
    for function in (F.max, F.min):
        y = function(x)
        assert np.isnan(y.value)
        assert slopes(y, x) == [[0, 1, 0]]
    assert (
        np.isnan(F.maximum(x, 2.0).value).tolist() == np.isnan(F.clip(x, 0, 1).value).tolist() == [False, True, False]
    )


# ---- types


FLOATS = (np.float16, ml_dtypes.bfloat16, np.float32, np.float64)
MASK = np.array([True, False, True, True])
ON_FLOATS = {
    "absolute": F.absolute,
    "sqrt": lambda x: F.sqrt(F.absolute(x) + 1),
    "erf": F.erf,
    "sin": F.sin,
    "cos": F.cos,
    "floor": F.floor,
    "maximum": lambda x: F.maximum(x, 0.1),
    "minimum": lambda x: F.minimum(0.1, x),
    "max": F.max,
    "min": lambda x: x.min(0, keepdims=True),
    "clip": lambda x: F.clip(x, -0.1, 1e30),
    "where": lambda x: F.where(MASK, x, 0.1),
    "elu": lambda x: F.elu(x, 0.3),
    "hard_sigmoid": F.hard_sigmoid,
    "softplus": F.softplus,
    "gelu": F.gelu,
    "gelu, tanh": lambda x: F.gelu(x, "tanh"),
    "prelu": lambda x: F.prelu(x, 0.3),
    "pad": lambda x: F.pad(x, [(1, 2)], value=0.1),
    "pad, edge": lambda x: F.pad(x, [(1, 2)], "edge"),
    "take": lambda x: F.take(x, [0, -1]),
    "broadcast_to": lambda x: F.broadcast_to(x, (2, 4)),
    "split": lambda x: F.split(x, (1, 3))[1],
}


@pytest.mark.parametrize("name", ON_FLOATS)
@pytest.mark.parametrize("library", [np, jnp])
def test_every_floating_type_is_kept_and_nothing_overflows(name, library):
    def both(x: Any) -> Any:
        leaf = Variable(x)
        y = ON_FLOATS[name](leaf)
        y.backward(library.ones(y.shape, np.float32))
        return y.value, leaf.grad

    with jax.enable_x64(True):
        for dtype in FLOATS:
            x = library.asarray(np.array([-6e4, -2.0, 0.5, 6e4]).astype(dtype))
            for found in jax.eval_shape(both, x) if library is jnp else both(x):
                assert found.dtype == dtype
                assert library is jnp or np.isfinite(found.astype(np.float64)).all()


@pytest.mark.parametrize(("library", "dtype"), [(np, np.float32), (np, np.float64), (jnp, np.float32)])
@pytest.mark.parametrize("function", [F.erf, F.elu, F.softplus, F.gelu, lambda x: F.gelu(x, "tanh"), F.hard_sigmoid])
def test_no_number_is_too_large(function, dtype, library):
    end = np.finfo(dtype).max
    x = Variable(library.asarray([-end, -100.0, 100.0, end], dtype=dtype))
    y = function(x)
    assert slopes(y, x)[0][1:3] == pytest.approx([0, 1 if y.value[2] == 100 else 0], abs=1e-6)
    assert np.isfinite(np.asarray(y.value)).all()
    assert np.isfinite(np.asarray(x.grad)).all()


def test_half_precision_is_computed_in_single():
    x = np.linspace(-4, 4, 33)
    for function in (F.erf, F.elu, F.softplus, F.gelu):
        half, exact = function(x.astype(np.float16)).value, function(x).value
        np.testing.assert_array_equal(half, exact.astype(np.float32).astype(np.float16))


ON_INTEGERS = {
    "absolute": (lambda x: F.absolute(x), [3, 1, 2]),
    "max": (lambda x: F.max(x), 3),
    "min": (lambda x: F.min(x, keepdims=True), [1]),
    "maximum": (lambda x: F.maximum(x, x[::-1]), [3, 1, 3]),
    "minimum": (lambda x: F.minimum(x, x[::-1]), [2, 1, 2]),
    "clip": (lambda x: F.clip(x, 2), [3, 2, 2]),
    "clip by arrays": (lambda x: F.clip(x, np.array([0, 0, 9]), np.int64(2)), [2, 1, 2]),
    "where": (lambda x: F.where(np.array([True, False, True]), x, x * x), [3, 1, 2]),
    "pad": (lambda x: F.pad(x, [(0, 1)]), [3, 1, 2, 0]),
    "pad, wrap": (lambda x: F.pad(x, [(1, 0)], "wrap"), [2, 3, 1, 2]),
    "take": (lambda x: F.take(x, np.array([2, 0], np.uint8)), [2, 3]),
    "broadcast_to": (lambda x: F.broadcast_to(x, (1, 3)), [[3, 1, 2]]),
    "split": (lambda x: F.split(x, (1, 2))[0], [3]),
}


@LIBRARIES
@pytest.mark.parametrize("name", ON_INTEGERS)
def test_whole_numbers_stay_whole(name, library):
    function, expected = ON_INTEGERS[name]
    for dtype in (np.uint8,) if library is jnp else (np.int8, np.int64, np.uint16):
        y = function(library.asarray([3, 1, 2], dtype=dtype))
        assert y.dtype == dtype
        assert y.value.tolist() == expected
        assert not y.needs_grad


def test_booleans_have_extremes():
    assert F.max(np.array([[False, True], [False, False]]), 1).value.tolist() == [True, False]
    assert F.min(np.array([True, False])).value.tolist() is False


@pytest.mark.parametrize(
    ("dtype", "lowest", "highest"), [(float, -INF, INF), (np.int8, -128, 127), (bool, False, True)]
)
@LIBRARIES
def test_the_extremes_of_no_numbers(dtype, lowest, highest, library):
    x = library.zeros((2, 0), dtype)
    assert F.max(x, 1).value.tolist() == [lowest] * 2
    assert F.min(x, 1).value.tolist() == [highest] * 2
    assert F.max(x, 0).shape == (0,)


def test_no_numbers_get_no_gradient():
    x = Variable(np.zeros((2, 0)))
    assert slopes(F.max(x, 1), x) == [[[], []]]


def test_casts():
    x = Variable(np.array([-1.7, 0.0, 300.5]))
    assert F.cast(x, "int32").value.tolist() == [-1, 0, 300]
    assert F.cast(x, bool).value.tolist() == [True, False, True]
    assert not F.cast(x, np.int64).needs_grad
    assert F.cast(np.array([1e6, -1e6]), np.float16).value.tolist() == [INF, -INF]
    assert F.cast(x, "bfloat16").dtype == ml_dtypes.bfloat16
    half = F.cast(x, np.float16)
    half.backward(np.array([1, 2, 3], np.float16))
    assert (half.dtype, x.grad.dtype, x.grad.tolist()) == (np.float16, np.float64, [1, 2, 3])
    assert F.cast(np.array([1, 0]), np.float32).dtype == np.float32


def test_a_cast_to_64_bits_on_jax_is_one_to_32_where_jax_has_no_more():
    assert F.cast(jnp.ones(2), np.float64).dtype == np.float32
    assert F.cast(jnp.ones(2), np.int64).dtype == np.int32
    with jax.enable_x64(True):
        assert F.cast(jnp.ones(2, np.float32), np.float64).dtype == np.float64


# ---- what is known and what is not


def test_bounds_masks_and_indices_may_be_variables_and_traced():
    x = Variable(np.array([1.0, 5.0]))
    assert F.clip(x, Variable(np.array(2.0))).value.tolist() == [2, 5]
    assert F.take(x, Variable(np.array([1]))).value.tolist() == [5]
    assert F.where(Variable(np.array([True, False])), x, 0).value.tolist() == [1, 0]

    def step(low: Any, indices: Any, mask: Any) -> Any:
        return F.where(mask, F.take(F.clip(np.array([1.0, 5.0], np.float32), low), indices), 0.0).value

    assert jax.jit(step)(2.0, jnp.array([1, 0]), jnp.array([True, True])).tolist() == [5, 2]


def test_a_part_that_is_not_read_has_a_gradient_of_zeros():
    x = Variable(np.arange(4.0))
    _, second = F.split(x, (1, 3))
    assert slopes(second * 2, x) == [[0, 2, 2, 2]]


def test_traces_name_them():
    x = Variable(np.array([-1.0, 2.0]), name="x")
    lines = str(madi.trace(F.sum(F.prelu(F.clip(x, -3, 3), 0.5)))).splitlines()
    assert [line.split()[1] for line in lines[2:]] == ["Clip", "PReLU", "Sum"]
    assert "y = min(max(x, low), high)" in lines[2]

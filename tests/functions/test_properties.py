"""Shapes and indices drawn at random: backward undoes whatever forward did to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import madi.functions as F
from madi.graph import check_gradients

FEW = settings(max_examples=25)
SMALL = arrays.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=3)


def positive(shape, seed=0):
    """Numbers from 0.5 to 2: where every function is smooth."""
    return np.random.default_rng(seed).uniform(0.5, 2, shape)


@pytest.mark.parametrize("function", [F.add, F.subtract, F.multiply, F.divide, F.power, F.maximum])
@FEW
@given(shapes=arrays.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0))
def test_broadcasting(function, shapes):
    one, other = (positive(shape, seed) for seed, shape in enumerate(shapes.input_shapes))
    assert function(one, other).shape == shapes.result_shape
    check_gradients(function, one, other)


@FEW
@given(
    shapes=arrays.mutually_broadcastable_shapes(signature="(n?,k),(k,m?)->(n?,m?)", max_dims=2, max_side=3, min_side=1)
)
def test_matrix_products(shapes):
    one, other = (positive(shape, seed) for seed, shape in enumerate(shapes.input_shapes))
    assert F.matmul(one, other).shape == shapes.result_shape
    check_gradients(F.matmul, one, other)


@pytest.mark.parametrize("function", [F.sum, F.mean, F.max])
@FEW
@given(data=st.data(), shape=SMALL, keepdims=st.booleans())
def test_reductions(function, data, shape, keepdims):
    axis = data.draw(st.none() | arrays.valid_tuple_axes(len(shape)) if shape else st.none())
    x = positive(shape)
    np.testing.assert_allclose(
        function(x, axis, keepdims=keepdims).value, getattr(np, function.__name__)(x, axis=axis, keepdims=keepdims)
    )
    check_gradients(lambda x: function(x, axis, keepdims=keepdims), x)


@FEW
@given(data=st.data(), shape=arrays.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3))
def test_indices(data, shape):
    index = data.draw(
        arrays.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True)
        | arrays.integer_array_indices(shape, result_shape=arrays.array_shapes(max_dims=2, max_side=3))
    )
    x = positive(shape)
    np.testing.assert_array_equal(F.get_item(x, index).value, x[index])
    check_gradients(lambda x: F.get_item(x, index), x)


@FEW
@given(data=st.data(), shape=SMALL)
def test_orders_of_axes(data, shape):
    order = data.draw(st.permutations(range(len(shape))))
    x = positive(shape)
    y = F.transpose(x, tuple(order))
    np.testing.assert_array_equal(y.value, x.transpose(order))
    check_gradients(lambda x: F.transpose(x, tuple(order)), x)
    check_gradients(lambda x: F.reshape(F.transpose(x, tuple(order)), -1), x)

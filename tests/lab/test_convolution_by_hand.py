"""Convolution and pooling by hand: sums worked out on paper, and shapes that follow padding and stride."""

from __future__ import annotations

import numpy as np

from madi.lab import run


def test_the_small_image():
    data = run("convolution_by_hand", bias=0.0).data
    np.testing.assert_array_equal(data["image"], [[1, 2, 3, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1]])
    np.testing.assert_array_equal(data["one"]["node"][..., 0], [[15, 16], [6, 15]])
    np.testing.assert_array_equal(data["one"]["windows"][1], [2, 3, 0, 1, 2, 3, 0, 1, 2])
    np.testing.assert_array_equal(data["pooled"], [[2, 3], [3, 2]])
    with_bias = run("convolution_by_hand").data["one"]["node"][..., 0]
    np.testing.assert_array_equal(with_bias, [[18, 19], [9, 18]])


def test_padding_keeps_the_size_and_stride_shrinks_it():
    padded = run("convolution_by_hand", bias=0.0, padding=1).data["one"]["node"][..., 0]
    np.testing.assert_array_equal(padded, [[7, 12, 10, 2], [4, 15, 16, 10], [10, 6, 15, 6], [8, 10, 4, 3]])
    strided = run("convolution_by_hand", bias=0.0, size=7, stride=2).data["one"]["node"][..., 0]
    assert strided.shape == (3, 3)
    np.testing.assert_array_equal(strided[0], [15, 17, 15])


def test_channels_and_filters_set_the_matrices():
    deep = run("convolution_by_hand", channels=5, filters=2).data["deep"]
    assert deep["windows"].shape == (4, 45)
    assert deep["node"].shape == (2, 2, 2)
    np.testing.assert_allclose(deep["product"], deep["node"], atol=1e-12)
    np.testing.assert_allclose(deep["by hand"], deep["node"], atol=1e-12)

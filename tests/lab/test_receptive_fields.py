"""Fields of view: the weights and the pixels seen, exactly."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import run


def test_two_and_three_small_kernels_see_as_much_as_a_large_one():
    pairs = run("receptive_fields").data["pairs"]
    assert [(pair["large"]["weights"], pair["small"]["weights"]) for pair in pairs] == [(25, 18), (49, 27)]
    assert [(pair["large"]["field"], pair["small"]["field"]) for pair in pairs] == [([5, 5],) * 2, ([7, 7],) * 2]


def test_paths_are_counted_as_on_paper():
    pair = run("receptive_fields").data["pairs"][0]
    row = np.convolve([1, 1, 1], [1, 1, 1])  # ways from one row to another over two kernels of three
    np.testing.assert_array_equal(pair["small"]["paths"][1:-1, 1:-1], np.outer(row, row))
    np.testing.assert_array_equal(pair["large"]["paths"][1:-1, 1:-1], np.ones((5, 5)))


@pytest.mark.parametrize(("kernel_size", "depth"), [(2, 3), (3, 5), (5, 2)])
def test_fields_and_weights_follow_the_kernels(kernel_size, depth):
    (pair,) = run("receptive_fields", kernel_size=kernel_size, depths=(depth,), channels=3).data["pairs"]
    side = depth * (kernel_size - 1) + 1
    assert pair["small"]["field"] == pair["large"]["field"] == [side, side]
    assert pair["small"]["weights"] == 9 * depth * kernel_size**2
    assert pair["large"]["weights"] == 9 * side**2


def test_deep_convnet_layer_by_layer():
    sides = [3, 5, 6, 10, 14, 16, 24, 32, 36]  # each 3 x 3 adds 2 pixels of its scale, each pooling 1 and doubles it
    layers = run("receptive_fields").data["deep_convnet"]
    assert [layer["field"] for layer in layers] == [[side, side] for side in sides]

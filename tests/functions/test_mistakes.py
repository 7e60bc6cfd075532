"""The message of every mistake: what, where, expected, received, and what to do."""

from __future__ import annotations

import re

import jax.numpy as jnp
import numpy as np
import pytest

import madi.functions as F
from madi.errors import ConfigurationError, DataError, MadiError, ShapeError

CASES = {
    "images without a batch": (
        lambda: F.conv2d(np.ones((8, 8, 3)), np.ones((3, 3, 3, 4))),
        ShapeError,
        "conv2d: expected x (N, H, W, C) and weight (kH, kW, C / groups, filters), got (8, 8, 3) and (3, 3, 3, 4). Add "
        "the axes that are missing.",
    ),
    "bias of a convolution": (
        lambda: F.conv2d(np.ones((1, 8, 8, 3)), np.ones((3, 3, 3, 4)), np.ones(3)),
        ShapeError,
        "conv2d: expected a bias of shape (4,), one a filter, got (3,).",
    ),
    "padding of a convolution": (
        lambda: F.conv2d(np.ones((1, 8, 8, 3)), np.ones((3, 3, 3, 4)), padding="full"),
        ConfigurationError,
        "padding must be 'same', 'valid' or a number of pixels, got 'full'. Try padding='same'.",
    ),
    "kernel beyond the image": (
        lambda: F.conv2d(np.ones((1, 2, 2, 3)), np.ones((3, 3, 3, 4))),
        ShapeError,
        "windows of (3, 3) pixels: expected an image at least as large with its padding ((0, 0), (0, 0)), got (2, 2). "
        "Pad more, or make the kernel smaller.",
    ),
    "pairs of zeros": (
        lambda: F.zero_pad(np.ones((2, 3)), [(1, 1)]),
        ShapeError,
        "pad: expected (before, after) of at least 0 for each of the 2 axes of shape (2, 3), got ((1, 1),).",
    ),
    "negative zeros": (
        lambda: F.zero_pad(np.ones(3), [(-1, 1)]),
        ShapeError,
        "pad: expected (before, after) of at least 0 for each of the 1 axes of shape (3,), got ((-1, 1),).",
    ),
    "pooling of rows": (
        lambda: F.max_pool2d(np.ones((2, 3)), 2),
        ShapeError,
        "pooling: expected x (N, H, W, C), got (2, 3). Add the axes that are missing.",
    ),
    "global pooling of rows": (
        lambda: F.global_average_pool(np.ones((2, 3))),
        ShapeError,
        "global_average_pool: expected x (N, H, W, C), got (2, 3). Add the axes that are missing.",
    ),
    "global maximum of rows": (
        lambda: F.global_max_pool(np.ones((2, 3))),
        ShapeError,
        "global_max_pool: expected x (N, H, W, C), got (2, 3). Add the axes that are missing.",
    ),
    "scale of a layer norm": (
        lambda: F.layer_norm(np.ones((2, 3)), np.ones(2), np.ones(3)),
        ShapeError,
        "layer_norm: expected a scale of shape (3,), that of the last 1 axes of x (2, 3), got (2,). Build the layer "
        "for this input.",
    ),
    "a truth as the axes of a layer norm": (
        lambda: F.layer_norm(np.ones((2, 3)), np.ones(3), np.ones(3), axes=True),
        ConfigurationError,
        "layer_norm: expected a number of axes from 1 to 2 for x (2, 3), got True. Try 1.",
    ),
    "axes of a layer norm": (
        lambda: F.layer_norm(np.ones((2, 3)), np.ones(3), np.ones(3), axes=3),
        ConfigurationError,
        "layer_norm: expected a number of axes from 1 to 2 for x (2, 3), got 3. Try 1.",
    ),
    "scale of a batch norm": (
        lambda: F.batch_norm(np.ones((2, 3)), np.ones(2), np.ones(3), np.ones(3), np.ones(3), training=True),
        ShapeError,
        "batch_norm: expected x (N, ..., channels) and scale (channels,), got (2, 3) and (2,). Build the layer for "
        "this input.",
    ),
    "mean of a batch norm": (
        lambda: F.batch_norm(np.ones((2, 3)), np.ones(3), np.ones(3), np.ones(1), np.ones(3), training=True),
        ShapeError,
        "batch_norm: expected x (N, ..., channels) and mean (channels,), got (2, 3) and (1,). Build the layer for "
        "this input.",
    ),
    "variance of a batch norm in inference": (
        lambda: F.batch_norm(np.ones((2, 3)), np.ones(3), np.ones(3), np.ones(3), np.ones(1), training=False),
        ShapeError,
        "batch_norm: expected x (N, ..., channels) and variance (channels,), got (2, 3) and (1,). Build the layer for "
        "this input.",
    ),
    "a batch of one": (
        lambda: F.batch_norm(np.ones((1, 3)), np.ones(3), np.ones(3), np.ones(3), np.ones(3), training=True),
        ShapeError,
        "batch_norm: expected more than one number a channel in training, got x of shape (1, 3). Use a larger batch.",
    ),
    "neighbours": (
        lambda: F.local_response_normalization(np.ones((1, 3)), 0),
        ConfigurationError,
        "local_response_normalization: expected a size of at least 1 channel, got 0. Try 5.",
    ),
    "broadcast": (
        lambda: F.add(np.ones((2, 3)), np.ones(2)),
        ShapeError,
        "add: shapes (2, 3) and (2,) do not broadcast. Sizes must agree from the last axis back, or be 1: reshape one "
        "of them.",
    ),
    "matmul": (
        lambda: F.matmul(np.ones((2, 3)), np.ones((2, 3))),
        ShapeError,
        "matmul: expected the last size of the left input to equal the last but one of the right, got (2, 3) @ (2, 3). "
        "Transpose or reshape one of them.",
    ),
    "matmul of a number": (
        lambda: F.matmul(np.ones((2, 3)), 2.0),
        ShapeError,
        "matmul: expected the last size of the left input to equal the last but one of the right, got (2, 3) @ (). "
        "Transpose or reshape one of them.",
    ),
    "matmul, leading axes": (
        lambda: F.matmul(np.ones((2, 2, 3)), np.ones((3, 3, 4))),
        ShapeError,
        "matmul: the leading axes of (2, 2, 3) and (3, 3, 4) do not broadcast. Sizes must agree from the last of them "
        "back, or be 1.",
    ),
    "affine": (
        lambda: F.affine(np.ones((4, 28, 28)), np.ones((784, 10))),
        ShapeError,
        "affine: expected x (..., inputs) and weight (inputs, outputs), got x (4, 28, 28) and weight (784, 10).",
    ),
    "affine, bias": (
        lambda: F.affine(np.ones((4, 3)), np.ones((3, 2)), np.ones(3)),
        ShapeError,
        "affine: expected a bias of shape (2,), one for each output, got (3,).",
    ),
    "axis of a sum": (
        lambda: F.sum(np.ones((2, 3)), axis=2),
        ShapeError,
        "sum: axis 2 is out of range for an input of 2 axes; use -2 to 1.",
    ),
    "axis of a mean": (
        lambda: F.mean(np.ones((2, 3)), axis=(0, -3)),
        ShapeError,
        "mean: axis -3 is out of range for an input of 2 axes; use -2 to 1.",
    ),
    "mean of nothing": (
        lambda: F.mean(np.ones((0, 3))),
        ShapeError,
        "mean: an input of shape (0, 3) has no elements to average.",
    ),
    "reshape": (
        lambda: F.reshape(np.ones((2, 3)), (4, 2)),
        ShapeError,
        "reshape: 6 elements of shape (2, 3) cannot fill shape (4, 2).",
    ),
    "reshape with a free size": (
        lambda: F.reshape(np.ones((2, 3)), (-1, 4)),
        ShapeError,
        "reshape: 6 elements of shape (2, 3) cannot fill shape (-1, 4).",
    ),
    "transpose": (
        lambda: F.transpose(np.ones((2, 3)), (0, 0)),
        ShapeError,
        "transpose: axes (0, 0) are no order of the 2 axes of shape (2, 3); name each once.",
    ),
    "concatenate": (
        lambda: F.concatenate([np.ones((2, 3)), np.ones((2, 4))]),
        ShapeError,
        "concatenate: shapes (2, 3), (2, 4) differ elsewhere than on axis 0.",
    ),
    "concatenate of nothing": (
        lambda: F.concatenate([]),
        ShapeError,
        "concatenate: expected at least one input, got none.",
    ),
    "a mode of padding": (
        lambda: F.pad(np.ones(3), [(1, 1)], "mirror"),
        ConfigurationError,
        "pad: mode must be one of 'constant', 'edge', 'reflect', 'wrap', got 'mirror'.",
    ),
    "copies of nothing": (
        lambda: F.pad(np.ones((0, 2)), [(1, 1), (0, 0)], "edge"),
        ShapeError,
        "pad: mode 'edge' copies numbers, and an input of shape (0, 2) has none.",
    ),
    "split": (
        lambda: F.split(np.ones((2, 3)), (1, 1), axis=1),
        ShapeError,
        "split: expected sizes that add up to that of axis 1 of shape (2, 3), got (1, 1).",
    ),
    "split along no axis": (
        lambda: F.split(np.ones(3), (3,), axis=1),
        ShapeError,
        "split: expected sizes that add up to that of axis 1 of shape (3,), got (3,).",
    ),
    "broadcast_to": (
        lambda: F.broadcast_to(np.ones((2, 3)), (2, 6)),
        ShapeError,
        "broadcast_to: an input of shape (2, 3) does not repeat to (2, 6). Sizes must agree from the last axis back, "
        "or be 1 in the input.",
    ),
    "broadcast_to fewer axes": (
        lambda: F.broadcast_to(np.ones((1, 3)), (3,)),
        ShapeError,
        "broadcast_to: an input of shape (1, 3) does not repeat to (3,). Sizes must agree from the last axis back, or "
        "be 1 in the input.",
    ),
    "three that do not broadcast": (
        lambda: F.where(np.ones(2, bool), np.ones((2, 3)), np.ones(3)),
        ShapeError,
        "where: shapes (2,) and (2, 3) and (3,) do not broadcast. Sizes must agree from the last axis back, or be 1: "
        "reshape one of them.",
    ),
    "a mask of numbers": (
        lambda: F.where(np.ones(3), np.ones(3), np.ones(3)),
        DataError,
        "where: expected a mask of booleans, got float64. Compare it with something: x > 0.",
    ),
    "bounds": (
        lambda: F.clip(np.ones((2, 3)), np.ones((2, 2, 3))),
        ShapeError,
        "clip: expected bounds that repeat to the input's shape (2, 3), got (2, 2, 3).",
    ),
    "a bound that is no whole number": (
        lambda: F.clip(np.ones(3, np.uint8), -1, 0.5),
        ConfigurationError,
        "clip: expected bounds that uint8 can hold, got -1. Cast the input first.",
    ),
    "an approximation": (
        lambda: F.gelu(np.ones(3), "erf"),
        ConfigurationError,
        "gelu: approximate must be 'none' or 'tanh', got 'erf'.",
    ),
    "a type of no numbers": (
        lambda: F.cast(np.ones(3), str),
        DataError,
        "cast: expected a type of numbers, got <U0. Try float32.",
    ),
    "axis of a maximum": (
        lambda: F.max(np.ones((2, 3)), axis=2),
        ShapeError,
        "max: axis 2 is out of range for an input of 2 axes; use -2 to 1.",
    ),
    "axis of take": (
        lambda: F.take(np.ones((2, 3)), [0], axis=2),
        ShapeError,
        "take: axis 2 is out of range for an input of 2 axes; use -2 to 1.",
    ),
    "fractions as indices": (
        lambda: F.take(np.ones(3), np.array([0.5])),
        DataError,
        "take: expected whole numbers as indices, got float64. Convert them: astype(int).",
    ),
    "an index beyond the axis": (
        lambda: F.take(jnp.ones((2, 3)), [[0, 3]], axis=1),
        IndexError,
        "index 3 is out of range for axis 1 of an array of shape (2, 3)",
    ),
    "index": (
        lambda: F.get_item(np.ones((2, 3)), (0, 3)),
        IndexError,
        "index 3 is out of range for axis 1 of an array of shape (2, 3)",
    ),
    "index into JAX's": (
        lambda: F.get_item(jnp.ones((2, 3)), (0, np.int64(3))),
        IndexError,
        "index 3 is out of range for axis 1 of an array of shape (2, 3)",
    ),
    "indices into JAX's": (
        lambda: F.get_item(jnp.ones(3), jnp.array([[0, -4], [3, 1]])),
        IndexError,
        "index -4 is out of range for axis 0 of an array of shape (3,)",
    ),
    "list of indices": (
        lambda: F.get_item(jnp.ones((2, 3)), [1, 2]),
        IndexError,
        "index 2 is out of range for axis 0 of an array of shape (2, 3)",
    ),
    "an axis too many": (
        lambda: F.get_item(np.ones(2), (0, 0)),
        IndexError,
        "index 0 is out of range for axis 1 of an array of shape (2,)",
    ),
    "maxout of a remainder": (
        lambda: F.maxout(np.ones((2, 5)), 2),
        ShapeError,
        "maxout: expected a last axis that 2 pieces divide, got (2, 5). Give it units x pieces features.",
    ),
    "dropout, rate": (
        lambda: F.dropout(np.ones(3), 1.0),
        ConfigurationError,
        "dropout: expected a rate of at least 0 and below 1, got 1.0. Try 0.5.",
    ),
    "dropout, key": (
        lambda: F.dropout(np.ones(3)),
        ConfigurationError,
        "dropout: training needs a random key, got none. Pass key=, as in model(x, training=True, key=key).",
    ),
    "targets": (
        lambda: F.mean_squared_error(np.ones((4, 1)), np.ones(4)),
        ShapeError,
        "mean_squared_error: expected targets of the prediction's shape (4, 1), got (4,). A column of targets is (N, 1)"
        ": reshape one of them.",
    ),
    "sample weights": (
        lambda: F.huber(np.ones((4, 2)), np.ones((4, 2)), sample_weight=np.ones(3)),
        ShapeError,
        "huber: expected sample_weight of shape (4,), got (3,).",
    ),
    "labels, shape": (
        lambda: F.softmax_cross_entropy(np.ones((4, 3)), np.array([[1], [0], [1], [2]])),
        ShapeError,
        "softmax_cross_entropy: expected labels of shape (4,) or one-hot rows of shape (4, 3), got (4, 1).",
    ),
    "label 10 of 10": (
        lambda: F.softmax_cross_entropy(np.ones((3, 10)), np.array([9, 10, 0])),
        DataError,
        "softmax_cross_entropy: expected labels from 0 to 9 for 10 classes, got 10 in row 1. Relabel them, or give the "
        "last layer more units.",
    ),
    "labels -1": (
        lambda: F.cross_entropy(np.full((3, 2), 0.5), np.array([0, -1, -1])),
        DataError,
        "cross_entropy: expected labels from 0 to 1 for 2 classes, got -1 in row 1 and 1 more. Relabel them, or give "
        "the last layer more units.",
    ),
    "fractional labels": (
        lambda: F.softmax_cross_entropy(np.ones((2, 3)), np.array([0.5, 1.0])),
        DataError,
        "softmax_cross_entropy: expected whole-number labels, got float64 values such as 0.5. Convert them with "
        "astype(int), or use a regression loss (mean_squared_error).",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_message(name):
    call, error, message = CASES[name]
    with pytest.raises(error, match=f"^{re.escape(message)}$") as raised:
        call()
    assert "\n" not in str(raised.value)
    assert issubclass(error, MadiError | IndexError)

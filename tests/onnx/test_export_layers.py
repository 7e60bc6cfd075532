"""Every layer goes out, and onnxruntime answers as madi does."""

from __future__ import annotations

import numpy as np
import pytest

from madi.layers import (
    ELU,
    GELU,
    Auxiliary,
    AveragePool2D,
    BatchNorm,
    Branches,
    ChannelShuffle,
    Clip,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DropConnect,
    Dropout,
    EmbedColumns,
    Embedding,
    Ensemble,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    HardSigmoid,
    Identity,
    LayerNorm,
    LeakyReLU,
    LocalResponseNormalization,
    LogSoftmax,
    Maxout,
    MaxPool2D,
    Pad,
    Permute,
    PReLU,
    Product,
    Recompute,
    ReLU,
    Reshape,
    Residual,
    Scale,
    Sequential,
    Sigmoid,
    Softmax,
    Softplus,
    Step,
    Sum,
    Tanh,
    ZeroPad,
)
from madi.layers.registry import LAYERS
from tests.onnx.written import assert_runs_alike, shaken

pytest.importorskip("onnxruntime")

ROW, IMAGE = (6,), (7, 5, 4)

# Layers that take rows and images alike are written for both: for images in ONNX's own order of axes.
ANY = (
    Identity(), Step(), Sigmoid(), Tanh(), ReLU(), LeakyReLU(0.2), Softmax(), LogSoftmax(), ELU(0.7), HardSigmoid(),
    Softplus(), GELU(), GELU("tanh"), PReLU(), Clip(-0.5, 0.5), Clip(high=0.3), Scale(), BatchNorm(eps=0.01),
    LayerNorm(eps=0.01), Dropout(0.3), Recompute(Tanh()), Auxiliary(Dense(2)), Residual(Tanh()), Maxout(3, 2),
    Residual(Dense(3), Dense(3)), Branches(Tanh(), Dense(2)), Sum(Tanh(), Identity()), Product(Sigmoid(), Identity()),
    Dense(3), Dense(3, bias=False), DropConnect(3), Flatten(), Sequential(), Sequential(Dense(3), Tanh()),
    Ensemble(Dense(3), Dense(3)), Ensemble(Dense(3), Dense(3), average="sigmoid"),
    Ensemble(Dense(3), Dense(3), average="outputs"), ChannelShuffle(2),
)  # fmt: skip
OF_IMAGES = (
    Conv2D(3, 3), Conv2D(3, (2, 3), stride=(2, 1), padding="valid"), Conv2D(4, 4, stride=3, padding="same", bias=False),
    Conv2D(4, 3, padding=((1, 0), (2, 3)), groups=2), Conv2D(3, 2, dilation=2), Conv2DTranspose(3, 3),
    Conv2DTranspose(3, 3, stride=2, padding="same"), Conv2DTranspose(4, 2, stride=3, padding=0),
    Conv2DTranspose(4, 3, stride=2, padding=1, output_padding=1, groups=2), MaxPool2D(2), MaxPool2D(3, 2, 1),
    MaxPool2D(3, 2, "same"), MaxPool2D(2, ceil_mode=True), AveragePool2D(2), AveragePool2D(3, 2, 1),
    AveragePool2D(3, 2, 1, count_padding=False), AveragePool2D((3, 2), 2, 1, ceil_mode=True),
    AveragePool2D(2, ceil_mode=True, count_padding=False), GlobalAveragePool(), GlobalMaxPool(), ZeroPad(1, (0, 2), 1),
    Pad(((1, 0), (2, 1), (0, 0)), value=0.5), Pad(((1, 2), (0, 3), (0, 1)), "edge"),
    Pad(((1, 2), (0, 3), (0, 1)), "reflect"), Pad(((1, 2), (0, 3), (0, 1)), "wrap"),
    Pad(((9, 0), (0, 0), (0, 0)), "reflect"), LocalResponseNormalization(3, alpha=2.0), Reshape(35, 4), Reshape(-1, 2),
    LocalResponseNormalization(4, alpha=2.0), Permute(2, 0, 1),
)  # fmt: skip
OF_CODES = ((Embedding(5, 3), (2,)), (EmbedColumns([(0, 5, 3), (3, 5, 2)]), (4,)), (EmbedColumns([(1, 5, 2)]), (3,)))


def named(entry):
    return repr(entry)[:60]


def image_first(layer):
    """The layer where images lie channels first already: behind a convolution."""
    return Sequential(Conv2D(4, 1), layer)


@pytest.mark.parametrize("layer", ANY, ids=named)
def test_of_rows(layer):
    x = np.random.default_rng(0).normal(size=(3, *ROW)).astype(np.float32)
    assert_runs_alike(shaken(layer.build(ROW)), x)


@pytest.mark.parametrize("layer", [*ANY, *OF_IMAGES], ids=named)
def test_of_images(layer):
    x = np.random.default_rng(1).normal(size=(3, *IMAGE)).astype(np.float32)
    assert_runs_alike(shaken(layer.build(IMAGE)), x)
    assert_runs_alike(shaken(image_first(layer).build(IMAGE)), x)


@pytest.mark.parametrize(("layer", "shape"), OF_CODES, ids=lambda entry: repr(entry)[:40])
def test_of_codes(layer, shape):
    codes = np.random.default_rng(2).integers(0, 5, (3, *shape)).astype(np.float32)
    assert_runs_alike(shaken(layer.build(shape)), codes)


def test_no_layer_is_left_out():
    written = {type(layer).__name__ for layer in (*ANY, *OF_IMAGES, *(layer for layer, _ in OF_CODES))}
    assert written == set(LAYERS)

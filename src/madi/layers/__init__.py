"""Layers: parameters and the nodes they take part in; containers; save and load."""

# ruff: noqa: F401 (this module is the list of all layers)
from __future__ import annotations

from madi.layers.activations import (
    ACTIVATIONS,
    ELU,
    GELU,
    Clip,
    HardSigmoid,
    Identity,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    Softmax,
    Softplus,
    Step,
    Tanh,
)
from madi.layers.base import Layer
from madi.layers.calling import observing_layers, running_layers
from madi.layers.composition import Auxiliary, Branches, Product, Residual, Sum, auxiliary_outputs
from madi.layers.containers import Sequential
from madi.layers.convolution import Conv2D, ZeroPad
from madi.layers.dense import Dense
from madi.layers.dropconnect import DropConnect
from madi.layers.dropout import Dropout
from madi.layers.embedding import EmbedColumns, Embedding
from madi.layers.ensemble import Ensemble
from madi.layers.maxout import Maxout
from madi.layers.normalization import BatchNorm, LayerNorm, LocalResponseNormalization
from madi.layers.pooling import AveragePool2D, GlobalAveragePool, GlobalMaxPool, MaxPool2D
from madi.layers.recomputation import Recompute
from madi.layers.registry import register
from madi.layers.saving import ModelMetadata, load, read_metadata, save
from madi.layers.scaling import PReLU, Scale
from madi.layers.shaping import ChannelShuffle, Flatten, Pad, Permute, Reshape
from madi.layers.summary import Summary
from madi.layers.transposed_convolution import Conv2DTranspose

_OF_ROWS = (Dense, DropConnect, EmbedColumns, Embedding, Maxout)
_COMPOSED = (Auxiliary, Branches, Ensemble, Product, Recompute, Residual, Sequential, Sum)
_OF_IMAGES = (AveragePool2D, Conv2D, Conv2DTranspose, GlobalAveragePool, GlobalMaxPool, MaxPool2D, ZeroPad)
_NORMALIZATIONS = (BatchNorm, LayerNorm, LocalResponseNormalization)
_ELEMENTWISE = (*ACTIVATIONS.values(), Clip, PReLU, Scale)
_OF_SHAPES = (ChannelShuffle, Flatten, Pad, Permute, Reshape)

for _layer in (*_OF_ROWS, Dropout, *_COMPOSED, *_OF_IMAGES, *_NORMALIZATIONS, *_ELEMENTWISE, *_OF_SHAPES):
    register(_layer)

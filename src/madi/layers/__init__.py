"""Layers: parameters and the nodes they take part in; containers; save and load."""

# ruff: noqa: F401 (this module is the list of all layers)
from __future__ import annotations

from madi.layers.activations import ACTIVATIONS, Identity, LeakyReLU, ReLU, Sigmoid, Softmax, Step, Tanh
from madi.layers.base import Layer
from madi.layers.calling import observing_layers, running_layers
from madi.layers.composition import Auxiliary, Branches, Residual, auxiliary_outputs
from madi.layers.containers import Sequential
from madi.layers.convolution import Conv2D, ZeroPad
from madi.layers.dense import Dense
from madi.layers.dropconnect import DropConnect
from madi.layers.dropout import Dropout
from madi.layers.embedding import EmbedColumns, Embedding
from madi.layers.ensemble import Ensemble
from madi.layers.maxout import Maxout
from madi.layers.normalization import BatchNorm, LocalResponseNormalization
from madi.layers.pooling import AveragePool2D, GlobalAveragePool, MaxPool2D
from madi.layers.recomputation import Recompute
from madi.layers.registry import register
from madi.layers.saving import ModelMetadata, load, read_metadata, save
from madi.layers.shaping import Flatten
from madi.layers.summary import Summary

_OF_ROWS = (Dense, DropConnect, EmbedColumns, Embedding, Maxout)
_COMPOSED = (Auxiliary, Branches, Ensemble, Recompute, Residual, Sequential)
_OF_IMAGES = (AveragePool2D, Conv2D, GlobalAveragePool, MaxPool2D, ZeroPad)
_NORMALIZATIONS = (BatchNorm, LocalResponseNormalization)

for _layer in (*_OF_ROWS, Dropout, Flatten, *_COMPOSED, *_OF_IMAGES, *_NORMALIZATIONS, *ACTIVATIONS.values()):
    register(_layer)

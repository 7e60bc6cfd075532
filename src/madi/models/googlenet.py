"""GoogLeNet: 22 layers of inception modules; 6.7% top-5 error, first in ILSVRC 2014."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from madi.errors import ConfigurationError
from madi.layers import (
    Auxiliary,
    AveragePool2D,
    BatchNorm,
    Branches,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    LocalResponseNormalization,
    MaxPool2D,
    ReLU,
    Sequential,
)

# Filters of each inception module: 1x1; 3x3 and the 1x1 before it; 5x5 and the 1x1 before it; 1x1 after the pooling.
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
WITH_HEAD = ("4a", "4d")


def googlenet(
    outputs: int = 1000, *, auxiliary: bool = False, small: bool = False, stages: int = 3, batch_norm: bool = False,
    dropout: float = 0.4,
) -> Sequential:  # fmt: skip
    """GoogLeNet: a stem, nine inception modules in three stages, the mean of each channel, one dense layer.

    outputs      number of logits
    auxiliary    whether the two auxiliary heads of training are there, whose losses count 0.3 each; see `Auxiliary`.
                 They need images of at least 80 pixels
    small        a stem for images of about 32 pixels: one 3x3 convolution of 192 filters at stride 1, and the pooling
                 that ends the paper's stem
    stages       how many of the three stages of inception modules there are; the image is halved between them
    batch_norm   whether a BatchNorm stands before each ReLU of a convolution (Ioffe and Szegedy, 2015)
    dropout      rate before the last layer

    Szegedy et al., 2014: 5x5 convolutions, biases, local response normalization, no batch norm unless asked for.  On
    224 x 224 x 3 it has 6,998,552 parameters, 13,378,280 with the auxiliary heads.
    """
    if stages not in (1, 2, 3):
        raise ConfigurationError(f"googlenet: stages must be 1, 2 or 3, got {stages!r}. Try 3.")
    stem = (*_convolution(192, 3, batch_norm), _pool()) if small else tuple(_stem(batch_norm))
    body = [_stage(number, outputs, auxiliary, batch_norm) for number in ("3", "4", "5")[:stages]]
    pooled = [layer for stage in body for layer in (_pool(), stage)][1:]
    return Sequential(*stem, *pooled, GlobalAveragePool(), Dropout(dropout), Dense(outputs))


def _stem(batch_norm: bool) -> Iterator[Layer]:
    yield from _convolution(64, 7, batch_norm, stride=2, padding=3)
    yield from (_pool(), LocalResponseNormalization())
    yield from (*_convolution(64, 1, batch_norm), *_convolution(192, 3, batch_norm))
    yield from (LocalResponseNormalization(), _pool())


def _pool() -> Layer:
    return MaxPool2D(3, stride=2, ceil_mode=True)


def _stage(number: str, outputs: int, auxiliary: bool, batch_norm: bool) -> Sequential:
    """The inception modules of one stage, with the heads that belong between them."""
    layers: list[Layer] = []
    for name, filters in MODULES.items():
        if name.startswith(number):
            layers.append(inception(*filters, batch_norm=batch_norm))
            layers += [Auxiliary(_head(outputs, batch_norm), 0.3)] if auxiliary and name in WITH_HEAD else []
    return Sequential(*layers)


def inception(
    one: int, three_before: int, three: int, five_before: int, five: int, pooled: int, *, batch_norm: bool = False
) -> Branches:
    """An inception module: 1x1, 3x3 and 5x5 convolutions and a pooling side by side, 1x1 ones to spare arithmetic."""
    return Branches(
        Sequential(*_convolution(one, 1, batch_norm)),
        Sequential(*_convolution(three_before, 1, batch_norm), *_convolution(three, 3, batch_norm)),
        Sequential(*_convolution(five_before, 1, batch_norm), *_convolution(five, 5, batch_norm)),
        Sequential(MaxPool2D(3, stride=1, padding=1), *_convolution(pooled, 1, batch_norm)),
    )


def _head(outputs: int, batch_norm: bool) -> Sequential:
    """An auxiliary head: mean pooling, a 1x1 convolution, 1024 units, 70% dropout."""
    hidden = (Flatten(), Dense(1024), ReLU(), Dropout(0.7))
    return Sequential(AveragePool2D(5, stride=3), *_convolution(128, 1, batch_norm), *hidden, Dense(outputs))


def _convolution(filters: int, size: int, batch_norm: bool, **options: Any) -> tuple[Layer, ...]:
    return Conv2D(filters, size, **options), *([BatchNorm()] if batch_norm else []), ReLU()

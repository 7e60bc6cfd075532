"""GoogLeNet: 22 layers of inception modules; 6.7% top-5 error, first in ILSVRC 2014."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from madi.errors import ConfigurationError, unknown_name
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
VERSIONS = ("paper", "torchvision")


class Style(NamedTuple):
    """What the versions differ in.

    convolution   (filters, size, **options) -> a convolution and what follows it
    widest        side of the kernels that look furthest
    last_pool     side of the pooling before the last stage
    response      whether the stem has local response normalization
    """

    convolution: Callable[..., tuple[Layer, ...]]
    widest: int = 5
    last_pool: int = 3
    response: bool = True


def googlenet(
    outputs: int = 1000, *, auxiliary: bool = False, small: bool = False, stages: int = 3, batch_norm: bool = False,
    dropout: float = 0.4, version: str = "paper",
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
    version      "paper", or "torchvision", whose weights are published: a batch norm (ε = 1e-3) in place of each bias,
                 3x3 convolutions in place of the 5x5 ones, no local response normalization, and 2x2 pooling before the
                 last stage

    Szegedy et al., 2014: 5x5 convolutions, biases, local response normalization, no batch norm unless asked for.  On
    224 x 224 x 3 it has 6,998,552 parameters, 13,378,280 with the auxiliary heads; torchvision's version has 6,624,904
    and 13,004,888.  The auxiliary heads' pooling is the paper's in both.
    """
    if stages not in (1, 2, 3):
        raise ConfigurationError(f"googlenet: stages must be 1, 2 or 3, got {stages!r}. Try 3.")
    if version not in VERSIONS:
        raise unknown_name("version of googlenet", version, VERSIONS)
    style = STYLES[version, batch_norm]
    stem = (*style.convolution(192, 3), _pool(3)) if small else tuple(_stem(style))
    body: list[Layer] = []
    for number in ("3", "4", "5")[:stages]:
        body += [_pool(style.last_pool if number == "5" else 3)] if body else []
        body.append(_stage(number, outputs, auxiliary, style))
    return Sequential(*stem, *body, GlobalAveragePool(), Dropout(dropout), Dense(outputs))


def _stem(style: Style) -> Iterator[Layer]:
    yield from (*style.convolution(64, 7, stride=2, padding=3), _pool(3), *_response(style))
    yield from (*style.convolution(64, 1), *style.convolution(192, 3), *_response(style), _pool(3))


def _response(style: Style) -> tuple[Layer, ...]:
    return (LocalResponseNormalization(),) if style.response else ()


def _pool(size: int) -> Layer:
    return MaxPool2D(size, stride=2, ceil_mode=True)


def _stage(number: str, outputs: int, auxiliary: bool, style: Style) -> Sequential:
    """The inception modules of one stage, with the heads that belong between them."""
    layers: list[Layer] = []
    for name, filters in MODULES.items():
        if name.startswith(number):
            layers.append(inception(*filters, style=style))
            layers += [Auxiliary(_head(outputs, style), 0.3)] if auxiliary and name in WITH_HEAD else []
    return Sequential(*layers)


def inception(
    one: int, three_before: int, three: int, five_before: int, five: int, pooled: int, *, style: Style
) -> Branches:  # fmt: skip
    """An inception module: 1x1, 3x3 and 5x5 convolutions and a pooling side by side, 1x1 ones to spare arithmetic."""
    convolution = style.convolution
    return Branches(
        Sequential(*convolution(one, 1)),
        Sequential(*convolution(three_before, 1), *convolution(three, 3)),
        Sequential(*convolution(five_before, 1), *convolution(five, style.widest)),
        Sequential(MaxPool2D(3, stride=1, padding=1), *convolution(pooled, 1)),
    )


def _head(outputs: int, style: Style) -> Sequential:
    """An auxiliary head: mean pooling, a 1x1 convolution, 1024 units, 70% dropout."""
    hidden = (Flatten(), Dense(1024), ReLU(), Dropout(0.7))
    return Sequential(AveragePool2D(5, stride=3), *style.convolution(128, 1), *hidden, Dense(outputs))


def _plain(filters: int, size: int, **options: Any) -> tuple[Layer, ...]:
    return Conv2D(filters, size, **options), ReLU()


def _normalized(filters: int, size: int, **options: Any) -> tuple[Layer, ...]:
    return Conv2D(filters, size, **options), BatchNorm(), ReLU()


def _without_bias(filters: int, size: int, **options: Any) -> tuple[Layer, ...]:
    return Conv2D(filters, size, bias=False, **options), BatchNorm(eps=1e-3), ReLU()


_LATER = Style(_without_bias, widest=3, last_pool=2, response=False)
STYLES = {  # by version and batch_norm
    ("paper", False): Style(_plain), ("paper", True): Style(_normalized),
    ("torchvision", False): _LATER, ("torchvision", True): _LATER,
}  # fmt: skip

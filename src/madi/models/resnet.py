"""ResNet: skip connections, and with them depth; 3.57% top-5 error, first in ILSVRC 2015.

He et al., 2015, "Deep residual learning for image recognition".  Convolutions have no bias: a batch norm follows each.
"""

from __future__ import annotations

from collections.abc import Callable

from madi.errors import ConfigurationError, unknown_name
from madi.layers import (
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    GlobalAveragePool,
    Layer,
    MaxPool2D,
    ReLU,
    Residual,
    Sequential,
    ZeroPad,
)

# Blocks in each of the four stages; from 50 layers on the blocks are bottlenecks.
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
BOTTLENECKS = 50
VERSIONS = ("v1.5", "paper")
SHORTCUTS = ("A", "B")

Shortcut = Callable[[int, int], Layer]  # (filters, stride) -> a layer that x passes to meet the body's output


def resnet18(outputs: int = 1000) -> Sequential:
    """ResNet of 18 layers with weights: 11,689,512 parameters.  See `resnet`."""
    return resnet(18, outputs)


def resnet34(outputs: int = 1000) -> Sequential:
    """ResNet of 34 layers with weights: 21,797,672 parameters.  See `resnet`."""
    return resnet(34, outputs)


def resnet50(outputs: int = 1000, *, version: str = "v1.5") -> Sequential:
    """ResNet of 50 layers with weights: 25,557,032 parameters.  See `resnet`."""
    return resnet(50, outputs, version=version)


def resnet101(outputs: int = 1000, *, version: str = "v1.5") -> Sequential:
    """ResNet of 101 layers with weights: 44,549,160 parameters.  See `resnet`."""
    return resnet(101, outputs, version=version)


def resnet152(outputs: int = 1000, *, version: str = "v1.5") -> Sequential:
    """ResNet of 152 layers with weights: 60,192,808 parameters.  See `resnet`."""
    return resnet(152, outputs, version=version)


def resnet(depth: int, outputs: int, *, version: str = "v1.5") -> Sequential:
    """ResNet of 18, 34, 50, 101 or 152 layers with weights, for colour images of about 224 pixels, or of any size.

    outputs    number of logits
    version    which convolution of a bottleneck has the stride 2 that begins a stage: "v1.5" the 3x3 one, as most
               programs and published weights have it; "paper" the first 1x1 one.  Both have the same parameters

    Shortcuts that change shape are 1x1 convolutions with batch norm (the paper's option B).
    """
    if version not in VERSIONS:
        raise unknown_name("version of resnet", version, VERSIONS)
    layers: list[Layer] = [*_convolution(64, 7, 2), ReLU(), MaxPool2D(3, stride=2, padding=1)]
    inputs = 64
    for stage, count in enumerate(BLOCKS[depth]):
        filters = 64 * 2**stage
        width = filters if depth < BOTTLENECKS else 4 * filters
        for number in range(count):
            stride = 2 if stage and not number else 1
            body = basic_body(filters, stride) if depth < BOTTLENECKS else bottleneck_body(filters, stride, version)
            layers.append(_block(body, None if (inputs, stride) == (width, 1) else _projection(width, stride)))
            inputs = width
    return Sequential(*layers, GlobalAveragePool(), Dense(outputs))


def resnet_cifar(depth: int = 20, outputs: int = 10, *, shortcut: str = "A") -> Sequential:
    """The paper's narrow ResNet for images of 32 pixels: three stages of 16, 32 and 64 filters.

    depth       layers with weights: 6 n + 2 for n blocks a stage; the paper's are 20, 32, 44, 56 and 110
    outputs     number of logits
    shortcut    where a stage begins: "A" every second pixel and channels of zeros, without parameters, as the paper's;
                "B" a 1x1 convolution with batch norm

    With "A" the depths above have 269,722, 464,154, 658,586, 853,018 and 1,727,962 parameters, with "B" 2,752 more.

    >>> resnet_cifar(20).build((32, 32, 3)).summary().parameters
    269722
    """
    if depth < 8 or (depth - 2) % 6:
        raise ConfigurationError(f"resnet_cifar: depth must be 6 n + 2, such as 20, 32, 44, 56 or 110, got {depth!r}.")
    if shortcut not in SHORTCUTS:
        raise unknown_name("shortcut of resnet_cifar", shortcut, SHORTCUTS)
    change = _subsampling if shortcut == "A" else _projection
    layers: list[Layer] = [*_convolution(16, 3), ReLU()]
    for filters in (16, 32, 64):
        for number in range((depth - 2) // 6):
            begins = filters > 16 and not number
            body = basic_body(filters, 2 if begins else 1)
            layers.append(_block(body, change(filters, 2) if begins else None))
    return Sequential(*layers, GlobalAveragePool(), Dense(outputs))


def basic_body(filters: int, stride: int) -> Sequential:
    """Two 3x3 convolutions with batch norm, a ReLU between them."""
    return Sequential(*_convolution(filters, 3, stride), ReLU(), *_convolution(filters, 3))


def bottleneck_body(filters: int, stride: int, version: str) -> Sequential:
    """1x1, 3x3 and 1x1 convolutions with batch norm, the last one four times as wide; ReLU between them."""
    first, second = (1, stride) if version == "v1.5" else (stride, 1)
    narrow = (*_convolution(filters, 1, first), ReLU(), *_convolution(filters, 3, second), ReLU())
    return Sequential(*narrow, *_convolution(4 * filters, 1))


def _block(body: Sequential, shortcut: Layer | None) -> Sequential:
    return Sequential(Residual(body, shortcut), ReLU())


def _projection(filters: int, stride: int) -> Layer:
    return Sequential(*_convolution(filters, 1, stride))


def _subsampling(filters: int, stride: int) -> Layer:
    """Every second pixel of x, and as many channels of zeros behind its own."""
    return Sequential(AveragePool2D(1, stride=stride), ZeroPad(channels=(0, filters // 2)))


def _convolution(filters: int, size: int, stride: int = 1) -> tuple[Layer, Layer]:
    return Conv2D(filters, size, stride, padding=size // 2, bias=False), BatchNorm()

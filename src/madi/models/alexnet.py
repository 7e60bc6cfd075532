"""AlexNet: the network that won ILSVRC 2012 with 16.4% top-5 error, ten points ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from madi.errors import unknown_name
from madi.layers import Conv2D, Dense, Dropout, Flatten, Layer, LocalResponseNormalization, MaxPool2D, ReLU, Sequential
from madi.models.convnets import dense_head

VERSIONS = ("paper", "torchvision")


def alexnet(
    outputs: int = 1000, *, groups: int | None = None, hidden: int | Sequence[int] = (4096, 4096),
    dropout: float = 0.5, version: str = "paper",
) -> Sequential:  # fmt: skip
    """AlexNet: five convolutions, overlapping pooling, local response normalization, two hidden layers of 4096.

    outputs    number of logits
    groups     in the second, fourth and fifth convolution; left out 2 in the paper's version, which splits them over
               two GPUs, and 1 in torchvision's
    hidden     units of the dense layers before the last
    dropout    its rate: after each of these layers in the paper's version, before each in torchvision's
    version    "paper", or "torchvision", whose weights are published: 64, 192, 384, 256 and 256 filters, no local
               response normalization (Krizhevsky, 2014, "One weird trick for parallelizing convolutional networks")

    Images of 227 x 227 x 3 are the paper's (which says 224), of 224 torchvision's; at least 67 and 63 pixels it takes.
    60,965,224 parameters; torchvision's has 61,100,840.
    Krizhevsky, Sutskever and Hinton, 2012.  They do not divide α = 1e-4 by the 5 channels of the sum: here it is 5e-4.
    """
    if version not in VERSIONS:
        raise unknown_name("version of alexnet", version, VERSIONS)
    if version == "paper":
        head = dense_head(hidden, outputs, dropout=dropout)
        return Sequential(*_paper_features(2 if groups is None else groups), Flatten(), *head)
    return Sequential(
        *_later_features(1 if groups is None else groups), Flatten(), *_later_head(hidden, outputs, dropout)
    )


def _paper_features(groups: int) -> Iterator[Layer]:
    yield from (Conv2D(96, 11, stride=4, padding="valid"), ReLU(), _response(), MaxPool2D(3, stride=2))
    yield from (Conv2D(256, 5, padding=2, groups=groups), ReLU(), _response(), MaxPool2D(3, stride=2))
    yield from (Conv2D(384, 3, padding=1), ReLU())
    yield from (Conv2D(384, 3, padding=1, groups=groups), ReLU())
    yield from (Conv2D(256, 3, padding=1, groups=groups), ReLU(), MaxPool2D(3, stride=2))


def _later_features(groups: int) -> Iterator[Layer]:
    yield from (Conv2D(64, 11, stride=4, padding=2), ReLU(), MaxPool2D(3, stride=2))
    yield from (Conv2D(192, 5, padding=2, groups=groups), ReLU(), MaxPool2D(3, stride=2))
    yield from (Conv2D(384, 3, padding=1), ReLU())
    yield from (Conv2D(256, 3, padding=1, groups=groups), ReLU())
    yield from (Conv2D(256, 3, padding=1, groups=groups), ReLU(), MaxPool2D(3, stride=2))


def _later_head(hidden: int | Sequence[int], outputs: int, dropout: float) -> Iterator[Layer]:
    for units in (hidden,) if isinstance(hidden, (int, np.integer)) else hidden:
        yield from (Dropout(dropout), Dense(units), ReLU())
    yield Dense(outputs)


def _response() -> Layer:
    return LocalResponseNormalization(5, alpha=5e-4, beta=0.75, k=2.0)

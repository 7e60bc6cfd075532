"""Small convolutional networks for digits: the course's two, and LeNet-5."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from madi.layers import (
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool2D,
    ReLU,
    Sequential,
    Tanh,
)


def simple_convnet(
    outputs: int = 10, *, filters: int = 30, kernel_size: int = 5, hidden: int | Sequence[int] = (100,),
    initializer: Any = "he",
) -> Sequential:  # fmt: skip
    """Convolution - ReLU - pooling - dense - ReLU - dense: the course's first convolutional network.

    outputs        number of logits
    filters        of the convolution, each kernel_size x kernel_size pixels, without padding
    hidden         units of the dense layers before the last
    initializer    of all weights; the book draws them from Normal(0.01)

    Saito, "Deep Learning from Scratch" (2016), 7.5.  On 28 x 28 x 1 it has 433,890 parameters.

    >>> simple_convnet().build((28, 28, 1)).summary().parameters
    433890
    """
    head = dense_head(hidden, outputs, initializer=initializer)
    first = Conv2D(filters, kernel_size, padding="valid", initializer=initializer)
    return Sequential(first, ReLU(), MaxPool2D(2), Flatten(), *head)


def deep_convnet(
    outputs: int = 10, *, dropout: float = 0.5, batch_norm: bool = False, initializer: Any = "he"
) -> Sequential:
    """Six 3x3 convolutions (16-16-pool-32-32-pool-64-64-pool), 50 units, dropout: the course's deep network for MNIST.

    outputs        number of logits
    dropout        rate after the 50 units, and after the last layer as in the book; 0 leaves both out
    batch_norm     whether a BatchNorm stands before the ReLU of each convolution, which has no bias then
    initializer    of all weights

    Saito, "Deep Learning from Scratch" (2016), 8.1: 99.38% of the test digits.  The fourth convolution is padded by 2,
    the others by 1, so that 28 pixels become 14, 8 and 4: 123,552 parameters.

    >>> deep_convnet().build((28, 28, 1)).summary().parameters
    123552
    """
    convolutions = (
        layer
        for filters, second in ((16, 1), (32, 2), (64, 1))
        for layer in (
            *_convolution(filters, 1, batch_norm, initializer),
            *_convolution(filters, second, batch_norm, initializer),
            MaxPool2D(2),
        )
    )
    head = dense_head(50, outputs, dropout=dropout, initializer=initializer)
    return Sequential(*convolutions, Flatten(), *head, *([Dropout(dropout)] if dropout else []))


def _convolution(filters: int, padding: int, batch_norm: bool, initializer: Any) -> tuple[Layer, ...]:
    made = Conv2D(filters, 3, padding=padding, bias=not batch_norm, initializer=initializer)
    return (made, *([BatchNorm()] if batch_norm else []), ReLU())


def lenet5(outputs: int = 10, *, padding: int = 2) -> Sequential:
    """LeNet-5: convolutions of 6 and 16 filters of 5x5, mean pooling, 120 and 84 units, tanh.

    outputs    number of logits
    padding    of the first convolution: 2 makes of 28 pixels the 32 of the original; 0 for images of 32

    LeCun, Bottou, Bengio and Haffner, 1998, with full connections in the second convolution, plain mean pooling, and a
    dense last layer in place of their radial units: 61,706 parameters.

    >>> lenet5().build((28, 28, 1)).summary().parameters
    61706
    """
    first = Conv2D(6, 5, padding=padding, initializer="xavier")
    second = Conv2D(16, 5, padding="valid", initializer="xavier")
    units = [layer for count in (120, 84) for layer in (Dense(count, initializer="xavier"), Tanh())]
    last = Dense(outputs, initializer="xavier")
    return Sequential(
        first, Tanh(), AveragePool2D(2), second, Tanh(), AveragePool2D(2), Flatten(), *units, last
    )  # fmt: skip


def dense_head(
    hidden: int | Sequence[int], outputs: int, *, dropout: float = 0.0, initializer: Any = "he"
) -> Iterator[Layer]:
    """Dense layers with ReLU, each followed by dropout where there is any, and a last one for the logits."""
    for units in (hidden,) if isinstance(hidden, (int, np.integer)) else hidden:
        yield Dense(units, initializer=initializer)
        yield ReLU()
        if dropout:
            yield Dropout(dropout)
    yield Dense(outputs, initializer=initializer)

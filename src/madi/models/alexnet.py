"""AlexNet: the network that won ILSVRC 2012 with 16.4% top-5 error, ten points ahead."""

from __future__ import annotations

from collections.abc import Sequence

from madi.layers import Conv2D, Flatten, Layer, LocalResponseNormalization, MaxPool2D, ReLU, Sequential
from madi.models.convnets import dense_head


def alexnet(
    outputs: int = 1000, *, groups: int = 2, hidden: int | Sequence[int] = (4096, 4096), dropout: float = 0.5
) -> Sequential:
    """AlexNet: five convolutions, overlapping pooling, local response normalization, two hidden layers of 4096.

    outputs    number of logits
    groups     in the second, fourth and fifth convolution: 2, as the paper splits them over two GPUs
    hidden     units of the dense layers before the last, each followed by dropout
    dropout    its rate

    Images of 227 x 227 x 3 are the paper's (which says 224); at least 67 pixels are needed.  60,965,224 parameters.
    Krizhevsky, Sutskever and Hinton, 2012.  They do not divide α = 1e-4 by the 5 channels of the sum: here it is 5e-4.
    """
    features: list[Layer] = [
        *(Conv2D(96, 11, stride=4, padding="valid"), ReLU(), _response(), MaxPool2D(3, stride=2)),
        *(Conv2D(256, 5, padding=2, groups=groups), ReLU(), _response(), MaxPool2D(3, stride=2)),
        *(Conv2D(384, 3, padding=1), ReLU()),
        *(Conv2D(384, 3, padding=1, groups=groups), ReLU()),
        *(Conv2D(256, 3, padding=1, groups=groups), ReLU(), MaxPool2D(3, stride=2)),
    ]
    return Sequential(*features, Flatten(), *dense_head(hidden, outputs, dropout=dropout))


def _response() -> Layer:
    return LocalResponseNormalization(5, alpha=5e-4, beta=0.75, k=2.0)

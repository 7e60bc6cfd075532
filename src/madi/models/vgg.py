"""VGG: nothing but 3x3 convolutions, and depth; 7.3% top-5 error in ILSVRC 2014."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from madi.layers import BatchNorm, Conv2D, Flatten, Layer, MaxPool2D, ReLU, Sequential
from madi.models.convnets import dense_head

# How many 3x3 convolutions stand before each of the five poolings; the paper's configurations A, B, D and E.
CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
FILTERS = (64, 128, 256, 512, 512)

Hidden = int | Sequence[int]


def vgg11(
    outputs: int = 1000, *, batch_norm: bool = False, hidden: Hidden = (4096, 4096), dropout: float = 0.5
) -> Sequential:
    """VGG of 11 layers with weights: 132,863,336 parameters on 224 x 224 x 3.  Options as of `vgg`."""
    return vgg(11, outputs, batch_norm=batch_norm, hidden=hidden, dropout=dropout)


def vgg13(
    outputs: int = 1000, *, batch_norm: bool = False, hidden: Hidden = (4096, 4096), dropout: float = 0.5
) -> Sequential:
    """VGG of 13 layers with weights: 133,047,848 parameters on 224 x 224 x 3.  Options as of `vgg`."""
    return vgg(13, outputs, batch_norm=batch_norm, hidden=hidden, dropout=dropout)


def vgg16(
    outputs: int = 1000, *, batch_norm: bool = False, hidden: Hidden = (4096, 4096), dropout: float = 0.5
) -> Sequential:
    """VGG of 16 layers with weights: 138,357,544 parameters on 224 x 224 x 3.  Options as of `vgg`."""
    return vgg(16, outputs, batch_norm=batch_norm, hidden=hidden, dropout=dropout)


def vgg19(
    outputs: int = 1000, *, batch_norm: bool = False, hidden: Hidden = (4096, 4096), dropout: float = 0.5
) -> Sequential:
    """VGG of 19 layers with weights: 143,667,240 parameters on 224 x 224 x 3.  Options as of `vgg`."""
    return vgg(19, outputs, batch_norm=batch_norm, hidden=hidden, dropout=dropout)


def vgg(depth: int, outputs: int, *, batch_norm: bool, hidden: Hidden, dropout: float) -> Sequential:
    """VGG of 11, 13, 16 or 19 layers with weights, for images of at least 32 pixels.

    outputs       number of logits
    batch_norm    whether a BatchNorm stands before each ReLU of a convolution, whose bias stays, as PyTorch's has it
    hidden        units of the dense layers before the last; () on 32 x 32 images leaves one layer of 512 to `outputs`
    dropout       rate after each of them

    Simonyan and Zisserman, 2014.
    """
    features = (
        layer
        for filters, count in zip(FILTERS, CONVOLUTIONS[depth], strict=True)
        for layer in (*_convolutions(filters, count, batch_norm), MaxPool2D(2))
    )
    return Sequential(*features, Flatten(), *dense_head(hidden, outputs, dropout=dropout))


def _convolutions(filters: int, count: int, batch_norm: bool) -> Iterator[Layer]:
    for _ in range(count):
        yield Conv2D(filters, 3)
        if batch_norm:
            yield BatchNorm()
        yield ReLU()

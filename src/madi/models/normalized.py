"""What published weights expect of their images: colours of mean 0 and deviation 1, not numbers in 0..1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from madi.errors import expect_shape
from madi.layers import Branches, Scale, Sequential


class Colours(NamedTuple):
    """Mean and deviation of red, green and blue, in images of 0..1."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


IMAGENET = Colours((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
EVEN = Colours((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def normalized(
    model: Sequential, *, mean: Sequence[float] | None = None, deviation: Sequence[float] | None = None
) -> Sequential:  # fmt: skip
    """The built network behind a layer that turns images in 0..1 into what the published weights were trained on.

        x -> (x - mean) / deviation, channel by channel, before the network's first layer

    mean, deviation    of red, green and blue; left out those of ImageNet, with which PyTorch's networks are published,
                       and 0.5 of all for googlenet, whose weights come from elsewhere

    The network's layers are the same ones, with their weights; the new layer is frozen.

    Raises ShapeError for a network that is not built, or not for images of as many channels.
    """
    usual = EVEN if any(isinstance(layer, Branches) for _, layer in model.walk()) else IMAGENET
    means = np.asarray(usual.mean if mean is None else mean, np.float32)
    deviations = np.asarray(usual.deviation if deviation is None else deviation, np.float32)
    shape, fix = model.shape_of_one(), "Build the network for images of so many channels."
    expect_shape(f"normalized: {model.label()}", shape, (None, None, means.size), fix=fix)
    first = Scale().build(shape)
    parameters = first.parameters()
    parameters["scale"].value, parameters["shift"].value = 1 / deviations, -means / deviations
    return Sequential(first.freeze(), *model.layers).ensure_built(shape)

"""A network that starts from published weights, its last layer new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from madi.config import TrainConfig
from madi.errors import ConfigurationError, argument

if TYPE_CHECKING:
    from madi.layers import Sequential


def expect_weights(config: TrainConfig, model: Sequential) -> None:
    """Raise unless the file can be read, and PyTorch has names for this network; nothing is loaded yet.

    Raises ConfigurationError for a network without such names, FileError for a file that is none.
    """
    from madi.models.published import expect_published

    if config.weights is None:
        return
    if config.layers is not None:
        raise ConfigurationError(
            f"{argument('weights')}: are published for networks by name. Name one by {argument('model')}, or leave "
            "it out."
        )
    expect_published(model, config.weights)


def started(model: Sequential, weights: str) -> Sequential:
    """The built network with the file's weights but for its last layer, behind what brings images of 0..1 to them."""
    from madi.models import load_weights, normalized

    load_weights(model, weights, head=False)
    return normalized(model)

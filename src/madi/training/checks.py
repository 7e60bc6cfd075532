"""Whether a model, a loss and data fit together: found out on shapes alone, before anything is computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from madi.errors import ConfigurationError, ShapeError
from madi.graph import Variable, no_grad, observing
from madi.kernels import random
from madi.layers import Layer
from madi.training.losses import LOSSES, Loss

Shape = tuple[int, ...]


def check_model(model: Layer, loss: Loss, batch: Shape, seed: int) -> Shape:
    """Build what is not built, and trace the model on a batch of this shape: -> shape of one example's output.

    Raises ShapeError where the layers do not fit the data, ConfigurationError where the model applies the activation
    that the loss already contains.
    """
    if model.input_shape is None:
        model.ensure_built(batch[1:], random.key(seed))
    output, last = _trace(model, batch)
    if loss.contains is not None and last == loss.contains:
        plain = {"Softmax": "cross_entropy", "Sigmoid": "binary_cross_entropy"}[last]
        raise ConfigurationError(
            f"The loss {loss.name} takes logits and applies {last} itself, but the model ends in {last}. "
            f"Remove that layer, or use loss='{plain}'."
        )
    return output


@contextmanager
def unbuilt_on_error(model: Layer) -> Iterator[None]:
    """Layers that are built within the block, for data that then prove wrong, may be built anew for others."""
    unbuilt = [layer for _, layer in model.walk() if layer.input_shape is None]
    try:
        yield
    except Exception as error:
        vars(error).pop("__notes__", None)  # JAX's remark on its own frames helps nobody who has passed a wrong shape
        for layer in unbuilt:
            layer.input_shape = None
        raise


def check_targets(loss: Loss, output: Shape, targets: Shape, batch: Shape) -> None:
    """Raise ShapeError where targets of this shape cannot belong to an output of this shape (first axes left out)."""
    wanted = {(), output} if loss.classes else {output}
    if loss not in LOSSES.values() or (targets in wanted and (len(output) == 1 or not loss.classes)):
        return
    flat = len(output) > 1 and len(targets) < len(output)
    fix = "Add Flatten() before the first Dense." if flat else "Change the units of the last layer, or the targets."
    given, made = (batch[0], *targets), (batch[0], *output)
    raise ShapeError(f"{loss.name}: the model makes {made} of inputs {batch}, but the targets are {given}. {fix}")


def last_node(model: Layer, batch: Shape) -> str | None:
    """The kind of node that computes the model's output ("Softmax"), for a batch of this shape."""
    return _trace(model, batch)[1]


def _trace(model: Layer, batch: Shape) -> tuple[Shape, str | None]:
    """The output's shape, and the name of the node that computed it."""
    import jax

    last: list[str | None] = []

    def run(x: Any) -> Any:
        made: list[tuple[Variable, str]] = []

        def note(node: Any, inputs: Any, outputs: Any) -> None:
            made.extend((output, type(node).__name__) for output in outputs)

        with no_grad(), observing(note):
            y = model(Variable(x))
        last.append(next((name for output, name in reversed(made) if output is y), None))
        return y.value

    shape = jax.eval_shape(run, jax.ShapeDtypeStruct(batch, np.float32)).shape
    return shape[1:], last[-1]

"""madi inspect: the layers of a model, and its graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from madi.cli.console import say

if TYPE_CHECKING:
    from madi.cli.loading import Found


def inspect(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A model's file, the folder of a run, or a name: mlp, logistic_regression, XOR, ..."
        ),
    ],
    graph: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the computational graph here: .svg, .png or .dot.", show_default=False
        ),
    ] = None,
    input_shape: Annotated[
        str | None,
        typer.Option(metavar="SIZES", help="Of one example, for a model by name: 784 or 28,28,1.", show_default=False),
    ] = None,
    outputs: Annotated[int | None, typer.Option(metavar="COUNT", help="Of a model by name.", min=1)] = None,
) -> None:
    """Show the layers of a model: shapes, parameters, multiply-adds; and its graph.

    \b
    Examples:
      madi inspect runs/digits-mlp-20260101-120000 --graph graph.svg
      madi inspect mlp --input-shape 28,28,1
      madi inspect XOR --graph xor.svg
    """
    from madi.cli.loading import find_or_make, sizes

    found = find_or_make(model, sizes("--input-shape", input_shape), outputs)
    say(found.place)
    for name, value in found.about.items():
        say(f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
    say()
    say(str(found.model.summary()))
    if graph is not None:
        say(f"\nGraph of one random example: {_draw(found).save(graph.expanduser())}")


def _draw(found: Found) -> Any:
    """The graph from one example to the loss that the model was trained with, or to the output."""
    from madi.graph import Variable, draw

    shape = found.model.input_shape or ()
    x = Variable(np.random.default_rng(0).random((1, *shape)).astype(np.float32), name="x")
    for path, parameter in found.model.parameters().items():
        parameter.name = path
    y = found.model(x)
    loss = found.loss() if "loss" in found.about else None
    if loss is None or y.ndim != 2:
        return draw(y)
    target = np.zeros(1, np.int32) if loss.classes else np.zeros(y.shape, np.float32)
    return draw(loss(y, target))

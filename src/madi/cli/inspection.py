"""madi inspect: the layers of a model, what they need, and its graph."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from madi.cli.console import say
from madi.cli.preparing import show_preparation

if TYPE_CHECKING:
    from madi.runs.loading import Found


AT_A_GLANCE = 24  # layers that can be taken in line by line


class Detail(StrEnum):
    """What a picture of the graph shows."""

    nodes = "nodes"
    layers = "layers"


def inspect(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A model's file, the folder of a run, or a name: mlp, logistic_regression, XOR, ..."
        ),
    ],
    graph: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the graph here: .svg, .png or .dot.", show_default=False),
    ] = None,
    detail: Annotated[
        Detail | None,
        typer.Option(
            help="Of the graph: every node with its values, or the layers, equal ones folded. "
            f"Left out: layers where there are more than {AT_A_GLANCE}.",
            show_default=False,
        ),
    ] = None,
    input_shape: Annotated[
        str | None,
        typer.Option(metavar="SIZES", help="Of one example, for a model by name: 784 or 28,28,1.", show_default=False),
    ] = None,
    outputs: Annotated[int | None, typer.Option(metavar="COUNT", help="Of a model by name.", min=1)] = None,
) -> None:
    """Show the layers of a model: shapes, parameters, multiply-adds, memory, and what runs them; and its graph.

    Memory ("kept") is what a layer keeps of one example for backward. A model of many layers is shown once more at the
    end, equal blocks folded.

    \b
    Examples:
      madi inspect runs/digits-mlp-20260101-120000 --graph graph.svg
      madi inspect mlp --input-shape 28,28,1
      madi inspect resnet50 --graph resnet50.png
      madi inspect XOR --graph xor.svg
    """
    from madi.runs.loading import find_or_make, sizes

    found = find_or_make(model, sizes("--input-shape", input_shape), outputs)
    say(found.place)
    for name, value in found.about.items():
        if name != "preparation":
            say(f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
    say()
    if found.preparation is not None:
        show_preparation(found.preparation)
    summary = found.model.summary()
    say(summary.table(kernels=True))
    many = len(summary.rows) > AT_A_GLANCE
    if many:
        say(f"\n{summary.outline}")
    if graph is not None and (detail or (Detail.layers if many else Detail.nodes)) is Detail.layers:
        say(f"\nGraph of the layers: {summary.outline.draw().save(graph.expanduser())}")
    elif graph is not None:
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

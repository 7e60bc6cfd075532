"""madi evaluate: how good a trained network is on a dataset."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from madi.cli.console import notice, say, show, table
from madi.errors import unknown_name

PARTS = ("train", "test")


def evaluate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model's file, or the folder of a run.", show_default=False)
    ],
    dataset: Annotated[
        str | None,
        typer.Argument(metavar="DATASET", help="A dataset. [the one that it was trained on]", show_default=False),
    ] = None,
    part: Annotated[str, typer.Option(metavar="NAME", help="The examples: test or train.")] = "test",
    data: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Folder of a local copy.", show_default=False)
    ] = None,
    loss: Annotated[
        str | None, typer.Option(metavar="NAME", help="[the one that it was trained with]", show_default=False)
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Once a metric. [those of its training]", show_default=False),
    ] = None,
) -> None:
    """Measure loss and metrics of a trained network.

    \b
    Examples:
      madi evaluate runs/digits-mlp-20260101-120000
      madi evaluate model.safetensors mnist --metrics accuracy --metrics f1
    """
    from madi import datasets
    from madi.cli.building import targets
    from madi.cli.loading import find_model
    from madi.training import Trainer
    from madi.training.progress import duration, number

    if part not in PARTS:
        raise unknown_name("part of a dataset", part, PARTS)
    found = find_model(model)
    measure = found.loss(loss)
    loaded = datasets.load(dataset or str(found.about.get("dataset") or "digits"), data or found.data)
    if loaded.notice:
        notice(loaded.notice)
    names = metrics or found.about.get("metrics") or ["accuracy"]
    trainer = Trainer(found.model, loss=measure, metrics=names)
    began = time.perf_counter()
    values = trainer.evaluate(targets(measure, getattr(loaded, part), len(loaded.classes)))
    seconds = time.perf_counter() - began
    count = len(getattr(loaded, part).x)
    say(f"{found.place} on {loaded.name}, {part}: {count:,} examples, {duration(seconds, tenths=True)}")
    show(table(list(values), [[number(value) for value in values.values()]], numbers=list(values)))

"""madi evaluate: how good a trained network is on a dataset, or on new rows and pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from madi.cli.console import notice, say, show, table
from madi.cli.job import say_how_far_off
from madi.errors import ConfigurationError, unknown_name
from madi.runs.folder import MODEL

if TYPE_CHECKING:
    from madi.runs.loading import Found
    from madi.training import Loss, Trainer

SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out new pictures that cannot be read, and name them.")]
PARTS = {"train": "training", "validation": "validation", "test": "test"}


def evaluate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model's file, or the folder of a run.", show_default=False)
    ],
    dataset: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="A dataset; for a model of your own data a table with the target, or a folder of pictures by class. "
            "[what it was trained on]",
            show_default=False,
        ),
    ] = None,
    part: Annotated[
        str, typer.Option(metavar="NAME", help="Of the data that it was trained on: test, validation or train.")
    ] = "test",
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
    skip_bad: SkipBad = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page on it to this .html file.", show_default=False),
    ] = None,
) -> None:
    """Measure loss and metrics of a trained network.

    \b
    Examples:
      madi evaluate runs/digits-mlp-20260101-120000
      madi evaluate model.safetensors mnist --metrics accuracy --metrics f1
      madi evaluate runs/houses-mlp-20260101-120000 new_houses.csv --report new_houses.html
    """
    from madi.runs.loading import find_model
    from madi.training import Trainer
    from madi.training.progress import duration, number

    if part not in PARTS:
        raise unknown_name("part of a dataset", part, PARTS)
    found = find_model(model)
    measure = found.loss(loss)
    measured = _measured(found, measure, dataset, part, data, skip_bad)
    names = metrics or found.about.get("metrics") or ["accuracy" if measured.classes else "r2"]
    trainer = Trainer(found.model, loss=measure, metrics=names)
    began = time.perf_counter()
    values = trainer.evaluate(measured.examples)
    took = f"{measured.count:,} examples, {duration(time.perf_counter() - began, tenths=True)}"
    say(f"{found.place} on {measured.name}: {took}")
    show(table(list(values), [[number(value) for value in values.values()]], numbers=list(values)))
    say_how_far_off(found.model, found.preparation, measured.examples, measured.name)
    if report is not None:
        _write_report(report.expanduser(), found, trainer, measured, values)
        say(f"Written to {report}")


@dataclass(frozen=True)
class Measured:
    """The examples that a network is measured on.

    examples   (x, y) as the loss takes them, or batches of these
    names      of the examples, where they have some;  rows: the raw values of one
    """

    name: str
    examples: Any
    classes: Sequence[str]
    names: Sequence[str] | None = None
    rows: Callable[[int], Mapping[str, Any]] | None = None

    @property
    def count(self) -> int:
        """How many there are."""
        from madi.runs.building import count_of

        return count_of(self.examples)


def _measured(
    found: Found, loss: Loss, dataset: str | None, part: str, data: str | None, skip_bad: bool
) -> Measured:  # fmt: skip
    from madi.datasets import NAMES
    from madi.runs.sources import kind_of

    trained_on = str(found.about.get("dataset") or "digits")
    if skip_bad and (dataset is None or dataset in NAMES):
        raise ConfigurationError(
            "--skip-bad: is for new pictures. Name a folder of them, with a folder for each class."
        )
    if (dataset or trained_on) in NAMES:
        return _named(dataset or trained_on, loss, part, data or found.data)
    if dataset is None:
        return _of_its_run(found, loss, part)
    kind_of(dataset)  # what is neither a name nor there gets the closest name
    return _new(found, loss, Path(dataset).expanduser(), skip_bad)


def _named(name: str, loss: Loss, part: str, folder: str | None) -> Measured:
    """The examples of a dataset by name."""
    from madi import datasets
    from madi.runs.building import targets

    if part == "validation":
        raise ConfigurationError(f"--part validation: {name} has the parts train and test.")
    loaded = datasets.load(name, folder)
    if loaded.notice:
        notice(loaded.notice)
    return Measured(f"{name}, {part}", targets(loss, getattr(loaded, part), len(loaded.classes)), loaded.classes)


def _of_its_run(found: Found, loss: Loss, part: str) -> Measured:
    """A part of one's own data, divided as for the training."""
    from madi.runs.building import parts_of
    from madi.runs.sources import load

    if found.config is None:
        raise ConfigurationError(
            f"{found.place}: was trained on {found.about.get('dataset')}, and the run's config.toml, which says how "
            "that was divided, is not beside it. Name the data to measure on."
        )
    loaded = load(found.config)
    parts = parts_of(loaded, found.config, loss)
    if PARTS[part] not in parts:
        raise ConfigurationError(f"--part {part}: the run kept none. It has: {', '.join(parts)}.")
    return Measured(f"{loaded.name}, {part}", parts[PARTS[part]], loaded.classes)


def _new(found: Found, loss: Loss, path: Path, skip_bad: bool) -> Measured:
    """New rows or pictures, prepared as those of the training were."""
    from madi.datasets import Split
    from madi.runs.building import targets

    preparation = found.preparation
    if preparation is None:
        raise ConfigurationError(
            f"{path}: {found.place} does not say how raw data become its inputs. Name one of madi's datasets."
        )
    inputs, y = preparation.read_examples(path, skip_bad=skip_bad)
    for text in inputs.notices:
        notice(text)
    examples = targets(loss, Split(inputs.x, y), len(preparation.classes))
    return Measured(path.resolve().name, examples, preparation.classes, inputs.names, inputs.rows)


def _called(found: Found) -> str:
    """What a report calls the model: the name of its run, or that of its file."""
    place = Path(found.place).resolve()
    return place.parent.name if found.config is not None and place.name == MODEL else place.name


def _write_report(
    path: Path, found: Found, trainer: Trainer, measured: Measured, values: Mapping[str, float]
) -> None:  # fmt: skip
    from madi.diagnostics.report import Evidence, write_report
    from madi.runs.report import known_of, shown

    evidence = Evidence(
        model=found.model, loss=trainer.loss, parts={"test": measured.examples}, data=measured.name,
        network=_called(found), measured={"test": values}, metrics=trainer.metrics, names=measured.names,
        rows=measured.rows, configuration=shown(found.config),
        **known_of(measured.classes, found.preparation),
    )  # fmt: skip
    write_report(evidence, path)

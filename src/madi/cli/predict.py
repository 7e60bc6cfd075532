"""madi predict: what a trained network says of new examples."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from madi.cli.console import notice, say, show, table
from madi.cli.evaluate import SkipBad
from madi.errors import ConfigurationError, FileError, closest

if TYPE_CHECKING:
    from madi.datasets import Preparation
    from madi.runs.loading import Found

SHOWN = 20  # rows in the terminal
BEST = 3  # classes in a row
WRITERS = (".csv", ".json")


def predict(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model's file, or the folder of a run.", show_default=False)
    ],
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Images, tables, .npy files, or folders of images; or a dataset, whose test examples are taken.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write all of it to this .csv or .json file.", show_default=False),
    ] = None,
    skip_bad: SkipBad = False,
    invert: Annotated[bool, typer.Option("--invert", help="For images of dark ink on light paper.")] = False,
    data: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Folder of a local copy of the dataset.", show_default=False)
    ] = None,
) -> None:
    """Predict the classes of images or rows, with probabilities, or their numbers.

    \b
    Examples:
      madi predict runs/mnist-mlp-20260101-120000 three.png seven.png --invert
      madi predict model.safetensors measurements.csv --output predictions.csv
      madi predict runs/houses-mlp-20260101-120000 new_houses.csv
      madi predict runs/photos-resnet_cifar-20260101-120000 folder_of_more --skip-bad
      madi predict model.safetensors digits
    """
    from madi.runs.loading import find_model

    if output is not None and output.suffix.lower() not in WRITERS:
        raise ConfigurationError(f"--output {output}: expected a name that ends in .csv or .json.")
    found = find_model(model)
    preparation = found.preparation
    if preparation is None:
        _expect_unset("--skip-bad", skip_bad, "this model was not trained on pictures of your own")
        names, x = _examples(found, inputs, invert, data)
    else:
        _expect_unset("--invert", invert, "this model takes its pictures as they are")
        names, x = _prepared(preparation, inputs, skip_bad)
    answers = _answers(found, preparation, names, x)
    show(answers.table())
    if lost := int((~np.isfinite(answers.values).all(axis=1)).sum()):
        notice(f"{lost:,} of {len(names):,} predictions are not finite: train again with a lower learning rate.")
    if output is not None:
        answers.write(output.expanduser())
        say(f"Written to {output}")
    elif len(names) > SHOWN:
        say(f"... {len(names) - SHOWN:,} more; --output FILE.csv writes all")


@dataclass(frozen=True)
class Answers:
    """One row for each example: its name, the class where there are classes, and a number for each column."""

    names: list[str]
    classes: list[str] | None
    columns: list[str]
    values: np.ndarray

    def table(self) -> Any:
        """The first rows; of probabilities the highest."""
        if self.classes is None:
            rows = [
                [name, *(f"{v:.6g}" for v in row)] for name, row in zip(self.names[:SHOWN], self.values, strict=False)
            ]
            return table(["input", *self.columns], rows, numbers=self.columns)
        rows = [self._row(number) for number in range(min(SHOWN, len(self.names)))]
        return table(["input", "class", "probability", "next"], rows, numbers=["probability"])

    def _row(self, number: int) -> list[str]:
        values = self.values[number]
        first, *others = np.argsort(-values, kind="stable")[:BEST]
        following = ", ".join(f"{self.columns[i]} {values[i]:.4f}" for i in others)
        return [self.names[number], self.columns[first], f"{values[first]:.4f}", following]

    def write(self, path: Path) -> None:
        """All rows, as .csv or .json; FileError where that cannot be written, and what was there stays."""
        from madi.files import replace_text
        from madi.training.history import finite

        head = ["input", *(["class"] if self.classes else []), *self.columns]
        rows = [
            [name, *([self.classes[i]] if self.classes else []), *finite(list(map(float, self.values[i])))]
            for i, name in enumerate(self.names)
        ]
        text = io.StringIO()
        if path.suffix.lower() == ".csv":
            csv.writer(text).writerows([head, *rows])
        else:
            told = [dict(zip(head, row, strict=True)) for row in rows]
            json.dump(told, text, ensure_ascii=False, indent=1, allow_nan=False)
        try:
            replace_text(path, text.getvalue())
        except OSError as error:
            raise FileError(f"{path}: cannot be written ({error.strerror or error}). Choose another file.") from error


def _expect_unset(option: str, given: bool, why: str) -> None:
    if given:
        raise ConfigurationError(f"{option}: {why}. Leave it out.")


def _prepared(preparation: Preparation, inputs: Sequence[str], skip_bad: bool) -> tuple[list[str], np.ndarray]:
    """The raw rows or pictures in files, as those of the training became examples."""
    read = preparation.read([Path(entry).expanduser() for entry in inputs], skip_bad=skip_bad)
    for text in read.notices:
        notice(text)
    return read.names, read.x


def _examples(found: Found, inputs: Sequence[str], invert: bool, data: str | None) -> tuple[list[str], np.ndarray]:
    """The examples in files, or the test examples of a dataset."""
    from madi import datasets
    from madi.cli.examples import read_examples

    paths = [Path(entry).expanduser() for entry in inputs]
    if len(inputs) == 1 and not paths[0].exists():
        if inputs[0] in datasets.NAMES:
            x = datasets.load(inputs[0], data or found.data).test.x
            return [f"{inputs[0]}:{number}" for number in range(1, len(x) + 1)], x
        if not paths[0].suffix and (near := closest(inputs[0], datasets.NAMES)):
            raise FileError(f"{inputs[0]}: no such file, and no such dataset. Did you mean '{near}'?")
    return read_examples(paths, found.model.input_shape or (), invert=invert)


def _answers(found: Found, preparation: Preparation | None, names: list[str], x: np.ndarray) -> Answers:
    from madi.training import predict, predict_classes

    loss = found.loss()
    if preparation is not None and not preparation.classes:
        values = preparation.restore(predict(found.model, x))
        return Answers(names, None, list(preparation.target), values)
    if loss.classes or loss.contains or "cross_entropy" in loss.name:
        likeliest, values = predict_classes(found.model, x, classes=found.classes)
        columns = found.classes or [str(number) for number in range(values.shape[1])]
        return Answers(names, [str(name) for name in likeliest], columns, values)
    values = predict(found.model, x)
    values = values.reshape(len(values), -1)
    return Answers(names, None, [f"output {number}" for number in range(values.shape[1])], values)

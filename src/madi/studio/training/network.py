"""A network as lines of text, checked as one types: shapes and parameters of each layer, the error of a wrong line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from madi.config import TrainConfig
from madi.errors import ConfigurationError, MadiError, as_keyword, spelled
from madi.initializers import Initializer
from madi.layers import Layer, Sequential
from madi.layers.notation import from_text
from madi.layers.outline import layer_text
from madi.runs.building import build_model
from madi.training.checks import check_model, check_targets
from madi.training.losses import get

MOST_PARAMETERS = 50_000_000
_PLACE = re.compile(r"^layers: (?:line \d+, )?")  # every line stands alone here

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Task:
    """What a network is for.

    shape     of one example
    outputs   how many numbers the loss needs of the network: `outputs` in its text
    targets   shape of one target: () for the label of a class
    loss      its name
    """

    shape: Shape
    outputs: int
    targets: Shape
    loss: str


@dataclass(frozen=True)
class Line:
    """A line and what came of it: the output's shape and the number of parameters, or what is wrong with it.

    Neither, where it is empty, or another line before it is wrong.
    """

    text: str
    shape: Shape | None = None
    parameters: int | None = None
    error: str | None = None


@dataclass(frozen=True)
class Checked:
    """All lines, in order."""

    lines: tuple[Line, ...]

    @property
    def parameters(self) -> int:
        """Of all lines together."""
        return sum(line.parameters or 0 for line in self.lines)

    @property
    def fits(self) -> bool:
        """Whether the network can be trained for its task."""
        return all(line.error is None for line in self.lines) and any(line.shape for line in self.lines)


@dataclass(frozen=True)
class _Weightless(Initializer):
    """Zeros of any shape in the memory of one: shapes are all that is asked for."""

    def __call__(self, key: Any, shape: Shape, fan: tuple[int, int]) -> np.ndarray:
        return np.broadcast_to(np.float32(0), shape)


def split_lines(text: str) -> list[str]:
    """Text as lines of a layer each: commas between layers divide it, those within brackets do not.

    >>> split_lines("Dense(3, bias=False), ReLU()")
    ['Dense(3, bias=False)', 'ReLU()']
    """
    lines, depth = [""], 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "\n" or (sign == "," and depth <= 0):
            lines.append("")
            depth = 0
        else:
            lines[-1] += sign
    return [line.strip() for line in lines if line.strip()]


@spelled(as_keyword)
def check(texts: Sequence[str], task: Task) -> Checked:
    """Each line of a network for a task, up to the first that is wrong.  Nothing is computed."""
    lines, shape, layers = [], task.shape, list[Layer]()
    for place, text in enumerate(texts):
        if not text.strip():
            lines.append(Line(text))
            continue
        try:
            own = _parsed(text, task, layers)
            line = _measured(text, own, shape)
        except MadiError as error:
            return Checked((*lines, Line(text, error=_told(error)), *_unchecked(texts[place + 1 :], task)))
        layers, shape = [*layers, *own], line.shape or ()
        lines.append(line)
    return _whole(lines, layers, task)


@spelled(as_keyword)
def check_named(config: TrainConfig, task: Task) -> Checked:
    """The layers of a network by name.  Raises what `madi train` raises for its options."""
    layers = list(build_model(replace(config, loss=task.loss), task.outputs).layers)
    lines, shape = [], task.shape
    try:
        for place, layer in enumerate(layers):
            layer.path = str(place)
            line = _measured(layer_text(layer), [layer], shape)
            shape = line.shape or ()
            lines.append(line)
    except MadiError as error:
        return Checked((*lines, Line(layer_text(layer), error=_told(error))))
    return _whole(lines, layers, task)


def _parsed(text: str, task: Task, before: Sequence[Layer]) -> list[Layer]:
    """The layers of a line, numbered as they are in the whole network."""
    own = list(from_text(text, names={"outputs": task.outputs}).layers)
    for place, layer in enumerate(own, start=len(before)):
        layer.path = str(place)
    return own


def _unchecked(texts: Sequence[str], task: Task) -> list[Line]:
    """Lines after a wrong one: what is no layer at all is told nevertheless."""
    lines = []
    for text in texts:
        try:
            if text.strip():
                _parsed(text, task, ())
            lines.append(Line(text))
        except MadiError as error:
            lines.append(Line(text, error=_told(error)))
    return lines


def _measured(text: str, own: Sequence[Layer], shape: Shape) -> Line:
    count = 0
    for layer in own:
        for _, inner in layer.walk():
            if hasattr(inner, "initializer"):
                inner.initializer = _Weightless()
        try:
            layer.ensure_built(shape)
            shape = layer.output_shape(shape)
        except (MemoryError, ValueError, OverflowError) as error:
            if isinstance(error, MadiError):
                raise
            raise _too_large() from error
        count += sum(parameter.size for parameter in layer.parameters().values())
    if count > MOST_PARAMETERS:
        raise _too_large()
    return Line(text, shape, count)


def _too_large() -> ConfigurationError:
    return ConfigurationError(f"more than {MOST_PARAMETERS:,} parameters. Take fewer units or filters.")


def _whole(lines: list[Line], layers: list[Layer], task: Task) -> Checked:
    """The lines, and below the last what loss and targets say of the whole."""
    if not layers:
        return Checked(tuple(lines))
    try:
        loss, batch = get(task.loss), (2, *task.shape)
        output = check_model(Sequential(*layers).ensure_built(task.shape), loss, batch, 0)
        check_targets(loss, output, task.targets, batch)
        _expect_outputs(output, task)
    except MadiError as error:
        last = max(place for place, line in enumerate(lines) if line.shape is not None)
        lines[last] = Line(lines[last].text, lines[last].shape, lines[last].parameters, _told(error))
    return Checked(tuple(lines))


def _expect_outputs(output: Shape, task: Task) -> None:
    """A loss of labels takes any number of outputs; fewer than classes would fail at the first label that is larger."""
    if output[-1] < task.outputs:
        raise ConfigurationError(
            f"the network has {output[-1]} outputs, and {task.outputs} are needed. End it with Dense(outputs)."
        )


def _told(error: MadiError) -> str:
    """The message without a place that the page shows, and without all names where one is meant."""
    text = _PLACE.sub("", str(error))
    return text.partition(" Known: ")[0] if "did you mean" in text else text

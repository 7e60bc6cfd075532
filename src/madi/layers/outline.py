"""A model as a chain of blocks, equal ones in a row folded into one: what can be taken in at a glance.

Normalizations, activations and dropout belong to the layer before them.  Chains within chains are one chain.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from madi.graph import Drawing
from madi.layers.activations import ACTIVATIONS, Clip
from madi.layers.base import Layer
from madi.layers.composition import Auxiliary, Branches, Product, Residual, Sum
from madi.layers.containers import Sequential
from madi.layers.convolution import Conv2D
from madi.layers.dense import Dense
from madi.layers.dropout import Dropout
from madi.layers.ensemble import Ensemble
from madi.layers.normalization import BatchNorm, LayerNorm, LocalResponseNormalization
from madi.layers.pooling import AveragePool2D, MaxPool2D
from madi.layers.scaling import PReLU, Scale
from madi.layers.transposed_convolution import Conv2DTranspose

WIDTH = 46  # columns of a stage's text
LONGEST = 96  # columns of what is said below it
HEADS = ("", "folded graph", "output shape", "parameters", "multiply-adds", "kept")
FOLLOWERS = (
    BatchNorm, LayerNorm, LocalResponseNormalization, Scale, Dropout, *ACTIVATIONS.values(), Clip, PReLU
)  # fmt: skip
WITH_FILTERS = (Conv2D, Conv2DTranspose)
WITH_WINDOWS = (MaxPool2D, AveragePool2D)
JOINTS: dict[type[Any], str] = {Branches: "concat", Sum: "sum", Product: "product"}


@dataclass(frozen=True)
class Part:
    """One layer, and what follows it element by element.

    name        "Conv2D 3x3 64"; within a block a convolution says its size and filters alone
    kind        its class
    stride      "/2", "" where it is 1
    followers   their names
    """

    name: str
    kind: str
    stride: str = ""
    followers: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The name with its stride; of a convolution without its class."""
        name = self.name.removeprefix("Conv2D ")
        return f"{name} {self.stride}".strip()

    def __str__(self) -> str:
        return ", ".join([f"{self.name} {self.stride}".strip(), *self.followers])


@dataclass(frozen=True)
class Block:
    """A layer made of others.

    name        its class
    paths       the chains within it, side by side; an empty one passes x on
    joint       how their outputs come together: "+", "concat", "sum", "product", "mean", or "" where there is one path,
                or nobody knows
    followers   as of a Part
    """

    name: str
    paths: tuple[tuple[Part | Block, ...], ...]
    joint: str = ""
    followers: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The block in one line, followers left out."""
        return f"{self.name}({self.inside})"

    @property
    def title(self) -> str:
        """Its name, and whether inference passes it by."""
        return f"{self.name} (training only)" if self.name == "Auxiliary" else self.name

    @property
    def inside(self) -> str:
        """Its paths: "3x3 16 → 3x3 16, shortcut 1x1 16", "1x1 64 | 1x1 96 → 3x3 128"."""
        chains = [" → ".join(entry.short for entry in path) for path in self.paths]
        if self.joint == "mean" and len(set(chains)) == 1 < len(chains):
            return f"{len(chains)} x ({chains[0]})"
        return ", shortcut ".join(filter(None, chains)) if self.joint == "+" else " | ".join(chains)

    def __str__(self) -> str:
        colon = ":" if self.title != self.name else ""
        return ", ".join([f"{self.title}{colon} {self.inside}", *self.followers])


Entry = Part | Block


@dataclass(frozen=True)
class Stage:
    """Entries of a chain that are alike and follow each other.

    entry       what each is, the first left out where it differs
    first       the first where it differs: in a stride, or in a shortcut that changes the shape
    paths       of the layers, as in `model.walk()`
    """

    entry: Entry
    first: Entry | None
    paths: tuple[tuple[str, ...], ...]
    output_shape: tuple[int, ...] | None

    @property
    def kinds(self) -> set[str]:
        """The classes of its layers."""
        return _kinds(self.entry)

    @property
    def times(self) -> int:
        """How many entries there are."""
        return len(self.paths)


class Outline:
    """A model's stages with what they have and do.  `print` shows them, `draw` makes their picture.

    stages    in order
    """

    def __init__(self, model: Layer, rows: Sequence[Any]) -> None:
        self.input_shape = model.shape_of_one()
        shapes = {row.path: row.output_shape for row in rows}
        self.stages = tuple(stages_of(model, {"": model.output_shape(), **shapes}))
        self._rows = rows

    @property
    def kinds(self) -> set[str]:
        """The classes of all layers, those in blocks too."""
        return {kind for stage in self.stages for kind in stage.kinds}

    def sums(self, stage: Stage) -> tuple[int, int, int]:
        """Parameters, multiply-adds and memory (bytes) of a stage, as in the rows of the summary."""
        within = [
            row for row in self._rows if any(_is_within(row.path, path) for paths in stage.paths for path in paths)
        ]
        return (
            sum(row.parameters for row in within),
            sum(row.multiply_adds for row in within),
            sum(row.memory or 0 for row in within),
        )

    def __str__(self) -> str:
        told = [self._told(stage) for stage in self.stages]
        table = [HEADS, ("", "input", shape_text(self.input_shape), "", "", ""), *(cells for cells, _ in told)]
        widths = [max(map(text_width, column)) for column in zip(*table, strict=True)]
        lines = [[_line(cells, widths)] for cells in table[:2]]
        lines += [[_line(cells, widths), *_continued(others, widths[0])] for cells, others in told]
        return "\n".join(line for each in lines for line in each)

    def __repr__(self) -> str:
        return str(self)

    def draw(self) -> Drawing:
        """The stages as a picture that shows itself in notebooks; `save` writes it as .svg, .png or .dot."""
        from madi.layers.diagram import Diagram

        return Diagram(self)

    def _told(self, stage: Stage) -> tuple[tuple[str, ...], list[str]]:
        """The cells of a stage's line, and what is said below it."""
        parameters, products, memory = self.sums(stage)
        shape = "not called" if stage.output_shape is None else shape_text(stage.output_shape)
        text, *rest = _wrapped(str(stage.entry), WIDTH)
        first = [f"the first: {_inside(stage.first)}"] if stage.first else []
        times = f"{stage.times} x" if stage.times > 1 else ""
        numbers = short_count(parameters), short_count(products), bytes_text(memory) if memory else ""
        return (times, text, shape, *numbers), [" ".join(rest), *first] if rest else first


def _inside(entry: Entry) -> str:
    return entry.inside if isinstance(entry, Block) else entry.short


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """A line of the outline: the number of times and the counts to the right."""
    padded = []
    for place, (text, width) in enumerate(zip(cells, widths, strict=True)):
        space = " " * (width - text_width(text))
        padded.append(text + space if place in (1, 2) else space + text)
    return (f"{padded[0]} " * bool(widths[0]) + "  ".join(padded[1:])).rstrip()


def _continued(texts: Sequence[str], indent: int) -> Iterator[str]:
    """What is said below a line, in as many lines as it needs."""
    for text in texts:
        for line in _wrapped(text, LONGEST - indent - 4):
            yield " " * (indent + 3) + line


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns, broken at the paths and steps of a block."""
    lines = [""]
    for piece in re.split(r"(?<=[|→,]) ", text):
        if lines[-1] and text_width(f"{lines[-1]} {piece}") > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {piece}".strip()
    return lines


def stages_of(model: Layer, shapes: dict[str, Any]) -> list[Stage]:
    """The model as a chain of stages.

    shapes      the output shape of one example, by the layer's path
    """
    steps = list(_chain("", model, opened=True))
    runs: list[list[tuple[Entry, list[str]]]] = []
    for step in steps:
        if runs and _continues(runs[-1], step, shapes):
            runs[-1].append(step)
        else:
            runs.append([step])
    return [_stage(run, shapes) for run in runs]


def _stage(run: list[tuple[Entry, list[str]]], shapes: dict[str, Any]) -> Stage:
    first, last = run[0][0], run[-1][0]
    paths = tuple(tuple(paths) for _, paths in run)
    return Stage(last, first if first != last else None, paths, shapes.get(paths[-1][0]))


def _continues(run: list[tuple[Entry, list[str]]], step: tuple[Entry, list[str]], shapes: dict[str, Any]) -> bool:
    """Whether a step is as those of the run: as the first but for its stride and shortcut, as all others wholly."""
    (before, paths), (entry, mine) = run[-1], step
    alike = before == entry if len(run) > 1 else _loose(before) == _loose(entry)
    return alike and shapes.get(paths[0]) == shapes.get(mine[0])


def _kinds(entry: Entry) -> set[str]:
    inner = [part for path in entry.paths for part in path] if isinstance(entry, Block) else []
    own = set() if isinstance(entry, Block) else {entry.kind}
    return own.union(*map(_kinds, inner))


def _loose(entry: Entry) -> Entry:
    if isinstance(entry, Part):
        return replace(entry, stride="")
    paths = entry.paths[:1] if entry.name == "Residual" else entry.paths
    return replace(entry, paths=tuple(tuple(map(_loose, path)) for path in paths))


# ---- from layers to entries


def _chain(path: str, layer: Layer, *, opened: bool = False) -> Iterator[tuple[Entry, list[str]]]:
    """(entry, paths of its layers) for each step of a chain.

    opened   a layer of unknown make is told by those within it
    """
    pending: tuple[Entry, list[str]] | None = None
    for place, inner in _steps(path, layer, opened):
        if pending is not None and isinstance(inner, FOLLOWERS):
            entry, paths = pending
            pending = replace(entry, followers=(*entry.followers, _name(inner))), [*paths, place]
            continue
        if pending is not None:
            yield pending
        pending = _entry(inner), [place]
    if pending is not None:
        yield pending


def _steps(path: str, layer: Layer, opened: bool = False) -> Iterator[tuple[str, Layer]]:
    """The layers of a chain, chains within it opened."""
    known = isinstance(layer, (Auxiliary, Ensemble, Residual, *JOINTS))
    unknown = opened and not known and len(layer.inner_layers()) > 1
    if type(layer).__call__ is Sequential.__call__ or unknown:
        for name, inner in layer.inner_layers():
            yield from _steps(f"{path}.{name}" if path else name, inner)
    else:
        yield path, layer


def _entry(layer: Layer) -> Entry:
    if isinstance(layer, Residual):
        return Block("Residual", (_path(layer.body), _path(layer.shortcut)), "+")
    for kind, joint in JOINTS.items():
        if isinstance(layer, kind):
            return Block(kind.__name__, tuple(map(_path, layer.paths)), joint)
    if isinstance(layer, Ensemble):
        return Block("Ensemble", tuple(map(_path, layer.networks)), "mean")
    inner = tuple(entry for _, member in layer.inner_layers() for entry in _path(member))
    return Block(type(layer).__name__, (inner,)) if inner else _part(layer)


def _path(layer: Layer | None) -> tuple[Entry, ...]:
    return () if layer is None else tuple(entry for entry, _ in _chain("", layer))


def _part(layer: Layer) -> Part:
    stride = getattr(layer, "stride", (1, 1)) if isinstance(layer, (*WITH_FILTERS, *WITH_WINDOWS)) else (1, 1)
    return Part(_name(layer), type(layer).__name__, "" if stride == (1, 1) else f"/{_size(stride)}")


def _name(layer: Layer) -> str:
    """The layer's class with the sizes that tell it from others."""
    name = type(layer).__name__
    if isinstance(layer, WITH_FILTERS):
        groups = f" in {layer.groups} groups" if layer.groups > 1 else ""
        return f"{name} {_sizes(layer.kernel_size)} {layer.filters}{groups}"
    if isinstance(layer, WITH_WINDOWS):
        return f"{name} {_sizes(layer.size)}"
    return f"{name} {layer.units}" if isinstance(layer, Dense) else name


def layer_text(layer: Layer) -> str:
    """A layer as the table calls it: "Conv2D 3x3 /2"."""
    if not isinstance(layer, (*WITH_FILTERS, *WITH_WINDOWS)):
        return type(layer).__name__
    size = layer.kernel_size if isinstance(layer, WITH_FILTERS) else layer.size
    return f"{type(layer).__name__} {_sizes(size)} {_part(layer).stride}".strip()


def _sizes(pair: Sequence[int]) -> str:
    return "x".join(map(str, pair))


def _size(pair: Sequence[int]) -> str:
    return str(pair[0]) if len(set(pair)) == 1 else _sizes(pair)


def _is_within(path: str, outer: str) -> bool:
    return not outer or path == outer or path.startswith(f"{outer}.")


# ---- numbers as text


def shape_text(shape: tuple[int, ...]) -> str:
    """Sizes: "28 x 28 x 1"."""
    return " x ".join(map(str, shape)) or "1"


def count_text(count: int) -> str:
    """A whole number, nothing for 0."""
    return f"{count:,}" if count else ""


def short_count(count: int) -> str:
    """A number in three digits: "25.6 M", nothing for 0."""
    return _scaled(count, 1000, ("", " k", " M", " G", " T")) if count else ""


def bytes_text(count: int) -> str:
    """An amount of memory in three digits: "97.5 MiB"."""
    return _scaled(count, 1024, (" B", " KiB", " MiB", " GiB", " TiB"))


def unit_of(count: int) -> tuple[str, int]:
    """The unit in which an amount of memory is written, and how many bytes it has: ("MiB", 2**20)."""
    unit = bytes_text(count).split()[1]
    return unit, 1024 ** ("B", "KiB", "MiB", "GiB", "TiB").index(unit)


def _scaled(count: int, base: int, units: Sequence[str]) -> str:
    value, place = float(count), 0
    while value >= 999.5 and place < len(units) - 1:
        value, place = value / base, place + 1
    digits = 0 if place == 0 or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f}{units[place]}"


def text_width(text: str) -> int:
    """Columns of a terminal: Korean letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)

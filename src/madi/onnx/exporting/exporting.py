"""A network as an ONNX file, which runs anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np

from madi.datasets.preparation import Preparation, restored
from madi.errors import ConfigurationError, ShapeError, unknown_name
from madi.layers import Layer
from madi.layers.saving import installed_version
from madi.layers.tensor_file import write_whole
from madi.onnx.about import FEATURES, OUTPUT, VERSION, metadata_of
from madi.onnx.exporting import nodes  # noqa: F401 (enters them in the table)
from madi.onnx.exporting.answers import LABEL, PREDICTION, PROBABILITIES, Meaning, answers
from madi.onnx.exporting.checking import BATCHES, Check, compared, examples, expect_wellformed, expected_of
from madi.onnx.exporting.document import document, named
from madi.onnx.exporting.table import export_of
from madi.onnx.exporting.tracing import Result, Run, run_of
from madi.onnx.exporting.writer import Tensor, Writer
from madi.onnx.graph import Port
from madi.onnx.package import onnx_package
from madi.onnx.refusal import Unsupported
from madi.onnx.table import NEWEST

OLDEST = 17
INPUT = "input"
RESERVED = (INPUT, FEATURES, OUTPUT, PROBABILITIES, LABEL, PREDICTION)
CHANNELS = ("last", "first")
TYPES = {LABEL: "str", PREDICTION: "float64"}


@dataclass(frozen=True)
class Exported:
    """A network as the bytes of an ONNX file.

    opset             the version of ONNX's operators
    inputs, outputs   names, types and shapes; "N" is the number of examples
    check             how its answers compare with madi's
    """

    content: bytes
    opset: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    check: Check


@overload
def export(model: Layer, path: None = None, **options: Any) -> bytes: ...
@overload
def export(model: Layer, path: str | Path, **options: Any) -> Path: ...
def export(model: Layer, path: str | Path | None = None, **options: Any) -> bytes | Path:
    """Write a built network as an ONNX file; the path, or the bytes of the file where no path is given.

    path            of the file, which is complete or not there; the same network gives the same bytes
    opset           version of ONNX's operators, from 17 on; default 21
    extra           what `madi.save` keeps with the model: "classes" (default: `model.classes`) and "preparation", which
                    become part of the graph, and anything else as plain JSON values.  All of it is in the metadata
    preprocessing   False: the bare network; classes and preparation are in the metadata alone
    channels        "last": images go in as madi has them, (N, H, W, C); "first": as (N, C, H, W)
    name            of the graph
    check           False: nothing is run.  Else the file is held against `onnx.checker`, and, where onnxruntime is
                    installed, against madi's answers for random examples, one and three at a time

    The input is called "input", the output "output": what `madi.predict` gives, logits stay logits.  With the names of
    classes follow "probabilities" and "label".  A network on a table takes the raw columns instead, each by its name
    and of shape (N, 1), from which the graph makes "features"; numbers come out as "prediction" too, in the target's
    units.

    Raises ShapeError for a model that is not built; Unsupported for a layer that has no form in ONNX, by name;
    ConfigurationError for options out of range, and where the package onnx is missing; ExportMismatch where the check
    fails; FileError where the file cannot be written.
    """
    content = exported(model, **options).content
    if path is None:
        return content
    write_whole(path, [content])
    return Path(path)


def exported(
    model: Layer, *, opset: int = 21, extra: Mapping[str, Any] | None = None, preprocessing: bool = True,
    channels: str = "last", name: str = "madi", check: bool = True,
) -> Exported:  # fmt: skip
    """What `export` writes, and how it compares.  Options and errors as there."""
    onnx_package()
    _expect_options(opset, channels)
    run, extra = run_of(model), dict(extra or {})
    preparation = restored(extra["preparation"]) if extra.get("preparation") else None
    classes = extra.get("classes") or model.classes or (preparation.classes if preparation else None)
    sheet = _Sheet(model, run, Writer(opset, paths=run.paths), channels)
    sheet.put_in(preparation if preprocessing else None)
    sheet.put_out(Meaning.of(preparation, classes) if preprocessing else Meaning())
    metadata = {VERSION: installed_version(), **metadata_of(extra, classes)}
    content = document(sheet.write, sheet.inputs, sheet.outputs, name=name, metadata=metadata)
    found = sheet.checked(content) if check else Check(reason="no check was asked for")
    return Exported(content, opset, tuple(sheet.inputs), tuple(sheet.outputs), found)


def _expect_options(opset: int, channels: str) -> None:
    if not isinstance(opset, int) or not OLDEST <= opset <= NEWEST:
        raise ConfigurationError(
            f"export: expected an opset from {OLDEST} to {NEWEST}, got {opset!r}. Leave it out, or take the newest "
            "that the program knows in which the file is to run."
        )
    if channels not in CHANNELS:
        raise unknown_name("order of channels", channels, CHANNELS)


class _Sheet:
    """One file in the making."""

    def __init__(self, model: Layer, run: Run, write: Writer, channels: str) -> None:
        self.model, self.run, self.write, self.first = model, run, write, channels == "first"
        self.table: Any = None

    def put_in(self, preparation: Preparation | None) -> None:
        """The inputs, and what becomes of them before the network."""
        if preparation is not None and preparation.kind == "table":
            self._put_table(preparation)
            return
        shape, order = self.model.shape_of_one(), "first" if self.first else "last"
        self.inputs = [Port(INPUT, "float32", ("N", *self._order(shape)))]
        self.write.reserve(RESERVED)
        self.x = Tensor((None, *shape), "float32", **{order: INPUT})

    def _put_table(self, preparation: Any) -> None:
        from madi.onnx.exporting.columns import features_of, inputs_of

        shape, features = self.model.shape_of_one(), len(preparation.names)
        if shape != (features,):
            raise ShapeError(
                f"export: expected a network for the {features} features of its table, got one for examples of shape "
                f"{shape}. Give the preparation that it was trained with, or preprocessing=False."
            )
        self.table, self.inputs = preparation, inputs_of(preparation)
        self._expect_names([port.name for port in self.inputs])
        self.write.reserve((*RESERVED, *(port.name for port in self.inputs)))
        named(self.write, self.write.last(features_of(self.write, preparation)), FEATURES)
        self.x = Tensor((None, features), "float32", last=FEATURES)

    def put_out(self, meaning: Meaning) -> None:
        """The network, and what follows from its output."""
        self.meaning = meaning
        output = written(self.write, self.run, self.x)
        self._name(output, OUTPUT)
        self.output = output = Tensor(output.shape, output.dtype, last=OUTPUT)
        further = answers(self.write, self.run, output, meaning)
        for name, value in further.items():
            self._name(value, name)
        self.outputs = [
            Port(name, TYPES.get(name, value.dtype), ("N", *self._order(value.shape[1:])))
            for name, value in {OUTPUT: output, **further}.items()
        ]

    def checked(self, content: bytes) -> Check:
        """How the file's answers to random examples compare with madi's."""
        expect_wellformed(content)
        if self.table is None:
            x = examples(self.run, self.model.shape_of_one())
            feeds = {INPUT: self._moved(x)}
        else:
            from madi.onnx.exporting.rows import raw_rows

            feeds, x = raw_rows(self.table, max(BATCHES))
        expected = expected_of(self.model, x, [port.name for port in self.outputs], self.meaning)
        expected[OUTPUT] = self._moved(expected[OUTPUT])
        return compared(content, self.write.opset, feeds, expected)

    def _name(self, value: Tensor, name: str) -> None:
        first = self.first and value.ndim > 2
        named(self.write, self.write.first(value) if first else self.write.last(value), name)

    def _order(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """The sizes of one example in the order of the file."""
        return (shape[-1], *shape[:-1]) if self.first and len(shape) > 1 else shape

    def _moved(self, x: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.moveaxis(x, -1, 1)) if self.first and x.ndim > 2 else x

    def _expect_names(self, names: list[str]) -> None:
        taken = [name for name in names if name in RESERVED[1:]]
        if taken:
            raise ConfigurationError(
                f"export: the column '{taken[0]}' has the name of a value in the file. Call it otherwise in the table, "
                "or leave the preprocessing out: preprocessing=False."
            )


def written(write: Writer, run: Run, x: Tensor) -> Tensor:
    """The nodes of a run, from x on; its output."""
    values: dict[Result, Tensor] = {run.input: x}
    for call in run.calls:
        write.place, write.call = call.path, call
        inputs = [values[entry] if isinstance(entry, Result) else write.tensor(entry.array) for entry in call.inputs]
        found = export_of(call)(write, call.node, *inputs)
        values.update(zip(call.outputs, found if isinstance(found, tuple) else (found,), strict=True))
    write.place, write.call = "", None
    if not isinstance(run.output, Result):
        raise Unsupported("export: the network's output does not depend on its input. There is nothing to run.")
    return values[run.output]

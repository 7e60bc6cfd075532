"""madi export: a trained network as a file that other programs run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from madi.cli.console import say, show, table
from madi.errors import ConfigurationError

if TYPE_CHECKING:
    from madi.runs.loading import Found


class Format(StrEnum):
    """What is written."""

    onnx = "onnx"
    torch = "torch"


ENDINGS = {Format.onnx: ".onnx", Format.torch: ".torch.safetensors"}


class Channels(StrEnum):
    """Where the channels of images stand in the file's input."""

    last = "last"
    first = "first"


def export(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model's file, or the folder of a run.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it here. [beside the model: model.onnx]", show_default=False),
    ] = None,
    format: Annotated[
        Format, typer.Option(help="onnx: the network; torch: the weights of a vgg, resnet, ... under PyTorch's names.")
    ] = Format.onnx,
    opset: Annotated[int, typer.Option(metavar="VERSION", help="Of ONNX's operators, from 17 on.")] = 21,
    channels: Annotated[Channels, typer.Option(help="Where images have their channels as the file takes them.")] = (
        Channels.last
    ),
    no_preprocessing: Annotated[
        bool, typer.Option("--no-preprocessing", help="The bare network: features in, its output out.")
    ] = False,
) -> None:
    """Write a trained network as an ONNX file, which runs without madi, in any language.

    With it go the names of the classes and, for a table, what was done to its columns: the file takes raw values. It is
    checked, and run beside madi where onnxruntime is installed.

    \b
    Examples:
      madi export runs/digits-mlp-20260101-120000
      madi export runs/houses-mlp-20260101-120000 --output houses.onnx
      madi export model.safetensors --opset 17 --channels first --no-preprocessing
      madi export vgg.safetensors --format torch --output vgg16.safetensors
    """
    from madi.runs.loading import find_model

    found = find_model(model)
    path = _path(found, output, format)
    if format is Format.torch:
        from madi.models import save_weights

        save_weights(found.model, path)
        say(f"{path}: {path.stat().st_size:,} bytes, the weights as PyTorch names them")
        return
    _write(found, path, opset=opset, channels=channels.value, preprocessing=not no_preprocessing)


def _path(found: Found, output: Path | None, format: Format) -> Path:
    """Where to write; ConfigurationError where the model itself lies there."""
    place = Path(found.place)
    path = place.with_suffix(ENDINGS[format]) if output is None else output.expanduser()
    if path.exists() and path.samefile(place):
        raise ConfigurationError(f"--output {path}: the model itself lies there. Give another name.")
    return path


def _write(found: Found, path: Path, **options: Any) -> None:
    """Write the file, and say what it takes, what it gives, and how it was checked."""
    from madi.layers.tensor_file import write_whole
    from madi.onnx.exporting import exported

    made = exported(found.model, extra=found.about, **options)
    write_whole(path, [made.content])
    say(f"{path}: {len(made.content):,} bytes, version {made.opset} of ONNX's operators\n")
    ports = [("input", port) for port in made.inputs] + [("output", port) for port in made.outputs]
    rows = [(side, port.name, str(port.dtype), f"({', '.join(map(str, port.shape or ()))})") for side, port in ports]
    show(table(["", "name", "numbers", "shape"], rows))
    say(f"\nonnx.checker accepts it; {made.check}")

"""The commands, and their help."""

from __future__ import annotations

from typing import Annotated

import typer

from madi.cli.check import check
from madi.cli.datasets import datasets
from madi.cli.evaluate import evaluate
from madi.cli.export import export
from madi.cli.grouped import GroupedCommand
from madi.cli.inspection import inspect
from madi.cli.lab import lab
from madi.cli.predict import predict
from madi.cli.serve import serve
from madi.cli.studio import studio
from madi.cli.train import train
from madi.cli.tune import tune

app = typer.Typer(
    name="madi",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for command in (train, tune, evaluate, predict, inspect, check, export, datasets, studio, serve):
    app.command(cls=GroupedCommand, no_args_is_help=False)(command)
app.add_typer(lab, short_help="Every idea of the course as an experiment: its numbers, its figure, its page.")


def _version(asked: bool) -> None:
    if asked:
        from madi.cli.running import installed_version

        typer.echo(f"madi {installed_version()}")
        raise typer.Exit


@app.callback()
def madi(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Neural networks whose every node is an equation you can read.

    \b
    Examples:
      madi train                     train on handwritten digits, in seconds
      madi train --help              every option, with examples
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())

"""madi lab: the experiments of the course, run, shown, and bound into a book."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from madi.cli.console import notice, say, show, table
from madi.cli.grouped import GroupedCommand
from madi.cli.settings import with_fields
from madi.errors import ConfigurationError

if TYPE_CHECKING:
    from madi.lab import Experiment, Result
    from madi.lab.framework.parameters import Parameter

RUNS = Path("runs") / "lab"
BOOK = Path("runs") / "book"
FAILED = 1
PARAMETERS, RUN = "Parameters", "Run"

Quick = Annotated[bool, typer.Option("--quick", help="Smaller, within seconds.", rich_help_panel=RUN)]
Anew = Annotated[
    bool, typer.Option("--anew", help="Compute, instead of showing the recorded result.", rich_help_panel=RUN)
]
Record = Annotated[
    bool, typer.Option("--record", help="With --anew: keep what comes of it as recorded.", rich_help_panel=RUN)
]


def _output(folder: Path) -> Any:
    """The option of the folder to write into, which is `folder` where it is left out."""
    return typer.Option(metavar="FOLDER", help=f"Of the files. [{folder}]", show_default=False, rich_help_panel=RUN)


class Experiments(TyperGroup):
    """The group of `madi lab run`: each experiment is a command, whose options are its parameters."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All, and each experiment in the course's order."""
        from madi.lab import names

        return [*super().list_commands(ctx), *names()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name.  Raises UnknownNameError for a name that no experiment has."""
        from madi.lab import experiment

        return super().get_command(ctx, cmd_name) or command_of(experiment(cmd_name))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The name comes first, wherever in the line it stands."""
        names = set(self.list_commands(ctx)) if args and args[0].startswith("-") else ()
        place = next((place for place, word in enumerate(args) if word in names), 0)
        return super().parse_args(ctx, [*args[place : place + 1], *args[:place], *args[place + 1 :]])


OPTIONS: dict[str, Any] = {"invoke_without_command": True, "add_completion": False, "rich_markup_mode": None}
lab = typer.Typer(name="lab", **OPTIONS)
runs = typer.Typer(name="run", cls=Experiments, subcommand_metavar="NAME [OPTIONS]...", **OPTIONS)


@lab.callback()
def about(context: typer.Context) -> None:
    """Every idea of the course as an experiment: its numbers, its figure, its page.

    \b
    Examples:
      madi lab list
      madi lab run gradient_descent --learning-rate 0.9
      madi lab run gradient_descent --help
      madi lab show gradient_descent
      madi lab run all --quick --output book
    """
    _help_where_nothing_is_asked(context)


@runs.callback()
def about_runs(context: typer.Context) -> None:
    """Run an experiment, or all of them as a book; `madi lab run NAME --help` tells the parameters of one.

    \b
    Examples:
      madi lab run gradient_descent --learning-rate 0.9
      madi lab run all --quick --output book
    """
    _help_where_nothing_is_asked(context)


lab.add_typer(runs)


def _help_where_nothing_is_asked(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@lab.command(name="list", cls=GroupedCommand)
def list_all() -> None:
    """List the experiments in the course's order: rows of docs/course.md, and about how many seconds they take.

    \b
    Examples:
      madi lab list
    """
    from madi.lab import experiment, names

    rows = [_line(experiment(name)) for name in names()]
    show(table(["rows", "name", "experiment", "seconds", "quick"], rows, numbers=["seconds", "quick"]))


def _line(made: Experiment) -> list[str]:
    full = "recorded" if made.long else f"{made.cost.full:,.3g}"
    return [", ".join(made.rows), made.name, made.title, full, f"{made.cost.quick:,.3g}"]


@lab.command(name="show", cls=GroupedCommand)
def show_one(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An experiment of 'madi lab list'.", show_default=False)],
) -> None:
    """Show the page and the source of an experiment.

    \b
    Examples:
      madi lab show gradient_descent
    """
    from madi.lab import experiment
    from madi.lab.framework.page import blocks

    made = experiment(name)
    say(f"{made.title}  ({', '.join(made.rows)})\n")
    for equation, lines in blocks(made.text):
        say("\n".join(lines) if equation else " ".join(" ".join(lines).split()))
        say()
    if made.parameters:
        show(table(["parameter", "default", "allowed", ""], map(_described, made.parameters.values())))
        say()
    say(f"Source of {made.name}.py\n")
    _show_code(made.source)


def _described(parameter: Parameter) -> tuple[str, ...]:
    from madi.lab.framework.parameters import shown

    return parameter.name, shown(parameter.default), parameter.rule.range(), parameter.rule.text


def _show_code(source: str) -> None:
    import sys

    from rich.syntax import Syntax

    if sys.stdout.isatty():
        show(Syntax(source, "python", theme="ansi_dark", background_color="default", word_wrap=True))
    else:
        say(source)


@runs.command(name="all", cls=GroupedCommand)
def run_all(quick: Quick = False, anew: Anew = False, output: Annotated[Path, _output(BOOK)] = BOOK) -> None:
    """All experiments: a book of HTML pages that opens without a server or network."""
    from madi.lab import names
    from madi.lab.framework.book import Book

    book = Book(output, names(), quick=quick)
    try:
        for name in book.names:
            entry = book.add(name, anew=anew)
            say(f"{entry.name:<{max(map(len, book.names))}}  {entry.seconds:7.1f} s  {entry.outcome}")
    finally:
        index = book.close()
    say(f"\n{book.totals}\nwritten to {index}")
    if failed := book.failed:
        notice(f"madi: {len(failed)} of {len(book.names)} experiments failed: {', '.join(failed)}.")
        raise typer.Exit(FAILED)


def command_of(made: Experiment) -> Any:
    """The command that runs one experiment."""
    fields = [(parameter.name, parameter.type, _field(parameter)) for parameter in made.parameters.values()]
    options = dataclasses.make_dataclass(made.name, fields)
    function = with_fields(options, argument="")(_long(made) if made.long else _short(made))
    function.__doc__ = f"{made.title}.\n\n\b\nExamples:\n{_examples(made)}"
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name=made.name, cls=GroupedCommand)(function)
    return typer.main.get_command(app)


def _examples(made: Experiment) -> str:
    given = [parameter.option(parameter.default) for parameter in made.parameters.values()]
    return "\n".join(f"  madi lab run {made.name} {options}" for options in ["--quick", *given[:1]])


def _field(parameter: Parameter) -> Any:
    each = f"each {parameter.rule.range()}, separated by commas" if parameter.several else parameter.rule.range()
    text = f"{parameter.rule.text}: {each}."
    return dataclasses.field(default=parameter.default, metadata={"help": text, "group": PARAMETERS})


def _short(made: Experiment) -> Any:
    def run(given: dict[str, Any], quick: Quick = False, output: Annotated[Path, _output(RUNS)] = RUNS) -> None:
        from madi.lab.framework.result import write

        write(output, {})  # a folder that cannot be written into is told before anything is computed
        _report(made.run(quick=quick, **_read(made, given)), output)

    return run


def _long(made: Experiment) -> Any:
    def run(
        given: dict[str, Any],
        quick: Quick = False,
        anew: Anew = False,
        record: Record = False,
        output: Annotated[Path, _output(RUNS)] = RUNS,
    ) -> None:
        from madi.lab.framework.experiment import keep
        from madi.lab.framework.result import write

        if record and not anew:
            raise ConfigurationError("--record keeps what is computed: add --anew.")
        write(output, {})
        result = made.run(quick=quick, anew=anew, **_read(made, given))
        if record:
            say(f"recorded in {keep(result)}\n")
        _report(result, output)

    return run


def _read(made: Experiment, given: dict[str, Any]) -> dict[str, Any]:
    """The values of the options: what was given as text or as a list of texts, read as the parameter says."""
    return {
        name: made.parameters[name].read(",".join(value)) if isinstance(value, list) else value
        for name, value in given.items()
    }


def _report(result: Result, output: Path) -> None:
    """What it shows, and the files."""
    from madi.training.progress import duration

    say(f"{result.experiment.title}  ({', '.join(result.experiment.rows)})\n")
    for claim, right in result.claims.items():
        say(f"✓ {claim}" if right else f"✗ {claim} Not shown by these data.")
    if result.notice:
        notice(result.notice)
    took = duration(result.seconds, tenths=True)
    say(f"\nrecorded on {result.origin.date}, {took}; --anew computes it anew" if result.recorded else f"\n{took}")
    files = result.save(output)
    say(f"written to {output}\n  {'  '.join(file.name for file in files)}")

"""How the commands print: tables on standard output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

WIDEST = 160  # columns of a table in a pipe


def say(text: str = "") -> None:
    """Text on standard output: wrapped between words in a terminal, as it is in a pipe."""
    console = _console()
    console.print(text, highlight=False, markup=False, soft_wrap=not console.is_terminal)


def show(table: Any) -> None:
    """A table on standard output."""
    _console().print(table)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()) -> Any:
    """A table of texts with a rule below its head; the columns named in `numbers` are flush right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for name in columns:
        made.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*map(Text, row))
    return made


def notice(text: str) -> None:
    """A line on standard error."""
    from rich.console import Console

    Console(stderr=True).print(text, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def counted(what: str, watched: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Within the block a bar on standard error for what takes (done, of how many) is told; None without a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not (watched and console.is_terminal):
        yield None
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, count: bar.update(task, completed=done, total=count)


def _console() -> Any:
    """A console that is as wide as its lines where nobody watches, so that a pipe gets whole tables."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, WIDEST))
    console.on_broken_pipe = _nobody_reads  # type: ignore[method-assign]  # rich's own ends the program with 1
    return console


def _nobody_reads() -> NoReturn:
    raise BrokenPipeError

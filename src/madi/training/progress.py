"""What a person sees of a fit while it runs, on standard error.

    verbose 0   nothing
    verbose 1   a bar in a terminal or a notebook; some lines, spread over the epochs, where there is neither
    verbose 2   one line an epoch

Training never fails because nobody can read along: what cannot be written is dropped.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from madi.errors import ConfigurationError
from madi.training.history import NOT_RESULTS, VALIDATION

LINES = 20  # most lines of a fit at verbose 1 without a terminal
REFRESHES_PER_SECOND = 5


def progress_for(verbose: int, called: str = "") -> Progress:
    """What shows a fit at this level of `verbose`; ConfigurationError for another than 0, 1 and 2.

    called   what the fit is called, where it is one of several
    """
    shown = _shown(verbose)
    shown.called = called
    return shown


def _shown(verbose: int) -> Progress:
    if isinstance(verbose, bool):  # as many call it: verbose=False
        verbose = int(verbose)
    if verbose not in (0, 1, 2):
        raise ConfigurationError(
            f"verbose must be 0 (silent), 1 (a progress bar) or 2 (one line an epoch), got {verbose!r}."
        )
    if verbose == 0 or sys.stderr is None:
        return Progress()
    console = _console()
    if verbose == 1 and console.is_jupyter:
        return NotebookBar(console)
    if verbose == 1 and console.is_interactive and console.file.isatty():
        return TerminalBar(console)
    return Lines(console, most=None if verbose == 2 else LINES)


class Progress:
    """Shows nothing: the base of those that do, and all that the trainer calls.

    called   what the fit is called, where it is one of several: "member 2"
    """

    called = ""

    def place(self, epoch: int, last: int) -> str:
        """Where the fit is: "epoch  3/20", after what it is called."""
        return f"{self.called}{': ' if self.called else ''}epoch {epoch:{len(str(last))}}/{last}"

    def start(self, epochs: int, first_epoch: int, steps: int | None) -> None:
        """A fit of `epochs` epochs begins, the first of which has this number (from 1).

        steps   updates in an epoch, or None where only the end of the first epoch will tell
        """

    def compiling(self, busy: bool) -> None:
        """A compilation begins or has ended."""

    def advance(self, step: int, values: Mapping[str, float]) -> None:
        """`step` updates of this epoch are done; `values` are the loss and metrics over them."""

    def epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        """An epoch is done, validation included; `values` is its row of the history."""

    def note(self, text: str) -> None:
        """Something that the user should know."""

    def close(self) -> None:
        """The fit is over, however it ended."""


class Lines(Progress):
    """One line for each epoch, or for at most about `most` of them, the first and the last included."""

    def __init__(self, console: Any, *, most: int | None = None) -> None:
        self.console, self.most = console, most
        self.first = self.last = self.every = 1
        self.announced = False
        self.unsaid: str | None = None

    def start(self, epochs: int, first_epoch: int, steps: int | None) -> None:
        """Choose which epochs get a line."""
        self.first, self.last = first_epoch, first_epoch + epochs - 1
        self.every = 1 if self.most is None else max(1, -(-epochs // self.most))
        self.started = time.monotonic()

    def compiling(self, busy: bool) -> None:
        """Say so once: one fit compiles a few programs."""
        if busy and not self.announced:
            self.announced = True
            self.note("compiling ...")

    def epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        """Write the line of the epoch, or keep it in case it proves to be the last."""
        line = "  ".join([self.place(epoch, self.last), *results(values), self._seconds(values)])
        self.unsaid = line
        if epoch in (self.first, self.last) or epoch % self.every == 0:
            self._say()

    def _seconds(self, values: Mapping[str, float]) -> str:
        return duration(values.get("seconds", time.monotonic() - self.started), tenths=True)

    def _say(self) -> None:
        if self.unsaid is not None:
            self.note(self.unsaid)
        self.unsaid = None

    def note(self, text: str) -> None:
        """One line of text."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        """The epoch at which training stopped early gets its line too."""
        self._say()


class Bar(Progress):
    """One bar for the whole fit, the results of the epoch below it, and the time that is left."""

    def __init__(self, console: Any) -> None:
        self.console = console
        self.clock = _Clock()
        self.results: list[str] = []
        self.validation: dict[str, float] = {}
        self.busy = self.closed = False
        self.first = self.last = self.current = 1
        self.steps: int | None = None
        self.step = 0

    def start(self, epochs: int, first_epoch: int, steps: int | None) -> None:
        """An empty bar."""
        self.first, self.last, self.current = first_epoch, first_epoch + epochs - 1, first_epoch
        self.steps = steps
        self.clock.start()
        self.show()

    def compiling(self, busy: bool) -> None:
        """The time that compiling takes says nothing about the time that is left."""
        self.busy = busy
        self.clock.pause(busy)
        self.refresh()

    def advance(self, step: int, values: Mapping[str, float]) -> None:
        """Move the bar."""
        self.step = step
        self.results = list(results({**self.validation, **values}))
        self.clock.reach(self.done)
        self.refresh()

    def epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        """The results of validation stay in sight during the next epoch."""
        self.steps = self.steps or self.step
        self.current, self.step = epoch + 1, 0
        self.validation = {name: value for name, value in values.items() if name.startswith(VALIDATION)}
        self.results = list(results(values))
        self.clock.reach(self.done)
        self.refresh()

    @property
    def done(self) -> float | None:
        """The share of the fit that is done; None where it cannot be known."""
        epochs = self.last - self.first + 1
        if self.steps is None and self.current == self.first and self.step:
            return None
        within = min(1.0, self.step / self.steps) if self.steps else 0.0
        return min(1.0, (self.current - self.first + within) / epochs) if epochs > 0 else 1.0

    def picture(self) -> Any:
        """The bar and the line below it, as rich draws them."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        done = self.done
        bar = ProgressBar(None if done is None else 1.0, done or 0.0, complete_style="cyan", finished_style="cyan")
        top = Table.grid(padding=(0, 2), expand=True)
        top.add_column(no_wrap=True)
        top.add_column(ratio=1)
        top.add_column(no_wrap=True, justify="right", min_width=len("12:34 left"))
        top.add_row(self._title(), bar, Text(self._state(), style="cyan" if self.busy else "default"))
        whole = Table.grid(expand=True)
        whole.add_column(no_wrap=True)
        whole.add_row(top)
        whole.add_row(Text("   ".join(self.results), overflow="ellipsis"))
        return whole

    def _title(self) -> str:
        begun = self.current if self.step or not self.closed else self.current - 1
        return self.place(max(self.first, min(begun, self.last)), self.last)

    def _state(self) -> str:
        """What stands to the right of the bar."""
        if self.busy:
            return "compiling ..."
        if self.closed:
            return duration(self.clock.elapsed())
        if self.done is None:
            return f"step {self.step}"
        left = self.clock.left()
        return "" if left is None else f"{duration(left)} left"

    def show(self) -> None:
        """Appear."""

    def refresh(self) -> None:
        """Draw again."""

    def note(self, text: str) -> None:
        """One line of text above the bar."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


class TerminalBar(Bar):
    """The bar in a terminal; a thread draws it, so that its clock runs while a compiled call does."""

    live: Any = None

    def show(self) -> None:
        """Start drawing.  What the program prints meanwhile appears above the bar."""
        from rich.live import Live

        self.live = Live(
            get_renderable=self.picture,
            console=self.console,
            refresh_per_second=REFRESHES_PER_SECOND,
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        )
        self.live.start()

    def close(self) -> None:
        """Draw the last state, and leave it there."""
        self.closed, self.busy = True, False
        if self.live is not None:
            self.live.stop()
        self.live = None


class NotebookBar(Bar):
    """The bar in a notebook: one output that is replaced a few times a second.  Needs no widgets."""

    handle: Any = None
    drawn = 0.0

    def show(self) -> None:
        """Make the output."""
        from IPython.display import display  # type: ignore[import-not-found, unused-ignore]  # only notebooks have it

        self.handle = display(self.picture(), display_id=True)

    def refresh(self) -> None:
        """Replace it, unless that was done just now."""
        now = time.monotonic()
        if self.handle is not None and (self.closed or self.busy or now - self.drawn > 1 / REFRESHES_PER_SECOND):
            self.drawn = now
            self.handle.update(self.picture())

    def close(self) -> None:
        """Leave the last state."""
        self.closed, self.busy = True, False
        self.refresh()


class _Clock:
    """Time since the start, and an estimate of the time left that no compilation spoils."""

    def __init__(self) -> None:
        self.begin = self.paused = 0.0
        self.since: float | None = None
        self.base: tuple[float, float] | None = None
        self.last: tuple[float, float] | None = None

    def start(self) -> None:
        self.begin = time.monotonic()

    def elapsed(self) -> float:
        return time.monotonic() - self.begin

    def pause(self, busy: bool) -> None:
        """Stop or go on counting the time that training takes."""
        if not busy and self.since is not None:
            self.paused += time.monotonic() - self.since
        self.since = time.monotonic() if busy else None

    def reach(self, done: float | None) -> None:
        """This share is done now."""
        if done is not None:
            self.last = (time.monotonic() - self.begin - self.paused, done)
            self.base = self.base or self.last

    def left(self) -> float | None:
        """Seconds to the end at the pace since the first report; None before the second."""
        if self.base is None or self.last is None or self.last[1] <= self.base[1]:
            return None
        pace = (self.last[0] - self.base[0]) / (self.last[1] - self.base[1])
        since = time.monotonic() - self.begin - self.paused - self.last[0]
        return max(0.0, pace * (1 - self.last[1]) - since)


def results(values: Mapping[str, float]) -> Iterator[str]:
    """Each result as text, with validation's beside it: "loss 0.1234 (validation 0.2345)"."""
    for name, value in values.items():
        beside = values.get(VALIDATION + name)
        if name in NOT_RESULTS or (name.startswith(VALIDATION) and name.removeprefix(VALIDATION) in values):
            continue
        yield f"{name} {number(value)}" + ("" if beside is None else f" (validation {number(beside)})")


def number(value: float) -> str:
    """Four digits after the point, or powers of ten where those would say nothing."""
    if value != value:
        return "not defined"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.2e}"


def duration(seconds: float, *, tenths: bool = False) -> str:
    """As a person says it: "0.4 s", "12 s", "3:05", "1:02:03".

    >>> duration(12.3), duration(185), duration(3723), duration(0.42, tenths=True)
    ('12 s', '3:05', '1:02:03', '0.4 s')
    """
    if seconds < 59.5:
        return f"{seconds:.1f} s" if tenths else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _console() -> Any:
    from rich.console import Console

    return Console(file=_Forgiving(sys.stderr), highlight=False)  # type: ignore[arg-type]  # all that rich asks of a file


class _Forgiving:
    """A stream that drops what it cannot write: a closed pipe must not end a training of hours."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write, or drop it."""
        try:
            return int(self.stream.write(text) or 0)
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
        """Flush, if there is still anything to flush to."""
        try:
            self.stream.flush()
        except (OSError, ValueError):
            self.stream = _Nowhere()

    def isatty(self) -> bool:
        """Whether a person sits at the other end."""
        try:
            return bool(self.stream.isatty())
        except (OSError, ValueError):
            return False


class _Nowhere:
    """A stream that nobody reads."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        return False

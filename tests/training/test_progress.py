"""What a person sees of a fit: lines where nobody watches, a bar where somebody does, and never a broken training."""

import io
import subprocess
import sys
import types

import pytest
from rich.console import Console
from rich.table import Table

from madi.errors import ConfigurationError
from madi.training import progress
from madi.training.progress import (
    Bar,
    Lines,
    NotebookBar,
    Progress,
    TerminalBar,
    duration,
    number,
    progress_for,
    results,
)

ROW = {"epoch": 1, "loss": 0.5, "accuracy": 0.75, "validation_loss": 0.625, "validation_accuracy": 0.5, "seconds": 1.25}
SHOWN = "loss 0.5000 (validation 0.6250)  accuracy 0.7500 (validation 0.5000)"


class Stream(io.StringIO):
    """A stream that may be a terminal, and may be closed at the other end."""

    def __init__(self, *, terminal=False, broken=False):
        super().__init__()
        self.terminal, self.broken = terminal, broken

    def isatty(self):
        return self.terminal

    def write(self, text):
        if self.broken:
            raise BrokenPipeError
        return super().write(text)

    def flush(self):
        if self.broken:
            raise BrokenPipeError


@pytest.fixture
def stderr(monkeypatch):
    """Put a stream in the place of standard error."""
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")

    def put(**options):
        stream = Stream(**options)
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return put


def run(shown, epochs=3, first=1, steps=4, row=ROW):
    """The calls of a fit."""
    shown.start(epochs, first, steps)
    shown.note("a notice")
    shown.compiling(True)
    shown.compiling(False)
    for epoch in range(first, first + epochs):
        shown.advance(2, {"loss": 0.6})
        shown.advance(4, {"loss": 0.5})
        shown.epoch(epoch, {**row, "epoch": epoch})
    shown.close()


def test_silence_is_silent_and_loads_no_rich():
    code = (
        "import sys; from madi.training.progress import progress_for; p = progress_for(0); p.start(1, 1, None);"
        "p.note('x'); p.compiling(True); p.advance(1, {}); p.epoch(1, {}); p.close(); sys.exit('rich' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("value", [3, -1, "1", None, 1.5])
def test_other_levels_are_refused(value):
    with pytest.raises(ConfigurationError) as caught:
        progress_for(value)
    expected = f"verbose must be 0 (silent), 1 (a progress bar) or 2 (one line an epoch), got {value!r}."
    assert str(caught.value) == expected


def test_a_bool_is_a_level(stderr):
    stderr()
    assert type(progress_for(False)) is Progress
    assert type(progress_for(True)) is Lines


def test_one_line_an_epoch(stderr):
    stream = stderr()
    run(progress_for(2))
    lines = [f"epoch {number}/3  {SHOWN}  1.2 s" for number in (1, 2, 3)]
    assert stream.getvalue().splitlines() == ["a notice", "compiling ...", *lines]


def test_going_on_counts_on(stderr):
    stream = stderr()
    run(progress_for(2), epochs=2, first=9)
    assert [line[:12] for line in stream.getvalue().splitlines()[2:]] == ["epoch  9/10 ", "epoch 10/10 "]


@pytest.mark.parametrize("epochs", [1, 2, 20, 21, 300, 1001])
def test_lines_in_a_pipe_are_few_and_hold_the_first_and_last_epoch(stderr, epochs):
    stream = stderr()
    run(progress_for(1), epochs=epochs)
    lines = [line.split()[1] for line in stream.getvalue().splitlines() if line.startswith("epoch")]
    assert lines[0] == f"1/{epochs}"
    assert lines[-1] == f"{epochs}/{epochs}"
    assert len(lines) == len(set(lines))
    assert min(epochs, 10) <= len(lines) <= 22
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


def test_the_epoch_at_which_training_stopped_has_its_line(stderr):
    stream = stderr()
    shown = progress_for(1)
    shown.start(300, 1, 1)
    for epoch in range(1, 48):
        shown.epoch(epoch, {"loss": 0.5, "seconds": 0.0})
    shown.close()
    assert stream.getvalue().splitlines()[-1] == "epoch  47/300  loss 0.5000  0.0 s"


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_no_control_codes_in_a_pipe_whatever_the_environment_says(stderr, monkeypatch, variable):
    stream = stderr()
    monkeypatch.setenv(variable, "1")
    run(progress_for(1))
    assert "\x1b" not in stream.getvalue()


def test_a_dumb_terminal_gets_lines(stderr, monkeypatch):
    stderr(terminal=True)
    monkeypatch.setenv("TERM", "dumb")
    assert type(progress_for(1)) is Lines


def test_a_terminal_gets_one_bar(stderr):
    stream = stderr(terminal=True)
    shown = progress_for(1)
    assert type(shown) is TerminalBar
    run(shown)
    text = stream.getvalue()
    assert "a notice" in text
    assert "epoch 3/3" in text
    assert "loss 0.5000 (validation 0.6250)   accuracy 0.7500 (validation 0.5000)" in text
    assert text.endswith("\x1b[?25h"), "the cursor is back"
    assert sys.stderr is stream


@pytest.mark.parametrize("terminal", [True, False])
def test_a_closed_stream_breaks_nothing(stderr, terminal):
    stream = stderr(terminal=terminal)
    shown = progress_for(1)
    stream.broken = True
    run(shown)
    stream.close()
    run(shown)


def test_no_standard_error_at_all(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert type(progress_for(1)) is Progress


# ---- the bar


def bar(epochs=4, first=1, steps=10):
    made = Bar(Console(file=io.StringIO(), width=80))
    made.start(epochs, first, steps)
    return made


def drawn(shown, width=80):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(shown.picture())
    return console.file.getvalue().splitlines()


def test_the_share_that_is_done():
    shown = bar(epochs=4, steps=10)
    assert shown.done == 0
    shown.advance(5, {})
    assert shown.done == 1 / 8
    shown.epoch(1, {})
    shown.advance(10, {})
    assert shown.done == 1 / 2
    for epoch in (2, 3, 4):
        shown.epoch(epoch, {})
    assert shown.done == 1


def test_the_share_of_a_stream_is_known_after_its_first_epoch():
    shown = bar(epochs=2, steps=None)
    shown.advance(7, {})
    assert shown.done is None
    assert drawn(shown)[0].endswith("step 7")
    shown.epoch(1, {})
    shown.advance(7, {})
    assert shown.done == 1


def test_what_stands_on_the_right(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    shown = bar(epochs=1, steps=100)
    shown.compiling(True)
    assert drawn(shown)[0].endswith("compiling ...")
    now[0] += 50
    shown.compiling(False)
    assert "compiling" not in drawn(shown)[0]
    now[0] += 1
    shown.advance(10, {})
    assert "left" not in drawn(shown)[0]
    now[0] += 1
    shown.advance(20, {})
    assert drawn(shown)[0].endswith(" 8 s left")
    now[0] += 3
    assert drawn(shown)[0].endswith(" 5 s left"), "the clock runs between reports"
    shown.epoch(1, {})
    shown.closed = True
    assert drawn(shown)[0].endswith(" 55 s"), "the whole time, compilation included"


def test_results_of_validation_stay_during_the_next_epoch():
    shown = bar()
    shown.epoch(1, {"loss": 0.5, "validation_loss": 0.6})
    shown.advance(1, {"loss": 0.4})
    assert drawn(shown)[1].strip() == "loss 0.4000 (validation 0.6000)"


def test_a_narrow_terminal_cuts_the_results_to_one_line():
    shown = bar()
    shown.epoch(1, {f"a_long_metric_{i}": 0.5 for i in range(5)})
    lines = drawn(shown, width=40)
    assert len(lines) == 2
    assert all(len(line) <= 40 for line in lines)
    assert lines[1].endswith("…")


def test_a_fit_that_stopped_early_names_its_last_epoch():
    shown = bar(epochs=20)
    shown.epoch(1, {})
    shown.epoch(2, {})
    assert drawn(shown)[0].startswith("epoch  3/20")
    shown.closed = True
    assert drawn(shown)[0].startswith("epoch  2/20")


def test_a_notebook_gets_one_output_that_is_replaced(monkeypatch, stderr):
    outputs = []

    class Handle:
        def update(self, picture):
            outputs[-1] = picture

    def display(picture, *, display_id):
        outputs.append(picture)
        return Handle()

    module = types.ModuleType("IPython.display")
    module.display = display
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    shown = NotebookBar(Console(file=io.StringIO(), width=80))
    run(shown)
    (picture,) = outputs
    assert isinstance(picture, Table), "a table shows itself in a notebook"
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(picture)
    assert console.file.getvalue().startswith("epoch 3/3")


# ---- words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000"),
        (0.12345, "0.1235"),
        (12.0, "12.0000"),
        (0.0004, "4.00e-04"),
        (-2e5, "-2.00e+05"),
        (float("nan"), "not defined"),
        (float("inf"), "inf"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1:00"), (61, "1:01"), (3599.6, "1:00:00"), (3723, "1:02:03")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_results_leave_out_what_is_no_result():
    row = {"epoch": 1, "seconds": 2.0, "learning_rate": 0.1, "validation_f1": 0.5}
    assert list(results(row)) == ["validation_f1 0.5000"]

"""What every command has in common: how it ends, and what it says then."""

from __future__ import annotations

import _thread
import os
import re
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from madi.cli import INTERRUPTED
from madi.cli.spelling import as_option
from madi.errors import MadiError, closest, spelled

SUCCESS, FAULT, MISTAKE = 0, 1, 2
WANTED = "Input should be "  # begins what typer says of a value of the wrong kind or size
WORDS = {
    "greater than or equal to": "at least", "less than or equal to": "at most", "a valid integer": "a whole number",
    "a valid number": "a number",
}  # fmt: skip
BROKEN_PIPE, TERMINATED = 141, 143  # 128 and the number of the signal, as shells count


def run(arguments: Sequence[str]) -> int:
    """Run the command line `arguments`; the exit code."""
    try:
        with _handled_signals(), _heard_signals(), spelled(as_option):
            code = _invoke(arguments)
            sys.stdout.flush()
            return code
    except KeyboardInterrupt:
        return _told(INTERRUPTED, "madi: interrupted.")
    except BrokenPipeError:
        return _nobody_reads()
    except Exception as error:
        if isinstance(error, MadiError) or _is_of_usage(error):
            return _told(MISTAKE, one_line(error))
        if _is_of_home(error):
            return _told(MISTAKE, "madi: a path begins with ~ and the name of nobody on this machine. Write it whole.")
        return _told(INTERRUPTED, "madi: interrupted.") if _is_interrupt(error) else _fault(error)


def _invoke(arguments: Sequence[str]) -> int:
    import typer  # not before signals are heard

    from madi.cli.app import app

    code = typer.main.get_command(app).main(list(arguments), prog_name="madi", standalone_mode=False)
    return code if isinstance(code, int) else SUCCESS


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C came while a library was being imported, which tells it as an error of its own."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        if isinstance(error, ImportError) and "KeyboardInterrupt" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return error is not None


def _is_of_home(error: Exception) -> bool:
    """Whether `Path.expanduser` knows no such home; it raises no error of its own kind."""
    return isinstance(error, RuntimeError) and str(error).startswith("Could not determine home directory")


def one_line(error: Exception) -> str:
    """What is wrong and what to do, as one line; usage errors name the command and the closest option."""
    text = " ".join((_usage(error) if _is_of_usage(error) else f"madi: {error}").split())
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _is_of_usage(error: Exception) -> bool:
    """Whether typer refuses the command line."""
    typer = sys.modules.get("typer")
    return typer is not None and isinstance(error, typer.BadParameter.__bases__[0])  # it names only the subclasses


def _usage(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "madi"
    text = _expectation(error)
    if text.startswith("No such option"):
        return f"{command}: {_unknown_option(error)} {_help(command)}"
    text = re.sub(r"^No such command '(.*?)'\.", r"unknown command '\1'.", text)
    return f"{command}: {_about_parameter(error)}{text.rstrip('.')}. {_help(command)}".replace("?.", "?")


def _expectation(error: Exception) -> str:
    """What typer says of a value, in madi's words, with the value: "expected at least 0, got '-1'"."""
    text = str(getattr(error, "message", error)).removeprefix("Value error, ")
    if not text.startswith(WANTED):
        return text
    wanted = text.removeprefix(WANTED).partition(", unable")[0]
    for theirs, ours in WORDS.items():
        wanted = wanted.replace(theirs, ours)
    told: list[Any] = getattr(error.__cause__, "errors", list)()
    return f"expected {wanted}" + (f", got '{told[0]['input']}'" if told else "")


def _unknown_option(error: Any) -> str:
    known = [name for entry in error.ctx.command.params for name in entry.opts]
    near = closest(error.option_name, known)
    return f"unknown option {error.option_name}{f': did you mean {near}?' if near else '.'}"


def _about_parameter(error: Exception) -> str:
    """Which option or argument the error is about."""
    parameter = getattr(error, "param", None)
    if parameter is None:
        return ""
    name = parameter.opts[0] if parameter.opts[0].startswith("-") else parameter.name.upper()
    return f"{name}: " if getattr(error, "message", "") else f"{name} is missing"


def _help(command: str) -> str:
    return f"See {command} --help."


def _told(code: int, text: str) -> int:
    """The exit code, after a line on standard error."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return code
    return code


def _nobody_reads() -> int:
    """The program that read our output has ended, as `head` does: that is no fault."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def _fault(error: Exception) -> int:
    kind = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    line = " ".join(f"madi: a fault in madi, not in what you did: {kind}".split())
    log = _write_log("".join(traceback.format_exception(error)))
    return _told(FAULT, f"{line}. The details are in {log}; please report it with that file.")


def _write_log(text: str) -> Path | str:
    """A new file with the traceback: in the user's folder of logs, or in that of temporary files."""
    name = f"madi-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    told = f"madi {installed_version()}, Python {sys.version}\narguments {sys.argv[1:]}\n\n{text}"
    for folder in (_log_folder(), Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(told, encoding="utf-8", errors="backslashreplace")
        except OSError:
            continue
        return folder / name
    return "no file, for none could be written"


def _log_folder() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "madi"


def installed_version() -> str:
    """The version of madi, or that there is none: sources that were never installed have no number."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("madi")
    except PackageNotFoundError:
        return "not installed"


@contextmanager
def _handled_signals() -> Iterator[None]:
    """Within the block Ctrl-C and SIGTERM end the program in order, so that what there is can be saved."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, _terminate)}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a job in the background ignores it
        before[signal.SIGINT] = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _heard_signals() -> Iterator[None]:
    """Within the block Ctrl-C and SIGTERM count also where Python only prints what they raise.

    That is so in __del__ and in callbacks of the garbage collector, of which the import of JAX has many.
    """
    before = sys.unraisablehook
    signals = {KeyboardInterrupt: signal.SIGINT, SystemExit: signal.SIGTERM}

    def hear(ignored: Any) -> None:
        number = signals.get(ignored.exc_type)
        if number is None:
            before(ignored)
        else:
            _send_again(number)

    sys.unraisablehook = hear
    try:
        yield
    finally:
        sys.unraisablehook = before


def _terminate(number: int, frame: FrameType | None) -> None:
    if _is_importing(frame):
        return _send_again(number)
    sys.exit(TERMINATED)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if _is_importing(frame):
        return _send_again(number)
    raise KeyboardInterrupt


_interrupt.raises_keyboard_interrupt = True  # type: ignore[attr-defined]  # a fit may put its own in its place


def _is_importing(frame: FrameType | None) -> bool:
    """Whether a module is being imported: libraries of compiled code lose an exception there, or crash by it."""
    while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def _send_again(number: int) -> None:
    """Raise a signal once more, a little later."""
    again = threading.Timer(0.05, _raise_in_main_thread, (number,))
    again.daemon = True
    again.start()


def _raise_in_main_thread(number: int) -> None:
    """As from outside: what the main thread waits for ends, which `interrupt_main` lets go on."""
    main = threading.main_thread().ident
    if main is not None and hasattr(signal, "pthread_kill") and callable(signal.getsignal(number)):
        signal.pthread_kill(main, number)
    else:
        _thread.interrupt_main(signal.Signals(number))

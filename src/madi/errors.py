"""Exceptions, and the form of a message.

Every mistake that a user can make raises a subclass of `MadiError` whose text says, on one line, what is wrong, where,
what was expected, what was received, and what to do.  The command line prints that line and exits with 2; any other
exception is a fault of madi itself and exits with 1.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Spelling = Callable[[str, Any], str]


class MadiError(Exception):
    """Base of every error that the user can mend."""


class ShapeError(MadiError, ValueError):
    """An array whose shape does not fit the node or layer that it was given to."""


class DataError(MadiError, ValueError):
    """Values that cannot be trained on: NaN, labels outside the classes, lengths that differ, no examples."""


class ConfigurationError(MadiError, ValueError):
    """Settings that are out of range or contradict each other."""


class UnknownNameError(MadiError, LookupError):
    """A name that madi does not know; the message suggests the closest one it does."""


class FileError(MadiError, OSError):
    """A file that is missing, truncated, corrupt, unreadable, or not what its name says."""


class GradientMismatch(MadiError, AssertionError):
    """A backward equation that disagrees with the central difference of its forward equation."""


class DivergenceError(MadiError, ArithmeticError):
    """Training that left the finite numbers."""


def as_keyword(name: str, value: Any = None) -> str:
    """An argument as Python writes it: "task", or with a value "task='regression'"."""
    return name if value is None else f"{name}={value!r}"


_spelling: ContextVar[Spelling] = ContextVar("spelling", default=as_keyword)


def argument(name: str, value: Any = None) -> str:
    """An argument as a message names it, with what to give it where there is such advice.

    Python's way, unless `spelled` has said another: the command line has options for arguments.

    >>> argument("task", "regression")
    "task='regression'"
    """
    return _spelling.get()(name, value)


@contextmanager
def spelled(spelling: Spelling) -> Iterator[None]:
    """Within the block messages name arguments so: spelling(name, value or None) -> text."""
    before = _spelling.set(spelling)
    try:
        yield
    finally:
        _spelling.reset(before)


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None where nothing is near."""
    folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(str(name).casefold(), folded, n=1, cutoff=0.5)
    return folded[near[0]] if near else None


def unknown_name(kind: str, name: object, known: Iterable[str]) -> UnknownNameError:
    """The error for a name that is not among `known`, with the closest one suggested.

    >>> str(unknown_name("loss", "sofmax", ["softmax", "huber"]))
    "Unknown loss 'sofmax': did you mean 'softmax'? Known: huber, softmax."
    """
    known = sorted(known)
    near = closest(str(name), known)
    hint = f" did you mean '{near}'?" if near else ""
    return UnknownNameError(f"Unknown {kind} '{name}':{hint} Known: {', '.join(known)}.")


def expect_shape(where: str, shape: Sequence[int], expected: Sequence[int | None], *, fix: str) -> None:
    """Raise ShapeError unless `shape` has the sizes of `expected`, in which None allows any size.

    where     the layer or node, as the user named it: "Dense 'fc1'"
    fix       what the user can do, as a sentence
    """
    fits = len(shape) == len(expected) and all(want in (None, size) for size, want in zip(shape, expected, strict=True))
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in expected)
        raise ShapeError(f"{where}: expected shape ({wanted}), got {tuple(shape)}. {fix}")

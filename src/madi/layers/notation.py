"""Networks written as text, as one would write them in Python; only layers and initializers can be meant.

    Dense(100), ReLU(), Dropout(0.2), Residual(Sequential(Dense(100), ReLU())), Dense(outputs)

The text is parsed, never run: a name is a layer, an initializer, or one of the `names` that stand for numbers.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from madi import initializers
from madi.errors import ConfigurationError, MadiError, unknown_name
from madi.layers.base import Layer
from madi.layers.containers import Sequential
from madi.layers.registry import known_layers

LONGEST = 100_000  # characters
INITIALIZERS = {kind.__name__: kind for kind in initializers.TABLE.values()}
EXAMPLE = "Write for example: Dense(100), ReLU(), Dense(outputs)"


def from_text(text: str, *, names: Mapping[str, int] | None = None, layers: Iterable[type[Layer]] = ()) -> Sequential:
    """The network that the text describes: layers with commas or line breaks between them, one after the other.

    names    numbers that may be called by a name, such as {"outputs": 10}
    layers   classes that are not madi's own

    Raises ConfigurationError, with line and column, for what is no list of layers; UnknownNameError with the closest
    name.

    >>> from_text("Dense(3), ReLU(), Dense(outputs)", names={"outputs": 2})
    Sequential(Dense(units=3), ReLU(), Dense(units=2))
    """
    known: dict[str, Callable[..., Any]] = {**INITIALIZERS, **known_layers(layers)}
    reader = _Reader(known, dict(names or {}))
    made = [reader.layer(entry) for entry in _entries(text)]
    if not made:
        raise ConfigurationError(f"layers: expected at least one layer, got none. {EXAMPLE}.")
    return made[0] if len(made) == 1 and isinstance(made[0], Sequential) else Sequential(*made)


def _entries(text: str) -> list[ast.expr]:
    """The layers of the outermost list; a line break between two of them is as good as a comma."""
    if len(text) > LONGEST:
        raise ConfigurationError(f"layers: expected at most {LONGEST:,} characters, got {len(text):,}.")
    try:
        found = [_expressions(statement) for statement in ast.parse(text.strip()).body]
    except SyntaxError as error:
        where = f"line {error.lineno}, column {error.offset}"
        raise ConfigurationError(f"layers: {where}: not a list of layers ({error.msg}). {EXAMPLE}.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ConfigurationError(f"layers: not a list of layers ({error}). {EXAMPLE}.") from error
    return list(itertools.chain.from_iterable(found))


def _expressions(statement: ast.stmt) -> list[ast.expr]:
    if not isinstance(statement, ast.Expr):
        raise _wrong(statement, "a layer")
    listed = isinstance(statement.value, (ast.Tuple, ast.List))
    return list(statement.value.elts) if listed else [statement.value]  # type: ignore[attr-defined]


class _Reader:
    """Values from parsed text."""

    def __init__(self, known: Mapping[str, Callable[..., Any]], names: dict[str, int]) -> None:
        self.known, self.names = known, names

    def layer(self, entry: ast.expr) -> Layer:
        found = self.value(entry)
        if not isinstance(found, Layer):
            raise _wrong(entry, "a layer")
        return found

    def value(self, entry: ast.expr) -> Any:
        match entry:
            case ast.Constant(value=None | bool() | int() | float() | str()):
                return entry.value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
                return -entry.operand.value  # type: ignore[attr-defined]
            case ast.List() | ast.Tuple():
                values = [self.value(each) for each in entry.elts]
                return values if isinstance(entry, ast.List) else tuple(values)
            case ast.Name():
                return self.named(entry)
            case ast.Call(func=ast.Name()):
                return self.made(entry)
        raise _wrong(entry, "layers, numbers, texts and lists")

    def named(self, entry: ast.Name) -> Any:
        """A number by its name, or a layer without its brackets."""
        return self.names[entry.id] if entry.id in self.names else self.call(entry, entry.id, [], {})

    def made(self, entry: ast.Call) -> Any:
        positional = [self.value(each) for each in entry.args]
        named = {each.arg: self.value(each.value) for each in entry.keywords}
        if None in named:
            raise _wrong(entry, "arguments by name")
        return self.call(entry, entry.func.id, positional, named)  # type: ignore[attr-defined]

    def call(self, entry: ast.expr, name: str, positional: list[Any], named: dict[Any, Any]) -> Any:
        if name not in self.known:
            raise unknown_name("layer", name, [*self.known, *self.names])
        try:
            return self.known[name](*positional, **named)
        except MadiError as error:
            raise type(error)(f"layers: {_place(entry)}: {error}") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise ConfigurationError(f"layers: {_place(entry)}: {name} {error}.") from error


def _place(entry: ast.AST) -> str:
    return f"line {entry.lineno}, column {entry.col_offset + 1}"  # type: ignore[attr-defined]


def _wrong(entry: ast.AST, expected: str) -> ConfigurationError:
    written = ast.unparse(entry)
    shown = written if len(written) < 60 else f"{written[:57]}..."
    return ConfigurationError(f"layers: {_place(entry)}: expected {expected}, got {shown}. {EXAMPLE}.")

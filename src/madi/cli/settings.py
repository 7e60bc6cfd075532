"""Options of a command from the fields of a configuration: each is defined once, there."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any

import typer

METAVARS = {int: "COUNT", float: "NUMBER", tuple: "LIST"}
READ_AS: dict[Any, Any] = {tuple: list[str] | None, bool: bool | None}  # the others are read as text


def with_fields(config: type, *, argument: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator for a command f(given, ...): the fields of `config` are its options, `given` has those that are used.

    argument   the field that is a positional argument instead
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = [
            entry for name, entry in inspect.signature(function, eval_str=True).parameters.items() if name != "given"
        ]
        fields = dataclasses.fields(config)
        kinds = kinds_of(config)

        def command(**values: Any) -> None:
            used = {field.name: read(kinds[field.name], values.pop(field.name)) for field in fields}
            function(given={name: value for name, value in used.items() if value not in (None, [])}, **values)

        made = [_parameter(field, kinds[field.name], field.name == argument) for field in fields]
        parameters = [entry.replace(kind=inspect.Parameter.KEYWORD_ONLY) for entry in [*made, *own]]
        command.__name__, command.__doc__ = function.__name__, function.__doc__
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {entry.name: entry.annotation for entry in parameters}
        return command

    return decorate


def kinds_of(config: type) -> dict[str, type]:
    """int, float, bool, str or tuple for each field of a configuration."""
    return {name: _kind(hint) for name, hint in typing.get_type_hints(config).items()}


def _parameter(field: dataclasses.Field[Any], kind: type, positional: bool) -> inspect.Parameter:
    """The parameter of a field; None, or an empty list, where the user does not give it."""
    default = field.metadata["unset"] if field.default is None else _shown(field.default)
    text = field.metadata["help"] if field.metadata.get("denied") else f"{field.metadata['help']} [{default}]"
    if positional:
        made = typer.Argument(help=text, show_default=False, metavar=field.name.upper())
    else:
        panel = field.metadata["group"]
        shown = None if kind is bool else METAVARS.get(kind, "NAME")
        made = typer.Option(
            _option(field.name, kind), help=text, show_default=False, rich_help_panel=panel, metavar=shown
        )
    read: Any = READ_AS.get(kind, str | None)
    annotation = Annotated[read, made]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _option(field: str, kind: type) -> str:
    """ "--batch-size"; "--batch-norm/--no-batch-norm" for a switch."""
    name = field.replace("_", "-")
    return f"--{name}/--no-{name}" if kind is bool else f"--{name}"


def _kind(hint: Any) -> type:
    """int, float, bool, str or tuple, of a field that may be None."""
    (kind,) = [entry for entry in _alternatives(hint) if entry is not types.NoneType]
    return typing.get_origin(kind) or kind


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) is types.UnionType else (hint,)


def read(kind: type, text: Any) -> Any:
    """A number where the field holds one; what is none stays text, and the field's own check refuses it."""
    if text is None or kind not in (int, float):
        return text
    try:
        return kind(text)
    except ValueError:
        return text


def _shown(default: Any) -> str:
    if isinstance(default, tuple):
        return ",".join(map(str, default)) or "none"
    if isinstance(default, bool):
        return "yes" if default else "no"
    return f"{default:g}" if isinstance(default, float) else str(default)

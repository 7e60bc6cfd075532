"""madi check: backward against central differences, for a model or for a user's own nodes."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from madi.cli.console import say
from madi.errors import ConfigurationError, FileError, GradientMismatch, MadiError, unknown_name

if TYPE_CHECKING:
    from madi.graph import Function
    from madi.runs.loading import Found

LOWEST, HIGHEST = 0.5, 1.5  # of the inputs with --positive


def check(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            show_default=False,
            help="A Python file with Functions, a model's file, the folder of a run, or a model's name.",
        ),
    ],
    shape: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SIZES", help="Of an input, such as 3,4; once for each, or once for all. [3,4]", show_default=False
        ),
    ] = None,
    only: Annotated[
        str | None, typer.Option(metavar="NAME", help="Check this Function of the file alone.", show_default=False)
    ] = None,
    positive: Annotated[
        bool, typer.Option("--positive", help="Inputs between 0.5 and 1.5, as for a logarithm.")
    ] = False,
    input_shape: Annotated[
        str | None,
        typer.Option(metavar="SIZES", help="Of one example, for a model by name: 784 or 28,28,1.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="COUNT", help="Of the inputs.", min=0)] = 0,
) -> None:
    """Check gradients: every backward equation against central differences of its forward equation.

    \b
    Examples:
      madi check my_node.py
      madi check my_node.py --only Divide --shape 3,4 --shape 4 --positive
      madi check mlp --input-shape 8
    """
    from madi.runs.loading import find_or_make, sizes

    random = np.random.default_rng(seed)
    if target.endswith(".py"):
        shapes = [sizes("--shape", text) or () for text in shape or ["3,4"]]
        _check_file(Path(target).expanduser(), only, shapes, random, positive)
    else:
        _expect_unset({"--only": only, "--shape": shape, "--positive": positive}, target)
        _check_model(find_or_make(target, sizes("--input-shape", input_shape), outputs=3), random)


def _expect_unset(options: dict[str, Any], target: str) -> None:
    """Raise ConfigurationError for an option that says something of a file of Functions alone."""
    given = next((name for name, value in options.items() if value), None)
    if given is not None:
        raise ConfigurationError(
            f"{given}: expected a Python file of Functions beside it, got the model {target!r}. Leave {given} out; the "
            "input of a model is given by --input-shape."
        )


def _check_model(found: Found, random: np.random.Generator) -> None:
    """All parameters and the input, from the sum of three examples' outputs."""
    from madi.graph import Variable, check_gradients

    model = found.model
    paths = list(model.parameters())
    x = Variable(random.standard_normal((3, *(model.input_shape or ()))), name="x")
    values = [Variable(np.asarray(p.value, np.float64), name=path) for path, p in model.parameters().items()]
    state = {path: np.asarray(value, np.float64) for path, value in model.state().items()}

    def forward(x: Any, *values: Any) -> Any:
        return model.apply(dict(zip(paths, values, strict=True)), state, x)[0]

    say(f"{found.place}: {check_gradients(forward, x, *values)}".replace(": ", "\n", 1))


def _check_file(
    file: Path, only: str | None, shapes: list[tuple[int, ...]], random: np.random.Generator, positive: bool
) -> None:
    nodes = list(_functions(_import(file)))
    if not nodes:
        raise ConfigurationError(f"{file}: no Function to check. Define one: class Square(madi.Function): ...")
    names = [node.__name__ for node in nodes]
    if only is not None and only not in names:
        raise unknown_name(f"Function in {file}", only, names)
    for node in nodes:
        if only in (None, node.__name__):
            _check_function(file, node, shapes, random, positive)


def _check_function(
    file: Path, node: type[Function], shapes: list[tuple[int, ...]], random: np.random.Generator, positive: bool
) -> None:
    from madi.graph import check_gradients

    names = _inputs(file, node, len(shapes))
    each = shapes * len(names) if len(shapes) == 1 else shapes
    if len(each) != len(names):
        raise ConfigurationError(
            f"{file}: {node.__name__} has {len(names)} inputs ({', '.join(names)}), got {len(each)} --shape options."
        )
    draw = (lambda size: random.uniform(LOWEST, HIGHEST, size)) if positive else random.standard_normal
    try:
        report = check_gradients(lambda *inputs: node()(*inputs), *(draw(size) for size in each))
    except GradientMismatch as error:
        raise GradientMismatch(f"{file}: {node.__name__}: {error}") from error
    except MadiError:
        raise
    except Exception as error:
        raise _user_error(file, error, f"{node.__name__}: ") from error
    say(f"{node.__name__}: backward agrees with the central differences.\n{report}\n")


def _inputs(file: Path, node: type[Function], given: int) -> list[str]:
    """The names of the inputs of `forward`; of *inputs as many as there are shapes."""
    needed = [p for p in inspect.signature(node).parameters.values() if p.default is p.empty and p.kind in (0, 1, 3)]
    if needed:
        words = ", ".join(entry.name for entry in needed)
        raise ConfigurationError(f"{file}: {node.__name__} is made with arguments ({words}). Give them defaults.")
    taken = list(inspect.signature(node.forward).parameters.values())[1:]
    if any(entry.kind is entry.VAR_POSITIONAL for entry in taken):
        return [f"input {number}" for number in range(max(given, len(taken)))]
    return [entry.name for entry in taken]


def _import(file: Path) -> ModuleType:
    """The module in a file of the user's, whose own folder it may import from."""
    if not file.is_file():
        raise FileError(f"{file}: no such file. Give a Python file with Functions.")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]  # a .py file always has one
    sys.path.insert(0, str(file.resolve().parent))
    try:
        spec.loader.exec_module(module)  # type: ignore[union-attr]
    except Exception as error:
        raise _user_error(file, error) from error
    finally:
        sys.path.pop(0)
    return module


def _user_error(file: Path, error: Exception, where: str = "") -> ConfigurationError:
    """An error in the user's own code: the line of the file that it came from."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == file.absolute()]
    line = error.lineno if isinstance(error, SyntaxError) else frames[-1].lineno if frames else None
    place = f"{file}, line {line}" if line else f"{file}"
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return ConfigurationError(f"{place}: {where}{type(error).__name__}: {message}. Mend the file.")


def _functions(module: ModuleType) -> Iterator[type[Function]]:
    """The Functions that the module itself defines."""
    from madi.graph import Function

    for entry in vars(module).values():
        if isinstance(entry, type) and issubclass(entry, Function) and entry.__module__ == module.__name__:
            yield entry

"""The page of one experiment as HTML: whole in one file, without anything from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from html import escape
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.lab.framework.parameters import Parameter, shown

if TYPE_CHECKING:
    from madi.lab.framework.result import Result

GENERATOR = "madi lab"
MOST_NUMBERS, MOST_ROWS = 8, 60  # in a line of the table of numbers; lines of it
SHORT = 20  # characters of a text that stands among numbers
MOST_TEXT = 20_000  # characters of JSON on the page
NOT_SHOWN = " <i>Not shown by these data.</i>"
CODE = re.compile("`([^`]+)`")


def page(result: Result, *, navigation: str = "") -> str:
    """The page of a result; `navigation` is HTML above its title."""
    made = result.experiment
    parts = [
        f'<p class="rows">{escape(" · ".join(made.rows))}</p>\n<h1>{escape(made.title)}</h1>',
        prose(made.text),
        _notice(result),
        f"<figure>{result.picture()}</figure>",
        "<h2>What it shows</h2>",
        _claims(result.claims),
        "<h2>Run it</h2>",
        f"<pre>{escape(result.command)}\n{escape(result.call)}</pre>",
        _parameters(result),
        _numbers(result),
        _source(made.source),
        f"<footer>{escape(_origin(result))}</footer>",
    ]
    return document(made.title, "\n".join(part for part in parts if part), navigation)


def document(title: str, body: str, navigation: str = "") -> str:
    """A whole HTML document with the lab's style; `body` and `navigation` are HTML."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="{GENERATOR}">\n<title>{escape(title)}</title>\n'
        f"<style>\n{_stylesheet()}</style>\n</head>\n<body>\n{navigation}<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def excerpt(result: Result) -> str:
    """Figure and claims, as a notebook shows them below a cell."""
    made = result.experiment
    about = f"{' · '.join(made.rows)}, {_values(result.parameters)}"
    picture = f'<div style="background: #fff; overflow-x: auto">{result.picture()}</div>'
    lines = "".join(f"<div>{_mark(right)} {escape(claim)}</div>" for claim, right in result.claims.items())
    return f"<div><b>{escape(made.title)}</b> <small>{escape(about)}</small></div>{_notice(result)}{picture}{lines}"


def prose(text: str) -> str:
    """A docstring's paragraphs and its indented equations as HTML."""
    return "\n".join(_block(equation, lines) for equation, lines in blocks(text))


def blocks(text: str) -> Iterator[tuple[bool, list[str]]]:
    """(whether it is indented, its lines) for each block of a docstring."""
    for kind, lines in groupby(text.splitlines(), lambda line: (bool(line.strip()), line.startswith(" "))):
        if kind[0]:
            yield kind[1], list(lines)


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of texts."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


@cache
def _stylesheet() -> str:
    return files(__package__).joinpath("page.css").read_text(encoding="utf-8")


def _block(equation: bool, lines: list[str]) -> str:
    if equation:
        indent = min(len(line) - len(line.lstrip()) for line in lines)
        equations = "\n".join(line[indent:] for line in lines)
        return f'<pre class="equation">{escape(equations)}</pre>'
    text = escape(" ".join(lines), quote=False)
    return f"<p>{CODE.sub(_code, text)}</p>"


def _code(found: re.Match[str]) -> str:
    return f"<code>{found[1]}</code>"


def _notice(result: Result) -> str:
    return f'<p class="notice">{escape(result.notice)}</p>' if result.notice else ""


def _mark(right: bool) -> str:
    return f'<b title="{"shown" if right else "not shown"}">{"✓" if right else "✗"}</b>'


def _claims(claims: dict[str, bool]) -> str:
    lines = (
        f'<li class="{"shown" if right else "not"}">{_mark(right)} '
        f"<span>{escape(claim)}{'' if right else NOT_SHOWN}</span></li>"
        for claim, right in claims.items()
    )
    return '<ul class="claims">\n' + "\n".join(lines) + "\n</ul>"


def _parameters(result: Result) -> str:
    declared = result.experiment.parameters
    if not declared:
        return ""
    rows = (_row(parameter, result.parameters[name]) for name, parameter in declared.items())
    return "<h2>Parameters</h2>\n" + table(("name", "here", "default", "allowed", ""), rows)


def _row(parameter: Parameter, value: Any) -> tuple[str, ...]:
    return parameter.name, shown(value), shown(parameter.default), parameter.rule.range(), parameter.rule.text


def _numbers(result: Result) -> str:
    """The data in a table, and as JSON where that is short."""
    rows = list(leaves(result.data))
    more = f'<p class="soft">and {len(rows) - MOST_ROWS} more</p>' if len(rows) > MOST_ROWS else ""
    text, name = result.to_json(), f"{result.experiment.name}.json"
    whole = f"<pre>{escape(text)}</pre>" if len(text) <= MOST_TEXT else ""
    link = f'<p class="soft">All of them: <a href="{name}">{name}</a>, {len(text) / 1e3:,.0f} kB.</p>'
    inside = table(("", ""), rows[:MOST_ROWS]) + more + link + whole
    return f"<details>\n<summary>Numbers</summary>\n{inside}\n</details>"


def leaves(data: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, text) of what there is in the data: small things whole, large arrays by shape and range."""
    if path and isinstance(data, dict) and len(data) <= MOST_NUMBERS and all(map(_is_short, data.values())):
        yield path, ", ".join(f"{key} {number(value)}" for key, value in data.items())
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, f"{path} / {key}" if path else str(key))
    elif isinstance(data, (list, tuple)) and any(isinstance(entry, (dict, list, tuple, np.ndarray)) for entry in data):
        for place, value in enumerate(data):
            yield from leaves(value, f"{path} / {place}")
    else:
        yield path, _leaf(data)


def _is_short(value: Any) -> bool:
    return isinstance(value, (bool, int, float, np.number)) or (isinstance(value, str) and len(value) <= SHORT)


def _leaf(value: Any) -> str:
    array = np.asarray(value)
    if array.ndim == 0:
        return number(array.item())
    if 0 < array.size <= MOST_NUMBERS:
        return ", ".join(map(number, array.ravel().tolist())) + (f"   ({_shape(array)})" if array.ndim > 1 else "")
    if array.dtype.kind not in "iuf":
        return f"{_shape(array)} values"
    finite = array[np.isfinite(array)]
    reach = f" from {number(finite.min().item())} to {number(finite.max().item())}" if finite.size else ""
    return f"{_shape(array)} numbers{reach}"


def _shape(array: np.ndarray) -> str:
    return " × ".join(map(str, array.shape))


def number(value: Any) -> str:
    """Up to five digits of a number; anything else as it is."""
    return f"{value:.5g}" if isinstance(value, (float, np.floating)) else shown(value)


def _values(parameters: dict[str, Any]) -> str:
    return ", ".join(f"{name} {shown(value)}" for name, value in parameters.items())


def _source(text: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    code = highlight(text, PythonLexer(), HtmlFormatter(nowrap=True))
    lines = f"{len(text.splitlines())} lines"
    return f'<details>\n<summary>Source <span>{lines}</span></summary>\n<pre class="source">{code}</pre>\n</details>'


def _origin(result: Result) -> str:
    """How it came about, in a sentence or two."""
    from madi.training.progress import duration

    origin = result.origin
    how = ("Recorded" if result.recorded else "Computed") + (", as a quick run," if result.quick else "")
    versions = ", ".join(f"{name} {release}" for name, release in origin.versions.items())
    took = duration(result.seconds, tenths=True)
    return f"{how} on {origin.date} in {took} ({origin.machine}). {versions}."

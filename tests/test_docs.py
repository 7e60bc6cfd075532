"""The pages are true: their code prints what they show, their links lead somewhere, their commands exist."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import re
import runpy
import sys
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import madi

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md")])
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<img [^>]*src=\"([^\"]+)\"")
INDENTED = re.compile(r"^ {4}(python3 start\.py .*)$", re.MULTILINE)
INLINE = re.compile(r"`(madi [a-z][^`]*)`")
NUMBER = re.compile(r"[-+]?(?:\d[\d,]*)(?:\.\d+)?(?:[eE][-+]?\d+)?")


class Run(NamedTuple):
    """A block of a page's code: the line it begins on, what it printed, and what the page shows right below it."""

    line: int
    printed: str
    shown: str


def run_page(page: Path) -> list[Run]:
    """Run the page's code, block after block in one namespace."""
    namespace: dict[str, Any] = {"__name__": page.stem}
    text, runs = page.read_text(encoding="utf-8"), []
    for found in CODE.finditer(text):
        line = text.count("\n", 0, found.start(1)) + 1
        code = compile("\n" * (line - 1) + found[1], str(page), "exec")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, namespace)
        runs.append(Run(line, printed.getvalue(), found[2] or ""))
    return runs


def agrees(printed: str, shown: str) -> bool:
    """Whether the texts are the same but for spaces, and for one unit in the last digit of a number with a point.

    So much may differ from one processor to another.
    """
    printed, shown = " ".join(printed.split()), " ".join(shown.split())
    if NUMBER.sub("#", printed) != NUMBER.sub("#", shown):
        return False
    return all(map(_same_number, NUMBER.findall(printed), NUMBER.findall(shown)))


def _same_number(printed: str, shown: str) -> bool:
    mantissa, _, exponent = shown.lower().replace(",", "").partition("e")
    decimals = len(mantissa.partition(".")[2])
    unit = 10.0 ** (int(exponent or 0) - decimals) if "." in mantissa or exponent else 0.0
    return abs(float(printed.replace(",", "")) - float(shown.replace(",", ""))) <= 1.001 * unit


@pytest.mark.parametrize(
    ("printed", "shown", "same"),
    [
        ("loss 0.1234", "loss 0.1235", True),
        ("loss 0.1234", "loss 0.1236", False),
        ("3 of 4", "3 of 5", False),
        ("a  b\nc", "a b c", True),
        ("1.2e-09", "1.3e-09", True),
        ("1.2e-09", "1.2e-08", False),
        ("[1. 2.]", "[1. 2.]", True),
        ("1,437", "1,437", True),
        ("right", "wrong", False),
        ("", "anything", False),
    ],
)
def test_shown_output_is_compared_by_its_digits(printed, shown, same):
    assert agrees(printed, shown) is same


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_a_page_prints_what_the_page_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for line, printed, shown in run_page(page):
        assert agrees(printed, shown), f"{page.name}, line {line}: printed\n{printed}\nbut the page shows\n{shown}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_as_output_was_printed_by_code_right_above_it(page):
    text = page.read_text(encoding="utf-8")
    outputs = [found[2] for found in FENCE.finditer(text) if found[1] == "text"]
    assert outputs == [found[2] for found in CODE.finditer(text) if found[2]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_figures_of_a_page_exist(page):
    for target in links(page):
        path, _, fragment = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), f"{page.name} links to {target}"
        if fragment:
            assert fragment in anchors(file), f"{page.name} links to {target}: no such heading"


def links(page: Path) -> list[str]:
    """The targets of a page's links and figures that lie in the project."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    found = [first or second for first, second in LINK.findall(text)]
    return [target for target in found if "://" not in target and not target.startswith("mailto:")]


def anchors(page: Path) -> set[str]:
    """The fragments that the headings of a page make, as GitHub forms them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_in_a_page_exist(page):
    for name in re.findall(r"`((?:madi|F)(?:\.\w+)+)`", page.read_text(encoding="utf-8")):
        assert resolves(name.replace("F.", "madi.functions.", 1) if name.startswith("F.") else name), name


def resolves(name: str) -> bool:
    """Whether a dotted name is an attribute of madi, a module of it, or an attribute of one."""
    found: Any = madi
    for depth, part in enumerate(parts := name.split(".")[1:], start=1):
        with contextlib.suppress(ModuleNotFoundError):
            found = getattr(found, part, None) or importlib.import_module("madi." + ".".join(parts[:depth]))
    return found is not madi and (inspect.ismodule(found) or getattr(found, "__name__", "") == parts[-1])


def commands() -> list[str]:
    """Every command line of madi that the pages show: "train mnist --hidden 100"."""
    shown: list[str] = []
    for text in (page.read_text(encoding="utf-8") for page in PAGES):
        consoles = "".join(found[2] for found in FENCE.finditer(text) if found[1] == "console")
        shown += re.findall(r"^(?:\$ )?((?:python3 start\.py|madi) .*)$", consoles, re.MULTILINE)
        shown += INDENTED.findall(text) + INLINE.findall(text)
    return sorted({re.sub(r"^(python3 start\.py|madi) ", "", line.partition("#")[0].strip()) for line in shown})


@pytest.mark.parametrize("line", commands())
def test_a_command_line_has_a_command_and_options_that_exist(line):
    import typer

    from madi.cli.app import app

    name, *words = line.split()
    if name == "test":  # start.py's own
        return
    known = typer.main.get_command(app).commands[name]
    while hasattr(known, "commands") and words:  # madi lab run NAME
        known = known.get_command(None, words.pop(0))
    options = {option for parameter in known.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= options


def test_every_page_is_reached_from_the_first():
    reached, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page.suffix == ".md" and page not in reached:
            reached.add(page)
            waiting += [page.parent / target.partition("#")[0] for target in links(page) if target[0] != "#"]
    assert {page for page in PAGES if page.parent == DOCS} <= reached


def test_every_figure_is_shown_and_every_figure_has_its_recipe():
    pytest.importorskip("playwright")
    shown = {(page.parent / target).resolve() for page in PAGES for target in links(page)}
    kept = {file.resolve() for file in (DOCS / "figures").iterdir()}
    pages = runpy.run_path(str(DOCS.parent / "tools" / "studio_pictures.py"))["PICTURES"]
    names = [*runpy.run_path(str(DOCS / "figures.py"))["FIGURES"], *(f"studio_{name}.png" for name in pages)]
    made = {(DOCS / "figures" / name).resolve() for name in names}
    assert kept == made
    assert kept <= shown


@pytest.mark.long
def test_the_figures_can_be_made_anew(tmp_path):
    recipes = runpy.run_path(str(DOCS / "figures.py"))
    recipes["make"](tmp_path)
    assert {file.name for file in tmp_path.iterdir() if file.stat().st_size > 1000} == set(recipes["FIGURES"])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_prints_what_its_docstring_shows(example, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(example)])
    found = runpy.run_path(str(example), run_name="__main__")
    shown = textwrap.dedent(found["__doc__"].partition("Prints:\n")[2])
    assert shown.strip()
    assert agrees(capsys.readouterr().out, shown)

"""The equations of the lab's pages: which are formulas, and in which columns they stand."""

from __future__ import annotations

import re

from madi.lab import experiment, names
from madi.lab.framework.page import blocks
from madi.studio.mathml import understood
from madi.studio.pages.lab.equations import cells, page_html


def _all_cells() -> list[str]:
    """What stands in the columns of every equation of every experiment."""
    lines = [
        line for name in names() for equation, found in blocks(experiment(name).text) if equation for line in found
    ]
    return [text for line in lines for _, text in cells(line)]


def test_most_of_what_the_lab_has_for_equations_is_set_as_formulas() -> None:
    found = _all_cells()
    formulas = [text for text in found if understood(text)]
    assert len(formulas) > 145
    assert {"dz/dx = dz/dt dt/dx = 2 t · 1 = 2 (x + y)", "H_out = floor((H + 2 p - K) / s) + 1"} <= {*formulas}
    left = [text for text in found if not understood(text) and re.search("[=←]", text)]
    assert len(left) <= 8, f"equations that stay text: {left}"


def test_a_line_is_divided_where_its_columns_are() -> None:
    assert [text for _, text in cells("    Y  = Z W + b     (2,) → (3,)")] == ["Y = Z W + b", "(2,) → (3,)"]
    assert [text for _, text in cells("    error  h f''/2    + ε |f| / h")] == ["error", "h f''/2 + ε |f| / h"]
    apart = [text for _, text in cells("    pattern p    y = x - |p|    + where p has a one")]
    assert apart == ["pattern p", "y = x - |p|", "+ where p has a one"]


def test_columns_that_begin_at_the_same_place_stand_below_each_other() -> None:
    html = page_html("Text with `code`.\n\n    SGD   x ← x - g\n          y = 2\n    Adam  passes it on to <both>\n")
    rows = re.findall("<tr>(.*?)</tr>", html)
    assert html.startswith("<p>Text with <code>code</code>.</p>")
    assert [re.findall(r'class="(\w+)" colspan="(\d)"', row) for row in rows] == [
        [("said", "1"), ("formula", "1")], [("gap", "1"), ("formula", "1")], [("said", "1"), ("said", "1")],
    ]  # fmt: skip
    assert "&lt;both&gt;" in html

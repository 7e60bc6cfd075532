"""The text of an experiment: its paragraphs, and its equations set as formulas where they are beyond doubt."""

from __future__ import annotations

import re
from html import escape
from itertools import pairwise

from madi.lab.framework.page import blocks, prose
from madi.studio.mathml import mathml, understood

CELL = re.compile(r"\S+(?: \S+)*")  # what stands between gaps of two spaces and more
SIGN = re.compile(r"[=+−-] ")  # what goes on with the cell before

Cell = tuple[int, str]  # where it begins in its line, and its text


def page_html(text: str) -> str:
    """The text of an experiment as HTML."""
    return "\n".join(_table(lines) if equation else prose("\n".join(lines)) for equation, lines in blocks(text))


def cells(line: str) -> list[Cell]:
    """What a line of equations has in its columns; "Y  = Z" and "h / 2  + x" are one each."""
    found: list[Cell] = []
    for match in CELL.finditer(line):
        if found and SIGN.match(match[0]) and _goes_on(found[-1][1], match[0]):
            found[-1] = found[-1][0], f"{found[-1][1]} {match[0]}"
        else:
            found.append((match.start(), match[0]))
    return found


def _goes_on(before: str, after: str) -> bool:
    """Whether two cells are one formula."""
    return understood(f"{before} {after}") and (" " not in before or understood(before))


def _table(lines: list[str]) -> str:
    """The lines as rows; what begins at the same place stands in the same column."""
    rows = [cells(line) for line in lines]
    starts = sorted({start for row in rows for start, _ in row})
    body = "".join(f"<tr>{_row(row, starts)}</tr>" for row in rows)
    return f'<div class="lab-equations" lang="en" tabindex="0"><table role="presentation">{body}</table></div>'


def _row(row: list[Cell], starts: list[int]) -> str:
    places = [*(starts.index(start) for start, _ in row), len(starts)]
    gap = f'<td class="gap" colspan="{places[0]}"></td>' if places[0] else ""
    widths = (after - place for place, after in pairwise(places))
    return gap + "".join(_cell(text, width) for (_, text), width in zip(row, widths, strict=True))


def _cell(text: str, width: int) -> str:
    formula = understood(text)
    inside = mathml(text) if formula else escape(text)
    return f'<td class="{"formula" if formula else "said"}" colspan="{width}">{inside}</td>'

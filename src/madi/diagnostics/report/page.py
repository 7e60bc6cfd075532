"""The report as one HTML file that needs nothing from elsewhere."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from madi.diagnostics.report.closing import findings, origin, speed
from madi.diagnostics.report.course import course
from madi.diagnostics.report.evidence import Evidence
from madi.diagnostics.report.examples import importance, worst
from madi.diagnostics.report.importance import importances
from madi.diagnostics.report.judgement import judgement
from madi.diagnostics.report.markup import html
from madi.diagnostics.report.opening import opening, results
from madi.errors import FileError
from madi.files import replace_text


def report_html(evidence: Evidence) -> str:
    """The report as a page: HTML, styles and pictures in one text, without scripts.

    Raises DataError, ShapeError where the examples do not fit the network and its loss.
    """
    found = importances(evidence)
    parts = [
        opening(evidence),
        results(evidence),
        course(evidence.history),
        judgement(evidence),
        importance(evidence, found),
        worst(evidence, found),
        findings(evidence),
        speed(evidence),
        origin(evidence),
    ]
    title = " on ".join(filter(None, [evidence.network or type(evidence.model).__name__, evidence.data]))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html(title)}: report</title>\n<style>\n{_stylesheet()}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def write_report(evidence: Evidence, path: str | Path) -> None:
    """Write the report; whoever reads the file sees the old one or the new one, never a part.

    Raises FileError where it cannot be written, and what `report_html` raises.
    """
    path, text = Path(path).expanduser(), report_html(evidence)
    try:
        replace_text(path, text)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise FileError(f"{path}: cannot write the report ({reason}). Choose another folder.") from error


@cache
def _stylesheet() -> str:
    return files(__package__).joinpath("page.css").read_text(encoding="utf-8")

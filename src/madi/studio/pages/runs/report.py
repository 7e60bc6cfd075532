"""The report of a run as a page of its own, in which nothing can act as the studio."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.responses import PlainTextResponse, Response

from madi.errors import FileError
from madi.runs.folder import REPORT
from madi.studio.workplace import Workplace

PATH = "/runs/report"
LARGEST = 64 * 2**20  # bytes

# The file is data: no scripts, no forms, nothing loaded from anywhere, and an origin of its own without cookies.
POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


def address(name: str) -> str:
    """Where the report of the run called `name` is."""
    return f"{PATH}?{urlencode({'run': name})}"


def routes(application: Any, workplace: Workplace) -> None:
    """Let the application answer with reports of runs within the workplace's folder."""

    @application.get(PATH, include_in_schema=False)
    def report(run: str = "") -> Response:
        return _report(workplace, run)


def _report(workplace: Workplace, run: str) -> Response:
    try:
        path = workplace.place(f"{run}/{REPORT}")
        if run and path.name == REPORT and path.is_file() and path.stat().st_size <= LARGEST:
            headers = {"content-security-policy": POLICY, "cache-control": "no-store"}
            return Response(path.read_bytes(), media_type="text/html", headers=headers)
    except (FileError, OSError, ValueError):
        pass  # told as what is not there: where other files are is nobody's business
    return PlainTextResponse("There is no such report.", status_code=404)

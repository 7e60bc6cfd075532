"""A studio process and a browser in front of it, as a person has them.

Screenshots of every page in both themes and languages: MADI_SCREENSHOTS=folder pytest tests/studio.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SECONDS = 120  # that anything on a page may take on a busy machine: the limit of every wait

SIZES = {"desk": (1280, 800), "tablet": (820, 1180), "phone": (390, 844)}


class Studio:
    """A running studio: where it answers, and the folder it works on."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "madi", "studio", str(folder), "--no-browser", *options]
        # A pipe that nobody reads would hold it up.
        self.said = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.said, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("studio"), f"{line}{self.end()}"
        self.entrance = line.split()[-1]  # with the token
        self.address, _, self.token = self.entrance.partition("/?")

    def end(self) -> str:
        """End it as a terminal does; what it said on standard error."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=SECONDS)
        with self.said as said:
            said.seek(0)
            return said.read()


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One for all tests of a module."""
    pytest.importorskip("nicegui")
    running = Studio(tmp_path_factory.mktemp("studio"))
    yield running
    running.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser without a window."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    playwright.expect.set_options(timeout=SECONDS * 1000)
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=SECONDS * 1000)
        yield opened
        opened.close()


@pytest.fixture
def visit(studio: Studio, browser: Any) -> Iterator[Any]:
    """visit("/step?lang=ko", size="phone") -> a page that has entered; fails where a page reports an error.

    but    words of an error that is provoked
    """
    contexts, faults = [], []

    def heard(line: Any, path: str, but: str) -> None:
        if line.type == "error" and but not in line.text:
            faults.append(f"{path}: {line.text}")

    def visited(path: str = "/", *, size: str = "desk", but: str = "\0") -> Any:
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, locale="en-US")
        context.set_default_timeout(SECONDS * 1000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"{path}: {error}"))
        page.on("console", lambda line: heard(line, path, but))
        page.goto(f"{studio.address}{path}{'&' if '?' in path else '?'}{studio.token}")
        page.wait_for_selector("h1")
        return page

    yield visited
    for context in contexts:
        context.close()
    assert not faults


def soon(locator: Any) -> Any:
    """What is to come about on a page: `soon(page.locator("h1")).to_have_text("Train")` waits for it."""
    from playwright.sync_api import expect

    return expect(locator)


def expect_fits(page: Any) -> None:
    """The page, which has to be laid out by now, is no wider than its window; what moves into place may do so."""
    page.wait_for_function("document.fonts.status === 'loaded'")
    page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth + 1")


def screenshots(visit: Any, name: str, path: str, *, prepare: Any = None) -> None:
    """Pictures of a page in both themes and languages and at all sizes, where they are asked for.

    prepare    what a person does on the page first: a function of it
    """
    folder = os.environ.get("MADI_SCREENSHOTS")
    for theme, language, size in _looks() if folder else []:
        page = visit(f"{path}{'&' if '?' in path else '?'}theme={theme}&lang={language}", size=size)
        if prepare is not None:
            prepare(page)
        place = Path(folder or "") / f"{name}-{theme}-{language}-{size}.png"
        page.screenshot(path=place, full_page=True, animations="disabled")


def _looks() -> list[tuple[str, str, str]]:
    desk = [(theme, language, "desk") for theme in ("light", "dark") for language in ("en", "ko")]
    return [*desk, ("light", "en", "tablet"), ("dark", "ko", "phone")]

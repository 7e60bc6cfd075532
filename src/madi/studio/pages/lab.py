"""The page "lab"."""

from __future__ import annotations

from nicegui import ui

from madi.studio.frame import Page


def build(shown: Page) -> None:
    """The page's elements."""
    ui.html(f"<h1>{shown.texts('common.lab')}</h1>", sanitize=False)

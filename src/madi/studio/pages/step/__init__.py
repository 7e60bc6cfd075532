"""The page "Step through": a network and an example, and every number of the run forward and back."""

from __future__ import annotations

from pathlib import Path

from nicegui import ui

from madi.studio.frame import Page
from madi.studio.pages.step.stepper import Stepper

HERE = Path(__file__).parent
STYLE = (HERE / "step.css").read_text(encoding="utf-8")
SCRIPT = (HERE / "step.js").read_text(encoding="utf-8")


async def build(shown: Page) -> None:
    """The page's elements."""
    ui.add_css(STYLE)
    ui.add_head_html(f"<script>{SCRIPT}</script>")
    with ui.element("div").classes("page-title"):
        ui.html(f"<h1>{shown.texts('common.step')}</h1>", sanitize=False)
        ui.label(shown.texts("step.intro")).classes("soft")
    await Stepper(shown).open()

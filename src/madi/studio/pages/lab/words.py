"""Headings, times and settings in the page's words."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from nicegui import ui

from madi.lab.framework.parameters import shown
from madi.studio.experiments.settings import Setting
from madi.studio.texts import Texts


def duration(texts: Texts, seconds: float) -> str:
    """How long something takes, in the unit that people would use."""
    if seconds < 90:
        return texts("lab.seconds", number=f"{seconds:.0f}" if seconds >= 10 else f"{max(seconds, 0.001):.2g}")
    unit, size = ("hours", 3600) if seconds >= 5400 else ("minutes", 60)
    return texts(f"lab.{unit}", number=f"{seconds / size:.2g}" if unit == "hours" else f"{seconds / size:.0f}")


def clock(texts: Texts, seconds: float) -> str:
    """Seconds that go by, with a digit that moves."""
    if seconds < 90:
        return texts("lab.seconds", number=f"{seconds:.1f}")
    return duration(texts, seconds)


def told(texts: Texts, setting: Setting, label: Callable[[str], str]) -> str:
    """What is changed in a setting; `label` names a parameter."""
    changed = [f"{label(name)} {shown(value).replace(',', ', ')}" for name, value in setting.given.items()]
    usual = texts("lab.as_usual")
    return " · ".join([*(changed or [usual]), *([] if setting.quick else [texts("lab.full_word")])])


def heading(text: str, level: int) -> Any:
    """A heading; the text is escaped."""
    return ui.html(escape(text), sanitize=False, tag=f"h{level}")

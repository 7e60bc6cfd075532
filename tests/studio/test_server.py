"""The studio as a program: what holds while it serves, and what it needs before it does."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from madi.cli.spelling import as_option
from madi.errors import ConfigurationError, argument, spelled
from madi.studio import server


def test_messages_on_pages_name_settings_and_no_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def serves(*_: Any, **__: Any) -> None:
        said.extend([argument("epochs"), argument("task", "regression")])

    monkeypatch.setattr(server, "serve_application", serves)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    with spelled(as_option):  # as the whole command line is
        server.run(tmp_path, ready=lambda _: None)
        assert argument("epochs") == "--epochs"
    assert said == ["epochs", "task='regression'"]


def test_without_nicegui_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigurationError, match=r"needs nicegui, which is not installed\. Run: pip install 'madi\[stu"
    ):
        server.run(tmp_path, ready=lambda _: None)

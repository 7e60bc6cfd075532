"""What tests of the kernels share: one program for all compiled paths."""

from __future__ import annotations

import pytest

from madi.kernels import native


@pytest.fixture
def one_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled paths run the same programs, so that XLA compiles them once: the library chooses when they run."""
    path = native.path
    monkeypatch.setattr(native, "path", lambda: "off" if path() == "off" else "compiled")

"""One style for all figures: Korean where a font has it, nothing left behind."""

from types import SimpleNamespace

import matplotlib
import pytest
from matplotlib.font_manager import fontManager

from madi.lab.framework import style


@pytest.fixture
def fonts(monkeypatch):
    """Set which fonts this machine has."""

    def have(*names):
        monkeypatch.setattr(fontManager, "ttflist", [SimpleNamespace(name=name) for name in names])
        style.hangul_font.cache_clear()

    yield have
    style.hangul_font.cache_clear()


def test_korean_where_a_font_has_it(fonts):
    fonts("DejaVu Sans", "Malgun Gothic", "NanumGothic")
    assert style.korean("기울기", "gradient") == "기울기"
    assert style.korean("기울기 $x_0$", "gradient $x_0$") == "gradient $x_0$"
    assert style.style()["font.family"] == ["DejaVu Sans", "NanumGothic"]


def test_english_where_none_has(fonts):
    fonts("DejaVu Sans", "Arial")
    assert style.korean("기울기", "gradient") == "gradient"
    assert style.style()["font.family"] == ["DejaVu Sans"]


def test_a_korean_label_is_drawn_without_a_missing_glyph():
    """Warnings are errors here, and matplotlib warns of a glyph that it does not find."""
    with style.styled():
        figure, axes = style.subplots()
        axes.set_title(style.korean("경사 하강법", "gradient descent"))
        figure.canvas.draw()


def test_the_style_ends_with_its_block():
    before = dict(matplotlib.rcParams)
    with style.styled():
        assert matplotlib.rcParams["svg.hashsalt"] == "madi"
    assert dict(matplotlib.rcParams) == before

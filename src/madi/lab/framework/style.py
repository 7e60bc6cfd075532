"""One visual language for all figures: colours that colour-blind people tell apart, and little ink."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from madi.training.curves import shown_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of the palette of Okabe and Ito, "Color universal design" (2008); in order of use.
BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW = "#0072B2", "#D55E00", "#009E73", "#AA4499", "#56B4E9", "#E69F00"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW)
INK, GREY, FAINT = "#333333", "#8A8A8A", "#E6E6E6"
WIDTH = 7.6  # inches: of a figure over the whole page

# Maps: for amounts from zero, for what has a sign (blue below, orange above), for grey images (ink on paper).
AMOUNTS, SIGNED, IMAGE = "viridis", "PuOr_r", "gray_r"

LATIN = "DejaVu Sans"  # comes with matplotlib, and has no Hangul
# With Hangul; of a collection in one file matplotlib may know the first name alone, so the Japanese one stands for it.
HANGUL = (
    *("Noto Sans KR", "Noto Sans CJK KR", "NanumGothic", "Nanum Gothic", "Malgun Gothic", "Apple SD Gothic Neo"),
    *("AppleGothic", "UnDotum", "Baekmuk Dotum", "Noto Sans CJK JP", "Source Han Sans"),
)


@cache
def hangul_font() -> str | None:
    """A font on this machine that has Hangul, or None."""
    from matplotlib.font_manager import fontManager

    known = {font.name for font in fontManager.ttflist}
    return next((name for name in HANGUL if name in known), None)


def korean(text: str, english: str) -> str:
    """A label in Korean where a font on this machine shows it, else in English; so too where it has a formula in $.

    matplotlib sets a text with a formula in one font, and none has both all signs and Hangul.
    """
    return text if hangul_font() and "$" not in text else english


def style() -> dict[str, Any]:
    """matplotlib's settings in which every figure is drawn."""
    from matplotlib.rcsetup import cycler

    return {
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.prop_cycle": cycler(color=COLOURS),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlecolor": INK,
        "axes.titlesize": 10.5,
        "figure.constrained_layout.use": True,
        "font.family": [LATIN, *filter(None, [hangul_font()])],
        "font.size": 9.5,
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "svg.fonttype": "path",
        "svg.hashsalt": "madi",
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }


@contextmanager
def styled() -> Iterator[None]:
    """All that is drawn within has the lab's style."""
    import matplotlib

    settings: Any = style()
    with matplotlib.rc_context(settings):
        yield


def subplots(rows: int = 1, columns: int = 1, *, height: float = 2.6, width: float = WIDTH, **options: Any) -> Any:
    """A figure and its axes, as `matplotlib.pyplot.subplots` gives them, without a window.

    height    of one row, in inches
    """
    made: Figure = shown_figure()(figsize=(width, height * rows), layout="constrained")
    return made, made.subplots(rows, columns, **options)

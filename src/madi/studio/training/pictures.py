"""Pictures of what a training shows, as SVG whose colours follow the page's theme."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from madi.studio.images import data_uri
from madi.studio.training.looking import Boundary, Spread

# Okabe and Ito's colours, told apart by colour-blind readers too.
PALETTE = ("#0072b2", "#e07b00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a400", "#8c6bb1", "#777777", "#4d4d4d")
NAMED = {"red": "#d1402f", "blue": "#0072b2", "green": "#009e73", "orange": "#e07b00"}  # classes called by a colour
SIDE, EDGE = 320, 26  # of a plane, and of the room for its numbers
HIGH, WIDE = 44, 168  # of a histogram


def palette(classes: Sequence[str]) -> list[str]:
    """A colour for each class: its own where it is called by one; more classes than colours begin again.

    >>> palette(["red", "blue"])
    ['#d1402f', '#0072b2']
    """
    return [NAMED.get(str(name).casefold(), PALETTE[place % len(PALETTE)]) for place, name in enumerate(classes)]


def _numbers(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def plane(found: Boundary, names: Sequence[str], classes: Sequence[str], label: str) -> str:
    """Answers as colour, strong where the network is sure, and the examples as points.

    names   of the two inputs;  classes: their names, none where numbers are predicted
    label   what a screen reader says
    """
    x, y = found.points
    return _framed(_shades(found.shares, classes) + _points(x, y, found.box, classes), found.box, names, label)


def points_alone(x: np.ndarray, y: np.ndarray, names: Sequence[str], classes: Sequence[str], label: str) -> str:
    """The examples before there is a network."""
    low, high = x.min(axis=0), x.max(axis=0)
    room = 0.12 * np.maximum(high - low, 1e-6)
    box = (float(low[0] - room[0]), float(high[0] + room[0]), float(low[1] - room[1]), float(high[1] + room[1]))
    return _framed(_points(x, y, box, classes), box, names, label)


def _framed(inside: str, box: tuple[float, float, float, float], names: Sequence[str], label: str) -> str:
    first, second = (html.escape(name[:24]) for name in names)
    numbers = [f"{value:.3g}" for value in box]
    width, square = SIDE + EDGE, f'width="{SIDE}" height="{SIDE}" rx="6"'
    return (
        f'<svg class="plane" viewBox="{-EDGE} -4 {width + 6} {SIDE + EDGE + 6}" role="img" '
        f'aria-label="{html.escape(label)}"><clipPath id="plane"><rect {square}/></clipPath>'
        f'<rect class="ground" {square}/><g clip-path="url(#plane)">{inside}</g>'
        f'<g class="axis"><text x="0" y="{SIDE + 15}">{numbers[0]}</text>'
        f'<text x="{SIDE / 2}" y="{SIDE + 15}" text-anchor="middle">{first}</text>'
        f'<text x="{SIDE}" y="{SIDE + 15}" text-anchor="end">{numbers[1]}</text>'
        f'<g transform="rotate(-90) translate({-SIDE} -8)"><text x="0" y="0">{numbers[2]}</text>'
        f'<text x="{SIDE / 2}" y="0" text-anchor="middle">{second}</text>'
        f'<text x="{SIDE}" y="0" text-anchor="end">{numbers[3]}</text></g></g></svg>'
    )


def _points(x: np.ndarray, y: np.ndarray, box: tuple[float, float, float, float], classes: Sequence[str]) -> str:
    left, right, low, high = box
    across = (x[:, 0] - left) / (right - left) * SIDE
    down = (high - x[:, 1]) / (high - low) * SIDE
    radius = 3.2 if len(x) > 20 else 7
    return "".join(
        f'<circle cx="{a:.1f}" cy="{d:.1f}" r="{radius}" fill="{fill}"/>'
        for a, d, fill in zip(across, down, _fills(y, classes), strict=True)
    )


def _fills(y: np.ndarray, classes: Sequence[str]) -> list[str]:
    """The colour of each example: of its class, or on a scale of its number."""
    if classes:
        colours = palette(classes)
        return [colours[int(label)] for label in y]
    values = np.asarray(y, np.float64).reshape(len(y), -1)[:, 0]
    return [_hex(colour) for colour in _scaled(values, values.min(), values.max())]


def _scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Numbers as colours from blue to orange."""
    share = np.clip((values - low) / max(high - low, 1e-12), 0, 1)[..., None]
    blue, orange = (np.array(_numbers(colour)) for colour in PALETTE[:2])
    return np.asarray(blue * (1 - share) + orange * share)


def _hex(colour: np.ndarray) -> str:
    return "#" + "".join(f"{round(part):02x}" for part in colour)


def _shades(shares: np.ndarray, classes: Sequence[str]) -> str:
    """The answers as one picture, the larger second inputs above."""
    finite = np.nan_to_num(shares.astype(np.float64))
    if not classes:
        colour, alpha = _scaled(finite[..., 0], finite.min(), finite.max()), np.full(finite.shape[:2], 0.5)
    else:
        colour = np.array([_numbers(each) for each in palette(classes)])[finite.argmax(axis=-1)]
        even = 1 / finite.shape[-1]
        alpha = 0.06 + 0.5 * np.clip((finite.max(axis=-1) - even) / (1 - even), 0, 1)
    pixels = np.concatenate([colour, 255 * alpha[..., None]], axis=-1).round().astype(np.uint8)[::-1]
    return (
        f'<image href="{data_uri(pixels)}" width="{SIDE}" height="{SIDE}" preserveAspectRatio="none" '
        'style="image-rendering: auto"/>'
    )


def histogram(found: Spread, kind: str, label: str) -> str:
    """Bars of a spread; kind: "forward" or "backward", its colour."""
    most = max(int(found.counts.max()), 1)
    step = WIDE / len(found.counts)
    bars = "".join(
        f'<rect x="{place * step + 0.5:.1f}" y="{HIGH * (1 - count / most):.1f}" width="{step - 1:.1f}" '
        f'height="{HIGH * count / most:.1f}"/>'
        for place, count in enumerate(found.counts)
    )
    zero = _zero(found)
    return (
        f'<svg class="spread {kind}" viewBox="0 0 {WIDE} {HIGH + 13}" role="img" aria-label="{html.escape(label)}">'
        f'{bars}{zero}<text x="0" y="{HIGH + 11}">{found.least:.2g}</text>'
        f'<text x="{WIDE}" y="{HIGH + 11}" text-anchor="end">{found.most:.2g}</text></svg>'
    )


def _zero(found: Spread) -> str:
    """A line where 0 is, between the ends."""
    if not found.least < 0 < found.most:
        return ""
    place = -found.least / (found.most - found.least) * WIDE
    return f'<line x1="{place:.1f}" x2="{place:.1f}" y1="0" y2="{HIGH}"/>'


def filters(found: np.ndarray, label: str) -> str:
    """Weights as small pictures (count, H, W, 1 or 3), grey 0.5 for 0."""
    cells = []
    for weights in found:
        bytes_ = (255 * weights).round().astype(np.uint8)
        grey = bytes_[..., 0] if bytes_.shape[-1] == 1 else bytes_
        cells.append(f'<img alt="" src="{data_uri(grey)}">')
    return f'<div class="filters" role="img" aria-label="{html.escape(label)}">{"".join(cells)}</div>'

"""Coordinates: columns from left to right, and in each column heights that keep edges short and straight.

Each column in turn is moved to where its neighbours pull it, as near in the least-squares sense as the gaps between
its slots allow: an isotonic regression, solved exactly by pooling adjacent violators.  Edges between operations pull a
hundred times harder than those of leaves, so that the main line runs straight and parameters gather around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from madi.graph.drawing.picture import Picture
from madi.graph.drawing.ranking import Columns, Route, Slot, arrange
from madi.graph.drawing.rows import STUB, break_rows
from madi.graph.drawing.straightening import clear_frames, straighten

MARGIN = 20.0
GAP = 12.0  # between neighbours of a column
FRAME_GAP = 50.0  # where one of them stands in a frame
COLUMN_GAP = 20.0
STEEPNESS = 0.16  # extra width between columns for each pixel that an edge climbs there
MOST_EXTRA = 60.0
ROUNDS = 30
STRAIGHTENINGS = 2  # the second uses the room that the first has made
WEAK = 0.01
PORT_GAP = 7.0


@dataclass
class Layout:
    """Slots with coordinates, the routes of the edges, and the size of it all."""

    columns: list[list[Slot]]
    routes: list[Route]
    drops: list[float]  # how far down each row stands
    width: float
    height: float


def lay_out(picture: Picture) -> Layout:
    """Coordinates for a picture; the same picture always gets the same."""
    arranged = arrange(picture)
    _place_heights(arranged)
    _place_columns(arranged)
    slots = [slot for column in arranged.columns for slot in column]
    top = min(slot.top for slot in slots)
    for slot in slots:
        slot.y += MARGIN - top
    drops, bottom = break_rows(arranged.columns, arranged.routes, MARGIN)
    right = max(slot.x + slot.room / 2 for slot in slots) + (2 * STUB if len(drops) > 1 else 0.0)
    return Layout(arranged.columns, arranged.routes, drops, right + MARGIN, bottom + MARGIN)


def spread(wanted: list[float], gaps: list[float], weights: list[float]) -> list[float]:
    """The heights nearest to those wanted (weighted least squares) that keep order and at least the gaps between them.

    >>> spread([0.0, 0.0, 10.0], [4.0, 4.0], [1.0, 1.0, 1.0])
    [-2.0, 2.0, 10.0]
    """
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for height, offset, weight in zip(wanted, offsets, weights, strict=True):
        pools.append((height - offset, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (second, heavy, many), (first, light, few) = pools.pop(), pools.pop()
            pools.append(((first * light + second * heavy) / (light + heavy), light + heavy, few + many))
    means = [mean for mean, _, many in pools for _ in range(many)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _place_heights(arranged: Columns) -> None:
    pulls = _pulls(arranged.routes)
    gaps = [_gaps(column) for column in arranged.columns]
    for column, spaces in zip(arranged.columns, gaps, strict=True):
        for slot, height in zip(column, spread([0.0] * len(column), spaces, [1.0] * len(column)), strict=True):
            slot.y = height
    for turn in range(ROUNDS):
        pairs = list(zip(arranged.columns, gaps, strict=True))
        for column, spaces in pairs if turn % 2 == 0 else pairs[::-1]:
            _settle(column, spaces, pulls)
    for _ in range(STRAIGHTENINGS):
        straighten(arranged, gaps)
    clear_frames(arranged.columns, GAP)


def _settle(column: list[Slot], gaps: list[float], pulls: dict[int, list[tuple[Slot, float]]]) -> None:
    weights = [sum(weight for _, weight in pulls.get(id(slot), [])) for slot in column]
    wanted = [
        sum(other.y * weight for other, weight in pulls[id(slot)]) / total if total else slot.y
        for slot, total in zip(column, weights, strict=True)
    ]
    for slot, height in zip(column, spread(wanted, gaps, [weight or WEAK for weight in weights]), strict=True):
        slot.y = height


def _pulls(routes: list[Route]) -> dict[int, list[tuple[Slot, float]]]:
    """For each slot its neighbours, and how hard each pulls."""
    pulls: dict[int, list[tuple[Slot, float]]] = {}
    for route in routes:
        spine = any(before.before for slot in route.slots[-1].before for before in slot.before)
        strength = WEAK if spine and not route.slots[0].before else 1.0
        for first, second in pairwise(route.slots):
            weight = strength * _stiffness(route, first, second)
            pulls.setdefault(id(first), []).append((second, weight))
            pulls.setdefault(id(second), []).append((first, weight))
    return pulls


def _stiffness(route: Route, first: Slot, second: Slot) -> float:
    """Edges bend just before their target, least of all before a branch."""
    if second.shape is not None:
        return 8.0 if second.shape.kind == "branch" else 1.0
    return 2.0 if first.shape is not None and first.shape.kind == "branch" else 4.0


def _gaps(column: list[Slot]) -> list[float]:
    return [
        upper.down + lower.up + (GAP if upper.frame == lower.frame else FRAME_GAP) for upper, lower in pairwise(column)
    ]


def _place_columns(arranged: Columns) -> None:
    right = MARGIN
    for index, column in enumerate(arranged.columns):
        width = max((slot.width for slot in column), default=0.0)
        climb = max((abs(slot.y - before.y) for slot in column for before in slot.before), default=0.0)
        if index:
            right += COLUMN_GAP + min(STEEPNESS * climb, MOST_EXTRA)
        for slot in column:
            slot.x, slot.room = right + width / 2, width
        right += width

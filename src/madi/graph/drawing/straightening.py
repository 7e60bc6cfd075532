"""The last touch of a layout: what is almost straight becomes straight, wherever neighbours leave the room."""

from __future__ import annotations

from madi.graph.drawing.ranking import Columns, Route, Slot

MOST_SHIFT = 16.0  # pixels; a larger difference is a bend that the layout wants

# for each slot its neighbours above and below, and the gaps to them
Bounds = dict[int, tuple[Slot | None, Slot | None, float, float]]


def straighten(arranged: Columns, gaps: list[list[float]]) -> None:
    """From left to right: each shape to the height of its only edge from an operation, then its own edges."""
    bounds = _bounds(arranged.columns, gaps)
    leaving: dict[int, list[Route]] = {}
    for route in arranged.routes:
        leaving.setdefault(id(route.slots[0]), []).append(route)
    for slot in (slot for column in arranged.columns for slot in column if slot.shape is not None):
        strong = [before for before in slot.before if not _from_leaf(before)]
        if len(strong) == 1:
            _level([slot], strong[0].y, bounds)
        for route in leaving.get(id(slot), []):
            inner = route.slots[1:-1]
            alone = len(leaving[id(slot)]) == 1
            if alone and not slot.before:
                _level([slot, *inner], route.label.y, bounds)
            _level_runs(inner, slot.y if alone else route.label.y, bounds)


def clear_frames(columns: list[list[Slot]], gap: float) -> None:
    """Move what does not belong to a frame out of the rectangle around it."""
    for frame in sorted({slot.frame for column in columns for slot in column if slot.frame is not None}):
        inside = [slot for column in columns for slot in column if slot.frame == frame]
        top, bottom = min(slot.top for slot in inside), max(slot.bottom for slot in inside)
        for column in columns:
            places = [i for i, slot in enumerate(column) if slot.frame == frame]
            if places:
                _push(column[: places[0]][::-1], top - gap, gap, up=True)
                _push(column[places[-1] + 1 :], bottom + gap, gap, up=False)


def _push(slots: list[Slot], limit: float, gap: float, *, up: bool) -> None:
    """Move slots, the nearest first, beyond a limit and each other."""
    for slot in slots:
        move = min(limit - slot.bottom, 0.0) if up else max(limit - slot.top, 0.0)
        slot.y += move
        limit = slot.top - gap if up else slot.bottom + gap


def _level_runs(slots: list[Slot], height: float, bounds: Bounds) -> None:
    """Put the waypoints of an edge at as few different heights as their neighbours allow."""
    run: list[Slot] = []
    for slot in slots:
        low, high = _room([*run, slot], bounds)
        if run and low > high:
            _level(run, height, bounds, most=float("inf"))
            run = []
        run.append(slot)
    _level(run, height, bounds, most=float("inf"))


def _bounds(columns: list[list[Slot]], gaps: list[list[float]]) -> Bounds:
    return {
        id(slot): (above, below, gap_above, gap_below)
        for column, spaces in zip(columns, gaps, strict=True)
        for slot, above, below, gap_above, gap_below in zip(
            column, [None, *column], [*column[1:], None], [0.0, *spaces], [*spaces, 0.0], strict=False
        )
    }


def _from_leaf(slot: Slot) -> bool:
    """Whether the edge that passes `slot` begins at a leaf."""
    while slot.shape is None:
        slot = slot.before[0]
    return not slot.before


def _level(slots: list[Slot], height: float, bounds: Bounds, *, most: float = MOST_SHIFT) -> None:
    """Put all `slots` at one height, as near to `height` as neighbours allow, unless one moved above `most`."""
    low, high = _room(slots, bounds)
    level = min(max(height, low), high)
    if low <= high and all(abs(slot.y - level) <= most for slot in slots):
        for slot in slots:
            slot.y = level


def _room(slots: list[Slot], bounds: Bounds) -> tuple[float, float]:
    """The highest and the lowest place at which all `slots` fit between their neighbours."""
    low, high = float("-inf"), float("inf")
    for slot in slots:
        above, below, gap_above, gap_below = bounds[id(slot)]
        low = max(low, above.y + gap_above) if above else low
        high = min(high, below.y - gap_below) if below else high
    return low, high

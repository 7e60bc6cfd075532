"""Long graphs run on in rows, as text does: cut where few edges cross, and never within a frame."""

from __future__ import annotations

from math import ceil

from madi.graph.drawing.ranking import Route, Slot

WIDEST = 2200.0  # a drawing up to this width stays in one row
ROW = 1800.0  # width of a row, at most, where it does not
SHORTEST = 0.6  # of a row: it is not cut before
ROW_GAP = 40.0
TAG = 8.0  # how far the number of an edge reaches above and below it
STUB = 26.0  # how far an edge runs on at the end of a row, and in at the beginning of the next


def row_starts(columns: list[list[Slot]]) -> list[int]:
    """The columns at which rows begin; 0 is always among them."""
    lefts = [min((slot.x - slot.room / 2 for slot in column), default=0.0) for column in columns]
    if not columns or lefts[-1] - lefts[0] < WIDEST:
        return [0]
    starts = [0]
    while lefts[-1] - lefts[starts[-1]] > ROW:
        begin = lefts[starts[-1]]
        shapes = range(starts[-1] + 2, len(columns), 2)  # an edge keeps its label in the row of its source
        fit = [i for i in shapes if lefts[i] - begin <= ROW] or [shapes[0]]
        late = [i for i in fit if lefts[i] - begin >= ROW * SHORTEST] or fit
        even = begin + (lefts[-1] - begin) / ceil((lefts[-1] - begin) / ROW)
        starts.append(min(late, key=lambda i: (_splits_frame(columns, i), _crossing(columns[i]), abs(lefts[i] - even))))
    return starts


def break_rows(columns: list[list[Slot]], routes: list[Route], margin: float) -> tuple[list[float], float]:
    """Move the slots into their rows; returns how far down each row was moved, and the lower end of the last."""
    starts = row_starts(columns)
    for row, (start, end) in enumerate(zip(starts, [*starts[1:], len(columns)], strict=True)):
        inside = [slot for column in columns[start:end] for slot in column]
        shift = min(slot.x - slot.room / 2 for slot in inside) - margin - (2 * STUB if row else 0.0)
        for slot in inside:
            slot.row = row
            slot.x -= shift
    drops, bottom = _drops(columns, len(starts))
    for slot in (slot for column in columns for slot in column):
        slot.y += drops[slot.row]
    _tag(routes)
    return drops, bottom


def _drops(columns: list[list[Slot]], rows: int) -> tuple[list[float], float]:
    drops, bottom = [0.0], 0.0
    slots = [slot for column in columns for slot in column]
    for row in range(rows):
        inside = [slot for slot in slots if slot.row == row]
        entering = [before.y for slot in inside for before in slot.before if before.row < row]
        top = min([slot.top for slot in inside] + [height - TAG for height in entering])
        if row:
            drops.append(bottom + ROW_GAP - top)
        bottom = max([slot.bottom for slot in inside] + [height + TAG for height in entering]) + drops[-1]
    return drops, bottom


def _tag(routes: list[Route]) -> None:
    """Number the edges that go on in another row, so that the eye finds them again."""
    broken = [route for route in routes if route.slots[0].row != route.slots[-1].row]
    for number, route in enumerate(broken, start=1):
        route.tag = str(number)


def _crossing(column: list[Slot]) -> int:
    return sum(len(slot.before) for slot in column)


def _splits_frame(columns: list[list[Slot]], start: int) -> bool:
    before = {slot.frame for slot in columns[start - 1]} - {None}
    return bool(before & {slot.frame for slot in columns[start]})

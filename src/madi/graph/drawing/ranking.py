"""Which column each shape stands in, and in which order within it.

Columns follow the longest path to the output; between two columns of shapes stands one of labels, so that texts
have room of their own.  Longer edges get a waypoint in each column that they pass.  Sweeps over the columns then sort
each by the mean place of its neighbours (the barycentre rule of Sugiyama, Tagawa and Toda, 1981), and the order with
the fewest crossings is kept.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from itertools import pairwise

from madi.graph.drawing.picture import Edge, Picture, Shape
from madi.graph.drawing.sizes import FRAME_PADDING, FRAME_TITLE, label_size, shape_size

SWEEPS = 8


@dataclass
class Slot:
    """A place in the layout: a shape, an edge's label, or a waypoint of a long edge.

    x, y            its centre; for a label the point where the edge passes between value and gradient
    up, down        how far it reaches above and below y
    room            the width of its column: edges bend only between columns, clear of the texts in them
    row             where a long drawing runs on in rows
    """

    width: float = 0.0
    up: float = 2.0
    down: float = 2.0
    rank: int = 0
    frame: int | None = None
    shape: Shape | None = None
    edge: Edge | None = None  # the edge whose label or waypoint it is
    x: float = 0.0
    y: float = 0.0
    room: float = 0.0
    row: int = 0
    before: list[Slot] = field(default_factory=list, repr=False)
    after: list[Slot] = field(default_factory=list, repr=False)

    @property
    def top(self) -> float:
        """Its upper end; of a slot in a frame that of the frame there."""
        return self.y - self.up - (FRAME_PADDING + FRAME_TITLE if self.frame is not None else 0.0)

    @property
    def bottom(self) -> float:
        """Its lower end; of a slot in a frame that of the frame there."""
        return self.y + self.down + (FRAME_PADDING if self.frame is not None else 0.0)


@dataclass
class Route:
    """The slots that an edge passes, from its source to its target; one of them is its label."""

    edge: Edge
    slots: list[Slot]
    label: Slot
    tag: str = ""  # what marks its ends where it goes on in another row


@dataclass
class Columns:
    """The slots of a picture by column, ordered from top to bottom, and the routes of its edges."""

    columns: list[list[Slot]]
    routes: list[Route]


def arrange(picture: Picture) -> Columns:
    """Slots in columns, in an order with few crossings."""
    slots = [_slot_of(shape) for shape in picture.shapes]
    _rank(picture, slots)
    first = {slot.frame: slot.rank for slot in sorted(slots, key=lambda slot: -slot.rank)}
    last = {slot.frame: slot.rank for slot in sorted(slots, key=lambda slot: slot.rank)}
    columns: list[list[Slot]] = [[] for _ in range(max(slot.rank for slot in slots) + 1)]
    for slot in slots:
        columns[slot.rank].append(slot)
    spans = {frame: range(first[frame], last[frame] + 1) for frame in first if frame is not None}
    routes = [_route(edge, slots[edge.source], slots[edge.target], columns, spans) for edge in picture.edges]
    return Columns(_uncrossed(columns), routes)


def _slot_of(shape: Shape) -> Slot:
    width, height = shape_size(shape)
    return Slot(width, height / 2, height / 2, frame=shape.frame, shape=shape)


def _rank(picture: Picture, slots: list[Slot]) -> None:
    """As far right as readers allow, so that a parameter stands beside the node that reads it."""
    distance = [0] * len(slots)
    for edge in sorted(picture.edges, key=lambda edge: -edge.target):
        crosses = slots[edge.source].frame != slots[edge.target].frame
        distance[edge.source] = max(distance[edge.source], distance[edge.target] + (4 if crosses else 2))
    for slot, steps in zip(slots, distance, strict=True):
        slot.rank = max(distance) - steps


def _route(edge: Edge, source: Slot, target: Slot, columns: list[list[Slot]], spans: dict[int, range]) -> Route:
    inner = [Slot(rank=rank, edge=edge) for rank in range(source.rank + 1, target.rank)]
    for slot in inner:
        slot.frame = next((frame for frame in (source.frame, target.frame) if _within(slot.rank, frame, spans)), None)
        columns[slot.rank].append(slot)
    leaves_branch = source.shape is not None and source.shape.kind == "branch"
    label = inner[-1 if source.frame is not None or (leaves_branch and target.frame is None) else 0]
    label.width, label.up, label.down = label_size(edge)
    slots = [source, *inner, target]
    for first, second in pairwise(slots):
        first.after.append(second)
        second.before.append(first)
    return Route(edge, slots, label)


def _within(rank: int, frame: int | None, spans: dict[int, range]) -> bool:
    return frame is not None and rank in spans[frame]


def _uncrossed(columns: list[list[Slot]]) -> list[list[Slot]]:
    columns = [_sorted(column, [float(i) for i in range(len(column))]) for column in columns]
    best, fewest = [list(column) for column in columns], _crossings(columns)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        forward = sweep % 2 == 0
        columns = _swept(columns, forward)
        crossings = _crossings(columns)
        if crossings < fewest:
            best, fewest = [list(column) for column in columns], crossings
    return best


def _swept(columns: list[list[Slot]], forward: bool) -> list[list[Slot]]:
    """Sort each column by where its neighbours in the column swept just before stand; frames stay together."""
    place: dict[int, float] = {}
    swept = []
    for column in columns if forward else columns[::-1]:
        means = [_mean_place(slot.before if forward else slot.after, place, i) for i, slot in enumerate(column)]
        column = _sorted(column, means)
        place.update((id(slot), float(i)) for i, slot in enumerate(column))
        swept.append(column)
    return swept if forward else swept[::-1]


def _mean_place(neighbours: list[Slot], place: dict[int, float], own: int) -> float:
    known = [place[id(slot)] for slot in neighbours if id(slot) in place]
    return sum(known) / len(known) if known else float(own)


def _sorted(column: list[Slot], means: list[float]) -> list[Slot]:
    frames: dict[int | None, list[float]] = {}
    for slot, mean in zip(column, means, strict=True):
        frames.setdefault(slot.frame, []).append(mean)
    block = {frame: sum(found) / len(found) for frame, found in frames.items()}
    keys = [
        (mean if slot.frame is None else block[slot.frame], -1 if slot.frame is None else slot.frame, mean)
        for slot, mean in zip(column, means, strict=True)
    ]
    return [column[i] for i in sorted(range(len(column)), key=keys.__getitem__)]


def _crossings(columns: list[list[Slot]]) -> int:
    """Pairs of edges between neighbouring columns whose ends stand in opposite order."""
    return sum(_inversions(left, right) for left, right in pairwise(columns))


def _inversions(left: list[Slot], right: list[Slot]) -> int:
    place = {id(slot): i for i, slot in enumerate(right)}
    ends = [end for slot in left for end in sorted(place[id(after)] for after in slot.after)]
    seen: list[int] = []
    count = 0
    for end in ends:
        count += len(seen) - bisect_left(seen, end + 1)
        insort(seen, end)
    return count

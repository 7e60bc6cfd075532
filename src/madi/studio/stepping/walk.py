"""One run of a network, step by step: forward from the first node to the last, then back from the last to the first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from madi.graph import Drawing, Function, Trace, Variable, observing, trace
from madi.graph.drawing.picture import picture_of
from madi.graph.drawing.run import Run
from madi.graph.trace import Step
from madi.layers.calling import observing_layers, running_layers

FOLD_FROM = 12  # nodes


@dataclass(frozen=True)
class Place:
    """Where a walk stands: at a step, on the way forward or back."""

    step: int
    back: bool = False


class Walk:
    """A run with all its numbers.

    output     the end of the graph
    gradient   where the way back starts; left out where the output is one number
    layers     what the layer is called that a node belongs to, by node
    folded     whether blocks that recur are drawn once
    """

    def __init__(
        self, output: Variable, *, gradient: Any = None, layers: Mapping[Function, str] | None = None,
        folded: bool = True,
    ) -> None:  # fmt: skip
        self.trace: Trace = trace(output, gradient=gradient)
        self.run = Run(output, gradient, folded and len(self.trace) > FOLD_FROM)
        self.layers = dict(layers or {})
        self._handed: tuple[int, tuple[Any, ...]] = (-1, ())
        self.picture = picture_of(self.run)
        self.svg = Drawing(self.picture, legend=False).svg

    @cached_property
    def returns(self) -> bool:
        """Whether the run has gradients."""
        return any(step.gradient is not None for step in self.trace)

    @property
    def length(self) -> int:
        """How many places there are."""
        return len(self.trace) * (2 if self.returns else 1)

    def place(self, position: int) -> Place:
        """The place at a position from 0 to length - 1; one beyond is the nearest."""
        position = min(max(position, 0), self.length - 1)
        count = len(self.trace)
        return Place(position) if position < count else Place(2 * count - 1 - position, back=True)

    def position(self, place: Place) -> int:
        """The position of a place; of one that there is not the nearest's."""
        step = min(max(place.step, 0), len(self.trace) - 1)
        return 2 * len(self.trace) - 1 - step if place.back and self.returns else step

    def step(self, place: Place) -> Step:
        """The step at a place."""
        return self.trace[place.step]

    def layer(self, step: Step) -> str:
        """The layer that a step belongs to, "" where there is none."""
        return self.layers.get(step.node, "")

    def round(self, step: Step) -> tuple[int, int] | None:
        """Of a step in a block that is drawn once: (which round, of how many), from 1."""
        frame = self.run.frame_of(step.index)
        if frame is None:
            return None
        fold = self.run.folds[frame]
        return (step.index - fold.start) // fold.length + 1, fold.times

    def marks(self, place: Place) -> dict[str, Any]:
        """What is lit in the drawing: the drawn steps that the walk has passed, and the one where it stands."""
        shown = self.run.shown
        ahead = set(shown) if place.back else set(shown) - set(shown[place.step + 1 :]) | {shown[place.step]}
        behind = set(shown) - set(shown[: place.step]) | {shown[place.step]} if place.back else set()
        return {
            "current": shown[place.step],
            "back": place.back,
            "forward": sorted(index for index in ahead if index is not None),
            "returned": sorted(index for index in behind if index is not None),
        }

    def handed_back(self, step: Step) -> tuple[Any, ...]:
        """What a step passes back to each of its inputs: one summand of that input's gradient; None where it is none.

        It is the node's own `backward`, applied to the gradients that arrive at it.  The last answer is kept.
        """
        if self._handed[0] != step.index:
            self._handed = (step.index, self._backward_of(step))
        return self._handed[1]

    def _backward_of(self, step: Step) -> tuple[Any, ...]:
        arriving = step.gradient if isinstance(step.gradient, tuple) else (step.gradient,)
        if all(gradient is None for gradient in arriving):
            return (None,) * len(step.inputs)
        pairs = zip(arriving, step.node.output_shapes, strict=True)
        given = [np.zeros(*made) if gradient is None else gradient for gradient, made in pairs]
        answers = step.node.backward(*given)
        answers = answers if isinstance(answers, tuple) else (answers,)
        return tuple(
            answer if entry.gradient is not None else None for answer, entry in zip(answers, step.inputs, strict=True)
        )

    def readers(self, step: Step) -> list[tuple[Step, int]]:
        """The steps that read what a step computed, each with the position among its inputs."""
        return [
            (reader, position)
            for reader in self.trace[step.index + 1 :]
            for position, entry in enumerate(reader.inputs)
            if entry.step == step.index
        ]

    @cached_property
    def bytes(self) -> int:
        """About how much memory its numbers take."""
        return sum(entry.value.nbytes for step in self.trace for entry in step.inputs)


def walked(compute: Callable[[], Variable | tuple[Variable, Any]], *, folded: bool = True) -> Walk:
    """The walk of what `compute` gives: the end of a graph, or (the end, the gradient to start from)."""
    layers: dict[Function, str] = {}

    def told(node: Function, _inputs: Any, _outputs: Any) -> None:
        running = running_layers()
        if running:
            layers[node] = running[-1].label()

    with observing_layers(lambda _layer, _x, _y: None), observing(told):
        found = compute()
    output, gradient = found if isinstance(found, tuple) else (found, None)
    return Walk(output, gradient=gradient, layers=layers, folded=folded)

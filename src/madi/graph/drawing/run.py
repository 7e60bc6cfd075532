"""What a drawing needs to know of a run: the nodes in order, those that are drawn, and the gradient on every edge."""

from __future__ import annotations

from collections import Counter
from typing import Any

from madi.graph.drawing.folding import find_folds
from madi.graph.trace import all_gradients, computation_order, outputs_of
from madi.graph.variable import Array, Function, Variable
from madi.kernels.arrays import array_library

FOLD_FROM = 24  # nodes; smaller graphs are drawn whole unless folding is asked for
MOST_DRAWN = 300  # nodes that remain drawn, the last ones, after folding


class Run:
    """The computation of `output`.

    nodes        every node, in the order of computation
    folds        blocks that recur
    shown        for each node the index of the node drawn for it, or None where it is cut away
    gradients    dL/dv of every variable
    notices      what the reader of the drawing must be told
    """

    def __init__(self, output: Variable, gradient: Any, fold: bool | None) -> None:
        self.output = output
        self.nodes = computation_order(output)
        self.place = {node: index for index, node in enumerate(self.nodes)}
        self.notices: list[str] = []
        self.gradients = self._gradients(gradient)
        folding = len(self.nodes) > FOLD_FROM if fold is None else fold
        self.folds = find_folds(self.nodes) if folding else []
        self.shown = self._shown()
        self._edge_gradients = self._on_edges()

    def drawn(self) -> list[int]:
        """The nodes that are drawn, in order."""
        return [index for index, shown in enumerate(self.shown) if shown == index]

    def frame_of(self, index: int) -> int | None:
        """Index of the fold that node `index` is part of."""
        return next((i for i, fold in enumerate(self.folds) if fold.start <= index < fold.end), None)

    def has_own(self, index: int, position: int) -> bool:
        """Whether each round of the fold that node `index` begins reads a leaf of its own at that input."""
        frame = self.frame_of(index)
        if frame is None:
            return False
        entry = self.nodes[index].inputs[position]
        fellow = self.nodes[index + self.folds[frame].length].inputs[position]
        return fellow.creator is None and fellow is not entry

    def gradient_on_edge(self, index: int, position: int) -> Array | None:
        """What comes back from node `index` to its input at `position`: one summand of that variable's gradient.

        Where the node stands for all rounds of a fold, and each reads the same variable, it is the sum over the rounds.
        """
        variable = self.nodes[index].inputs[position]
        frame = self.frame_of(index)
        rounds = [index] if frame is None else range(index, self.folds[frame].end, self.folds[frame].length)
        readers = [self.nodes[place] for place in rounds if self.nodes[place].inputs[position] is variable]
        if any(reader not in self._edge_gradients for reader in readers):
            return self.gradients.get(variable)
        answers = [self._edge_gradients[reader][position] for reader in readers]
        found = [answer for answer in answers if answer is not None]
        return sum(found[1:], start=found[0]) if found else None

    def _gradients(self, gradient: Any) -> dict[Variable, Array]:
        try:
            found = all_gradients(self.output, gradient)
        except NotImplementedError as error:  # a node of the user's that has no backward yet
            self.notices.append(f"Values only: {error}.")
            return {}
        if not found and self.output.needs_grad:
            self.notices.append(f"Values only: the output has shape {self.output.shape}; gradient= gives it a start.")
        return found

    def _shown(self) -> list[int | None]:
        shown: list[int | None] = list(range(len(self.nodes)))
        for fold in self.folds:
            shown[fold.start : fold.end] = map(fold.shown, range(fold.start, fold.end))
        visible = sorted(set(shown))  # type: ignore[type-var]
        if len(visible) <= MOST_DRAWN:
            return shown
        kept = set(visible[-MOST_DRAWN:])
        self.notices.append(f"The last {MOST_DRAWN} of {len(visible):,} nodes; the earlier ones (…) are not drawn.")
        return [index if index in kept else None for index in shown]

    def _on_edges(self) -> dict[Function, tuple[Array | None, ...]]:
        """Gradients by edge, for the readers of variables that are read more than once."""
        readers = Counter(entry for node in self.nodes for entry in node.inputs)
        made = outputs_of(self.output, self.nodes)
        nodes = [node for node, shown in zip(self.nodes, self.shown, strict=True) if shown is not None]
        shared = {entry for entry, count in readers.items() if count > 1 and entry in self.gradients}
        return {node: self._through(node, made[node]) for node in nodes if not shared.isdisjoint(node.inputs)}

    def _through(self, node: Function, made: dict[int, Variable]) -> tuple[Array | None, ...]:
        known = {index: self.gradients.get(variable) for index, variable in made.items()}
        present = next((gradient for gradient in known.values() if gradient is not None), None)
        if present is None:
            return (None,) * len(node.inputs)
        library = array_library(present)
        gys = [
            library.zeros(shape, dtype) if known.get(index) is None else known[index]
            for index, (shape, dtype) in enumerate(node.output_shapes)
        ]
        gxs = node.backward(*gys)
        pairs = zip(gxs if isinstance(gxs, tuple) else (gxs,), node.inputs, strict=True)
        return tuple(None if gx is None or x not in self.gradients else library.asarray(gx) for gx, x in pairs)

"""Which number a person has chosen of a step, and what stands behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from madi.graph.trace import Step
from madi.studio.stepping.arrays import view
from madi.studio.stepping.behind import backward_of, behind_arrival, behind_gradient, behind_value, letters
from madi.studio.stepping.terms import Behind, Index, named
from madi.studio.stepping.walk import Place, Walk

KERNELS = ("Conv2D", "Conv2DReLU", "Conv2DTranspose")  # nodes whose second input is a kernel
CHOICE = re.compile(r"(value|arrives|(?:in|out|local|handed)\.(\d{1,3})):(\d{1,12})")


@dataclass(frozen=True)
class Picked:
    """A chosen number.

    choice    "value:12", "in.0:3": which array of the step, and the place in it
    note      the name of a text about it in the catalogue, "" for none, with its values
    """

    choice: str
    behind: Behind
    note: str = ""
    values: dict[str, Any] = field(default_factory=dict)


def picked(walk: Walk, place: Place, choice: str) -> Picked:
    """What stands behind the number that was chosen; where there is no such number, behind the largest one."""
    step = walk.step(place)
    found = CHOICE.fullmatch(choice)
    array = None if found is None else array_of(walk, step, found[1])
    if found is None or array is None or int(found[3]) >= np.size(array):
        return picked(walk, place, _largest(walk, place))
    shape = np.shape(array)
    index = tuple(map(int, np.unravel_index(int(found[3]), shape))) if shape else ()
    kind, _, position = found[1].partition(".")
    return _MAKERS[kind](walk, step, int(position or 0), index, choice)


def array_of(walk: Walk, step: Step, key: str) -> Any:
    """An array of a step: what it computed ("value"), an input ("in.0"), the gradient that arrives ("arrives"), ..."""
    if key in ("value", "arrives"):
        found = step.value if key == "value" else step.gradient
        return None if isinstance(found, tuple) else found
    kind, _, place = key.partition(".")
    position = int(place)
    if kind == "out":
        return step.value[position] if isinstance(step.value, tuple) and position < len(step.value) else None
    if position >= len(step.inputs):
        return None
    if kind == "in":
        return step.inputs[position].value
    return (step.local_derivatives if kind == "local" else walk.handed_back(step))[position]


def _largest(walk: Walk, place: Place) -> str:
    """The number that stands out at first: of those that are shown the largest that is computed there."""
    step = walk.step(place)
    keys = [*(f"handed.{i}" for i in range(len(step.inputs))), "arrives"] if place.back else []
    outputs = [f"out.{i}" for i in range(len(step.node.output_shapes))]
    arrays = [(key, array_of(walk, step, key)) for key in [*keys, "value", *outputs, "in.0"]]
    found = [(key, _largest_shown(array, step, key)) for key, array in arrays if array is not None and np.size(array)]
    first = found[0][0].partition(".")[0]
    alike = [(size, key, place) for key, (size, place) in found if key.partition(".")[0] == first]
    _, key, place_in_it = max(alike, key=lambda entry: entry[0])
    return f"{key}:{place_in_it}"


def _largest_shown(array: Any, step: Step, key: str) -> tuple[float, int]:
    """The size and the place of the largest number of what is shown of an array."""
    flat = np.abs(np.asarray(array).reshape(-1))
    places = np.fromiter(view(array, kernel=is_kernel(step, key)).places, np.int64)
    best = int(places[flat[places].argmax()])
    return float(flat[best]), best


def is_kernel(step: Step, key: str) -> bool:
    """Whether an array of a step is the kernel of a convolution, or of its form."""
    return step.kind in KERNELS and key.partition(".")[2] == "1"


def _value(_walk: Walk, step: Step, _position: int, index: Index, choice: str) -> Picked:
    return Picked(choice, behind_value(step, index))


def _output(_walk: Walk, step: Step, position: int, index: Index, choice: str) -> Picked:
    """One of several outputs."""
    return Picked(
        choice, Behind(named(f"y{position}", index), float(np.asarray(step.value[position])[index]), step.forward)
    )


def _input(walk: Walk, step: Step, position: int, index: Index, choice: str) -> Picked:
    """Of an input what stands behind it in the step that computed it."""
    entry = step.inputs[position]
    made = None if entry.step is None else walk.trace[entry.step]
    if made is not None and not isinstance(made.value, tuple):
        return Picked(choice, behind_value(made, index), "by_step", {"node": made.index + 1})
    value = float(np.asarray(entry.value)[index])
    return Picked(choice, Behind(named(letters(step)[position], index), value), "given")


def _arrival(walk: Walk, step: Step, _position: int, index: Index, choice: str) -> Picked:
    """Of a gradient that arrives what each reader of the value has handed back."""
    readers = walk.readers(step)
    summands = [(f"{reader.symbol}", walk.handed_back(reader)[position]) for reader, position in readers]
    found = behind_arrival(step, index, [(name, handed) for name, handed in summands if handed is not None])
    return Picked(choice, found, "start" if not readers else "summands" if len(readers) > 1 else "")


def _local(walk: Walk, step: Step, position: int, index: Index, choice: str) -> Picked:
    value = float(np.asarray(step.local_derivatives[position])[index])
    letter = letters(step)[position]
    return Picked(choice, Behind(f"∂y/∂{named(letter, index)}", value, backward_of(step, position)), "derivative_is")


def _handed(walk: Walk, step: Step, position: int, index: Index, choice: str) -> Picked:
    found = behind_gradient(step, position, index, walk.handed_back(step)[position])
    nothing = not found.terms and not found.put_in and found.value == 0
    return Picked(choice, found, "nothing" if nothing else "")


_MAKERS = {"value": _value, "in": _input, "out": _output, "arrives": _arrival, "local": _local, "handed": _handed}

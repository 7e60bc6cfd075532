"""Gradient check: every backward equation against the central difference of its own forward equation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.errors import DataError, GradientMismatch
from madi.graph.backward import gradients
from madi.graph.numerical import Probe, double_precision
from madi.graph.variable import Array, Variable, as_array, no_grad

Index = tuple[int, ...]
_SHRINK = (1, 32, 1024)  # a disagreement is looked at again with the step divided by these


def check_gradients(
    f: Callable[..., Variable], *inputs: Any, tolerance: float = 1e-6, limit: int = 200, seed: int = 0
) -> GradientReport:
    """Compare what backward gives for each input of `f` with central differences, in float64.

    A result y of any shape is projected on a fixed random direction c, L = sum(c y), so that one backward pass and two
    evaluations for each element are enough.  The relative error of an element is

        |backward - difference| / max(|backward|, |difference|, floor)      floor = (largest gradient or sum|c y|) / 1000

    where the floor stands for elements so small that the difference is rounding.  An element beyond `tolerance` is
    looked at again with smaller steps.  If it still disagrees, it is excused as a kink where the differences to the left
    and to the right disagree with each other *and* backward's value lies between them (it is a subgradient, as of ReLU at
    0 or of a maximum with ties); the report lists every such element.

    f           takes Variables, one for each input, and returns a Variable; it must give the same result every time
    inputs      arrays or Variables of any float dtype, NumPy's or JAX's: float64 copies are used.  Integers and booleans
                (labels) are passed on as they are, as constants
    tolerance   the largest relative error that passes
    limit       most elements checked of each input; of a larger one a sample, drawn with `seed`
    seed        of the direction and the sample

    Raises GradientMismatch for the worst element that disagrees, DataError when f cannot be checked.
    """
    with double_precision():
        arrays = [entry.value if isinstance(entry, Variable) else as_array(entry) for entry in inputs]
        names = [getattr(entry, "name", None) or str(position) for position, entry in enumerate(inputs)]
        constants = [position for position, array in enumerate(arrays) if not np.issubdtype(array.dtype, np.inexact)]
        check = _Check(f, arrays, constants, seed)
        checked = tuple(
            _report(check, position, names[position], tolerance, limit)
            for position in range(len(arrays))
            if position not in constants
        )
    return GradientReport(checked, tuple(f"{names[position]} ({arrays[position].dtype})" for position in constants))


@dataclass(frozen=True)
class Kink:
    """An element that was excused: backward's value lies between two one-sided differences that disagree."""

    index: Index
    backward: float
    left: float
    right: float


@dataclass(frozen=True)
class InputReport:
    """What was found for one input: its largest errors, where they are, and the kinks that were excused."""

    name: str
    size: int
    checked: int
    absolute: float
    absolute_at: Index
    relative: float
    relative_at: Index
    kinks: tuple[Kink, ...]

    def row(self) -> tuple[str, ...]:
        """The cells of this input in the printed report."""
        absolute, relative = f"{self.absolute:.1e} at {self.absolute_at}", f"{self.relative:.1e} at {self.relative_at}"
        return self.name, f"{self.checked} of {self.size}", absolute, relative, str(len(self.kinks))


@dataclass(frozen=True)
class GradientReport:
    """The result of a gradient check that passed.

    inputs      an InputReport for each input that has a gradient
    constants   the inputs that were passed on as they are, with their dtypes
    """

    inputs: tuple[InputReport, ...]
    constants: tuple[str, ...]

    def __str__(self) -> str:
        rows = [
            ("input", "checked", "absolute error", "relative error", "kinks"),
            *(entry.row() for entry in self.inputs),
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join([*("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows), *self._notes()])

    def _notes(self) -> Iterator[str]:
        for entry in self.inputs:
            for kink in entry.kinks:
                slopes = f"{kink.backward:.6g}, difference to the left {kink.left:.6g}, to the right {kink.right:.6g}"
                yield f"kink of {entry.name} at {kink.index}: backward {slopes}"
        for constant in self.constants:
            yield f"{constant}: integers, passed on as a constant"


class _Check:
    """L = sum(c f(inputs)): its gradients by backward, and what it takes to form differences."""

    def __init__(self, f: Callable[..., Variable], arrays: list[Array], seed: int) -> None:
        self.f = f
        self.probe = Probe(self._value, arrays)
        leaves = [Variable(array) for array in self.probe.copies()]
        y = _expect_float64(f(*leaves))
        self.direction = np.asarray(np.random.default_rng(seed).standard_normal(y.shape))
        found = gradients(y, array_library(y.value).asarray(self.direction))
        self.gradients = [np.asarray(found.get(leaf, np.zeros(leaf.shape))) for leaf in leaves]
        self.magnitude = float(np.sum(np.abs(self.direction * np.asarray(y.value))))
        self.value = self._value(self.probe.copies())
        self._expect_repeatable(float(np.sum(self.direction * np.asarray(y.value))))

    def _value(self, arrays: list[Array]) -> float:
        with no_grad():
            y = self.f(*map(Variable, arrays))
        return float(np.sum(self.direction * np.asarray(y.value)))

    def _expect_repeatable(self, first: float) -> None:
        if not np.isclose(self.value, first, rtol=0, atol=1e-12 * self.magnitude, equal_nan=True):
            raise DataError(
                "check_gradients: expected f to repeat itself, got two results for the same inputs. "
                "Fix its random numbers: pass it one key."
            )

    def compare(self, position: int, index: Index, shrink: int) -> _Element:
        """Backward's value of one element and the differences to its left and right, with the step over `shrink`."""
        h = self.probe.step(position, index) / shrink
        left = (self.value - self.probe.at(position, index, -h)) / h
        right = (self.probe.at(position, index, h) - self.value) / h
        return _Element(index, float(self.gradients[position][index]), left, right)


@dataclass(frozen=True)
class _Element:
    index: Index
    backward: float
    left: float
    right: float

    @property
    def difference(self) -> float:
        return (self.left + self.right) / 2

    @property
    def error(self) -> float:
        return abs(self.backward - self.difference)

    def scale(self, floor: float) -> float:
        return max(abs(self.backward), abs(self.difference), floor)

    def agrees(self, floor: float, tolerance: float) -> bool:
        return self.error <= tolerance * self.scale(floor)  # False where either is NaN

    def is_kink(self, floor: float, tolerance: float) -> bool:
        low, high = sorted((self.left, self.right))
        allowed = tolerance * self.scale(floor)
        return high - low > allowed and low - allowed <= self.backward <= high + allowed


def _report(check: _Check, position: int, name: str, tolerance: float, limit: int) -> InputReport:
    size = check.gradients[position].size
    elements = [check.compare(position, index, 1) for index in _sample(check, position, limit)]
    largest = max((max(abs(element.backward), abs(element.difference)) for element in elements), default=0.0)
    floor = max(largest, check.magnitude, np.finfo(np.float64).tiny) / 1000
    settled = [_settle(check, position, element, floor, tolerance) for element in elements]
    kinks = [element for element in settled if _is_excused(element, floor, tolerance)]
    passed = [element for element in settled if element not in kinks]
    _expect_agreement(name, passed, floor, tolerance)
    absolute = max(passed, key=lambda element: element.error, default=_NOTHING)
    relative = max(passed, key=lambda element: element.error / element.scale(floor), default=_NOTHING)
    return InputReport(
        name, size, len(elements), absolute.error, absolute.index, relative.error / relative.scale(floor), relative.index,
        tuple(Kink(kink.index, kink.backward, kink.left, kink.right) for kink in kinks),
    )

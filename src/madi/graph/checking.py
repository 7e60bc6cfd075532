"""Gradient check: every backward equation against the central difference of its own forward equation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.errors import DataError, GradientMismatch
from madi.graph.backward import gradients
from madi.graph.numerical import Probe, double_precision, is_floating, value_of
from madi.graph.variable import Array, Variable, no_grad
from madi.kernels.arrays import array_library
from madi.options import POSITIVE, expect_count, expect_number

Index = tuple[int, ...]


def check_gradients(
    f: Callable[..., Variable], *inputs: Any, tolerance: float = 1e-6, limit: int = 200, seed: int = 0
) -> GradientReport:
    """Compare what backward gives for each input of `f` with central differences, in float64.

    A result y of several elements is projected on a fixed random direction c, L = sum(c y), so that one backward pass
    and two evaluations for each element are enough; a single number is taken as it is (c = 1).  The relative error of
    an element is

        |backward - difference| / max(|backward|, |difference|, floor),   floor = max(largest gradient, sum|c y|) / 1000

    where the floor stands for elements so small that their difference is rounding.  An element beyond `tolerance` is
    looked at again with smaller steps.  If it still disagrees, it is excused as a kink where the differences to the
    left and right disagree with each other *and* backward's value lies between them (it is a subgradient, as of ReLU at
    0 or of a maximum with ties); the report lists every such element.

    f           takes Variables, one for each input, and returns a Variable; it must give the same result every time
    inputs      arrays or Variables of any float dtype, NumPy's or JAX's: float64 copies are used.  Integers and
                booleans (labels) are passed on as they are, as constants
    tolerance   the largest relative error that passes
    limit       most elements checked of each input; of a larger one a sample, drawn with `seed`
    seed        of the direction and the sample

    Raises GradientMismatch for the worst element that disagrees, DataError when f cannot be checked.
    """
    tolerance = expect_number("check_gradients: tolerance", tolerance, POSITIVE, fix="Try 1e-6.")
    limit = expect_count("check_gradients: limit", limit, fix="Try 200.")
    with double_precision():
        arrays = [value_of(entry) for entry in inputs]
        names = [getattr(entry, "name", None) or str(position) for position, entry in enumerate(inputs)]
        check = _Check(f, arrays, seed)
        floating = [position for position, array in enumerate(arrays) if is_floating(array)]
        found = tuple(_report(check, position, names[position], tolerance, limit) for position in floating)
    constants = [f"{names[i]} ({array.dtype})" for i, array in enumerate(arrays) if i not in floating]
    return GradientReport(found, tuple(constants))


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
            yield f"{constant}: no floating-point numbers, passed on as a constant"


class _Check:
    """L = sum(c f(inputs)): its gradients by backward, and what it takes to form differences."""

    def __init__(self, f: Callable[..., Variable], arrays: list[Array], seed: int) -> None:
        self.f, self.seed = f, seed
        self.probe = Probe(self._value, arrays)
        leaves = [Variable(array) for array in self.probe.copies()]
        y = _expect_float64(f(*leaves))
        alone = y.shape == () or y.size == 1
        self.direction = np.asarray(np.ones(y.shape) if alone else np.random.default_rng(seed).standard_normal(y.shape))
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

    def compare(self, position: int, index: Index, shrink: int = 1) -> _Element:
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

    @property
    def size(self) -> float:
        return max(abs(self.backward), abs(self.difference))


@dataclass(frozen=True)
class _Judge:
    """What counts as agreement: the tolerance, and the floor below which an element is rounding."""

    tolerance: float
    floor: float

    def relative(self, element: _Element) -> float:
        return element.error / max(element.size, self.floor)

    def agrees(self, element: _Element) -> bool:
        return self.relative(element) <= self.tolerance  # False where either value is NaN

    def is_kink(self, element: _Element) -> bool:
        low, high = sorted((element.left, element.right))
        allowed = self.tolerance * max(element.size, self.floor)
        return high - low > allowed and low - allowed <= element.backward <= high + allowed


def _report(check: _Check, position: int, name: str, tolerance: float, limit: int) -> InputReport:
    size = check.gradients[position].size
    first = [check.compare(position, index) for index in _sample(check, position, limit)]
    largest = max((element.size for element in first), default=0.0)
    judge = _Judge(tolerance, max(largest, check.magnitude, float(np.finfo(np.float64).tiny) * 1000) / 1000)
    settled = [_settled(check, position, element, judge) for element in first]
    failed = [element for element in settled if not judge.agrees(element)]
    _expect_kinks(name, failed, len(settled), judge)
    passed = [element for element in settled if judge.agrees(element)] or [_Element((), 0.0, 0.0, 0.0)]
    absolute, relative = max(passed, key=lambda element: element.error), max(passed, key=judge.relative)
    kinks = tuple(Kink(kink.index, kink.backward, kink.left, kink.right) for kink in failed)
    errors = (absolute.error, absolute.index, judge.relative(relative), relative.index)
    return InputReport(name, size, len(settled), *errors, kinks)


def _sample(check: _Check, position: int, limit: int) -> list[Index]:
    shape = check.gradients[position].shape
    size = check.gradients[position].size
    flat = np.random.default_rng(check.seed).permutation(size)[:limit]
    return [tuple(int(i) for i in np.unravel_index(place, shape)) for place in np.sort(flat)]


def _settled(check: _Check, position: int, element: _Element, judge: _Judge) -> _Element:
    """The element at the first step where it agrees, or at the smallest."""
    for shrink in (32, 1024):
        if judge.agrees(element):
            break
        element = check.compare(position, element.index, shrink)
    return element


def _expect_kinks(name: str, failed: list[_Element], checked: int, judge: _Judge) -> None:
    wrong = [element for element in failed if not judge.is_kink(element)]
    if not wrong:
        return
    worst = max(wrong, key=lambda element: np.nan_to_num(element.error, nan=np.inf))
    raise GradientMismatch(
        f"check_gradients: input {name!r} at {worst.index}: expected the central difference {worst.difference:.8g}, "
        f"got {worst.backward:.8g} from backward ({len(wrong)} of {checked} elements differ). "
        "Mend the backward of the function in between."
    )


def _expect_float64(y: Any) -> Variable:
    got = f"{y.dtype}" if isinstance(y, Variable) else type(y).__name__
    if not isinstance(y, Variable) or y.dtype != np.float64:
        raise DataError(
            f"check_gradients: expected f to return a Variable in float64, got {got}. "
            "Compute it with madi's functions, without casting."
        )
    return y

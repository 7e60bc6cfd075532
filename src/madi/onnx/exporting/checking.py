"""What was written, held against the format's checker, and against madi's answers where onnxruntime is installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.errors import MadiError
from madi.layers import Layer
from madi.onnx.about import OUTPUT
from madi.onnx.exporting.answers import LABEL, PREDICTION, PROBABILITIES, Meaning
from madi.onnx.exporting.tracing import Known, Run

TOLERANCE = 1e-4  # of the largest number of an output
SMALLEST = 1e-3  # an output is not held against less
BATCHES = 1, 3


class ExportMismatch(MadiError, ArithmeticError):
    """A file whose answers are not those of the network that it was written from."""


@dataclass(frozen=True)
class Check:
    """How the file's answers compare.

    runtime      what ran it, such as "onnxruntime 1.31.1"; "" where it is not installed
    difference   the largest between its answers and madi's, over the largest answer (or 0.001, where that is smaller);
                 None where it was not run
    reason       why it was not run, where it is installed
    """

    runtime: str = ""
    difference: float | None = None
    reason: str = ""

    def __str__(self) -> str:
        if self.difference is not None:
            return f"{self.runtime} gives madi's answers within {self.difference:.1e} of the largest"
        return f"not run: {self.reason}" if self.reason else "not run: onnxruntime is not installed"


def expect_wellformed(content: bytes) -> None:
    """Raise ExportMismatch where ONNX's checker finds a fault."""
    from onnx import checker, shape_inference

    try:
        checker.check_model(content, full_check=True)
    except (checker.ValidationError, shape_inference.InferenceError) as error:
        raise ExportMismatch(f"export: onnx.checker refuses what was written: {error}. Please report it.") from error


def compared(content: bytes, opset: int, feeds: Mapping[str, np.ndarray], expected: Mapping[str, Any]) -> Check:
    """Run the file on one and on three examples, and hold its outputs against the `expected` ones of all three.

    Raises ExportMismatch where they differ by more than 1e-4 of the largest number of an output.
    """
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError:
        return Check()
    runtime = f"onnxruntime {onnxruntime.__version__}"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # it has no class of its own for a version that it does not know
        if "opset" not in str(error).lower() and "ir version" not in str(error).lower():
            raise ExportMismatch(
                f"export: {runtime} cannot open what was written: {error}. Please report it."
            ) from error
        return Check(runtime, reason=f"{runtime} does not know version {opset}")
    return Check(runtime, max(_difference(session, feeds, expected, count) for count in BATCHES))


def _difference(session: Any, feeds: Mapping[str, np.ndarray], expected: Mapping[str, Any], count: int) -> float:
    names = list(expected)
    found = session.run(names, {name: array[:count] for name, array in feeds.items()})
    worst = 0.0
    for name, got in zip(names, found, strict=True):
        difference = apart(got, expected[name][:count])
        if not difference <= TOLERANCE:
            raise ExportMismatch(
                f"export: the file's '{name}' differs from madi's by {difference:.2g} of the largest number, in a "
                f"batch of {count}; at most {TOLERANCE} is rounding. Please report it, with the network."
            )
        worst = max(worst, difference)
    return worst


def apart(got: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference over the largest number; infinite where shapes differ or one side alone is not finite.

    Numbers that are all below 0.001 count as that: what is left of larger ones by a difference is rounding.
    """
    if got.shape != expected.shape:
        return np.inf
    if expected.dtype.kind in "OU":
        return 0.0 if (got == expected).all() else np.inf
    known = np.isfinite(expected)
    if (known != np.isfinite(got)).any():
        return np.inf
    distance = np.abs(got[known].astype(np.float64) - expected[known]).max(initial=0)
    return float(distance / np.abs(expected[known]).max(initial=SMALLEST))


def expected_of(model: Layer, x: np.ndarray, outputs: list[str], meaning: Meaning) -> dict[str, np.ndarray]:
    """What madi answers, by the names of the file's outputs; a label only where no other comes near it."""
    from madi.training import predict
    from madi.training.prediction import as_probabilities

    found = {OUTPUT: predict(model, x)}
    if PREDICTION in outputs:
        found[PREDICTION] = found[OUTPUT].astype(np.float64) * np.array(meaning.scales) + np.array(meaning.means)
    if PROBABILITIES in outputs:
        probabilities = as_probabilities(model, found[OUTPUT])
        found[PROBABILITIES] = probabilities
        first, second = np.sort(probabilities, axis=1)[:, :-3:-1].T
        if (first - second > TOLERANCE).all():
            found[LABEL] = np.array(meaning.classes, object)[probabilities.argmax(axis=1)]
    return found


def examples(run: Run, shape: tuple[int, ...]) -> np.ndarray:
    """Random examples: images in 0..1, rows of normal numbers, codes where the network looks vectors up."""
    draw = np.random.default_rng(0)
    count = max(BATCHES)
    tables = [call.inputs[1] for call in run.calls if type(call.node).__name__ == "EmbeddingLookup"]
    sizes = [table.array.shape[0] for table in tables if isinstance(table, Known)]
    if sizes:
        return draw.integers(0, min(sizes), (count, *shape)).astype(np.float32)
    return (draw.random((count, *shape)) if len(shape) == 3 else draw.normal(size=(count, *shape))).astype(np.float32)

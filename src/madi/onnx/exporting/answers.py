"""What the network's output means: probabilities and the name of the class, or numbers in the target's own units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.errors import ConfigurationError
from madi.onnx.exporting.dates import Doubles
from madi.onnx.exporting.tracing import Run
from madi.onnx.exporting.writer import Tensor, Writer

PROBABILITIES, LABEL, PREDICTION = "probabilities", "label", "prediction"


@dataclass(frozen=True)
class Meaning:
    """What a file says of the output.

    classes        names in the order of the labels; () where there are none
    means, scales  of the targets of a regression, by which they were standardised; () where there are none
    """

    classes: tuple[str, ...] = ()
    means: tuple[float, ...] = ()
    scales: tuple[float, ...] = ()

    @classmethod
    def of(cls, preparation: Any, classes: Sequence[str] | None) -> Meaning:
        """From a preparation and the names of classes, as far as they are known."""
        names = tuple(map(str, classes if classes is not None else getattr(preparation, "classes", ())))
        goal = getattr(preparation, "goal", None)
        return cls(names) if names or goal is None else cls((), goal.means, goal.deviations)


def answers(write: Writer, run: Run, output: Tensor, meaning: Meaning) -> dict[str, Tensor]:
    """The further outputs by name: those of classes, or of numbers that were standardised."""
    if meaning.means:
        doubles = Doubles(write)
        scaled = doubles("Mul", output, _row(meaning.scales))
        return {PREDICTION: doubles("Add", scaled, _row(meaning.means))}
    if not meaning.classes or output.ndim != 2:
        return {}
    _expect_names(output.shape[1], meaning.classes)
    probabilities = _probabilities(write, output, type(run.calls[-1].node).__name__ if run.calls else "")
    best = write("ArgMax", probabilities, axis=1, keepdims=0, shape=(None,), dtype="int64")
    label = write("Gather", np.array(meaning.classes, object), best, axis=0, shape=(None,), dtype="str")
    return {PROBABILITIES: probabilities, LABEL: label}


def _row(numbers: Sequence[float]) -> Tensor:
    return Tensor((len(numbers),), "float64", known=np.array(numbers, np.float64))


def _expect_names(outputs: int | None, classes: Sequence[str]) -> None:
    expected = 2 if outputs == 1 else outputs
    if len(classes) != expected:
        raise ConfigurationError(
            f"export: expected {expected} class names for {outputs} outputs, got {len(classes)}. Give the names that "
            "belong to the network, or preprocessing=False."
        )


def _probabilities(write: Writer, output: Tensor, last: str) -> Tensor:
    """Softmax of logits, sigmoid of a single logit, or the output itself where the network ends in one."""
    if output.shape[1] != 1:
        return output if last == "Softmax" else write("Softmax", output, axis=1, shape=output.shape)
    yes = output if last == "Sigmoid" else write("Sigmoid", output, shape=output.shape)
    no = write("Sub", 1.0, yes, shape=output.shape)
    return write("Concat", no, yes, axis=1, shape=(None, 2))

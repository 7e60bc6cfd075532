"""Prediction: a network's answers to new inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import madi.functions as F
from madi.errors import ConfigurationError, DataError, unknown_name
from madi.layers import Layer
from madi.options import expect_count
from madi.training.checks import last_node
from madi.training.data import numbers
from madi.training.inference import Inference

ENGINES = ("auto", "jax", "numpy")


def predict(model: Layer, x: Any, *, batch_size: int | None = None, engine: str = "auto") -> np.ndarray:
    """The network's output for inputs x (N, ...), in batches, as a NumPy array (N, ...).

    engine    "jax": the compiled network; "numpy": uncompiled; "auto": NumPy, until what it takes adds up to the time
              of compiling, for batches of this size.  The two differ by rounding

    Logits stay logits: use `predict_classes` for probabilities.  May be called from several threads.

    Raises DataError for values that are no finite numbers, ShapeError where x does not fit the model.
    """
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    size = None if batch_size is None else expect_count("predict: batch_size", batch_size, fix="Try 1000.")
    inference = Inference.of(model)
    seen = inference.look(model)
    found = numbers(x, "predict: x", seen.snapshot.dtype)
    if model.input_shape is None or not seen.snapshot.built:
        seen = inference.look(model, found.shape[1:])
    size = min(len(found), size or evaluation_batch(found.shape[1:]))
    answer = inference.answer(seen, found, size, engine)
    if len(found) == size:
        return answer(found)
    return np.concatenate([answer(part) for part in _batches(found, size)])[: len(found)]


def predict_classes(
    model: Layer, x: Any, *, classes: Sequence[str] | None = None, **options: Any
) -> tuple[Any, np.ndarray]:
    """(class names, probabilities): the name of the likeliest class of each example (N,), and all of them (N, classes).

    classes   names in the order of the labels; default: those saved with the model, else the labels themselves

    A single output is the probability of the second class.
    """
    outputs = predict(model, x, **options)
    probabilities = as_probabilities(model, outputs)
    names = class_names(model, probabilities.shape[-1], classes)
    return np.asarray(names)[probabilities.argmax(axis=-1)], probabilities


def as_probabilities(model: Layer, outputs: np.ndarray) -> np.ndarray:
    """Outputs (N, classes) as probabilities: softmax of logits, sigmoid of a single logit, or those of the model."""
    return probabilities_after(last_node(model, (1, *(model.input_shape or ()))), outputs)


def probabilities_after(last: str | None, outputs: np.ndarray) -> np.ndarray:
    """`as_probabilities` of a model whose last node is of the kind `last`, for those who ask often."""
    if outputs.ndim != 2:
        raise DataError(f"predict_classes: expected outputs (N, classes), got {outputs.shape}.")
    if outputs.shape[1] == 1:
        inside = last == "Sigmoid" and bool(((outputs >= 0) & (outputs <= 1)).all())
        yes = outputs if inside else F.sigmoid(outputs).value
        return np.concatenate([1 - yes, yes], axis=1)
    return outputs if last == "Softmax" else F.softmax(outputs).value


def ends_in(model: Layer, kind: str) -> bool:
    """Whether the last node of the model is of this kind ("Softmax")."""
    return last_node(model, (1, *(model.input_shape or ()))) == kind


def class_names(model: Layer, count: int, given: Sequence[str] | None) -> list[Any]:
    """The names of the classes: as given, as the model carries them, or 0, 1, ..."""
    carried = range(count) if model.classes is None else model.classes
    names = list(carried if given is None else given)
    if len(names) != count:
        raise ConfigurationError(f"predict_classes: expected {count} class names, got {len(names)}: {names}.")
    return names


def evaluation_batch(shape: tuple[int, ...]) -> int:
    """Examples of this shape that inference takes at once: about a million numbers, at most 1,000 examples."""
    return max(1, min(1000, 2**20 // max(math.prod(shape), 1)))


def _batches(x: np.ndarray, size: int) -> list[np.ndarray]:
    """Batches of one size: the last is filled up with zeros, so that one program serves all."""
    missing = -len(x) % size
    filled = (
        np.concatenate([x[len(x) - len(x) % size :], np.zeros((missing, *x.shape[1:]), x.dtype)]) if missing else None
    )
    full = [x[start : start + size] for start in range(0, len(x) - size + 1, size)]
    return full if filled is None else [*full, filled]

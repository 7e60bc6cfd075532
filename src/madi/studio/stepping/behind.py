"""The very sum behind one number of a run: its terms with the actual numbers, or the equation with numbers put in.

Everything is taken from the trace: values, the gradients that arrive, and what nodes hand back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

import numpy as np

from madi.functions.activations import Softmax
from madi.functions.linear import Affine, MatMul
from madi.functions.losses import MeanSquaredError, SoftmaxCrossEntropy
from madi.functions.pooling import GlobalAveragePool, GlobalMaxPool
from madi.functions.reductions import Mean, Sum
from madi.functions.selection import GetItem
from madi.functions.shaping import BroadcastTo, Concatenate, Reshape, Transpose
from madi.graph.drawing.text import number_text
from madi.graph.trace import Step
from madi.studio.stepping.putting import bracketed, put_in
from madi.studio.stepping.terms import Behind, Index, Term, largest_first, named
from madi.studio.stepping.windows import WINDOWED, WINDOWED_BACK

# ---- the names that equations give to a node's inputs

LETTERS = {
    **dict.fromkeys(("Affine", "Conv2D", "Conv2DReLU", "Conv2DTranspose"), ("x", "W", "b")),
    **dict.fromkeys(("BatchNorm", "BatchNormInference", "LayerNorm"), ("x", "γ", "β")),
    "PReLU": ("x", "slope"),
}


def letters(step: Step) -> tuple[str, ...]:
    """What the equations call each input of a step: x, or x0 and x1, or x, W and b."""
    count = len(step.inputs)
    if step.kind in LETTERS:
        return (*LETTERS[step.kind], *(f"x{i}" for i in range(3, count)))[:count]
    return ("x",) if count == 1 else tuple(f"x{i}" for i in range(count))


def output_letter(step: Step) -> str:
    """What the equation calls the result: y, or L of a loss."""
    found = re.match(r"[yL](?=\W)", step.forward)
    return found[0] if found else "y"


def backward_parts(step: Step) -> tuple[str, ...]:
    """The equations backward, one for each thing that they give."""
    return tuple(part.strip() for part in re.split(r"[,;]\s+(?=g[\wγβ]+(?:\[[^\]]*\])?\s*=)", step.backward) if part)


def backward_of(step: Step, position: int) -> str:
    """The equation of the gradient of one input; all of them where none says its name."""
    letter = letters(step)[position]
    found = [part for part in backward_parts(step) if re.match(rf"g{letter}(?![\w])", part)]
    return found[0] if found else step.backward


# ---- values


def behind_value(step: Step, index: Index) -> Behind:
    """What stands behind a number that a step computed."""
    value = float(np.asarray(step.value)[index])
    name = named(output_letter(step), index)
    kinds: dict[type, Callable[[Step, Index], dict[str, Any]]] = {**WINDOWED, **VALUES}
    found = next((make for kind, make in kinds.items() if isinstance(step.node, kind)), _put_in_value)
    return Behind(name, value, step.forward, **found(step, index))


def _affine(step: Step, index: Index) -> dict[str, Any]:
    x, weight, *bias = (np.asarray(entry.value) for entry in step.inputs)
    *rows, j = index
    terms = [
        Term(f"{named('x', (*rows, i))} {named('W', (i, j))}", (float(x[(*rows, i)]), float(weight[i, j])))
        for i in range(len(weight))
    ]
    return {"terms": largest_first([*terms, *(Term(named("b", (j,)), (float(entry[j]),)) for entry in bias)])}


def _product(step: Step, index: Index) -> dict[str, Any]:
    x0, x1 = (np.asarray(entry.value) for entry in step.inputs)
    if x0.ndim != 2 or x1.ndim != 2:
        return {}
    (i, j), inner = index, range(x0.shape[1])
    terms = (Term(f"{named('x0', (i, k))} {named('x1', (k, j))}", (float(x0[i, k]), float(x1[k, j]))) for k in inner)
    return {"terms": largest_first(terms)}


def _summed(step: Step, index: Index) -> dict[str, Any]:
    """Terms of a sum or mean over axes, with the one over their number as a factor."""
    x = np.asarray(step.inputs[0].value)
    places = np.argwhere(_reaching(step, index))
    share = (1 / len(places),) if isinstance(step.node, (Mean, GlobalAveragePool)) else ()
    entries = (tuple(map(int, place)) for place in places)
    return {"terms": largest_first(Term(named("x", entry), (float(x[entry]), *share)) for entry in entries)}


def _reaching(step: Step, index: Index) -> np.ndarray:
    """Where the first input reaches the number at `index`: what the node's backward gives of a 1 there."""
    one = np.zeros(np.shape(step.value), np.asarray(step.value).dtype)
    one[index] = 1
    answers = step.node.backward(one)
    return np.asarray(answers[0] if isinstance(answers, tuple) else answers) != 0


def _softmax(step: Step, index: Index) -> dict[str, Any]:
    x = np.asarray(step.inputs[0].value, np.float64)[index[:-1]]
    raised = np.exp(x - x.max())
    terms = [Term(f"exp({named('x', (*index[:-1], j))} - max x)", (float(e),)) for j, e in enumerate(raised)]
    put_in = f"y = {number_text(raised[index[-1]])} / {number_text(raised.sum())}"
    return {"terms": largest_first(terms), "of": "Σ exp(x - max x)", "put_in": put_in}


def _softmax_loss(step: Step, _index: Index) -> dict[str, Any]:
    x = np.asarray(step.inputs[0].value, np.float64)
    t = np.asarray(step.node.t)  # type: ignore[attr-defined]
    if len(x) != 1 or set(np.unique(t)) != {0, 1}:
        return {}
    terms = [Term(f"exp({named('x', (0, j))})", (float(e),)) for j, e in enumerate(np.exp(x[0]))]
    right = int(t[0].argmax())
    put_in = f"L = log({number_text(np.exp(x[0]).sum())}) - {bracketed(x[0, right])}"
    return {"terms": largest_first(terms), "of": "Σ exp(x)", "put_in": put_in}


def _squared_error(step: Step, _index: Index) -> dict[str, Any]:
    x = np.asarray(step.inputs[0].value)
    t = np.asarray(step.node.t)  # type: ignore[attr-defined]
    terms = (
        Term(f"({named('x', i)} - {named('t', i)})² / {x.size}", (float((x[i] - t[i]) ** 2), 1 / x.size))
        for i in np.ndindex(x.shape)
    )
    return {"terms": largest_first(terms)}


def _largest(step: Step, index: Index) -> dict[str, Any]:
    x = np.asarray(step.inputs[0].value)[index[0], :, :, index[1]]
    terms = (Term(named("x", (index[0], *i, index[1])), (float(x[i]),)) for i in np.ndindex(x.shape))
    return {"terms": tuple(sorted(terms, key=lambda term: -term.value)), "joint": "max"}


def _moved_back(step: Step, position: int, index: Index) -> dict[str, Any]:
    """The gradient of the place that the number went to, where the order of numbers stayed."""
    gy = np.asarray(step.gradient)
    x = np.shape(step.inputs[position].value)
    if not isinstance(step.node, Reshape):
        return {}
    place = tuple(map(int, np.unravel_index(np.ravel_multi_index(index, x), gy.shape)))
    return {"terms": (Term(named("gy", place), (float(gy[place]),)),)}


def _moved(step: Step, index: Index) -> dict[str, Any]:
    """The one number of an input that is passed on to this place."""
    one = np.zeros(np.shape(step.value), np.asarray(step.value).dtype)
    one[index] = 1
    answers = step.node.backward(one)
    found = [
        (letter, tuple(map(int, place)), np.asarray(entry.value))
        for letter, entry, answer in zip(
            letters(step), step.inputs, answers if isinstance(answers, tuple) else (answers,), strict=True
        )
        if answer is not None
        for place in np.argwhere(np.asarray(answer))
    ]
    return {"terms": tuple(Term(named(letter, place), (float(array[place]),)) for letter, place, array in found)}


VALUES: dict[type, Callable[[Step, Index], dict[str, Any]]] = {
    Affine: _affine, MatMul: _product, GlobalAveragePool: _summed, GlobalMaxPool: _largest, Mean: _summed, Sum: _summed,
    **dict.fromkeys((Reshape, Transpose, GetItem, Concatenate, BroadcastTo), _moved),
    Softmax: _softmax, SoftmaxCrossEntropy: _softmax_loss, MeanSquaredError: _squared_error,
}  # fmt: skip


# ---- gradients that a step hands back


def behind_gradient(step: Step, position: int, index: Index, handed: Any) -> Behind:
    """What stands behind a number that a step hands back to one of its inputs.

    handed    all that it hands back to that input
    """
    name = named(f"g{letters(step)[position]}", index)
    kinds: dict[type, Callable[[Step, int, Index], dict[str, Any]]] = {**WINDOWED_BACK, **GRADIENTS}
    found = next((make for kind, make in kinds.items() if isinstance(step.node, kind)), _put_in_gradient)
    return Behind(name, float(np.asarray(handed)[index]), backward_of(step, position), **found(step, position, index))


def _affine_back(step: Step, position: int, index: Index) -> dict[str, Any]:
    x, weight = (np.asarray(entry.value) for entry in step.inputs[:2])
    gy = np.asarray(step.gradient)
    rows = list(np.ndindex(x.shape[:-1]))
    if position == 0:
        *row, i = index
        terms = [
            Term(f"{named('gy', (*row, j))} {named('W', (i, j))}", (float(gy[(*row, j)]), float(weight[i, j])))
            for j in range(weight.shape[1])
        ]
    elif position == 1:
        i, j = index
        terms = [
            Term(f"{named('x', (*row, i))} {named('gy', (*row, j))}", (float(x[(*row, i)]), float(gy[(*row, j)])))
            for row in rows
        ]
    else:
        terms = [Term(named("gy", (*row, *index)), (float(gy[(*row, *index)]),)) for row in rows]
    return {"terms": largest_first(terms)}


def _product_back(step: Step, position: int, index: Index) -> dict[str, Any]:
    other = np.asarray(step.inputs[1 - position].value)
    gy = np.asarray(step.gradient)
    if other.ndim != 2 or gy.ndim != 2:
        return {}
    i, k = index
    if position == 0:
        pairs = [(("gy", (i, j)), ("x1", (k, j))) for j in range(gy.shape[1])]
    else:
        pairs = [(("gy", (j, k)), ("x0", (j, i))) for j in range(gy.shape[0])]
    return {
        "terms": largest_first(
            Term(f"{named(*one)} {named(*two)}", (float(gy[one[1]]), float(other[two[1]]))) for one, two in pairs
        )
    }


def _softmax_loss_back(step: Step, _position: int, index: Index) -> dict[str, Any]:
    x = np.asarray(step.inputs[0].value, np.float64)[index[0]]
    t = np.asarray(step.node.t)  # type: ignore[attr-defined]
    share = np.exp(x - x.max())
    y = share[index[1]] / share.sum()
    told = f"({number_text(y)} - {number_text(t[index])}) / {len(t)}"
    return {"put_in": f"gx = {bracketed(np.asarray(step.gradient))} · {told}"}


def _squared_error_back(step: Step, _position: int, index: Index) -> dict[str, Any]:
    x, t = np.asarray(step.inputs[0].value), np.asarray(step.node.t)  # type: ignore[attr-defined]
    numbers = {"gL": float(np.asarray(step.gradient)), "x": float(x[index]), "t": float(t[index]), "m": x.size}
    return {"put_in": put_in(step.backward, numbers)}


GRADIENTS: dict[type, Callable[[Step, int, Index], dict[str, Any]]] = {
    Reshape: _moved_back, Affine: _affine_back, MatMul: _product_back, SoftmaxCrossEntropy: _softmax_loss_back,
    MeanSquaredError: _squared_error_back,
}  # fmt: skip


def behind_arrival(step: Step, index: Index, summands: Iterable[tuple[str, Any]]) -> Behind:
    """What stands behind a gradient that arrives: one summand from each step that has read the value.

    summands    (what the reader is called, all that it hands back)
    """
    terms = largest_first(Term(name, (float(np.asarray(handed)[index]),)) for name, handed in summands)
    name = named(f"g{output_letter(step)}", index)
    return Behind(name, float(np.asarray(step.gradient)[index]), terms=terms)


# ---- equations with the numbers put in


def _put_in_value(step: Step, index: Index) -> dict[str, Any]:
    return {"put_in": put_in(step.forward, _numbers(step, np.shape(step.value), index))}


def _put_in_gradient(step: Step, position: int, index: Index) -> dict[str, Any]:
    shape = np.shape(step.inputs[position].value)
    return {"put_in": put_in(backward_of(step, position), _numbers(step, shape, index))}


def _numbers(step: Step, shape: tuple[int, ...], index: Index) -> dict[str, float]:
    """What each letter of a node that works number by number means at an index: of arrays that have it there."""
    arrays = dict(zip(letters(step), (entry.value for entry in step.inputs), strict=True))
    arrays[output_letter(step)] = step.value
    arrays[f"g{output_letter(step)}"] = step.gradient
    numbers = {}
    for name, array in arrays.items():
        if array is None or isinstance(array, tuple):
            continue
        values = np.asarray(array)
        if values.size == 1:
            numbers[name] = float(values.reshape(()))
        elif values.shape == shape:
            numbers[name] = float(values[index])
    options = {name: getattr(step.node, name, None) for name in ("slope", "alpha", "rate", "low", "high", "offset")}
    return numbers | {name: float(value) for name, value in options.items() if isinstance(value, Real)}

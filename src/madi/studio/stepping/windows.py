"""The sums behind numbers of convolution and pooling: a window of the image times the kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from madi.functions.convolution import Conv2D
from madi.functions.pooling import AveragePool2D, MaxPool2D
from madi.graph.trace import Step
from madi.kernels.windows import Windows, make_windows
from madi.studio.stepping.terms import Index, Term, largest_first, named

Seen = tuple[int, int, int, int]  # place in the window (k, l), and the pixel (h, w) that it sees


def windows_of(step: Step) -> Windows:
    """The windows of a convolution or a pooling."""
    options = dict(step.node.options)  # type: ignore[attr-defined]
    image = np.shape(step.inputs[0].value)[1:3]
    taken = {name: options[name] for name in ("stride", "padding", "dilation", "ceil") if name in options}
    if isinstance(step.node, Conv2D):
        return make_windows(np.shape(step.inputs[1].value)[:2], image=image, **taken)
    taken["stride"] = options["size"] if taken.get("stride") is None else taken["stride"]
    return make_windows(options["size"], image=image, **taken)


def pixels(windows: Windows, i: int, j: int, image: tuple[int, ...]) -> Iterator[Seen]:
    """What the window of the output's place (i, j) sees of the image; padding is left out."""
    (top, left), (height, width) = windows.first, image
    for k, down in enumerate(windows.offsets(0)):
        for m, along in enumerate(windows.offsets(1)):
            h, w = i * windows.stride[0] + down - top, j * windows.stride[1] + along - left
            if 0 <= h < height and 0 <= w < width:
                yield k, m, h, w


def seen_by(windows: Windows, h: int, w: int, output: tuple[int, ...]) -> Iterator[Seen]:
    """The windows that see the pixel (h, w): (k, l) within each, and its place (i, j) in the output."""
    (top, left), (height, width) = windows.first, output
    for k, down in enumerate(windows.offsets(0)):
        for m, along in enumerate(windows.offsets(1)):
            (i, off), (j, aside) = (
                divmod(h + top - down, windows.stride[0]),
                divmod(w + left - along, windows.stride[1]),
            )
            if not off and not aside and 0 <= i < height and 0 <= j < width:
                yield k, m, i, j


# ---- convolution


def _groups(step: Step, o: int) -> int:
    """The first channel that filter o sees."""
    weight, groups = np.shape(step.inputs[1].value), step.node.options.get("groups", 1)  # type: ignore[attr-defined]
    return o // (weight[3] // groups) * weight[2]


def _convolution(step: Step, index: Index) -> dict[str, Any]:
    x, weight, *bias = (np.asarray(entry.value) for entry in step.inputs)
    n, i, j, o = index
    first, channels = _groups(step, o), range(weight.shape[2])
    terms = [
        Term(
            f"{named('x', (n, h, w, first + c))} {named('W', (k, m, c, o))}",
            (float(x[n, h, w, first + c]), float(weight[k, m, c, o])),
        )
        for k, m, h, w in pixels(windows_of(step), i, j, x.shape[1:3])
        for c in channels
    ]
    pictures, channel = _pictures(step, index)
    biases = [Term(named("b", (o,)), (float(entry[o]),)) for entry in bias]
    put_in = "y = max(u, 0)" if getattr(step.node, "relu", False) else ""
    return {
        "terms": largest_first([*terms, *biases]), "pictures": pictures, "channel": channel,
        "of": "u" if put_in else "", "put_in": put_in,
    }  # fmt: skip


def _pictures(step: Step, index: Index) -> tuple[tuple[tuple[str, np.ndarray], ...], int]:
    """Window, kernel and product of the channel that adds most."""
    x, weight = (np.asarray(entry.value) for entry in step.inputs[:2])
    n, i, j, o = index
    first = _groups(step, o)
    window = np.zeros(weight.shape[:3])
    for k, m, h, w in pixels(windows_of(step), i, j, x.shape[1:3]):
        window[k, m] = x[n, h, w, first : first + weight.shape[2]]
    product = window * weight[..., o]
    c = int(np.abs(product).sum(axis=(0, 1)).argmax())
    return (("x", window[..., c]), ("W", weight[..., c, o]), ("x W", product[..., c])), c


def _convolution_back(step: Step, position: int, index: Index) -> dict[str, Any]:
    if getattr(step.node, "relu", False):
        return {}
    makers = (_of_pixel, _of_weight, _of_bias)
    return {"terms": largest_first(makers[position](step, index))}


def _of_pixel(step: Step, index: Index) -> Iterator[Term]:
    weight, gy = np.asarray(step.inputs[1].value), np.asarray(step.gradient)
    n, h, w, c = index
    seeing = [o for o in range(weight.shape[3]) if 0 <= c - _groups(step, o) < weight.shape[2]]
    for k, m, i, j in seen_by(windows_of(step), h, w, gy.shape[1:3]):
        for o in seeing:
            own = c - _groups(step, o)
            label = f"{named('gy', (n, i, j, o))} {named('W', (k, m, own, o))}"
            yield Term(label, (float(gy[n, i, j, o]), float(weight[k, m, own, o])))


def _of_weight(step: Step, index: Index) -> Iterator[Term]:
    x, gy = np.asarray(step.inputs[0].value), np.asarray(step.gradient)
    k, m, c, o = index
    windows, channel = windows_of(step), c + _groups(step, o)
    for n, i, j in np.ndindex(gy.shape[:3]):
        h = i * windows.stride[0] + windows.offsets(0)[k] - windows.first[0]
        w = j * windows.stride[1] + windows.offsets(1)[m] - windows.first[1]
        if 0 <= h < x.shape[1] and 0 <= w < x.shape[2]:
            label = f"{named('x', (n, h, w, channel))} {named('gy', (n, i, j, o))}"
            yield Term(label, (float(x[n, h, w, channel]), float(gy[n, i, j, o])))


def _of_bias(step: Step, index: Index) -> Iterator[Term]:
    gy = np.asarray(step.gradient)
    for n, i, j in np.ndindex(gy.shape[:3]):
        yield Term(named("gy", (n, i, j, *index)), (float(gy[(n, i, j, *index)]),))


# ---- pooling


def _maximum(step: Step, index: Index) -> dict[str, Any]:
    terms = _window_terms(step, index, ())
    return {"terms": tuple(sorted(terms, key=lambda term: -term.value)), "joint": "max"}


def _average(step: Step, index: Index) -> dict[str, Any]:
    terms = _window_terms(step, index, ())
    total, value = sum(term.value for term in terms), float(np.asarray(step.value)[index])
    share = value / total if total else 1 / max(len(terms), 1)
    return {"terms": largest_first(Term(term.label, (*term.factors, share)) for term in terms)}


def _window_terms(step: Step, index: Index, more: tuple[float, ...]) -> list[Term]:
    x = np.asarray(step.inputs[0].value)
    n, i, j, c = index
    return [
        Term(named("x", (n, h, w, c)), (float(x[n, h, w, c]), *more))
        for _, _, h, w in pixels(windows_of(step), i, j, x.shape[1:3])
    ]


def _pooling_back(step: Step, _position: int, index: Index) -> dict[str, Any]:
    """The gradients of the windows that see the pixel, each with its share, which a 1 at its place tells."""
    gy = np.asarray(step.gradient)
    n, h, w, c = index
    terms = []
    for _, _, i, j in seen_by(windows_of(step), h, w, gy.shape[1:3]):
        one = np.zeros(gy.shape, gy.dtype)
        one[n, i, j, c] = 1
        share = float(np.asarray(step.node.backward(one))[index])
        terms.append(Term(named("gy", (n, i, j, c)), (float(gy[n, i, j, c]), share)))
    return {"terms": largest_first(terms)}


WINDOWED: dict[type, Callable[[Step, Index], dict[str, Any]]] = {
    Conv2D: _convolution, MaxPool2D: _maximum, AveragePool2D: _average,
}  # fmt: skip
WINDOWED_BACK: dict[type, Callable[[Step, int, Index], dict[str, Any]]] = {
    Conv2D: _convolution_back, MaxPool2D: _pooling_back, AveragePool2D: _pooling_back,
}  # fmt: skip

"""The page's own markup: numbers, matrices and pictures of a step, its equations, and what stands behind a number.

Every text that is not of the catalogue is escaped here.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np

from madi.graph.drawing.text import array_lines, number_text
from madi.graph.trace import Step, StepInput
from madi.studio.mathml import mathml
from madi.studio.pages.step.pictures import coloured_html, is_coloured
from madi.studio.stepping.arrays import Tile, View, view
from madi.studio.stepping.behind import backward_parts, letters, output_letter
from madi.studio.stepping.picking import is_kernel
from madi.studio.stepping.terms import Behind, Term
from madi.studio.stepping.walk import Place, Walk
from madi.studio.texts import Texts

TERMS = 12  # that are written out
LARGE = 10**7  # numbers of a node's inputs that are too many for its local derivatives to be shown
SMALL = 4  # numbers of an array that has room beside others


@dataclass(frozen=True)
class Tensor:
    """An array on the page.

    key       what a click on it tells: "value", "in.0", "arrives", "local.0", "handed.0"
    letter    what equations call it, as text for `mathml`
    title     what it is, in the page's language
    name      its own name in the network, "" where it has none
    kind      "value", "gradient" or "local"
    coloured  whether it is shown in its colours too
    """

    key: str
    letter: str
    title: str
    array: Any
    kind: str = "value"
    name: str = ""
    kernel: bool = False
    coloured: bool = False


# ---- a step


def step_html(walk: Walk, place: Place, texts: Texts, *, picked: str = "") -> str:
    """All that is shown of the step at a place.

    picked    the number that stands out: "value:12"
    """
    step = walk.step(place)
    marks = escape(json.dumps(walk.marks(place)), quote=True)
    way = "backward" if place.back else "forward"
    body = _backward(walk, step, texts) if place.back else _forward(step, texts)
    return (
        f'<section class="walk-step {way}" data-marks="{marks}" data-picked="{escape(picked, quote=True)}" '
        f'data-step="{step.index}" data-way="{way}">'
        f"{_heading(walk, place, texts)}{_equations(step, place)}{body}</section>"
    )


def told_of(walk: Walk, place: Place, texts: Texts) -> list[str]:
    """Where the walk stands, in words: the way, the node, the round of a folded block, the layer, the kind."""
    step = walk.step(place)
    told = [texts("step.backward" if place.back else "step.forward")]
    told.append(texts("step.node_of", node=step.index + 1, count=len(walk.trace)))
    if (found := walk.round(step)) is not None:
        told.append(texts("step.round", round=found[0], times=found[1]))
    return [*told, *filter(None, [walk.layer(step)]), step.kind]


def _heading(walk: Walk, place: Place, texts: Texts) -> str:
    *told, kind = told_of(walk, place, texts)
    at = "".join(f"<span>{escape(text)}</span>" for text in told)
    return f'<div class="walk-at">{at}</div><h2 lang="en">{escape(kind)}</h2>'


def _equations(step: Step, place: Place) -> str:
    """The equation forward and, on the way back, those backward below it."""
    ways = [("is-forward", step.forward.split("; ")), ("is-backward", backward_parts(step) if place.back else ())]
    rows = [f'<div class="equation {way}">{mathml(part)}</div>' for way, parts in ways for part in parts if part]
    return f'<div class="equations">{"".join(rows)}</div>'


def _forward(step: Step, texts: Texts) -> str:
    inputs = "".join(tensor_html(tensor, texts) for tensor in inputs_of(step))
    result = "".join(tensor_html(tensor, texts) for tensor in outputs_of(step, texts("step.out")))
    return f'<div class="tensors">{inputs}<div class="arrow" aria-hidden="true">→</div>{result}</div>'


def _backward(walk: Walk, step: Step, texts: Texts) -> str:
    """What arrives, and of each input what is passed back; beside it the local derivative and the value."""
    handed, local = walk.handed_back(step), _local_derivatives(step)
    letter = output_letter(step)
    arrives = Tensor("arrives", f"g{letter}", texts("step.arrives"), step.gradient, "gradient", _name(step))
    groups = [faces_html([arrives, *outputs_of(step, texts("step.value"))], "out", texts)]
    for place, tensor in enumerate(inputs_of(step)):
        if handed[place] is None:
            groups.append(f'<div class="faces">{tensor_html(tensor, texts, more=texts("step.no_gradient"))}</div>')
        else:
            more = _added(step.inputs[place].gradient, handed[place], texts)
            groups.append(
                faces_html(_faces(tensor, letter, local[place], handed[place], place, texts), str(place), texts, more)
            )
    return f'<div class="groups">{"".join(groups)}</div>'


def _local_derivatives(step: Step) -> tuple[Any, ...]:
    """Those of the step; of a node whose inputs are very large none, for they are as large."""
    large = sum(np.size(entry.value) for entry in step.inputs) > LARGE
    return (None,) * len(step.inputs) if large else step.local_derivatives


def _faces(tensor: Tensor, letter: str, local: Any, handed: Any, place: int, texts: Texts) -> list[Tensor]:
    """Of one input: the gradient that is passed back to it, the local derivative, and its value."""
    back = Tensor(f"handed.{place}", f"g{tensor.letter}", texts("step.handed"), handed, "gradient", tensor.name)
    slope = Tensor(f"local.{place}", f"∂{letter}/∂{tensor.letter}", texts("step.local"), local, "local")
    value = replace(tensor, title=texts("step.value"), name="")
    return [replace(entry, kernel=tensor.kernel) for entry in (back, slope, value)]


def faces_html(tensors: list[Tensor], name: str, texts: Texts, more: str = "") -> str:
    """Arrays of one variable: small ones side by side, of larger ones the first, and a choice of the others."""
    shown = [tensor for tensor in tensors if tensor.array is not None and not isinstance(tensor.array, tuple)]
    bodies = "".join(tensor_html(tensor, texts, more="" if place else more) for place, tensor in enumerate(shown))
    if all(np.size(tensor.array) <= SMALL for tensor in shown):
        return f'<div class="faces all">{bodies}</div>'
    choices = "".join(
        f'<label><input type="radio" name="face-{name}" value="{tensor.kind}"{"" if place else " checked"}>'
        f"<span>{escape(tensor.title)}</span></label>"
        for place, tensor in enumerate(shown)
    )
    return f'<div class="faces one"><div class="choices" role="radiogroup">{choices}</div>{bodies}</div>'


def _added(total: Any, handed: Any, texts: Texts) -> str:
    """Where others hand gradients back to the same variable: what they add up to."""
    if total is None or np.size(total) != 1 or np.array_equal(total, handed):
        return ""
    return texts("step.added", value=number_text(np.asarray(total).reshape(())))


def inputs_of(step: Step) -> list[Tensor]:
    """The values that go into a step."""
    return [
        Tensor(
            f"in.{place}", letter, "", entry.value, name=_of_input(entry.name, entry.step, entry.value),
            kernel=is_kernel(step, f"in.{place}"), coloured=_is_picture(entry),
        )
        for place, (letter, entry) in enumerate(zip(letters(step), step.inputs, strict=True))
    ]  # fmt: skip


def outputs_of(step: Step, title: str) -> list[Tensor]:
    """What a step computed: one array, or several."""
    if not isinstance(step.value, tuple):
        return [Tensor("value", output_letter(step), title, step.value, name=_name(step))]
    return [Tensor(f"out.{place}", f"y{place}", title, value) for place, value in enumerate(step.value)]


def _is_picture(entry: StepInput) -> bool:
    """Whether it is the example itself, in red, green and blue."""
    return entry.step is None and entry.name == "x" and is_coloured(entry.value)


def _of_input(name: str, step: int | None, value: Any) -> str:
    """An input's own name; "" where the trace has made one up."""
    unnamed = step is not None and name == f"#{step}"
    return "" if unnamed or (step is None and name == " ".join(array_lines(value))) else name


def _name(step: Step) -> str:
    return "" if step.name.startswith("#") else step.name


# ---- an array


def tensor_html(tensor: Tensor, texts: Texts, *, more: str = "") -> str:
    """An array with its name, its shape and what is left out of it."""
    if tensor.array is None or isinstance(tensor.array, tuple):
        return ""
    seen = view(tensor.array, kernel=tensor.kernel)
    name = f'<span class="name">{escape(tensor.name)}</span>' if tensor.name else ""
    title = f'<span class="what">{escape(tensor.title)}</span>' if tensor.title else ""
    shape = f'<span class="shape">{_shape(seen.shape)}</span>' if seen.shape else ""
    left = " · ".join(texts(f"step.left_{what}", shown=shown, all=f"{all_:,}") for shown, all_, what in seen.left)
    picture = coloured_html(tensor.array, texts("step.picture")) if tensor.coloured else ""
    under = "".join(f'<div class="left">{escape(text)}</div>' for text in (left, more) if text)
    return (
        f'<figure class="tensor is-{tensor.kind}"><figcaption><span class="letter">{mathml(tensor.letter)}</span>{name}'
        f"{title}{shape}</figcaption>{picture}{_array(tensor, seen)}{under}</figure>"
    )


def _array(tensor: Tensor, seen: View) -> str:
    if seen.values.size == 0:
        return ""
    common = f'data-array="{tensor.key}" data-letter="{escape(tensor.letter)}" data-shape="{_sizes(seen.shape)}"'
    label = escape(f"{tensor.letter} {tensor.name} {_shape(seen.shape)}".strip(), quote=True)
    if seen.is_number:
        number = seen.values.reshape(())
        return (
            f'<button type="button" class="number" {common} data-p="0" data-v="{_exact(number)}">'
            f"{number_text(number)}</button>"
        )
    if seen.tiles:
        tiles = "".join(_tile(tile, seen) for tile in seen.tiles)
        return f'<div class="tiles" {common} role="group" aria-label="{label}">{tiles}</div>{_scale(seen)}'
    return _table(seen, common, label)


def picture_html(images: Any, label: str) -> str:
    """The first of the images (N, H, W, C) as a picture alone: in colours, or its first channel."""
    if is_coloured(images):
        return coloured_html(images, label)
    seen = view(np.asarray(images[:1, :, :, :1]))
    return _tile(replace(seen.tiles[0], label=label), seen)


def _table(seen: View, common: str, label: str) -> str:
    flat = seen.values.reshape(-1)
    rows = "".join(f"<tr>{''.join(_cell(place, flat, seen.largest) for place in row)}</tr>" for row in seen.rows)
    return f'<div class="matrix" {common} tabindex="0" role="group" aria-label="{label}"><table>{rows}</table></div>'


def _cell(place: int, flat: np.ndarray, largest: float, digits: int = 3) -> str:
    number = flat[place]
    strength = abs(float(number)) / largest if largest and np.isfinite(number) else 0.0
    return (
        f'<td data-p="{place}" data-v="{_exact(number)}" class="{"below" if number < 0 else "above"}" '
        f'style="--t:{strength:.2f}">{_short(number, digits)}</td>'
    )


def _short(number: Any, digits: int) -> str:
    """A number in a narrow cell."""
    number = float(number)
    return f"{number:.0f}" if 10**digits <= abs(number) < 10**6 else f"{number + 0.0:.{digits}g}"


def _tile(tile: Tile, seen: View) -> str:
    """A picture: its numbers travel as they are and are painted by the page, so that each can be asked for."""
    pixels = np.ascontiguousarray(tile.pixels, np.float32)
    encoded = base64.b64encode(pixels.tobytes()).decode("ascii")
    height, width = pixels.shape
    return (
        f'<figure class="tile"><span class="picture"><canvas width="{width}" height="{height}" tabindex="0" role="img" '
        f'aria-label="{escape(tile.label)}: {height} × {width}" data-first="{tile.first}" data-steps="{tile.steps[0]},'
        f'{tile.steps[1]}" data-largest="{seen.largest!r}" data-signed="{int(bool((seen.values < 0).any()))}" '
        f'data-pixels="{encoded}"></canvas></span><figcaption>{escape(tile.label)}</figcaption></figure>'
    )


def _scale(seen: View) -> str:
    """What the colours mean: from the most negative to the most positive."""
    signed = bool((seen.values < 0).any())
    low = f"−{number_text(seen.largest)}" if signed else "0"
    kind = "signed" if signed else "plain"
    return f'<div class="scale {kind}"><span>{low}</span><i></i><span>{number_text(seen.largest)}</span></div>'


def _exact(number: Any) -> str:
    """All digits of a number, as its own type writes them."""
    return escape(
        str(number.item() if isinstance(number, np.ndarray) and number.dtype == np.float64 else np.asarray(number)[()])
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _sizes(shape: tuple[int, ...]) -> str:
    return ",".join(map(str, shape))


# ---- behind a number


def behind_html(behind: Behind, texts: Texts, *, note: str = "") -> str:
    """The very sum behind a number.

    note    what else is to be said of it
    """
    head = f'<div class="picked"><span>{mathml(behind.name)}</span><b>{number_text(behind.value)}</b></div>'
    said = f'<p class="soft">{escape(note)}</p>' if note else ""
    equations = [f'<div class="equation">{mathml(text)}</div>' for text in (behind.equation, _put_in(behind)) if text]
    return f"{head}{said}{''.join(equations)}{_pictures(behind, texts)}{_terms(behind, texts)}"


def _put_in(behind: Behind) -> str:
    """The equation with the numbers, and what comes out."""
    result = number_text(behind.value)
    same = not behind.put_in or behind.put_in.partition(" = ")[2].strip("()") == result
    return behind.put_in if same else f"{behind.put_in} = {result}"


def _pictures(behind: Behind, texts: Texts) -> str:
    if not behind.pictures or behind.pictures[0][1].size > 64:
        return ""
    told = texts("step.window", channel=behind.channel)
    signs = ("", "×", "=")
    parts = "".join(
        f'<span class="sign">{sign}</span><figure>{_small(matrix)}<figcaption>{mathml(name)}</figcaption></figure>'
        for sign, (name, matrix) in zip(signs, behind.pictures, strict=True)
    )
    return f'<div class="window">{parts}</div><p class="soft">{escape(told)}</p>'


def _small(matrix: np.ndarray) -> str:
    """A small matrix of numbers, coloured."""
    flat, width = matrix.reshape(-1), matrix.shape[1]
    largest = float(np.abs(flat).max())
    cells = [_cell(place, flat, largest, 2) for place in range(flat.size)]
    rows = "".join(f"<tr>{''.join(cells[start : start + width])}</tr>" for start in range(0, flat.size, width))
    return f'<table class="small">{rows}</table>'


def _terms(behind: Behind, texts: Texts) -> str:
    if not behind.terms:
        return ""
    count = len(behind.terms)
    largest = max(abs(term.value) for term in behind.terms) or 1.0
    rows = [_term(term, largest, count) for term in behind.terms[:TERMS]]
    rest = behind.terms[TERMS:]
    adds = behind.joint == "sum"
    if rest and adds:
        together = number_text(sum(term.value for term in rest))
        rows.append(
            f'<tr class="rest"><td>{texts("step.rest", count=f"{len(rest):,}")}</td><td></td><td>{together}</td></tr>'
        )
    if adds and count > 1:
        of = mathml(behind.of) if behind.of else escape(texts("step.sum"))
        rows.append(f'<tr class="sum"><td>{of}</td><td></td><td>{number_text(behind.total)}</td></tr>')
    told = texts("step.terms" if adds else "step.candidates", count=f"{count:,}") if count > 1 else ""
    caption = f"<caption>{escape(told)}</caption>" if told else ""
    return f'<table class="terms">{caption}<tbody>{"".join(rows)}</tbody></table>'


def _term(term: Term, largest: float, count: int) -> str:
    factors = " × ".join(number_text(factor) for factor in term.factors) if len(term.factors) > 1 else ""
    sign = "below" if term.value < 0 else "above"
    bar = f'<i class="{sign}" style="--t:{abs(term.value) / largest:.3f}"></i>' if count > 1 else ""
    return (
        f"<tr><td>{mathml(term.label)}</td><td>{factors}</td>"
        f'<td data-v="{term.value!r}">{number_text(term.value)}{bar}</td></tr>'
    )

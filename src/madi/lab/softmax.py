"""The output layer: softmax for classification.

Regression takes the last layer's numbers as they are.  Classification makes probabilities of them: softmax raises each
and divides by the sum, so that they are positive and add up to 1.  exp(1000) is no finite number, but softmax does not
change when the same number is taken from all its inputs, so the largest is: then no exponent is above 0.  The largest
input has the largest probability, whatever the scale: who only wants the answer may leave softmax out.

    y[k] = exp(a[k]) / Σ exp(a[i]) = exp(a[k] - max a) / Σ exp(a[i] - max a)
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

import madi.functions as F
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number

ROWS = ("A6",)
COST = Cost(full=0.1, quick=0.1)

Inputs = Annotated[tuple[float, ...], Number(-1e6, 1e6, "inputs of softmax, one for each class")]


def compute(
    *,
    inputs: Inputs = (0.3, 2.9, 4.0),
    large: Inputs = (1010.0, 1000.0, 990.0),
    shift: Annotated[float, Number(1, 1e5, "the farthest that the inputs are moved, up and down")] = 1000.0,
    rows: Annotated[int, Number(1, 100_000, "of random inputs, for the order")] = 1000,
) -> Data:
    """Probabilities, of the inputs, of large ones, of shifted and of scaled ones; and how often the order was kept."""
    a = np.array(inputs)
    shifts, scales = np.linspace(-shift, shift, 401), np.geomspace(0.03, 30, 121)
    random = 10 * np.random.default_rng(0).standard_normal((rows, 10))
    return {
        "inputs": a,
        "identity": F.identity(a).value,
        "outputs": F.softmax(a).value,
        "large": {"inputs": list(large), "as_written": as_written(large), "outputs": F.softmax(np.array(large)).value},
        "shifts": shifts,
        "shifted": {"as_written": as_written(a + shifts[:, None]), "outputs": F.softmax(a + shifts[:, None]).value},
        "scales": scales,
        "scaled": F.softmax(a * scales[:, None]).value,
        "rows": rows,
        "same_answer": int((F.softmax(random).value.argmax(axis=1) == random.argmax(axis=1)).sum()),
    }


def as_written(a: Any) -> np.ndarray:
    """Softmax without the shift, as its equation is written."""
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is what is to be seen
        raised: Any = F.exp(np.array(a))
        return (raised / F.sum(raised, axis=-1, keepdims=True)).value


def claims(data: Data) -> dict[str, bool]:
    """What the probabilities show."""
    outputs, large, shifted = data["outputs"], data["large"], data["shifted"]
    moved, order = float(np.abs(shifted["outputs"] - outputs).max()), np.argsort(data["inputs"])
    lost = data["shifts"][~np.isfinite(shifted["as_written"]).all(axis=1)]
    return {
        f"{_told(data['inputs'])} gives {_told(outputs)}, all above 0, of sum {outputs.sum():.12g}.": bool(
            (outputs > 0).all() and abs(outputs.sum() - 1) < 1e-12
        ),
        f"{_told(large['inputs'])} gives {_told(large['outputs'])}; without the shift {_told(large['as_written'])}.": (
            bool(np.isfinite(large["outputs"]).all() and not np.isfinite(large["as_written"]).all())
        ),
        f"Moved by as much as {data['shifts'][-1]:g} the inputs give the same, to {moved:.0e}; as the equation is "
        f"written nothing is left from {_nearest(lost)} on.": bool(moved < 1e-10 and len(lost)),
        f"At {len(data['scales'])} scales from {data['scales'][0]:g} to {data['scales'][-1]:g} the order of the "
        "classes is that of the inputs.": bool((np.diff(data["scaled"][:, order]) >= 0).all()),
        f"In {data['same_answer']} of {data['rows']} random rows the largest input has the largest probability.": (
            data["same_answer"] == data["rows"]
        ),
    }


def _told(numbers: Any) -> str:
    return f"({', '.join(f'{number:.5g}' for number in numbers)})"


def _nearest(shifts: np.ndarray) -> str:
    return f"{min(shifts, key=abs):g}" if len(shifts) else "nowhere"


def draw(data: Data) -> Any:
    """Inputs and probabilities; probabilities of shifted inputs, both ways; of scaled ones."""
    figure, (inputs, outputs, shifts, scales) = style.subplots(1, 4, height=2.7, width_ratios=(0.9, 0.9, 1.3, 1.3))
    colours = [style.COLOURS[index % len(style.COLOURS)] for index in range(len(data["inputs"]))]
    _bars(inputs, data["inputs"], colours, "a")
    _bars(outputs, data["outputs"], colours, "softmax(a)")
    for index, colour in enumerate(colours):
        shifts.plot(data["shifts"], data["shifted"]["as_written"][:, index], color=colour, linewidth=6, alpha=0.35)
        shifts.plot(data["shifts"], data["shifted"]["outputs"][:, index], color=colour, linewidth=1)
        scales.semilogx(data["scales"], data["scaled"][:, index], color=colour)
    shifts.plot([], [], color=style.GREY, linewidth=6, alpha=0.35, label="as written")
    shifts.plot([], [], color=style.GREY, linewidth=1, label="less the maximum")
    shifts.legend(loc="center", bbox_to_anchor=(0.5, 0.53), fontsize=8, handlelength=1.2)
    shifts.set(title="softmax(a + c)", xlabel="c", ylim=(-0.03, 1.03))
    scales.set(title="softmax(c a)", xlabel="c", ylim=(-0.03, 1.03))
    return figure


def _bars(axes: Any, values: np.ndarray, colours: list[str], title: str) -> None:
    """One bar for each class, with its number."""
    classes = range(1, len(values) + 1)
    bars = axes.bar(classes, values, color=colours)
    axes.bar_label(bars, [f"{value:.2g}" for value in values], fontsize=8)
    axes.set(title=title, xlabel="class", xticks=list(classes), yticks=())
    axes.spines["left"].set_visible(False)

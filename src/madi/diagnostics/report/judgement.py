"""How good the answers are: of classes, of yes/no questions, of numbers."""

from __future__ import annotations

import math

import numpy as np

from madi.diagnostics.report.charts import Axis, Chart, panel, row
from madi.diagnostics.report.classification import (
    BINS,
    Calibration,
    Curve,
    calibration,
    confusion,
    most_confused,
    roc,
    scores,
)
from madi.diagnostics.report.evidence import Evidence
from madi.diagnostics.report.markup import UNDEFINED, Markup, number, percent, plural, section, table, tag
from madi.diagnostics.report.regression import Fit, fits

MOST_CLASSES = 20  # of a matrix that can be read
FLAT, LONGEST = 5, 22  # characters of a name that stands upright above its column, and of one that is shortened
BESIDE = 10  # classes of a matrix that has room for the table of scores beside it
MOST_PAIRS = 20
MOST_TARGETS = 6  # that are drawn
STRONG = 0.55  # the share of colour from which a light text is read better
WHOLE = np.array([[0.0, 0.0], [1.0, 1.0]])


def judgement(evidence: Evidence) -> Markup:
    """The sections on the answers; nothing where none of them is finite."""
    answers = evidence.answers
    if not len(answers):
        return Markup("")
    if not answers.is_classification:
        return _regression(evidence)
    both = Markup(("" if answers.questions else _confusion(evidence)) + _scores(evidence))
    beside = not answers.questions and len(evidence.class_names) <= BESIDE
    return Markup((tag("div", both, class_="pair") if beside else both) + _calibration(evidence))


# ---- classes


def _confusion(evidence: Evidence) -> Markup:
    matrix, names = confusion(evidence.answers), evidence.class_names
    pairs = most_confused(matrix, MOST_PAIRS)
    right = f"{int(np.trace(matrix)):,} of {plural(int(matrix.sum()), 'example')} of the {evidence.judged_by} part"
    told = tag("p", f"{right} are told right.")
    shown = _matrix(matrix, names) if len(names) <= MOST_CLASSES else _pairs(pairs, matrix, names)
    return section("Confusion", told, shown)


def _matrix(matrix: np.ndarray, names: list[str]) -> Markup:
    """A table with a row for each true class; the colour is the share of that class."""
    upright = "upright" if max(map(len, names)) > FLAT else None
    heads = [tag("th", ""), *(tag("th", tag("span", _short(name)), title=name, class_=upright) for name in names)]
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    rows = []
    for place, name in enumerate(names):
        cells = [
            _cell(int(n), float(s), place == other)
            for other, (n, s) in enumerate(zip(matrix[place], shares[place], strict=True))
        ]
        rows.append(tag("tr", tag("th", _short(name), title=name), *cells))
    whole = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows), class_="matrix")
    note = (
        "A row for each true class, a column for each predicted one. Blue are right answers, orange wrong ones; the "
        "stronger, the larger their share of the true class."
    )
    return Markup(tag("div", whole, class_="wide") + tag("p", note, class_="soft"))


def _cell(count: int, share: float, right: bool) -> Markup:
    if not count:
        return tag("td", "0" if right else "·", class_="none")
    strength = 0.12 + 0.88 * share
    kind = ("right" if right else "wrong") + (" strong" if strength > STRONG else "")
    return tag("td", f"{count:,}", class_=kind, style=f"--a: {strength:.2f}", title=percent(share))


def _pairs(pairs: list[tuple[int, int, int]], matrix: np.ndarray, names: list[str]) -> Markup:
    rows = [[names[true], names[said], count, percent(count / matrix[true].sum())] for true, said, count in pairs]
    note = f"Of {len(names)} classes, the pairs that are confused most often."
    return Markup(tag("p", note) + table(["true", "predicted", "times", "share of the true class"], rows, left=2))


def _scores(evidence: Evidence) -> Markup:
    found, names = scores(evidence.answers), evidence.class_names
    order = range(len(names)) if len(names) <= MOST_CLASSES else np.argsort(found.f1, kind="stable").tolist()
    rows = [
        [names[i], *map(_score, (found.precision[i], found.recall[i], found.f1[i])), int(found.support[i])]
        for i in order
    ]
    heads = ["question" if evidence.answers.questions else "class", "precision", "recall", "F1", "examples"]
    whole = table(heads, rows)
    if len(names) > MOST_CLASSES:
        more = tag("details", tag("summary", f"all {len(names)} classes"), whole)
        whole = Markup(tag("p", "The classes with the lowest F1:") + table(heads, rows[:10]) + more)
    missing = [names[i] for i in np.flatnonzero(found.support == 0)]
    note = f"Without an example in the {evidence.judged_by} part: {', '.join(missing)}." if missing else ""
    title = "Precision and recall by question" if evidence.answers.questions else "Precision and recall by class"
    return section(title, whole, tag("p", note, class_="soft") if note else "")


def _score(value: float) -> str:
    return percent(float(value))


def _calibration(evidence: Evidence) -> Markup:
    found, curve = calibration(evidence.answers), roc(evidence.answers)
    panels = [_reliability(found, evidence), _said(found)]
    if curve is not None:
        panels.append(_roc(curve, evidence.class_names[1]))
    text = (
        "Can its probabilities be believed? On the dashed line, what is said with 80% comes true in 8 of 10 cases. The "
        f"expected calibration error, the mean distance from it, is {percent(found.error)}."
    )
    return section("Calibration", tag("p", text), row(panels))


def _reliability(found: Calibration, evidence: Evidence) -> Markup:
    two = len(evidence.class_names) == 2 and not evidence.answers.questions
    of = f"of “{evidence.class_names[1]}”" if two else "of the answer"
    chart = Chart(Axis(0, 1, f"probability {of}"), Axis(0, 1), "reliability diagram")
    chart.line(WHOLE, "grey dashed thin").line(np.column_stack([found.said, found.true]), "blue")
    return panel("how often it comes true", chart)


def _said(found: Calibration) -> Markup:
    chart = Chart(Axis(0, 1, "probability"), Axis(0, 1.05 * float(found.counts.max())), "examples by probability")
    for place, count in zip(found.bins, found.counts, strict=True):
        chart.bars(np.array([place, place + 1]) / BINS, np.array([count]), "blue")
    return panel("how many examples", chart)


def _roc(curve: Curve, name: str) -> Markup:
    chart = Chart(Axis(0, 1, "false positives"), Axis(0, 1), "ROC curve")
    chart.line(WHOLE, "grey dashed thin").line(
        np.column_stack([curve.false_positives, curve.true_positives]), "blue solid"
    )
    return panel(f"ROC of “{name}”", chart, [("blue", f"area {number(curve.area)}")], "Upwards: true positives.")


# ---- numbers


def _regression(evidence: Evidence) -> Markup:
    true, said = (evidence.restored(values) for values in (evidence.answers.sample.y, evidence.answers.outputs))
    found = fits(true, said)
    names = [evidence.target_name(place, len(found)) for place in range(len(found))]
    rows = [[name, _squared(fit), fit.mae, fit.rmse] for name, fit in zip(names[:50], found, strict=False)]
    heads = ["", "R²", "mean absolute error", "root mean squared error"]
    units = "" if evidence.restore is None else " Errors are in the target's own units."
    text = f"{plural(len(true), 'example')} of the {evidence.judged_by} part.{units}"
    drawn = [row(_drawn(name, fit)) for name, fit in zip(names[:MOST_TARGETS], found, strict=False)]
    return section("Predicted and true", tag("p", text), table(heads, rows), *drawn)


def _squared(fit: Fit) -> str:
    return number(fit.r_squared) if math.isfinite(fit.r_squared) else UNDEFINED


def _drawn(name: str, fit: Fit) -> list[Markup]:
    both = np.concatenate([fit.true, fit.predicted])
    truth, said = Axis.over(both, f"true {name}"), Axis.over(both)
    first = Chart(truth, said, f"{name}: predicted against true")
    ends = np.array([[truth.low, truth.low], [truth.high, truth.high]])
    first.line(ends, "grey dashed thin").dots(np.column_stack([fit.true, fit.predicted]), "blue faint")
    residuals = fit.true - fit.predicted
    second = Chart(
        Axis.over(fit.predicted, f"predicted {name}"), Axis.over(np.append(residuals, 0)), f"{name}: residuals"
    )
    second.line(np.array([[second.x.low, 0], [second.x.high, 0]]), "grey dashed thin")
    second.dots(np.column_stack([fit.predicted, residuals]), "blue faint")
    return [panel(f"{name}: predicted", first), panel(f"{name}: true minus predicted", second)]


def _short(name: str) -> str:
    """The name, or its two ends."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST // 2]}…{name[-LONGEST // 2 + 1 :]}"

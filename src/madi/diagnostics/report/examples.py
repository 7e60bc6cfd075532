"""The examples that the network gets most wrong, the columns and the pixels that its answers hang on."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from madi.diagnostics.report.evidence import Evidence
from madi.diagnostics.report.importance import Importance, Importances
from madi.diagnostics.report.markup import Markup, number, percent, plural, raw, section, table, tag
from madi.diagnostics.report.pictures import heat, is_picture, picture
from madi.diagnostics.report.saliency import saliency

MOST_EXAMPLES = 12
MOST_COLUMNS = 12  # of a raw row
MOST_BARS = 20
MOST_TEXT = 60  # characters of a raw value


def worst(evidence: Evidence, found: Importances | None) -> Markup:
    """The examples with the highest loss, as pictures or as rows."""
    answers = evidence.answers
    if not len(answers):
        return Markup("")
    places = answers.worst(MOST_EXAMPLES)
    if not answers.is_classification or answers.questions or not is_picture(answers.sample.x.shape[1:]):
        shown = _rows(evidence, places, found)
        text = f"The examples of the {evidence.judged_by} part with the highest loss."
    else:
        shown = _cards(evidence, places)
        text = (
            f"The examples of the {evidence.judged_by} part with the highest loss. Beside each, light where the "
            "predicted class hangs on a pixel: the size of its logit's gradient with respect to the input."
        )
    return section("Worst examples", tag("p", text), shown)


# ---- pictures


def _cards(evidence: Evidence, places: np.ndarray) -> Markup:
    x = evidence.answers.sample.x[places]
    maps = saliency(evidence.model, x)
    cards = [_card(evidence, int(place), x[i], maps[i]) for i, place in enumerate(places)]
    return tag("div", *cards, class_="cards")


def _card(evidence: Evidence, place: int, x: np.ndarray, amounts: np.ndarray) -> Markup:
    name = evidence.example_name(int(evidence.answers.sample.rows[place]))
    both = tag("div", _image(picture(x), name), _image(heat(amounts), f"saliency of {name}"))
    below = tag("small", f"{name}, loss {_loss(evidence, place)}", class_="soft")
    return tag("div", both, tag("b", _said(evidence, place)), _truth(evidence, place), below, class_="card")


def _image(source: str, text: str) -> Markup:
    return Markup(f'<img src="{source}" alt="{escape(text)}"/>')


def _said(evidence: Evidence, place: int) -> str:
    answers = evidence.answers
    return f"{evidence.class_names[answers.predicted[place]]} {percent(float(answers.confidence[place]))}"


def _truth(evidence: Evidence, place: int) -> Markup:
    answers = evidence.answers
    label = int(answers.labels[place])
    right = label == answers.predicted[place]
    said = percent(float(np.asarray(answers.probabilities)[place, label]))
    text = "right" if right else f"is {evidence.class_names[label]}, for which it says {said}"
    return tag("span", text, class_="yes" if right else "no")


def _loss(evidence: Evidence, place: int) -> str:
    return number(float(evidence.answers.losses[place]))


# ---- rows


def _rows(evidence: Evidence, places: np.ndarray, found: Importances | None) -> Markup:
    rows = [evidence.raw_row(int(place)) for place in places]
    names = _chosen(rows, found)
    heads, answers = _answer_heads(evidence), [_answer(evidence, int(place)) for place in places]
    known = list(dict.fromkeys(name for row in rows for name in row))
    body = [
        [evidence.example_name(int(row)), *said, *(_clipped(values.get(name)) for name in names)]
        for row, said, values in zip(evidence.answers.sample.rows[places], answers, rows, strict=True)
    ]
    left = f"The {len(names)} columns of {len(known)} that matter most." if len(names) < len(known) else ""
    return Markup(table(["", *heads, *names], body, left=3) + (tag("p", left, class_="soft") if left else ""))


def _chosen(rows: list[dict[str, Any]], found: Importances | None) -> list[str]:
    """The columns that are shown: the most important ones first where importance is known, else the first ones."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    ranked = [entry.column for entry in found.columns if entry.column in names] if found is not None else []
    return [*ranked, *(name for name in names if name not in ranked)][:MOST_COLUMNS]


def _answer_heads(evidence: Evidence) -> list[str]:
    answers = evidence.answers
    if answers.questions:
        return ["true", "predicted", "loss"]
    return ["true", "predicted", "probability" if answers.is_classification else "off by", "loss"]


def _answer(evidence: Evidence, place: int) -> list[Any]:
    answers = evidence.answers
    loss = float(answers.losses[place])
    if answers.questions:
        return [_yes(evidence, answers.labels[place]), _yes(evidence, answers.predicted[place]), loss]
    if answers.is_classification:
        names, said = evidence.class_names, answers.predicted[place]
        return [names[answers.labels[place]], names[said], percent(float(answers.confidence[place])), loss]
    chosen = slice(place, place + 1)
    true, said = (evidence.restored(values[chosen])[0] for values in (answers.sample.y, answers.outputs))
    return [_numbers(true), _numbers(said), _numbers(said - true), loss]


def _yes(evidence: Evidence, answers: np.ndarray) -> str:
    return _clipped(", ".join(evidence.class_names[place] for place in np.flatnonzero(answers)) or "none")


def _numbers(values: np.ndarray) -> str:
    more = ", …" if len(values) > 4 else ""
    return ", ".join(number(float(value)) for value in values[:4]) + more


def _clipped(value: Any) -> str:
    text = raw(value)
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"


# ---- columns


def importance(evidence: Evidence, found: Importances | None) -> Markup:
    """A bar for each of the columns that matter most."""
    if found is None:
        return Markup("")
    shown, most = found.columns[:MOST_BARS], max(max(entry.drop for entry in found.columns), 1e-12)
    rows = [
        [entry.column, _bar(entry, most), _amount(found, entry.drop), f"± {_amount(found, entry.deviation)}"]
        for entry in shown
    ]
    text = (
        f"What the {found.measure} loses where one column is shuffled, so that it says nothing any more: the mean and "
        f"standard deviation of {found.repeats} shuffles, on {plural(found.examples, 'example')} of the "
        f"{evidence.judged_by} part, where it is {_amount(found, found.score)}. Of columns that say the same, each by "
        "itself seems to matter little."
    )
    more = len(found.columns) - len(shown)
    note = tag("p", f"and {plural(more, 'column')} of less importance", class_="soft") if more else ""
    return section(
        "Columns that matter", tag("p", text), table(["column", "", "drop", "deviation"], rows, left=2), note
    )


def _bar(entry: Importance, most: float) -> Markup:
    share = min(max(entry.drop / most, 0.0), 1.0) if np.isfinite(entry.drop) else 0.0
    return tag("span", tag("i", style=f"width: {100 * share:.1f}%"), class_="meter")


def _amount(found: Importances, value: float) -> str:
    return percent(value) if found.measure == "accuracy" else f"{value:.3f}" if np.isfinite(value) else number(value)

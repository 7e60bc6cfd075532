"""The head of a report: what was trained on what, how it ended, how good it is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from madi.datasets.dataset import Batches
from madi.diagnostics.report.answers import MOST
from madi.diagnostics.report.evidence import Evidence
from madi.diagnostics.report.markup import UNDEFINED, Markup, number, percent, plural, section, table, tag
from madi.training.curves import TERMS

SHARES = ("accuracy", "precision", "recall", "f1", "auc")  # shown in percent


def opening(evidence: Evidence) -> Markup:
    """Title, first sentences, the large figures, the table of results."""
    title = " on ".join(filter(None, [_network(evidence), evidence.data]))
    notices = [tag("p", text, class_="notice") for text in _notices(evidence)]
    return Markup(
        "".join([tag("h1", title), tag("p", _summary(evidence), class_="lead"), *notices, _figures(evidence)])
    )


def results(evidence: Evidence) -> Markup:
    """Loss and metrics of each part."""
    names = list(dict.fromkeys(name for values in evidence.results.values() for name in values))
    rows = [
        [part, number(size_of(evidence, part)), *(_value(name, values.get(name)) for name in names)]
        for part, values in evidence.results.items()
    ]
    sizes = [size_of(evidence, part) for part in evidence.parts if not evidence.measured.get(part)]
    drawn = any(size is not None and size > MOST for size in sizes)
    note = f"Of parts with more than {MOST:,} examples, {MOST:,} were measured." if drawn else ""
    heads = ["", "examples", *map(term, names)]
    return section("Results", table(heads, rows), tag("p", note, class_="soft") if note else "")


def term(name: str) -> str:
    """A measure as the field writes it."""
    return TERMS.get(name) or name.replace("_", " ")


def _network(evidence: Evidence) -> str:
    return evidence.network or type(evidence.model).__name__


def _summary(evidence: Evidence) -> str:
    """One or two sentences."""
    parameters = sum(parameter.size for parameter in evidence.model.parameters().values())
    told = f"A network of {plural(parameters, 'parameter')}"
    count = size_of(evidence, "training") if "training" in evidence.parts else None
    epochs = len(evidence.history) if evidence.history is not None else 0
    told += f", trained on {plural(count, 'example')}" if count else ""
    told += f" for {plural(epochs, 'epoch')}" if epochs else ""
    told += f"; {evidence.ending}" if evidence.ending else ""
    return f"{told}. It {_task(evidence)}."


def _task(evidence: Evidence) -> str:
    answers = evidence.answers
    if answers.questions:
        return f"answers {len(evidence.class_names)} yes/no questions for each example"
    if answers.is_classification:
        return f"tells {len(evidence.class_names)} classes apart"
    count = answers.outputs[:1].size
    return f"predicts {evidence.target_name(0, 1)}" if count == 1 else f"predicts {count} numbers"


def _notices(evidence: Evidence) -> Iterable[str]:
    yield from map(str, evidence.notices)
    if evidence.history is not None:
        yield from evidence.history.notices
        if evidence.history.diverged:
            yield "The last training ended because the loss or a weight was no longer finite."
    left_out = evidence.answers.not_finite
    if left_out:
        shown = f"{left_out:,} of {left_out + len(evidence.answers):,} examples of the {evidence.judged_by} part"
        yield f"The network's answers for {shown} are not finite; they are left out of all that follows."


def _figures(evidence: Evidence) -> Markup:
    """What the network reaches on the part that it is judged by, in large figures."""
    found = {name: value for name, value in evidence.results[evidence.judged_by].items() if math.isfinite(value)}
    items = [
        tag("li", tag("b", _value(name, value)), tag("span", f"{term(name)}, {evidence.judged_by}"))
        for name, value in sorted(found.items(), key=lambda entry: entry[0] == "loss")
    ]
    return tag("ul", *items[:4], class_="figures") if items else Markup("")


def _value(name: str, value: float | None) -> str:
    if value is None or (name == "loss" and math.isnan(value)):
        return number(None)
    if math.isnan(value):
        return UNDEFINED
    return percent(value) if name in SHARES or name.endswith("accuracy") else number(float(value))


def size_of(evidence: Evidence, part: str) -> int | None:
    """How many examples a part has; None where nobody knows."""
    data: Any = evidence.parts.get(part)
    if isinstance(data, Batches):
        return data.count
    x = data.x if hasattr(data, "x") else data[0] if isinstance(data, tuple) else None
    return None if x is None else len(x)

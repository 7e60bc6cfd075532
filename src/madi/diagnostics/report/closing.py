"""The end of a report: the doctor's findings, the speed card, the configuration and where it was made."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

import numpy as np

from madi.diagnostics.doctor import look
from madi.diagnostics.findings import Finding
from madi.diagnostics.report.answers import sample
from madi.diagnostics.report.evidence import Evidence
from madi.diagnostics.report.markup import Markup, number, section, table, tag
from madi.diagnostics.report.opening import size_of
from madi.diagnostics.report.origin import machine, now, peak_memory, versions
from madi.training.data import is_table
from madi.training.progress import duration

QUICK = 2e7  # multiply-adds of one example up to which a look at the layers is quick


def findings(evidence: Evidence) -> Markup:
    """What is wrong, and what to try; nothing where nobody looked."""
    found = _found(evidence)
    if found is None:
        return Markup("")
    items = [tag("li", tag("b", f"{entry.title}:"), f" {entry.message} Try {entry.advice}") for entry in found]
    nothing = tag("p", "Nothing wrong was found in the layers, the data and the losses.")
    return section("The doctor's findings", tag("ul", *items, class_="findings") if items else nothing)


def _found(evidence: Evidence) -> list[Finding] | None:
    """Those that are given; else those of a light look, where there is a trainer that has trained on arrays."""
    if evidence.findings is not None:
        return list(evidence.findings)
    trainer, training = evidence.trainer, evidence.parts.get("training")
    if trainer is None or training is None or not is_table(training) or not len(trainer.history):
        return None
    if evidence.model.summary().multiply_adds > QUICK:
        return None
    return list(look(trainer, _some(evidence, "training"), validation=_some(evidence, "validation")))


def _some(evidence: Evidence, part: str) -> tuple[np.ndarray, np.ndarray] | None:
    """At most 10,000 examples of a part of arrays; None where there is none."""
    data = evidence.parts.get(part)
    if data is None or not is_table(data):
        return None
    drawn = sample(data, part, seed=evidence.seed)
    return drawn.x, drawn.y


def speed(evidence: Evidence) -> Markup:
    """What took how long, examples a second, memory."""
    total = sum(evidence.seconds.values()) or 1.0
    rows = [[name, _bar(took / total), duration(took, tenths=True)] for name, took in evidence.seconds.items()]
    items = [tag("li", tag("b", shown), tag("span", what)) for what, shown in _speeds(evidence)]
    return section(
        "Speed",
        tag("ul", *items, class_="figures") if items else "",
        table(["", "", "time"], rows, left=2) if rows else "",
    )


def _speeds(evidence: Evidence) -> Iterable[tuple[str, str]]:
    history, count = evidence.history, size_of(evidence, "training")
    seconds = [took for took in (history["seconds"] if history is not None else []) if took > 0]
    if count and seconds:
        yield "examples a second in training, median epoch", number(round(count / statistics.median(seconds)))
    if (held := peak_memory()) is not None:
        yield "peak memory of the process", f"{held / 2**20:,.0f} MiB"


def _bar(share: float) -> Markup:
    return tag("span", tag("i", style=f"width: {100 * share:.1f}%"), class_="meter")


def origin(evidence: Evidence) -> Markup:
    """The configuration, versions, machine, date and seed."""
    text = tag("pre", evidence.configuration.strip()) if evidence.configuration.strip() else ""
    rows = [["made", now()], ["machine", machine()], ["seed", str(evidence.seed)], *map(list, versions().items())]
    return section("Configuration and origin", text, table(["", ""], rows, left=2))

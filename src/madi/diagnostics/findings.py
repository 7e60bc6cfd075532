"""What the doctor says: findings, each with its number, its threshold, its place and what to try."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

WIDTH = 100  # columns of a printed finding


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    name        "dead_units", "learning_rate_too_high", ...
    message     what is wrong, in words, with its number
    advice      what to try, the likeliest first
    value       the number that shows it
    threshold   where such a number begins to be a finding
    layer       path of the layer; None where it is no single one's
    """

    name: str
    message: str
    advice: str
    value: float
    threshold: float
    layer: str | None = None

    def __str__(self) -> str:
        return f"{self.title}: {self.message} Try {self.advice}"

    @property
    def title(self) -> str:
        """The name in words: "dead units"."""
        return self.name.replace("_", " ")


class Diagnosis:
    """All that the doctor found, causes before what they cause.  `print` shows it; its names are in `.names`.

    findings   in order; none where nothing is wrong
    epochs     how many the network was trained for
    """

    def __init__(self, findings: Sequence[Finding], epochs: int | None = None) -> None:
        self.findings, self.epochs = tuple(findings), epochs

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __getitem__(self, place: int) -> Finding:
        return self.findings[place]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the findings, in order."""
        return tuple(finding.name for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """{"findings": [{"name": ..., "message": ..., ...}]}: plain numbers and texts."""
        return {"findings": [asdict(finding) for finding in self.findings]}

    def __str__(self) -> str:
        if not self.findings and self.epochs == 0:
            return (
                "The doctor finds nothing wrong with the first weights. Call fit() first: most faults show in training."
            )
        if not self.findings:
            return "The doctor finds nothing wrong."
        return "\n".join(_told(number, finding) for number, finding in enumerate(self.findings, start=1))

    def __repr__(self) -> str:
        return f"<Diagnosis: {', '.join(self.names) or 'nothing wrong'}>"


def _told(number: int, finding: Finding) -> str:
    text = f"{number}. {finding.title}: {finding.message}"
    return "\n".join(
        [
            *textwrap.wrap(text, WIDTH, subsequent_indent="   "),
            *textwrap.wrap(f"Try {finding.advice}", WIDTH, initial_indent="   ", subsequent_indent="   "),
        ]
    )

"""The list of all experiments: by chapter, and those that a search finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from madi.lab import Experiment, experiment, names
from madi.studio.texts.lab_pages import PAGES


@dataclass(frozen=True)
class Line:
    """One experiment in the list.

    chapter    "D"
    rows       its ids in the course
    words      all in which a search looks, in small letters
    """

    name: str
    chapter: str
    rows: tuple[str, ...]
    words: str

    def answers(self, query: str) -> bool:
        """Whether every word of a query is found in it."""
        return all(word in self.words for word in query.lower().split())


def lines(titles: dict[str, str]) -> tuple[Line, ...]:
    """All experiments in the course's order; `titles` are more words to find them by."""
    return tuple(_line(name, titles.get(name, "")) for name in names())


def neighbours(name: str) -> tuple[str | None, str | None]:
    """The experiments before and after one."""
    known = names()
    place = known.index(name)
    return known[place - 1] if place else None, known[place + 1] if place + 1 < len(known) else None


def chapters(found: Iterable[Line]) -> dict[str, list[Line]]:
    """The lines by their chapter, in order."""
    grouped: dict[str, list[Line]] = {}
    for line in found:
        grouped.setdefault(line.chapter, []).append(line)
    return grouped


def page_text(language: str, made: Experiment) -> str:
    """The page of an experiment; its paragraph in Korean where that is the language, its equations as they are."""
    if language != "ko" or made.name not in PAGES:
        return made.text
    _, gap, equations = made.text.partition("\n\n")
    return PAGES[made.name] + gap + equations


def _line(name: str, title: str) -> Line:
    made = experiment(name)
    words = " ".join((name, name.replace("_", " "), made.title, title, made.text, *made.rows, *made.parameters))
    return Line(name, made.rows[0][0], made.rows, words.lower())

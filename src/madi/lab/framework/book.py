"""The book of the lab: a page for each experiment and contents by chapter, in a folder that opens without a server."""

from __future__ import annotations

import datetime
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path

from madi.errors import ConfigurationError
from madi.lab.framework.experiment import Experiment, experiment
from madi.lab.framework.page import GENERATOR, document, page
from madi.lab.framework.result import write

CHAPTERS = {
    "A": "Neurons and networks forward",
    "B": "Learning",
    "C": "Backpropagation",
    "D": "Training well",
    "E": "Deep learning",
}
INDEX = "index.html"


@dataclass(frozen=True)
class Entry:
    """What the contents say of one experiment.

    confirmed, claims   how many of its claims its data show, of how many
    error               why it failed, where it did
    """

    made: Experiment
    seconds: float
    confirmed: int = 0
    claims: int = 0
    recorded: str = ""
    error: str = ""

    @property
    def name(self) -> str:
        """Of the experiment."""
        return self.made.name

    @property
    def outcome(self) -> str:
        """How it went, in a few words."""
        if self.error:
            return f"failed: {self.error}"
        when = f", recorded {self.recorded}" if self.recorded else ""
        return f"{self.confirmed} of {self.claims} claims shown{when}"


class Book:
    """A book that is written experiment after experiment; `close` writes the contents.

    folder    is made; raises ConfigurationError where it holds an index.html that is no book's
    names     of the experiments, in order
    """

    def __init__(self, folder: str | Path, names: Sequence[str], *, quick: bool = False) -> None:
        self.folder, self.names, self.quick = Path(folder).expanduser(), tuple(names), quick
        self.entries: list[Entry] = []
        index = self.folder / INDEX
        if index.is_file() and GENERATOR not in index.read_text(encoding="utf-8", errors="replace")[:2000]:
            raise ConfigurationError(f"{index}: holds another page, not a book of the lab. Choose another folder.")
        write(self.folder, {})

    def add(self, name: str, *, anew: bool = False) -> Entry:
        """Run an experiment and write its page; one that fails gets a page that says why."""
        made, began = experiment(name), time.perf_counter()
        try:
            entry = self._run(made, anew)
        except Exception as error:
            entry = Entry(made, time.perf_counter() - began, error=" ".join(f"{type(error).__name__}: {error}".split()))
            write(self.folder, {f"{name}.html": _failure(entry, self._navigation(name))})
        self.entries.append(entry)
        return entry

    def close(self) -> Path:
        """Write the contents; the path of the first page."""
        return write(self.folder, {INDEX: contents(self.entries, self.totals)})[0]

    @property
    def failed(self) -> list[str]:
        """The names of those that failed."""
        return [entry.name for entry in self.entries if entry.error]

    @property
    def totals(self) -> str:
        """Experiments, claims and seconds, in a sentence."""
        from madi.training.progress import duration

        confirmed, claims = sum(entry.confirmed for entry in self.entries), sum(entry.claims for entry in self.entries)
        took = duration(sum(entry.seconds for entry in self.entries))
        many = f"{len(self.entries)} experiment{'s' * (len(self.entries) != 1)}"
        return f"{many}{', quick,' if self.quick else ''} in {took}: {confirmed} of {claims} claims shown."

    def _run(self, made: Experiment, anew: bool) -> Entry:
        began = time.perf_counter()
        result = made.run(quick=self.quick, anew=anew)
        result.save(self.folder)
        write(self.folder, {f"{made.name}.html": page(result, navigation=self._navigation(made.name))})
        recorded = result.origin.date if result.recorded else ""
        return Entry(made, time.perf_counter() - began, result.confirmed, len(result.claims), recorded)

    def _navigation(self, name: str) -> str:
        """Links to the page before, the contents, and the page after."""
        place = self.names.index(name)
        before = _link(self.names[place - 1], "← {}") if place else "<span></span>"
        after = _link(self.names[place + 1], "{} →") if place + 1 < len(self.names) else "<span></span>"
        return f'<nav>{before}<a href="{INDEX}#{name}">Contents</a>{after}</nav>\n'


def contents(entries: Iterable[Entry], totals: str) -> str:
    """The first page: the experiments by chapter, each with its figure in small."""
    chapters = [(letter, list(found)) for letter, found in groupby(entries, lambda entry: entry.made.rows[0][0])]
    links = "".join(f'<li><a href="#{letter}">{letter}. {CHAPTERS[letter]}</a></li>' for letter, _ in chapters)
    parts = "\n".join(_chapter(letter, found) for letter, found in chapters)
    today = datetime.date.today().isoformat()
    return document(
        "The lab of madi",
        f'<p class="rows">madi</p>\n<h1>The lab</h1>\n<p>Every idea of the course as an experiment: change '
        f'a parameter, run it again, and see.</p>\n<p class="soft">{escape(totals)} {today}.</p>\n'
        f'<ul class="chapters">{links}</ul>\n{parts}',
    )


def _chapter(letter: str, entries: Iterable[Entry]) -> str:
    lines = "\n".join(_line(entry) for entry in entries)
    return f'<h2 id="{letter}">{letter}. {CHAPTERS[letter]}</h2>\n<ul class="contents">\n{lines}\n</ul>'


def _line(entry: Entry) -> str:
    picture = "<span></span>" if entry.error else f'<img src="{entry.name}.png" alt="" loading="lazy">'
    rows, failed = escape(", ".join(entry.made.rows)), ' class="failed"' if entry.error else ' class="soft"'
    return (
        f'<li id="{entry.name}"><a href="{entry.name}.html">{picture}<span><b>{escape(entry.made.title)}</b><br>'
        f'<span class="soft">{rows} · {entry.name} · {entry.seconds:.1f} s</span><br>'
        f"<span{failed}>{escape(entry.outcome)}</span></span></a></li>"
    )


def _link(name: str, form: str) -> str:
    return f'<a href="{name}.html">{form.format(escape(experiment(name).title))}</a>'


def _failure(entry: Entry, navigation: str) -> str:
    """The page of an experiment that raised, from within the handler of its error."""
    body = (
        f'<p class="rows">{escape(" · ".join(entry.made.rows))}</p>\n<h1>{escape(entry.made.title)}</h1>\n'
        f'<p class="notice">{escape(entry.outcome)}</p>\n<pre>{escape(traceback.format_exc())}</pre>'
    )
    return document(entry.made.title, body, navigation)

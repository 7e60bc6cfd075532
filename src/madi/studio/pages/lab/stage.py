"""The figure of an experiment with what goes on, and the claims that its data show."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from madi.studio.experiments.bench import Bench, State
from madi.studio.pages.lab.words import clock, duration, heading
from madi.studio.texts import Texts

TICK = 0.2  # seconds between two looks at the clock
AT_ONCE = 0.4  # seconds in which no progress is shown
STOPPED = (State.CANCELLED, State.FAILED)


def picture(source: str, about: str) -> Any:
    """A figure; `source` is the address that holds it."""
    made = ui.element("img").classes("lab-picture")
    made.props["src"], made.props["alt"] = source, about
    return made


class Stage:
    """The card with the figure."""

    def __init__(self, texts: Texts, bench: Bench, title: str) -> None:
        self.texts, self.bench, self.title = texts, bench, title
        self.result: Any = None

    def build(self) -> None:
        """Its elements."""
        with ui.element("section").classes("card lab-stage") as self.card:
            self.card.props["aria-label"] = self.texts("lab.figure", title=self.title)
            with ui.element("div").classes("lab-status").props("aria-live=polite"):
                self.status = ui.label().classes("soft")
                self.cancel = ui.button(self.texts("common.cancel"), icon="close", on_click=self.bench.cancel)
                self.again = ui.button(self.texts("lab.again"), icon="play_arrow", on_click=self.bench.start)
                for button in (self.cancel, self.again):
                    button.props("flat dense no-caps size=sm")
            self.bar = ui.linear_progress(0, show_value=False, size="3px").classes("lab-bar")
            self.notice = ui.label().classes("notice").props("role=alert lang=en")
            self._question()
            with ui.element("div").classes("lab-figure").props("tabindex=0") as self.frame:
                self.figure = picture("", "")
        self.timer = ui.timer(TICK, self._tick, active=False)
        self.show()

    def show(self) -> None:
        """Show what the bench has."""
        bench, busy = self.bench, self.bench.state is State.COMPUTING
        old = bench.state is not State.DONE  # then the figure is that of a setting before
        self.card.classes(add="lab-busy" if old else "", remove="" if old else "lab-busy")
        self.timer.active = busy
        self.bar.set_visibility(False)
        self.cancel.set_visibility(False)
        self.again.set_visibility(bench.state in STOPPED)
        self.question.set_visibility(bench.state is State.ASKING)
        self.status.set_text(self._told())
        self._notices()
        self._picture()

    def _question(self) -> None:
        """What is asked before hours are spent."""
        made, texts = self.bench.setting.made, self.texts
        long = duration(texts, made.cost.full)
        with ui.element("div").classes("notice lab-question").props("role=alert") as self.question:
            ui.label(texts("lab.ask", long=long))
            with ui.element("div"):
                ui.button(texts("lab.ask_yes", long=long), on_click=self.bench.allow).props("no-caps unelevated dense")
                quick = ui.button(texts("lab.ask_quick"), on_click=self._quick)
                quick.props("no-caps flat dense")

    def _quick(self) -> None:
        self.bench.go(self.bench.setting.with_quick(True))

    def _notices(self) -> None:
        """Why it was refused, or what is unusual about the images."""
        seen = self.bench.seen
        refused = self.bench.message if self.bench.state is State.REFUSED else ""
        text = refused or (seen.result["notice"] if seen else "") or ""
        self.notice.set_text(text)
        self.notice.set_visibility(bool(text))

    def _picture(self) -> None:
        seen = self.bench.seen
        self.frame.set_visibility(seen is not None)
        if seen is not None and seen.result is not self.result:
            self.result = seen.result
            self.figure.props["alt"] = self.texts("lab.figure", title=self.title)
            self.figure.props["src"] = seen.result["picture"]

    def _told(self) -> str:
        """What goes on, in a line."""
        bench, texts = self.bench, self.texts
        if bench.state is State.CANCELLED:
            return texts("lab.cancelled" if bench.seen else "lab.nothing_yet")
        if bench.state is State.FAILED:
            return texts("lab.failed", kind=bench.message)
        if bench.state is not State.DONE or bench.seen is None:
            return self.status.text if bench.state is State.COMPUTING else ""
        took = duration(texts, bench.seen.result["seconds"])
        date = bench.seen.result["recorded"]
        return texts("lab.recorded", date=date, seconds=took) if date else texts("lab.computed", seconds=took)

    def _tick(self) -> None:
        """The clock of a computation."""
        bench = self.bench
        if bench.state is not State.COMPUTING or bench.elapsed < AT_ONCE:
            return
        expected, took = bench.setting.seconds, clock(self.texts, bench.elapsed)
        late = bench.elapsed > max(1.5 * expected, 3.0)
        words = {"seconds": took} if late else {"seconds": took, "expected": duration(self.texts, expected)}
        self.status.set_text(self.texts("lab.longer" if late else "lab.computing", **words))
        self.bar.set_visibility(True)
        self.bar.set_value(min(bench.elapsed / max(expected, 1e-9), 0.97))
        self.cancel.set_visibility(True)


class Claims:
    """What the page claims, and whether these data show it."""

    def __init__(self, texts: Texts, bench: Bench) -> None:
        self.texts, self.bench = texts, bench
        self.result: Any = None

    def build(self) -> None:
        """Its elements."""
        with ui.element("section").classes("card lab-claims") as self.card:
            with ui.element("div").classes("lab-panel-head"):
                heading(self.texts("lab.claims"), 2)
                self.count = ui.label().classes("soft")
            if self.texts.language != "en":
                ui.label(self.texts("lab.in_english")).classes("soft small")
            self.list = ui.element("div")
        self.show()

    def show(self) -> None:
        """Show the claims of the newest result."""
        seen = self.bench.seen
        self.card.set_visibility(seen is not None)
        if seen is not None and seen.result is not self.result:
            self.result = seen.result
            claims = seen.result["claims"]
            self.count.set_text(self.texts("lab.count", shown=sum(right for _, right in claims), all=len(claims)))
            self.list.clear()
            with self.list:
                claim_list(self.texts, claims)


def claim_list(texts: Texts, claims: list[tuple[str, bool]]) -> None:
    """The claims, each with its mark."""
    with ui.element("ul").classes("lab-claim-list").props("lang=en"):
        for claim, right in claims:
            with ui.element("li").classes("lab-shown" if right else "lab-not"):
                word = texts("lab.shown" if right else "lab.not_shown")
                ui.label("✓" if right else "✗").props(f'role=img aria-label="{word}" title="{word}"')
                ui.label(claim)

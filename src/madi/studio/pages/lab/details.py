"""Below the figure: the command and the call that give the same, the numbers, and the source."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from madi.lab.framework.page import table
from madi.studio.experiments.bench import Bench
from madi.studio.texts import Texts


class Details:
    """What is folded away; each part is made when it is opened."""

    def __init__(self, texts: Texts, bench: Bench) -> None:
        self.texts, self.bench = texts, bench
        self.result: Any = None

    def build(self) -> None:
        """Its elements."""
        made, texts = self.bench.setting.made, self.texts
        with ui.element("section").classes("lab-details"):
            with ui.expansion(texts("lab.run_it")).classes("card"):
                self.lines = [self._line() for _ in range(2)]
            with ui.expansion(texts("lab.numbers"), on_value_change=lambda: self._numbers()).classes("card") as opened:
                self.numbers, self.place = opened, ui.element("div")
            many = len(made.source.splitlines())
            with ui.expansion(texts("lab.source", lines=many), on_value_change=lambda: self._source()).classes("card"):
                self.code = ui.element("div")
        self.show()

    def show(self) -> None:
        """Show those of the newest result."""
        seen = self.bench.seen
        if seen is not None and seen.result is not self.result:
            self.result = seen.result
            for label, text in zip(self.lines, (seen.result["command"], seen.result["call"]), strict=True):
                label.set_text(text)
            self.place.clear()
            self._numbers()

    def _line(self) -> Any:
        """A line of code that can be copied."""
        with ui.element("div").classes("lab-line"):
            label = ui.label().classes("numbers")
            copy = ui.button(icon="content_copy", on_click=lambda: self._copied(label.text))
            copy.props(f'flat round dense size=sm aria-label="{self.texts("common.copy")}"')
        return label

    def _copied(self, text: str) -> None:
        ui.clipboard.write(text)
        ui.notify(self.texts("common.copied"))

    def _numbers(self) -> None:
        if self.numbers.value and self.result is not None and not self.place.default_slot.children:
            with self.place:
                ui.html(table(("", ""), self.result["numbers"]), sanitize=False).classes("lab-table").props("lang=en")
                if self.result["left_out"]:
                    ui.label(self.texts("lab.more_numbers", count=self.result["left_out"])).classes("soft")

    def _source(self) -> None:
        if not self.code.default_slot.children:
            with self.code:
                ui.html(coloured(self.bench.setting.made.source), sanitize=False).classes("lab-source").props("lang=en")


def coloured(source: str) -> str:
    """Python's source as HTML whose words have classes by what they are."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return f"<pre>{highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))}</pre>"

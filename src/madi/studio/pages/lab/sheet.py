"""One experiment on the page: its text, its knobs beside its figure, what it shows, and what was seen before."""

from __future__ import annotations

from nicegui import ui

from madi.studio.experiments.bench import Bench
from madi.studio.experiments.contents import neighbours, page_text
from madi.studio.experiments.laboratory import Laboratory
from madi.studio.experiments.settings import EXPERIMENT, Setting
from madi.studio.frame import Page
from madi.studio.pages.lab.details import Details
from madi.studio.pages.lab.equations import page_html
from madi.studio.pages.lab.ghosts import Ghosts
from madi.studio.pages.lab.panel import Panel
from madi.studio.pages.lab.shelf import title
from madi.studio.pages.lab.stage import Claims, Stage
from madi.studio.pages.lab.words import heading


class Sheet:
    """The parts of the page that follow its bench."""

    def __init__(self, shown: Page, laboratory: Laboratory, setting: Setting) -> None:
        self.shown, self.title = shown, title(shown, setting.made.name, setting.made.title)
        self.bench = Bench(laboratory, setting, self.follow)
        self.panel = Panel(shown.texts, self.bench)
        self.stage = Stage(shown.texts, self.bench, self.title)
        self.below = Claims(shown.texts, self.bench), Ghosts(shown.texts, self.bench, self.panel.label)
        self.details = Details(shown.texts, self.bench)

    def build(self, refused: dict[str, str]) -> None:
        """All elements; `refused` says which values of the address are not taken."""
        with ui.element("article").classes("lab-sheet") as self.root:
            self._head()
            for why in (why for name, why in refused.items() if name not in self.bench.setting.made.parameters):
                ui.label(why).classes("notice").props("role=alert lang=en")
            text = page_text(self.shown.texts.language, self.bench.setting.made)
            ui.html(page_html(text), sanitize=False).classes("card lab-text")
            with ui.element("div").classes("lab-work"):
                self.panel.build()
                self.stage.build()
                with ui.element("div").classes("lab-below"):
                    for part in self.below:
                        part.build()
            self.details.build()
            self._neighbours()
        self.panel.refuse(refused)

    def run(self) -> None:
        """Compute, and keep the address in step once the browser is there."""
        client = ui.context.client
        client.on_delete(self.bench.close)
        self.bench.start()
        ui.timer(0.05, self.follow, once=True)

    def follow(self) -> None:
        """Show what the bench has, and write its setting into the address."""
        with self.root:
            for part in (self.panel, self.stage, *self.below, self.details):
                part.show()
            if self.root.client.has_socket_connection:
                made, values = self.bench.setting.made, self.shown.address.values
                unknown = {name: None for name in values if name not in (*made.parameters, "lang", "theme")}
                self.shown.address.set(**{**unknown, **self.bench.setting.address()})

    def _head(self) -> None:
        made = self.bench.setting.made
        with ui.element("header"):
            ui.label(f"{' · '.join(made.rows)}  ·  {made.name}").classes("soft numbers")
            heading(self.title, 1)

    def _neighbours(self) -> None:
        """Links to the experiments before and after."""
        from madi.lab import experiment

        with ui.element("nav").classes("lab-neighbours"):
            for name, word in zip(neighbours(self.bench.setting.made.name), ("before", "after"), strict=True):
                if name is None:
                    ui.element("span")
                    continue
                with ui.link(target=self.shown.address.link("/lab", **{EXPERIMENT: name})).classes(f"lab-{word}"):
                    ui.label(self.shown.texts(f"lab.{word}")).classes("soft")
                    ui.label(title(self.shown, name, experiment(name).title))


def sheet(shown: Page, laboratory: Laboratory, setting: Setting, refused: dict[str, str]) -> None:
    """The experiment of a setting, computed at once."""
    made = Sheet(shown, laboratory, setting)
    made.build(refused)
    made.run()

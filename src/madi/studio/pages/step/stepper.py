"""The walk on the page: where it stands, what moves it, what it shows."""

from __future__ import annotations

import asyncio
from typing import Any

from nicegui import ui

from madi.errors import MadiError
from madi.studio.frame import Page
from madi.studio.pages.step.choosing import choose_example, choose_folding, choose_network
from madi.studio.pages.step.markup import behind_html, step_html, told_of
from madi.studio.stepping.networks import SPOKEN, Network
from madi.studio.stepping.picking import picked
from madi.studio.stepping.shelf import Setting, Shelf
from madi.studio.stepping.walk import Place, Walk

PACES = {0.5: "½ ×", 1: "1 ×", 2: "2 ×", 4: "4 ×"}
SECONDS = 1.2  # of a step, at the pace 1
PATIENCE = 1.0  # seconds, before the page says that it computes
FIRST = "apples"


class Stepper:
    """One visitor's walk; its state is that of the address."""

    def __init__(self, shown: Page) -> None:
        self.shown, self.texts = shown, shown.texts
        self.shelf: Shelf = shown.workplace.kept.setdefault("step", Shelf(shown.workplace))
        self.walk: Walk | None = None
        self.position = 0

    async def open(self) -> None:
        """Lay the page out, then show the walk of the address."""
        with ui.element("div").classes("walk-choice"):
            choose_network(self.shown, self._setting().network, self.load)
            self.example = ui.element("div").style("display: contents")
        self.notice = ui.label("").classes("notice").props("role=status")
        with ui.element("div").classes("card walk-course") as self.course:
            self.graph = ui.html("", sanitize=False).classes("walk-graph")
            self.graph.props(f'tabindex=0 role=region aria-label="{self.texts("step.graph")}"')
            self._way()
        self.said = ui.label("").classes("unseen").props("role=status")
        with ui.element("div").classes("walk-body") as self.body:
            self.node = ui.html("", sanitize=False).classes("card walk-node")
            with ui.element("aside").classes("card walk-behind"):
                ui.label(self.texts("step.behind")).classes("soft small")
                self.behind = ui.html("", sanitize=False).props("aria-live=polite").classes("walk-sum")
                ui.label(self.texts("step.pick")).classes("soft small")
        ui.on("step_way", lambda event: self.go(_first(event.args)))
        ui.on("step_node", lambda event: self.to_node(_first(event.args)))
        ui.on("step_pick", lambda event: self.pick(event.args))
        await self.load()

    def _way(self) -> None:
        """The buttons, the place in the walk, and the pace."""
        with ui.element("div").classes("walk-way").props("role=toolbar"):
            for icon, way in (("first_page", "first"), ("chevron_left", "back")):
                self._button(icon, way)
            self.play = self._button("play_arrow", "play", "go unelevated round")
            for icon, way in (("chevron_right", "next"), ("u_turn_left", "turn"), ("last_page", "last")):
                self._button(icon, way)
            with ui.element("div").classes("along") as self.along:
                self.slider = ui.slider(min=0, max=1, step=1, value=0, on_change=self._slid)
                self.slider.props(f'aria-label="{self.texts("step.place")}"')
                with ui.element("div").classes("of-turns"):
                    ui.label(self.texts("step.forward")).classes("f")
                    self.turned = ui.label(self.texts("step.backward")).classes("b")
            self.pace = ui.select(PACES, value=1, label=self.texts("step.speed"), on_change=self._paced)
            self.pace.props("outlined dense options-dense").classes("pace")
            ui.label(self.texts("step.keys")).classes("soft small keys")
        self.timer = ui.timer(SECONDS, self._played, active=False)

    def _button(self, icon: str, way: str, look: str = "flat round") -> ui.button:
        label = self.texts(f"step.{way}")
        classes, _, props = look.partition(" ") if look.startswith("go") else ("", "", look)
        button = ui.button(icon=icon, on_click=lambda: self.go(way)).classes(classes)
        return button.props(f'{props} aria-label="{label}" data-way={way}').tooltip(label)

    # ---- which walk

    def _setting(self) -> Setting:
        address = self.shown.address
        example = address.text("values") or address.text("example")
        names = tuple((name, self.texts(f"step.field_{field}")) for field, name in SPOKEN.items())
        return Setting(address.text("network", FIRST), example, address.text("fold", "1") != "0", names)

    async def load(self) -> None:
        """Compute the walk of the address, or find it where it was kept, and show it."""
        setting = self._setting()
        self._pause()
        task = asyncio.create_task(asyncio.to_thread(self._found, setting))
        if not (await asyncio.wait({task}, timeout=PATIENCE))[0]:
            self._say(self.texts("step.working"))
            await ui.context.client.connected()
        try:
            network, why, walk = await task
        except MadiError as error:
            self._empty()
            return self._say(str(error), english=True)
        if setting == self._setting():  # else another was chosen meanwhile, and is on its way
            self._take(setting, network, why, walk)
        return None

    def _take(self, setting: Setting, network: Network, why: str | None, walk: Walk) -> None:
        """Show another walk, from the place in the address on."""
        self.walk = walk
        self.course.visible = self.body.visible = True
        self._say(self._notices(why, walk))
        self.example.clear()
        with self.example:
            choose_example(self.shown, network, self.load)
            if walk.run.folds or not setting.folded:
                choose_folding(self.shown, self.load)
        self.graph.content = walk.svg
        self.position = walk.position(self._place())
        self.slider.props(f"max={walk.length - 1}")
        self.turned.visible = walk.returns
        self.along.classes(remove="only-forward") if walk.returns else self.along.classes("only-forward")
        self._show()

    def _found(self, setting: Setting) -> tuple[Network, str | None, Walk]:
        network, why = self.shelf.network(setting.network)
        return network, why, self.shelf.walk(setting)

    def _notices(self, why: str | None, walk: Walk) -> str:
        """What one must know of the walk."""
        if why:
            return self.texts("step.no_data", reason=why)
        if why is not None:
            return self.texts("step.no_own_data")
        return "" if walk.returns else self.texts("step.no_return")

    def _empty(self) -> None:
        """Show no walk, where there is none to show."""
        self.walk = None
        self.example.clear()
        self.course.visible = self.body.visible = False

    def _say(self, text: str, *, english: bool = False) -> None:
        """Tell what one must know; `english`: in the library's own words."""
        self.notice.text = text
        self.notice.visible = bool(text)
        self.notice.props(add="lang=en" if english else "", remove="" if english else "lang")

    def _place(self) -> Place:
        address = self.shown.address
        return Place(
            address.number("node", 0), address.choice("direction", ("forward", "backward"), "forward") != "forward"
        )

    # ---- moving

    def go(self, way: str) -> None:
        """One of the buttons or keys."""
        if self.walk is None:
            return
        last, turn = self.walk.length - 1, len(self.walk.trace) - 1
        if way == "play":
            return self._play_or_pause()
        self._pause()
        ways = {"first": 0, "last": last, "turn": turn + (1 if last > turn else 0)}
        self.move(ways.get(way, self.position + {"back": -1, "next": 1}.get(way, 0)))

    def move(self, position: int) -> None:
        """To another place of the walk."""
        if self.walk is not None and position != self.position and 0 <= position < self.walk.length:
            self.position = position
            self.shown.address.set(cell=None)
            self._show()

    def to_node(self, index: Any) -> None:
        """To a node of the graph, on the way that the walk is on."""
        if self.walk is not None and isinstance(index, int):
            self._pause()
            self.move(self.walk.position(Place(index, self.walk.place(self.position).back)))

    def _slid(self, event: Any) -> None:
        if self.walk is not None and event.value is not None and int(event.value) != self.position:
            self._pause()
            self.move(int(event.value))

    def _play_or_pause(self) -> None:
        if self.timer.active:
            return self._pause()
        if self.walk is not None and self.position >= self.walk.length - 1:
            self.move(0)
        self.timer.activate()
        self.play.props("icon=pause")
        return None

    def _pause(self) -> None:
        self.timer.deactivate()
        self.play.props("icon=play_arrow")

    def _played(self) -> None:
        if self.walk is None or self.position >= self.walk.length - 1:
            return self._pause()
        return self.move(self.position + 1)

    def _paced(self, event: Any) -> None:
        self.timer.interval = SECONDS / float(event.value)

    # ---- showing

    def _show(self) -> None:
        """The step where the walk stands, and the number that stands out."""
        if self.walk is None:
            return
        place = self.walk.place(self.position)
        self.along.classes("is-back") if place.back else self.along.classes(remove="is-back")
        self.shown.address.set(node=place.step, direction="backward" if place.back else "forward")
        found = picked(self.walk, place, self.shown.address.text("cell"))
        self.said.text = ", ".join(told_of(self.walk, place, self.texts))
        self.node.content = step_html(self.walk, place, self.texts, picked=found.choice)
        self.behind.content = behind_html(found.behind, self.texts, note=self._note(found))
        if self.slider.value != self.position:
            self.slider.value = self.position

    def pick(self, chosen: Any) -> None:
        """A number of the step that was chosen: [the array's key, the place in it]."""
        if self.walk is None or not isinstance(chosen, list) or len(chosen) != 2:
            return
        found = picked(self.walk, self.walk.place(self.position), f"{chosen[0]}:{chosen[1]}")
        self.shown.address.set(cell=found.choice)
        self.behind.content = behind_html(found.behind, self.texts, note=self._note(found))

    def _note(self, found: Any) -> str:
        return self.texts(f"step.{found.note}", **found.values) if found.note else ""


def _first(arguments: Any) -> Any:
    """What an event of the page's script carries."""
    return arguments[0] if isinstance(arguments, list) else arguments

"""The right side: what is being trained, how it goes, and what the network looks like at a step."""

from __future__ import annotations

import time
from typing import Any

from nicegui import ui

from madi.errors import MadiError
from madi.studio.frame import Page
from madi.studio.pages.train.form import Form
from madi.studio.pages.train.views import Shown, Views
from madi.studio.training import curves
from madi.studio.training.work import ENDED, FAILED, MEASURING, PREPARING, STOPPED, TRAINING, Training, Trainings
from madi.training.progress import number

WORDS = {
    PREPARING: "preparing", TRAINING: "running", MEASURING: "measuring", ENDED: "ended", STOPPED: "stopped",
    FAILED: "failed",
}  # fmt: skip
PERIOD = 0.2  # seconds from one look at the training to the next, while somebody steers it
WHILE_BUSY = 1.0  # while it has the machine: what the page draws, the training waits for


class Show:
    """The controls, the curves, and the views below them.

    training   the one that is shown, or None
    looking    the step that is looked back at; None: the newest
    """

    def __init__(self, shown: Page, trainings: Trainings, form: Form, training: Training | None) -> None:
        self.shown, self.texts, self.trainings, self.form = shown, shown.texts, trainings, form
        self.training = training
        step = shown.address.number("step", -1, least=-1)
        self.looking = None if step < 0 or training is None else step
        self.views = Views(shown, form)
        self._seen: Any = None
        self._follows = False
        self._steered: tuple[Any, ...] = ()
        self._due = 0.0

    # ---- elements

    def build(self) -> None:
        """The elements, brought up to date by a timer of their own."""
        with ui.element("div").classes("card train-control"):
            self._build_state()
            self._build_buttons()
            self._build_slider()
        self._busy = ui.element("div").classes("notice train-busy")
        with ui.element("div").classes("train-pictures"):
            with ui.element("div").classes("card train-curves"):
                ui.html(f"<h2>{self.texts('train.curves')}</h2>", sanitize=False)
                self._empty = ui.label(self.texts("train.no_curves")).classes("soft")
                self._chart = ui.echart(self._options(), renderer="svg").classes("train-chart")
            self.views.build_picture()
        self.views.build_tabs()
        self.form.listeners.append(self._settings_changed)
        gone = self.shown.address.text("job") if self.training is None else ""
        self._tell_busy(self.texts("train.gone", name=gone) if gone else "")
        self._tell_state()
        ui.timer(PERIOD, self.follow)

    def _build_state(self) -> None:
        with ui.element("div").classes("train-state").props("aria-live=polite"):
            self._state = ui.label("").classes("train-status")
            self._step = ui.label("").classes("soft numbers")
        self._numbers = ui.element("div").classes("train-numbers numbers")
        self._bar = ui.linear_progress(0, show_value=False, size="4px").props("instant-feedback")
        self._bar.props(f'aria-label="{self.texts("train.training")}"')
        self._error = ui.label("").classes("notice").props("role=alert")

    def _build_buttons(self) -> None:
        with ui.element("div").classes("train-buttons"):
            self._start = self._button("start", "play_arrow", self.start, "unelevated color=primary")
            self._resume = self._button("resume", "play_arrow", self.resume, "unelevated color=primary")
            self._pause = self._button("pause", "pause", self.pause, "unelevated color=primary")
            self._one = self._button("one_step", "skip_next", self.one_step, "outline")
            self._stop = self._button("stop", "stop", self.stop, "outline")
            self._slow = ui.switch(self.texts("train.slow"), on_change=self._set_slow)
            self._slow.set_value(self.training.slow if self.training is not None else self._asks_slow())
        self._why = ui.label("").classes("soft").props("aria-live=polite")

    def _button(self, name: str, icon: str, clicked: Any, look: str) -> Any:
        return ui.button(self.texts(f"train.{name}"), icon=icon, on_click=clicked).props(f"{look} no-caps dense")

    def _build_slider(self) -> None:
        with ui.element("div").classes("train-back") as self._back:
            ui.label(self.texts("train.look_back")).classes("soft")
            self._slider = ui.slider(min=0, max=1, value=0, on_change=self._scrubbed)
            self._slider.props(f'dense label aria-label="{self.texts("train.look_back")}"')
            ui.button(self.texts("train.newest"), on_click=self._follow).props("flat dense no-caps")

    def _asks_slow(self) -> bool:
        return self.shown.address.text("slow") == "1"

    # ---- what a person does

    def start(self) -> None:
        """Begin a training with what is asked for."""
        self._begin(paused=False)

    def _begin(self, *, paused: bool) -> None:
        config = self.form.asked.config
        if config is None or not self.form.ready:
            return
        try:
            self.training = self.trainings.start(config, self.form.values, paused=paused, slow=bool(self._slow.value))
        except MadiError as error:
            self._tell_busy(str(error))
            return
        self.looking = None
        self._tell_busy("")
        self.shown.address.set(job=self.training.name, step=None)

    def pause(self) -> None:
        """Rest."""
        if self.training is not None:
            self.training.pause()

    def resume(self) -> None:
        """Go on."""
        self._follow()
        if self.training is not None:
            self.training.resume()

    def one_step(self) -> None:
        """Take one step; where nothing is trained yet, begin with a pause."""
        if self.training is None or not self.training.is_open:
            return self._begin(paused=True)
        self._follow()
        self.training.step()
        return None

    def stop(self) -> None:
        """End it."""
        if self.training is not None:
            self.training.end()

    def _set_slow(self, event: Any) -> None:
        self.shown.address.set(slow="1" if event.value else None)
        if self.training is not None and self.training.is_open:
            self.training.set_slow(bool(event.value))

    def _scrubbed(self, event: Any) -> None:
        """Look back at the step under the handle; at the end of the line, at the newest again."""
        if self._follows or self.training is None or event.value is None:
            return
        step = int(event.value)
        self.looking = None if step >= self._last() else step
        self.shown.address.set(step=self.looking)

    def _follow(self) -> None:
        self.looking = None
        self.shown.address.set(step=None)

    def _last(self) -> int:
        watcher = None if self.training is None else self.training.watcher
        return max(watcher.frames.steps(), default=0) if watcher is not None else 0

    # ---- what is told

    def _settings_changed(self) -> None:
        self.views.code(self.form)
        if self.training is None:
            self.views.data(self.form)
        self._tell_state()

    def _tell_busy(self, text: str) -> None:
        """Another training goes on, or the one that was asked for is gone."""
        self._busy.clear()
        current = self.trainings.current()
        other = current if current is not None and current is not self.training else None
        text = text or (self.texts("train.busy", name=other.name) if other is not None else "")
        self._busy.set_visibility(bool(text))
        with self._busy:
            ui.label(text)
            if other is not None:
                ui.link(self.texts("train.watch"), self.shown.address.link("/train", job=other.name))
            elif text:
                ui.link(self.texts("train.runs"), self.shown.address.link("/runs"))

    async def follow(self) -> None:
        """Bring the page up to date: at once where somebody steers, every second while the training has the machine.

        Then everything that has changed goes to the browser together, for each message costs it a drawing of the page.
        """
        training = self.training
        busy = training is not None and training.is_busy
        steered = (training, busy, self.looking, self.views.tabs.value)
        if busy and steered == self._steered and time.monotonic() < self._due:
            return
        begins = busy and steered[:2] != self._steered[:2]  # what it is before the first step has been seen
        self._steered, self._due = steered, time.monotonic() + WHILE_BUSY
        if not busy:
            self.refresh()
        drawn = [] if begins else await self._drawn()
        if busy:
            self.refresh()
        for show in drawn:
            show()

    async def _drawn(self) -> list[Shown]:
        """The network at the step that is looked at; what takes long keeps nothing else waiting."""
        training = self.training
        frame = None if training is None or training.watcher is None else training.watcher.frames.at(self.looking)
        if training is None or frame is None:
            return []
        return await self.views.drawn(training, frame, newest=self.looking is None)

    def refresh(self) -> None:
        """Bring everything else up to date that has changed."""
        self._tell_state()
        training = self.training
        if training is None or training.job is None or training.watcher is None:
            return
        seen = (training.name, training.taken, len(training.job.trainer.history), self.looking, training.status)
        if seen != self._seen:
            self._seen = seen
            self._chart.options.clear()
            self._chart.options.update(self._options())
            self._chart.update()

    def _tell_state(self) -> None:
        training, going = self.training, self.training is not None and self.training.is_open
        resting = going and training is not None and training.paused
        self._empty.set_visibility(training is None)
        self._chart.set_visibility(training is not None)
        self._start.set_visibility(not going)
        self._start.set_text(self.texts("train.start" if training is None else "train.again"))
        self._start.set_enabled(self.form.ready)
        self._resume.set_visibility(bool(resting))
        measuring = training is not None and training.status == MEASURING
        self._pause.set_visibility(going and not resting and not measuring)
        self._stop.set_visibility(going and not measuring)
        self._one.set_visibility(not measuring)
        self._one.set_enabled(going or self.form.ready)
        self._why.set_text("" if going or self.form.ready or self.form.known is None else self._mend())
        self._back.set_visibility(self._last() > 0)
        self._state.set_text(self._status())
        self._tell_numbers()

    def _mend(self) -> str:
        return self.texts("train.settings_wrong")

    def _status(self) -> str:
        training = self.training
        if training is None:
            return self.texts("train.idle")
        if self.looking is not None:
            return self.texts("train.looking", step=f"{self._at():,}")
        if training.status == TRAINING and training.paused:
            return self.texts("train.pausing")
        if training.status == PREPARING and training.read is not None:
            done, count = training.read
            return self.texts("train.reading_pictures", done=done, count=count)
        return self.texts(f"train.{WORDS[training.status]}")

    def _at(self) -> int:
        """The step that is shown."""
        watcher = None if self.training is None else self.training.watcher
        frame = None if watcher is None else watcher.frames.at(self.looking)
        return 0 if frame is None else frame.step

    def _tell_numbers(self) -> None:
        training = self.training
        self._error.set_visibility(training is not None and bool(training.error))
        if training is None or training.job is None or not training.steps:
            self._bar.set_value(0)
            return
        self._error.set_text(training.error)
        step = training.taken if self.looking is None else self._at()
        epoch = min(step // max(training.steps_of_epoch, 1) + 1, training.job.config.epochs)
        self._step.set_text(
            self.texts("train.at_step", step=f"{step:,}", total=f"{training.steps:,}", epoch=f"{epoch:,}")
        )
        self._bar.set_value(step / training.steps)
        self._move_slider(training)
        told = self._results(training, step)
        if told != getattr(self, "_told", None):
            self._told = told
            self._numbers.clear()
            with self._numbers:
                for name, value in told:
                    with ui.element("span"):
                        ui.label(name).classes("soft")
                        ui.label(value)

    def _move_slider(self, training: Training) -> None:
        """The handle follows the newest step, unless one looks back."""
        last = max(self._last(), 1)
        if self._slider.props.get("max") != last:
            self._slider.props(f"max={last}")
        value = last if self.looking is None else self.looking
        if self._slider.value != value:
            self._follows = True
            self._slider.set_value(value)
            self._follows = False

    def _results(self, training: Training, step: int) -> list[tuple[str, str]]:
        """Loss and metric at the step; at the end, what was measured on each part."""
        if training.measured and self.looking is None:
            names = [name for name in training.measured if isinstance(training.measured[name], dict)]
            told = {part: training.measured[part].items() for part in names}
            found = [(self.word(part), self._told_values(values)) for part, values in told.items()]
            return [*found, ("", self.texts("train.written", name=training.name))]
        history = training.job.trainer.history if training.job is not None else None
        if history is None or not step:
            return []
        columns = {
            name: column[max(0, step - training.steps_of_epoch) : step] for name, column in history.steps.items()
        }
        return [(self.word(name), number(sum(part) / len(part))) for name, part in columns.items() if part]

    def _told_values(self, values: Any) -> str:
        return " · ".join(f"{self.word(name)} {number(value)}" for name, value in values)

    def word(self, name: str) -> str:
        """A word of results in the page's language, where there is one."""
        known = ("training", "validation", "test", "loss", "accuracy", "step")
        return self.texts(f"train.word_{name}") if name in known else name.replace("_", " ")

    def _options(self) -> dict[str, Any]:
        training = self.training
        words = {name: self.word(name) for name in ("training", "validation", "loss", "step", "accuracy")}
        history = None if training is None or training.job is None else training.job.trainer.history
        steps, total = (training.steps_of_epoch, training.steps) if training is not None else (1, 1)
        return curves.chart(history, steps, total, None if self.looking is None else self._at(), words)

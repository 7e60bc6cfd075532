"""The page "Train": left what is asked for, right what happens."""

from __future__ import annotations

from pathlib import Path

from nicegui import ui

from madi.studio.frame import Page
from madi.studio.pages.train.form import Form
from madi.studio.pages.train.show import Show
from madi.studio.training.work import Trainings

STYLE = (Path(__file__).parent / "train.css").read_text(encoding="utf-8")


def build(shown: Page) -> None:
    """The page's elements; what takes longer is read once they stand."""
    ui.add_css(STYLE)
    trainings = shown.workplace.kept.setdefault("train", Trainings(shown.workplace.folder))
    training = trainings.named(shown.address.text("job"))
    with ui.element("div").classes("page-title"):
        ui.html(f"<h1>{shown.texts('common.train')}</h1>", sanitize=False)
        ui.label(shown.texts("train.lead")).classes("soft")
    form = Form(shown, {} if training is None else training.asked)
    show = Show(shown, trainings, form, training)
    with ui.element("div").classes("train"):
        with ui.element("section").classes("train-asked").props(f'aria-label="{shown.texts("train.training")}"'):
            form.build()
        with ui.element("section").classes("train-shown"):
            show.build()
    ui.timer(0, form.learn, once=True)

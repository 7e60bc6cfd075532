"""The choice of a network and of the example that goes through it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from madi.studio.frame import Page
from madi.studio.pages.step.markup import picture_html
from madi.studio.records import Records
from madi.studio.stepping.files import listed
from madi.studio.stepping.networks import NETWORKS, ByExamples, ByNumbers, Network
from madi.studio.stepping.shelf import OF_FOLDER
from madi.studio.texts import CATALOGUE

Changed = Callable[[], Awaitable[None]]


def names_of(shown: Page) -> dict[str, str]:
    """Every network that can be chosen, by its name in the address: those of the course, then those of the folder."""
    known = {name: shown.texts(f"step.{name}") for name in NETWORKS}
    files = listed(Records.of(shown.workplace))
    return known | {f"{OF_FOLDER}{name}": shown.texts("step.file", name=name) for name in files}


def choose_network(shown: Page, name: str, changed: Changed) -> None:
    """A list of the networks; a choice forgets the example and the place."""

    async def chosen(event: object) -> None:
        shown.address.set(network=select.value, values=None, example=None, node=None, direction=None, cell=None)
        await changed()

    options = names_of(shown)
    select = ui.select(options, label=shown.texts("step.network"), value=name if name in options else None)
    select.classes("of-network").props("outlined dense options-dense").on_value_change(chosen)


def choose_folding(shown: Page, changed: Changed) -> None:
    """Whether blocks that recur are drawn once."""

    async def chosen(event: Any) -> None:
        shown.address.set(fold=None if event.value else 0)
        await changed()

    folded = shown.address.text("fold") != "0"
    ui.checkbox(shown.texts("step.fold"), value=folded, on_change=chosen)


def choose_example(shown: Page, network: Network, changed: Changed) -> None:
    """Numbers to type, or the number of an example with its picture."""
    if isinstance(network, ByNumbers):
        _numbers(shown, network, changed)
    elif network.count > 1:
        _examples(shown, network, changed)


def _numbers(shown: Page, network: ByNumbers, changed: Changed) -> None:
    given = network.read(shown.address.text("values"))

    async def typed(_event: object) -> None:
        values = [field.value for field in fields]
        shown.address.set(values=",".join("" if value is None else f"{value:g}" for value in values), cell=None)
        await changed()

    fields = []
    for name, value in zip(network.fields, given, strict=True):
        key = f"step.field_{name}"
        label = shown.texts(key) if key in CATALOGUE else name
        field = ui.number(label, value=value, on_change=typed).props("outlined dense debounce=350")
        fields.append(field.style("width: 8.5rem"))


def _examples(shown: Page, network: ByExamples, changed: Changed) -> None:
    number = shown.address.number("example", 0, most=network.count - 1)

    async def moved(to: int) -> None:
        shown.address.set(example=min(max(to, 0), network.count - 1), cell=None)
        await changed()

    async def typed(_event: object) -> None:
        if field.value is not None and int(field.value) != number:
            await moved(int(field.value))

    with ui.element("div").classes("walk-example"):
        _picture(shown, network, number)
        _button(shown, "chevron_left", "before", lambda: moved(number - 1))
        field = ui.number(shown.texts("step.example"), value=number, min=0, max=network.count - 1, precision=0)
        field.props("outlined dense debounce=500").on_value_change(typed)
        _button(shown, "chevron_right", "after", lambda: moved(number + 1))
        _about(shown, network, number)


def _about(shown: Page, network: ByExamples, number: int) -> None:
    """What the example is, and of how many."""
    with ui.element("div"):
        answer, reading = network.answer(number), network.reading(number)
        told = [shown.texts("step.answer", answer=answer)] if answer else []
        told += [shown.texts("step.reading", reading=reading)] if reading else []
        ui.label(", ".join(told)).style("font-weight: 600")
        parts = [shown.texts("step.of_count", count=network.count), network.source, *network.names[number : number + 1]]
        ui.label(" · ".join(filter(None, parts))).classes("soft")


def _picture(shown: Page, network: ByExamples, number: int) -> None:
    image = network.x[number]
    if image.ndim == 3 and min(image.shape[:2]) > 1:
        ui.html(picture_html(image[None], shown.texts("step.picture")), sanitize=False)


def _button(shown: Page, icon: str, text: str, go: Changed) -> None:
    label = shown.texts(f"step.{text}")
    ui.button(icon=icon, on_click=go).props(f'flat round dense aria-label="{label}"').tooltip(label)

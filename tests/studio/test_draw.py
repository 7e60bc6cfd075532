"""The page "Draw" as a person uses it: with the mouse, by touch, by the keyboard."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from madi.layers import Dense, Flatten, Sequential, save
from tests.studio.conftest import Studio, expect_fits, screenshots, soon

pytest.importorskip("nicegui")

from madi.studio.pages.draw.elements import BITMAP, received

# What the page says of a drawing, in one look: digits are read anew while the pointer moves.
READING = """() => ({
    shares: [...document.querySelectorAll('.bars .share')].map(each => parseFloat(each.innerText)),
    first: document.querySelector('.bars li.first .name').innerText,
})"""
ALIKE = """() => {
    const labels = [...document.querySelectorAll('.draw-alike figcaption b')].map(each => each.innerText);
    return labels.length && labels.filter(each => each === '3').length > labels.length / 2;
}"""


def points_of_three(page: Any) -> list[tuple[float, float]]:
    """Where a 3 goes: two arcs, one above the other."""
    box = page.locator("canvas.sheet").bounding_box()

    def place(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def arc(x: float, y: float, width: float, height: float, start: int) -> list[tuple[float, float]]:
        angles = [math.radians(start + 10 * step) for step in range(25)]
        return [place(x + width * math.cos(angle), y + height * math.sin(angle)) for angle in angles]

    return [*arc(0.5, 0.33, 0.17, 0.16, -150), *arc(0.5, 0.67, 0.2, 0.18, -90)]


def three(page: Any) -> None:
    """Draw a 3 with the mouse."""
    points = points_of_three(page)
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point)
    page.mouse.up()


def ready(page: Any) -> None:
    """Wait for the network."""
    page.locator(".draw-progress").wait_for(state="hidden")


def test_what_is_no_bitmap_of_the_sheet_is_left_alone() -> None:
    import base64

    pixels = base64.b64encode(bytes(range(256)) * (BITMAP**2 // 256)).decode()
    drawn = received({"number": 3, "strokes": 1, "bitmap": pixels})
    assert drawn is not None
    assert (drawn.number, drawn.strokes, drawn.bitmap[0, 5]) == (3, 1, 5)
    good = {"number": 1, "strokes": 1, "bitmap": pixels}
    nonsense = [None, [], {}, {**good, "bitmap": pixels[4:]}, {**good, "bitmap": "*"}, {**good, "bitmap": 5}]
    nonsense += [{**good, "number": "x"}, {**good, "strokes": None}, {**good, "number": float("inf")}]
    assert [received(sent) for sent in nonsense] == [None] * len(nonsense)


def test_a_three_drawn_with_the_mouse_is_read_as_three_by_a_network_trained_here(visit: Any) -> None:
    page = visit("/draw?model=box")
    ready(page)
    soon(page.locator(".leading .said")).to_have_text("Draw, and it is read")
    three(page)
    page.locator(".leading .said", has_text="Read as 3").wait_for()
    page.wait_for_function(ALIKE)
    reading = page.evaluate(READING)
    assert len(reading["shares"]) == 10
    assert sum(reading["shares"]) == pytest.approx(100, abs=0.6)
    assert int(np.argmax(reading["shares"])) == 3
    assert reading["first"] == "3"
    soon(page.locator(".draw-layer .caption").first).to_have_text("Conv2D · ReLU")


@pytest.mark.long
def test_undo_and_clear_by_buttons_and_keys(visit: Any) -> None:
    page = visit("/draw?model=box")
    ready(page)
    three(page)
    page.locator(".leading .said", has_text="Read as 3").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.locator(".leading .said", has_text="Draw, and it is read").wait_for()
    page.locator(".draw-alike", has_text="Draw something").wait_for()
    for key in ("Control+z", "Escape", "Delete"):
        three(page)
        page.locator(".leading .said", has_text="Read as 3").wait_for()
        page.keyboard.press(key)
        page.locator(".leading .said", has_text="Draw, and it is read").wait_for()
    three(page)
    page.get_by_role("button", name="Clear").click()
    soon(page.locator(".leading .said")).to_have_text("Draw, and it is read")


@pytest.mark.long
def test_a_finger_draws_and_does_not_scroll(visit: Any) -> None:
    page = visit("/draw?model=box", size="phone")
    ready(page)
    fingers = page.context.new_cdp_session(page)
    fingers.send("Emulation.setTouchEmulationEnabled", {"enabled": True})

    def touch(kind: str, *points: tuple[float, float]) -> None:
        touched = [{"x": x, "y": y} for x, y in points]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})

    first, *rest = points_of_three(page)
    touch("touchStart", first)
    for point in rest:
        touch("touchMove", point)
    touch("touchEnd")
    page.locator(".leading .said", has_text="Read as 3").wait_for()
    assert page.evaluate("window.scrollY") == 0


@pytest.mark.long
def test_a_drawing_is_kept_and_taken_back(visit: Any, studio: Studio) -> None:
    page = visit("/draw?model=box&lang=ko")
    ready(page)
    folder = studio.folder / "drawings" / "7"
    button = page.get_by_role("button", name="실제로 그린 숫자: 7")
    soon(button).to_be_disabled()
    three(page)
    button.click()  # waits until it may
    page.locator(".draw-kept", has_text="7 × 1").wait_for()
    assert len(list(folder.glob("*.png"))) == 1
    page.get_by_role("button", name="보관 취소").click()
    page.locator(".draw-kept", has_text="7 × 1").wait_for(state="detached")
    assert list(folder.glob("*.png")) == []


@pytest.mark.long
def test_the_address_carries_network_and_space_and_two_pages_share_a_training(visit: Any, studio: Studio) -> None:
    path = studio.folder / "mine"
    path.mkdir(exist_ok=True)
    model = Sequential(Flatten(), Dense(10)).build((28, 28, 1), seed=0)
    save(model, path / "model.safetensors", extra={"classes": list("0123456789")})
    page, other = visit("/draw?model=box"), visit("/draw?model=box")
    for each in (page, other):
        ready(each)
    page.get_by_role("button", name="pixels").click()
    page.wait_for_url("**near=pixels*")
    page.locator(".draw-network").click()
    page.get_by_role("option", name="mine").click()
    page.wait_for_url("**model=%3Amine*")
    ready(page)
    three(page)
    page.locator(".draw-layer", has_text="Dense").wait_for()
    page.locator(".draw-alike", has_text="not at hand").wait_for()
    page.reload()
    soon(page.locator(".draw-network")).to_contain_text("mine")
    soon(page.locator(".draw-heading [aria-pressed=true]")).to_have_text("pixels")


@pytest.mark.long
def test_a_network_that_is_gone_is_told(visit: Any) -> None:
    page = visit("/draw?model=:nothing")
    soon(page.locator(".notice").first).to_contain_text("not there any more")


@pytest.mark.long
def test_the_page_fits_everywhere_and_is_looked_at(visit: Any) -> None:
    def prepare(page: Any) -> None:
        ready(page)
        three(page)
        page.locator(".draw-alike figure").first.wait_for()
        page.locator(".draw-layer").first.wait_for()

    for size in ("desk", "tablet", "phone"):
        page = visit("/draw?model=box", size=size)
        prepare(page)
        expect_fits(page)
    screenshots(visit, "draw", "/draw?model=box", prepare=prepare)

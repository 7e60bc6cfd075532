"""The page "Train" as a person uses it: build, err, mend, train, pause, step, look back, reload, finish."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from madi.cli.running import run
from madi.studio.texts import Texts
from tests.studio.conftest import SECONDS, Studio, expect_fits, screenshots, soon

LAYER = re.compile("^Layer ")
PROGRAM = {"name": "x.exe", "mimeType": "text/csv", "buffer": b"a,b"}
ARCHIVE = {"name": "x.zip", "mimeType": "application/zip", "buffer": b"PK no"}
TABS = {  # by what is in them once a training has ended
    "layers": "svg.spread",
    "doctor": ".finding, .train-healthy",
    "python": ".train-code-text",
    "toml": ".train-code-text",
}


def _button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def _choose(page: Any, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()


def _state(page: Any) -> Any:
    return soon(page.locator(".train-state"))


def _picture(page: Any) -> Any:
    """The plane that a network has coloured."""
    return page.locator("svg.plane image")


def test_a_training_from_the_first_line_to_the_folder(visit: Any, studio: Studio) -> None:
    page = visit("/train")
    _choose(page, "Data", "spiral")
    page.get_by_text("300 examples of 2 inputs, 3 classes").wait_for()
    _choose(page, "Data", "planar")
    page.get_by_text("400 examples of 2 inputs, 2 classes").wait_for()

    second = page.get_by_role("textbox", name="Layer 2")
    second.fill("Tahn()")
    page.get_by_text("Unknown layer 'Tahn': did you mean 'Tanh'?").wait_for()
    soon(_button(page, "Train")).to_be_disabled()
    second.fill("Tanh()")
    second.press("Enter")
    soon(page.get_by_role("textbox", name="Layer 3")).to_be_focused()
    page.keyboard.insert_text("Dense(5), Tanh()")
    page.get_by_text("81 parameters").wait_for()
    soon(page.get_by_role("textbox", name=LAYER)).to_have_count(5)
    soon(page.locator(".layers")).not_to_contain_text("6 · 0")
    page.get_by_label("Epochs").fill("twelve")
    page.get_by_text("epochs must be a whole number of at least 1, got 'twelve'.").wait_for()
    page.get_by_label("Epochs").fill("12")

    page.get_by_role("switch", name="Slow motion").click()
    one = _button(page, "One step")
    one.click()  # the first one begins with a pause
    _state(page).to_contain_text("Paused")
    _state(page).to_contain_text("Step 0 of")
    first = _picture(page).get_attribute("href")
    for step in (1, 2, 3):
        one.click()
        _state(page).to_contain_text(f"Step {step} of")
    soon(_picture(page)).not_to_have_attribute("href", first)

    page.locator(".q-slider__track-container").click(position={"x": 1, "y": 8})
    _state(page).to_contain_text("Looking back at step 0")
    soon(_picture(page)).to_have_attribute("href", first)
    page.reload()
    _state(page).to_contain_text("Looking back at step 0")
    soon(_picture(page)).to_have_attribute("href", first)
    soon(page.get_by_role("textbox", name="Layer 3")).to_have_value("Dense(5)")

    other = visit("/train")
    other.get_by_text("layers-").filter(has_text="is being trained").wait_for()
    other.get_by_role("link", name="Watch it").click()
    _state(other).to_contain_text("Step 3 of")

    _button(page, "Resume").click()
    _button(page, "Pause").click()  # slow motion takes at least twelve seconds
    for each in (page, other):
        _state(each).to_contain_text("Paused")
    page.get_by_role("switch", name="Slow motion").click()
    _button(page, "Resume").click()
    for each in (page, other):
        _state(each).to_contain_text("Finished")
        soon(each.locator(".train-numbers")).to_contain_text("test")
    name = re.search(r"job=([\w-]+)", page.url)
    assert name is not None
    folder = studio.folder / name[1]
    names = {"config.toml", "model.safetensors", "history.jsonl", "results.json", "curves.png", "report.html"}
    assert names <= {path.name for path in folder.iterdir()}
    assert run(["evaluate", str(folder)]) == 0


def test_own_data_are_brought_checked_and_never_trusted(visit: Any, studio: Studio, tmp_path: Path) -> None:
    page = visit("/train")
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{'<b>yes</b>' if a > b else 'no'}" for a, b in rng.normal(size=(200, 2))]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,<i>kind</i>", *rows]) + "\n")
    page.get_by_text("Bring your own").click()
    chooser = page.locator("input[type=file]")
    for _ in range(2):  # the same once more is looked at once more
        chooser.set_input_files(files=PROGRAM)
        page.get_by_text("expected a file that ends in .csv").wait_for()
        chooser.set_input_files(files=ARCHIVE)
        page.get_by_text("x.zip: expected a folder with a folder of pictures for each class").wait_for()
    page.get_by_text("400 examples of 2 inputs, 2 classes").wait_for()  # what was chosen stays
    assert not list((studio.folder / "data").glob("upload-*"))
    chooser.set_input_files(tmp_path / "t.csv")
    page.get_by_text("140 examples of 2 inputs, 2 classes").wait_for()
    soon(page.get_by_text("x.zip: expected")).to_be_hidden()
    assert [path.suffix for path in (studio.folder / "data").glob("upload-*")] == [".csv"]
    soon(page.get_by_text("<b>yes</b>", exact=True)).to_be_visible()
    soon(page.locator("main b, main i:not(.q-icon):not([style])")).to_have_count(0)
    page.get_by_role("tab", name="Python").click()
    page.get_by_text("datasets.load_table").wait_for()


def test_a_file_that_follows_at_once_is_not_lost(visit: Any) -> None:
    """Though what the page is told of the one before comes when the next is on its way."""
    page, held, late = visit("/train"), [], []

    def passed(socket: Any) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda said: late.append((socket, said)) if held else socket.send(said))

    page.route_web_socket("**/socket.io/**", passed)
    page.reload()
    page.get_by_text("400 examples of 2 inputs, 2 classes").wait_for()
    page.get_by_text("Bring your own").click()
    page.route("**/upload/**", lambda route: held.append(route))
    chooser = page.locator("input[type=file]")
    with page.expect_response("**/upload/**"):
        chooser.set_input_files(files=PROGRAM)
        _wait_until(page, lambda: len(held) == 1)
        held[0].continue_()
    chooser.set_input_files(files=ARCHIVE)
    _wait_until(page, lambda: len(held) == 2 and late)
    second = held.pop()
    held.clear()
    for socket, said in late:
        socket.send(said)
    page.get_by_text("got .exe").wait_for()
    second.continue_()
    page.get_by_text("x.zip: expected a folder with a folder of pictures for each class").wait_for()


def _wait_until(page: Any, condition: Callable[[], Any]) -> None:
    """Let the page go on until a condition holds of what a test has seen of it."""
    until = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < until, "it does not come about"
        page.wait_for_timeout(10)


@pytest.mark.long
def test_what_is_too_large_is_refused(visit: Any) -> None:
    page = visit("/train", but="status of 413")
    page.get_by_text("Bring your own").click()
    with page.expect_response("**/upload/**") as answered:
        page.locator("input[type=file]").set_input_files(files=PROGRAM)
    assert answered.value.status == 200  # at this very address
    status = page.evaluate(
        """async (address) => {
            const form = new FormData();
            form.append("file", new Blob([new Uint8Array(70 * 2 ** 20)]), "big.csv");
            return (await fetch(address, {method: "POST", body: form})).status;
        }""",
        answered.value.url,
    )
    assert status == 413


@pytest.mark.long
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("size", ["desk", "tablet", "phone"])
def test_a_finished_training_fits_every_window(visit: Any, language: str, size: str) -> None:
    texts = Texts(language)
    page = visit(f"/train?epochs=2&lang={language}", size=size)
    _button(page, texts("train.start")).click()
    _state(page).to_contain_text(texts("train.ended"))
    for part in ("training", "test"):
        soon(page.locator(".train-numbers")).to_contain_text(texts(f"train.word_{part}"))
    _picture(page).wait_for()
    for tab, content in TABS.items():
        page.get_by_role("tab", name=texts(f"train.{tab}"), exact=True).click()
        page.locator(content).first.wait_for()
        expect_fits(page)


def test_pictures_of_the_page(visit: Any) -> None:
    def prepared(page: Any) -> None:
        page.locator(".train-control .q-btn:not([disabled])").first.click()
        page.locator("svg.spread").first.wait_for()

    screenshots(visit, "train", "/train?epochs=20", prepare=prepared)

"""The page "Train" as a person uses it: build, err, mend, train, pause, step, look back, reload, finish."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from madi.cli.running import run
from tests.studio.conftest import Studio, overflows, screenshots

LAYER = re.compile("^Layer ")


def _button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def _choose(page: Any, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()


def _wait_for(page: Any, text: str, within: str = ".train-state") -> None:
    page.wait_for_function(
        "([place, text]) => document.querySelector(place).innerText.includes(text)", arg=[within, text]
    )


def _settled_picture(page: Any) -> str:
    """The picture once nothing newer has come for a second and a half: looks follow the steps a little later."""
    image = page.locator("svg.plane image")
    image.wait_for()
    found = ""
    while found != (found := image.get_attribute("href")):
        page.wait_for_timeout(1500)
    return found


def _step(page: Any) -> int:
    found = re.search(r"Step ([\d,]+) of", page.locator(".train-state").inner_text())
    assert found is not None
    return int(found[1].replace(",", ""))


def test_a_training_from_the_first_line_to_the_folder(visit: Any, studio: Studio) -> None:
    page = visit("/train")
    _choose(page, "Data", "spiral")
    page.get_by_text("300 examples of 2 inputs, 3 classes").wait_for()
    _choose(page, "Data", "planar")
    page.get_by_text("400 examples of 2 inputs, 2 classes").wait_for()

    second = page.get_by_role("textbox", name="Layer 2")
    second.fill("Tahn()")
    page.get_by_text("Unknown layer 'Tahn': did you mean 'Tanh'?").wait_for()
    assert not _button(page, "Train").is_enabled()
    second.fill("Tanh()")
    second.press("Enter")
    page.wait_for_function("document.activeElement.ariaLabel == 'Layer 3'")
    page.keyboard.type("Dense(5), Tanh()")
    page.get_by_text("81 parameters").wait_for()
    assert page.get_by_role("textbox", name=LAYER).count() == 5
    assert "6 · 0" not in page.locator(".layers").inner_text()
    page.get_by_label("Epochs").fill("twelve")
    page.get_by_text("epochs must be a whole number of at least 1, got 'twelve'.").wait_for()
    page.get_by_label("Epochs").fill("12")

    page.get_by_role("switch", name="Slow motion").click()
    _button(page, "Train").click()
    page.wait_for_function("/Step ([3-9].|...) of/.test(document.querySelector('.train-state').innerText)")
    _button(page, "Pause").click()
    _wait_for(page, "Paused")
    page.wait_for_timeout(800)
    before = _step(page)
    _button(page, "One step").click()
    _wait_for(page, f"Step {before + 1} of")
    newest = _settled_picture(page)

    page.locator(".q-slider__track-container").click(position={"x": 1, "y": 8})
    _wait_for(page, "Looking back at step 0")
    page.wait_for_function("(old) => document.querySelector('svg.plane image').getAttribute('href') != old", arg=newest)
    first = _settled_picture(page)
    page.reload()
    _wait_for(page, "Looking back at step 0")
    assert _settled_picture(page) == first
    assert page.get_by_role("textbox", name="Layer 3").input_value() == "Dense(5)"

    other = visit("/train")
    other.get_by_text("layers-").filter(has_text="is being trained").wait_for()
    other.get_by_role("link", name="Watch it").click()
    _wait_for(other, f"Step {before + 1} of")

    page.get_by_role("switch", name="Slow motion").click()
    _button(page, "Resume").click()
    for each in (page, other):
        _wait_for(each, "Finished")
        _wait_for(each, "test", within=".train-numbers")
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
    chooser.set_input_files(files=[{"name": "x.exe", "mimeType": "text/csv", "buffer": b"a,b"}])
    page.get_by_text("expected a file that ends in .csv").wait_for()
    chooser.set_input_files(files=[{"name": "x.zip", "mimeType": "application/zip", "buffer": b"PK no"}])
    page.get_by_text("x.zip: expected a folder with a folder of pictures for each class").wait_for()
    assert not list((studio.folder / "data").glob("upload-*"))
    chooser.set_input_files(tmp_path / "t.csv")
    page.get_by_text("140 examples of 2 inputs, 2 classes").wait_for()
    assert [path.suffix for path in (studio.folder / "data").glob("upload-*")] == [".csv"]
    assert page.get_by_text("<b>yes</b>", exact=True).is_visible()
    assert page.locator("main b, main i:not(.q-icon):not([style])").count() == 0
    page.get_by_role("tab", name="Python").click()
    page.get_by_text("datasets.load_table").wait_for()


@pytest.mark.long
def test_what_is_too_large_is_refused(visit: Any, studio: Studio) -> None:
    page = visit("/train")
    page.get_by_text("Bring your own").click()
    status = page.evaluate(
        """async () => {
            const form = new FormData();
            form.append("file", new Blob([new Uint8Array(70 * 2 ** 20)]), "big.csv");
            const place = document.querySelector(".q-uploader").closest("[id]").id.slice(1);
            const to = `/_nicegui/client/${window.clientId ?? ""}/upload/${place}`;
            return (await fetch(to, {method: "POST", body: form})).status;
        }"""
    )
    assert status == 413


@pytest.mark.long
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("size", ["desk", "tablet", "phone"])
def test_a_finished_training_fits_every_window(visit: Any, language: str, size: str) -> None:
    page = visit(f"/train?epochs=2&lang={language}", size=size)
    page.locator(".train-control .q-btn:not([disabled])").first.click()
    page.locator("svg.plane image").wait_for()
    for tab in ("layers", "doctor", "python", "toml"):
        page.locator(f".q-tab >> nth={('layers', 'doctor', 'python', 'toml').index(tab)}").click()
        page.wait_for_timeout(400)
        assert not overflows(page)
    page.wait_for_function("document.querySelector('.train-numbers').innerText.includes('train') || true")
    page.wait_for_timeout(6000)


def test_pictures_of_the_page(visit: Any) -> None:
    def prepared(page: Any) -> None:
        page.locator(".train-control .q-btn:not([disabled])").first.click()
        page.locator("svg.spread").first.wait_for()

    screenshots(visit, "train", "/train?epochs=20", prepare=prepared)

"""The README's pictures of the studio, made from it: docs/figures/studio_*.png.

    python tools/studio_pictures.py

Needs madi[studio], playwright and chromium.  Starts a studio on a folder of its own and does on each page what a person
would: walks through a graph, draws a 3, trains a network, turns an experiment's knobs.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FIGURES = Path(__file__).resolve().parent.parent / "docs" / "figures"
WIDTH, HEIGHT = 1280, 900
LONGEST = 180_000  # milliseconds that anything may take on a busy machine

# A 3 in shares of the sheet.
THREE = [(0.32, 0.24), (0.42, 0.17), (0.56, 0.17), (0.66, 0.26), (0.62, 0.39), (0.48, 0.47)]
THREE += [(0.62, 0.53), (0.68, 0.67), (0.6, 0.8), (0.44, 0.84), (0.31, 0.75)]


def draw_three(page: Page) -> None:
    """One stroke on the sheet, once there is a network, then until it is read."""
    page.locator(".draw-progress").wait_for(state="hidden")
    sheet = page.locator("canvas").first.bounding_box()
    assert sheet is not None
    places = [(sheet["x"] + x * sheet["width"], sheet["y"] + y * sheet["height"]) for x, y in THREE]
    page.mouse.move(*places[0])
    page.mouse.down()
    for x, y in places[1:]:
        page.mouse.move(x, y, steps=8)
    page.mouse.up()
    page.locator(".draw-layer canvas").first.wait_for()


def train_flower(page: Page) -> None:
    """A training on the flower, to its end."""
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator(".train-status", has_text="Finished").wait_for()


def wait(page: Page) -> None:
    """Until an experiment has been computed."""
    page.locator(".lab-stage .lab-picture").wait_for()


PICTURES = {
    "step": ("/step?network=three_layer&theme=light", lambda page: page.keyboard.press("ArrowRight")),
    "draw": ("/draw?theme=light", draw_three),
    "train": ("/train?theme=light", train_flower),
    "lab": ("/lab?theme=light", wait),
}


def main() -> None:
    """Start a studio, take the pictures, end it."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        train = [sys.executable, "-m", "madi", "train", "digits", "--epochs", "10", "--output", f"{folder}/digits"]
        subprocess.run(train, check=True, stdout=subprocess.DEVNULL)
        command = [sys.executable, "-m", "madi", "studio", folder, "--no-browser"]
        studio = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            entrance = studio.stdout.readline().split()[-1]  # type: ignore[union-attr]
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale="en-US")
            page.set_default_timeout(LONGEST)
            page.goto(entrance)
            for name, (path, act) in PICTURES.items():
                take(page, entrance.partition("/?")[0] + path, act, FIGURES / f"studio_{name}.png")
        finally:
            studio.terminate()
            studio.wait(timeout=30)


def take(page: Page, address: str, act: object, file: Path) -> None:
    """One picture, in few colours: it is flat, and a repository keeps it for good."""
    page.goto(address)
    page.wait_for_selector("h1")
    page.wait_for_timeout(2500)
    act(page)  # type: ignore[operator]
    page.wait_for_timeout(1500)  # for what moves to stand still
    page.screenshot(path=file)
    Image.open(file).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(file, optimize=True)
    print(f"{file.name}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

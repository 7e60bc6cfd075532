"""Drawing to probabilities: from the pointer's event to the number in the page, in a real browser.

    python benchmarks/studio_draw.py [--model box|mnist] [--digits 20] [--every 8]

A studio and chromium run on this machine; digits are drawn with the mouse, an event every so many milliseconds.  The
time of an event is the browser's own (`event.timeStamp`); its answer is the first change of the bars to probabilities
of a bitmap that was taken after the event, seen by a MutationObserver.  The frame is the next one painted after that.
Needs nicegui, playwright and chromium.
"""

from __future__ import annotations

import argparse
import math
import shutil
import signal
import subprocess
import sys
import tempfile

from common import machine

LIMIT, SHARE = 60, 0.95  # milliseconds within which so many answers are to come

WATCH = """
() => {
  const sheet = document.querySelector("canvas.sheet"), bars = document.querySelector(".reading");
  const waiting = [];
  window.answers = [];
  for (const kind of ["pointerdown", "pointermove"]) {
    sheet.addEventListener(kind, (event) => {
      if (event.buttons) waiting.push([event.timeStamp, Number(sheet.dataset.sent || 0) + 1]);
    }, true);
  }
  new MutationObserver(() => {
    const now = performance.now(), answered = Number(bars.dataset.answered);
    const taken = [];
    while (waiting.length && waiting[0][1] <= answered) taken.push(now - waiting.shift()[0]);
    requestAnimationFrame(() => setTimeout(() => {
      const painted = performance.now();
      for (const time of taken) window.answers.push([time, time + painted - now]);
    }));
  }).observe(bars, { attributes: true, subtree: true, characterData: true, childList: true });
}
"""


def strokes(digit):
    """The points of a digit's stroke, in a sheet of side 1."""
    if digit % 2:
        arcs = [(0.5, 0.33, 0.17, 0.16, -150, 240), (0.5, 0.67, 0.2, 0.18, -90, 240)]  # 3
    else:
        arcs = [(0.5, 0.5, 0.2, 0.3, -90, 360)]  # 0
    for x, y, width, height, start, turn in arcs:
        for step in range(40):
            angle = math.radians(start + turn * step / 39)
            yield x + width * math.cos(angle), y + height * math.sin(angle)


def draw(page, digit, every):
    """Draw a digit with the mouse."""
    box = page.locator("canvas.sheet").bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in strokes(digit)]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point)
        page.wait_for_timeout(every)
    page.mouse.up()
    page.wait_for_timeout(300)
    page.keyboard.press("Escape")
    page.wait_for_timeout(100)


def measure(entrance, options):
    """[(milliseconds to the changed numbers, to the frame with them)] of each event."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(entrance)
        page.goto(f"{entrance.partition('/?')[0]}/draw?model={options.model}")
        page.locator(".draw-progress").wait_for(state="hidden", timeout=120_000)
        for digit in range(2):  # what is compiled and drawn once is not timed
            draw(page, digit, options.every)
        page.evaluate(WATCH)
        for digit in range(options.digits):
            draw(page, digit, options.every)
        found = page.evaluate("window.answers")
        browser.close()
    return found


def quantile(values, share):
    """The least value that this share does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="box", choices=("box", "mnist"))
    parser.add_argument("--digits", type=int, default=20, help="drawn [20]")
    parser.add_argument("--every", type=int, default=8, help="milliseconds between two events [8]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "madi", "studio", folder, "--no-browser"]
        studio = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            found = measure(studio.stdout.readline().split()[-1], options)
        finally:
            studio.send_signal(signal.SIGTERM)
            studio.wait()
    print(f"{machine()}; network: {options.model}; {len(found)} events of {options.digits} digits")
    for name, times in (
        ("to the changed numbers", [a for a, _ in found]),
        ("to the painted frame", [b for _, b in found]),
    ):
        shares = "  ".join(f"{share:.0%} {quantile(times, share):6.1f} ms" for share in (0.5, 0.9, SHARE, 0.99))
        print(f"{name:24} {shares}  most {max(times):6.1f} ms")
    within = sum(time <= LIMIT for time, _ in found) / len(found)
    print(f"within {LIMIT} ms: {within:.1%} (asked for: {SHARE:.0%})")


if __name__ == "__main__":
    main()

"""What it costs that a training is watched: `madi train` and the studio's page, in pairs, with a browser open on it.

    python benchmarks/studio_training.py [--rounds 5] [--case mlp]

Both train the same configuration in a process of their own, on the same machine; the seconds are those of the training
alone, as each writes them into its results.json.  The browser, which takes its share of the machine, shows the page all
the time, with the histograms.  The last losses stand beside the times: they must be the same.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

CASES = {
    "mlp": {"data": "mnist", "layers": "Flatten()\nDense(100)\nReLU()\nDense(outputs)", "epochs": "20", "batch": "100"},
    "convnet": {"data": "mnist", "epochs": "2", "batch": "100"},
    "points": {"data": "planar", "epochs": "2000", "batch": "20"},
}
LONGEST = 900  # seconds


def results(folder: Path) -> tuple[float, float]:
    """(seconds of the training, its last loss)."""
    found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return found["seconds"], found["training"]["loss"]


def plain(config: Path, folder: Path) -> tuple[float, float]:
    """By `madi train`."""
    command = [sys.executable, "-m", "madi", "train", "--config", str(config), "--output", str(folder), "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return results(folder)


@contextmanager
def studio(folder: Path):
    """A running studio of that folder: the address with its token."""
    command = [sys.executable, "-m", "madi", "studio", str(folder), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def watched(values: dict[str, str], folder: Path) -> tuple[float, float]:
    """By the page "Train", looked at until the end."""
    from playwright.sync_api import sync_playwright

    with studio(folder) as entrance, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(entrance)
        page.goto(f"{entrance.partition('/?')[0]}/train?{urlencode(values)}")
        page.get_by_role("button", name="Train", exact=True).click(timeout=120_000)
        end = time.monotonic() + LONGEST
        while not (found := list(folder.glob("*/results.json"))) and time.monotonic() < end:
            time.sleep(0.5)
        browser.close()
    return results(found[0].parent)


def configuration(values: dict[str, str], folder: Path) -> Path:
    """What the page asks for, as a file for `madi train`."""
    from madi.studio.training.data import boxed
    from madi.studio.training.settings import asked, defaults, short_toml
    from madi.studio.workplace import Workplace

    place = Workplace(folder)
    shape = boxed(place)[values["data"]].shape
    config = asked({**defaults(values["data"], shape), **values}, place).config
    path = folder / "config.toml"
    path.write_text(short_toml(config), encoding="utf-8")
    return path


def main() -> None:
    """Run the pairs and print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--case", choices=CASES, action="append")
    parser.add_argument("--epochs", help="in place of those of the case")
    options = parser.parse_args()
    print(f"{'':10}{'madi train s':>14}{'watched s':>12}{'ratio':>8}{'least-most':>14}{'losses':>24}")
    for name in options.case or CASES:
        values = CASES[name] | ({"epochs": options.epochs} if options.epochs else {})
        pairs = []
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as text:
                folder = Path(text)
                (folder / "studio").mkdir()
                config = configuration(values, folder)
                pairs.append((plain(config, folder / "plain"), watched(values, folder / "studio")))
        ratios = [seen[0] / alone[0] for alone, seen in pairs]
        alone, seen = (statistics.median(pair[side][0] for pair in pairs) for side in (0, 1))
        losses = " ".join(sorted({f"{side[1]:.6f}" for pair in pairs for side in pair}))
        spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
        print(f"{name:10}{alone:14.2f}{seen:12.2f}{statistics.median(ratios):8.2f}{spread:>14}{losses:>24}", flush=True)


if __name__ == "__main__":
    main()

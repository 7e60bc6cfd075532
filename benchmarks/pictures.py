"""Reading small pictures: `load_pictures` against pillow's own decoding.

    python benchmarks/pictures.py [--count 20000] [--side 32] [--rounds 5]

The pictures are PNG, RGB, in a folder for each of ten classes.  madi's time is that of a ready dataset: files listed,
sizes and channels found out, checked, decoded, scaled to 0..1, divided into training, validation and test.  pillow's is
that of `Image.open(path).convert("RGB")` as an array of bytes, for paths that it is given, in a loop, and in a pool of
two threads that take 64 paths at a time.  The sides alternate; every picture of both is equal (asserted before anything
is timed).
"""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import common  # first: it sets the threads of NumPy's libraries
import numpy as np
from PIL import Image

from madi.datasets import load_pictures

CLASSES, PIECE = 10, 64


def write_pictures(folder, count, side):
    """`count` pictures of smooth noise, of which PNG stores about three quarters of the bytes."""
    random = np.random.RandomState(0)
    paths = []
    for index in range(count):
        path = folder / f"class {index % CLASSES}" / f"{index:06}.png"
        path.parent.mkdir(exist_ok=True)
        small = Image.fromarray(random.randint(0, 256, (side // 4, side // 4, 3)).astype(np.uint8))
        small.resize((side, side), Image.Resampling.BICUBIC).save(path)
        paths.append(path)
    return sorted(paths)


def decode(path):
    """A picture by pillow alone."""
    return np.asarray(Image.open(path).convert("RGB"))


def in_a_pool(paths):
    """All pictures by two threads."""
    pieces = [paths[start : start + PIECE] for start in range(0, len(paths), PIECE)]
    with ThreadPoolExecutor(2) as pool:
        return [array for piece in pool.map(lambda piece: [decode(path) for path in piece], pieces) for array in piece]


def check(folder, paths):
    """Both sides read the same pixels."""
    ours = load_pictures(folder, test=0, validation=0).train.x
    theirs = np.stack([decode(path) for path in paths]) / np.float32(255)
    assert (ours == theirs).all()


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_pictures(folder, options.count, options.side)
        check(folder, paths)
        runs = {
            "madi": lambda: load_pictures(folder),
            "pillow, a loop": lambda: [decode(path) for path in paths],
            "pillow, two threads": lambda: in_a_pool(paths),
        }
        times, _ = common.alternate(runs, options.rounds, dict.fromkeys(runs, len(paths)))
    print(f"{common.machine()}; {options.count} PNG of {options.side} x {options.side}")
    common.print_table(times, {}, digits=1, per="picture")


if __name__ == "__main__":
    main()

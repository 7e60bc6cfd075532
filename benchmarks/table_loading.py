"""A CSV file to a ready training set: `load_table` against polars' own read and scikit-learn's transform.

    python benchmarks/table_loading.py                            1,000,000 rows of 50 columns
    python benchmarks/table_loading.py --rows 50000 --rounds 2    a quick look

Of ten columns eight are numbers, one has holes (one value in twenty), one is a category of four values; the last column
of all is the target, two classes.  madi's time is that of a ready dataset: format and types detected, lines checked,
rows divided into training, validation and test in the same share of the classes, columns fitted on the training rows
and all rows written into float32 arrays.  The other side reads with `pl.read_csv`, fits and transforms all rows with
SimpleImputer(add_indicator) and StandardScaler, OneHotEncoder, and OrdinalEncoder for the target, into one float32
array, and divides nothing.  The sides alternate; both give the same features (asserted, of one fit on all rows, before
anything is timed).

Memory is that of a process of its own for each side: the most that was resident, less what was after the imports, over
the bytes of the array.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import common  # first: it sets the threads of NumPy's libraries
import numpy as np
import polars as pl

from madi.datasets import load_table
from madi.datasets.tables import TablePreparation, read_table

COLOURS = ["amber", "blue", "crimson", "dun"]


def write_table(path, rows, columns):
    """Write the table, a hundred thousand rows at a time."""
    with path.open("wb") as file:
        for first in range(0, rows, 100_000):
            piece(first, min(100_000, rows - first), columns).write_csv(file, include_header=first == 0)


def piece(first, rows, columns):
    """Some rows of the table; numbers have six digits."""
    generator, made = np.random.default_rng(first), {}
    for place in range(columns - 1):
        values = np.round(generator.standard_normal(rows) * 10.0 ** (place % 4) + place, 6 - place % 4)
        holes = generator.random(rows) < 0.05 if place % 10 == 8 else np.zeros(rows, bool)
        made[f"x{place}"] = (
            pl.Series(generator.choice(COLOURS, rows))
            if place % 10 == 9
            else pl.Series(values).set(pl.Series(holes), None)
        )
    return pl.DataFrame({**made, "y": generator.integers(0, 2, rows)})


def with_scikit_learn(path):
    """(features float32, labels), the columns in the order of madi's."""
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    frame = pl.read_csv(path)
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    numbers = frame.drop(*texts, "y")
    found = SimpleImputer(add_indicator=True).fit_transform(numbers.to_numpy())
    scaled = StandardScaler().fit_transform(found[:, : numbers.width])
    one_hot = OneHotEncoder(sparse_output=False, dtype=np.float32).fit_transform(frame.select(texts).to_numpy())
    features = np.concatenate([scaled, found[:, numbers.width :], one_hot], axis=1, dtype=np.float32)
    return features, OrdinalEncoder(dtype=np.int32).fit_transform(frame.select("y").to_numpy())[:, 0]


def check(path):
    """Both sides give the same features of all rows."""
    table = read_table(path)
    preparation = TablePreparation.fit(table, target="y")
    ours, (theirs, labels) = preparation.inputs(table), with_scikit_learn(path)
    flags = [place for place, name in enumerate(preparation.names) if name.endswith("(missing)")]
    hot = [place for place, name in enumerate(preparation.names) if "=" in name]
    plain = [place for place in range(ours.shape[1]) if place not in {*flags, *hot}]
    filled = theirs[:, : len(plain)].copy()
    with_flags = [place + 1 in flags for place in plain]
    filled[:, with_flags] *= 1 / filled[:, with_flags].std(axis=0)  # scikit-learn scales what it has filled already
    ours = ours[:, [*plain, *flags, *hot]]
    exact = [not flag for flag in with_flags] + [True] * (ours.shape[1] - len(plain))
    np.testing.assert_allclose(ours[:, exact], theirs[:, exact], rtol=1e-4, atol=1e-5)
    assert (preparation.targets(table) == labels).all()


PROGRAM = """
import sys
import common, table_loading
from sklearn import impute, preprocessing

def resident(name):
    lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(lines[name].split()[0]) * 1024

before, (side, path) = resident("VmRSS"), sys.argv[1:]
data = table_loading.load_table(path, target="y") if side == "madi" else table_loading.with_scikit_learn(path)
print(resident("VmHWM") - before)
"""


def memory(path, side):
    """Bytes that one side took at the most."""
    program = [sys.executable, "-c", PROGRAM, side, str(path)]
    result = subprocess.run(program, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    return int(result.stdout)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write_table(path, options.rows, options.columns)
        check(path)
        runs = {
            "madi": lambda: load_table(path, target="y"),
            "polars and scikit-learn": lambda: with_scikit_learn(path),
            "polars' read alone": lambda: pl.read_csv(path),
        }
        times, found = common.alternate(runs, options.rounds, dict.fromkeys(runs, 1))
        array = found["polars and scikit-learn"][0]
        taken = {side: memory(path, side) / array.nbytes for side in list(runs)[:2]}
        size = path.stat().st_size
    print(f"{common.machine()}; {options.rows} rows of {options.columns} columns, {size / 2**20:.0f} MiB of CSV")
    common.print_table(times, {}, unit="ms", scale=1e3, per="table")
    print(f"array {array.shape}, {array.nbytes / 2**20:.0f} MiB; memory in arrays:", end=" ")
    print(", ".join(f"{side} {share:.2f}" for side, share in taken.items()))


if __name__ == "__main__":
    main()

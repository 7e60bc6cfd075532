"""Reading a table: from a CSV file to arrays to train on, beside polars' own reader and scikit-learn's transformers.

    python benchmarks/tables.py                  1,000,000 rows; 50 columns: 44 of numbers, 5 of words, a target
    python benchmarks/tables.py --rows 100000

The file is written once and deleted at the end.  Every figure is of a fresh process, the sides in turn in every round:
seconds from the call to arrays ready, imports not counted, and the peak of the process's memory (VmHWM) above what it
was before the call, against the size of the array.  Where files are mapped into memory, their pages count.

madi       `load_table`: detection, types, checks of every row, missing values, statistics of the training rows, and
           three sets of float32 arrays
reading    `read_table` alone: the frame
polars     `read_csv` alone
both       polars' `read_csv`, then scikit-learn's ColumnTransformer (StandardScaler, OneHotEncoder) fitted and applied,
           to one float32 array.  With --split, divided at random first and fitted on the training rows
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

MEASURE = """
import json, sys, time
from pathlib import Path

def memory(name):
    return int(Path("/proc/self/status").read_text().split(name + ":")[1].split()[0]) * 1024

path, split = sys.argv[1], sys.argv[2] == "True"
{imports}
before = memory("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
began, cpu = time.perf_counter(), time.process_time()
{work}
taken, cpu = time.perf_counter() - began, time.process_time() - cpu
print(json.dumps({{"seconds": taken, "cpu": cpu, "memory": memory("VmHWM") - before, "array": size}}))
"""
SIDES = {
    "madi": (
        "from madi.datasets.tables import load_table; import polars, sklearn",
        "data = load_table(path, target='target')\n"
        "size = sum(part.x.nbytes for part in (data.train, data.validation, data.test))",
    ),
    "reading": (
        "from madi.datasets.tables import read_table; import polars",
        "table = read_table(path)\nsize = table.frame.estimated_size()",
    ),
    "polars": ("import polars", "frame = polars.read_csv(path)\nsize = frame.estimated_size()"),
    "both": (
        "import numpy as np, polars, polars.selectors as cs\n"
        "from sklearn.compose import ColumnTransformer\n"
        "from sklearn.model_selection import train_test_split\n"
        "from sklearn.preprocessing import OneHotEncoder, StandardScaler",
        "frame = polars.read_csv(path)\n"
        "y, frame = frame['target'].to_numpy(), frame.drop('target')\n"
        "numbers, words = frame.select(cs.numeric()).columns, frame.select(cs.string()).columns\n"
        "one_hot = OneHotEncoder(sparse_output=False, handle_unknown='ignore', dtype=np.float32)\n"
        "columns = ColumnTransformer([('numbers', StandardScaler(), numbers), ('words', one_hot, words)])\n"
        "if split:\n"
        "    train, test = train_test_split(frame, test_size=0.3, stratify=y, random_state=0)\n"
        "    parts = [columns.fit_transform(train).astype(np.float32), columns.transform(test).astype(np.float32)]\n"
        "else:\n"
        "    parts = [columns.fit_transform(frame).astype(np.float32)]\n"
        "size = sum(part.nbytes for part in parts)",
    ),
}


def write_table(path, rows):
    """The file: numbers of four sizes, whole numbers, words of five to forty kinds, and a target of two classes."""
    import numpy as np
    import polars as pl

    random = np.random.default_rng(0)
    columns = {f"x{index}": np.round(random.normal(size=rows) * 10 ** (index % 4), 4) for index in range(40)}
    columns |= {f"n{index}": random.integers(0, 1000, rows) for index in range(4)}
    for index, kinds in enumerate((5, 5, 10, 20, 40)):
        words = np.array([f"kind {letter}" for letter in range(kinds)])
        columns[f"c{index}"] = words[random.integers(0, kinds, rows)]
    columns["target"] = np.array(["no", "yes"])[(columns["x0"] + random.normal(size=rows) > 0).astype(int)]
    pl.DataFrame(columns).write_csv(path)


def measured(side, path, split):
    """What a fresh process measures of one side."""
    imports, work = SIDES[side]
    command = [sys.executable, "-c", MEASURE.format(imports=imports, work=work), str(path), str(split)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{side}: {done.stderr}")
    return json.loads(done.stdout)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sides", nargs="*", default=list(SIDES), choices=list(SIDES))
    parser.add_argument("--split", action="store_true", help="polars and scikit-learn divide the rows, as madi does")
    options = parser.parse_args()
    found = {side: [] for side in options.sides}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write_table(path, options.rows)
        print(f"{options.rows} rows, 50 columns, {os.path.getsize(path) / 1e6:.0f} MB, {options.rounds} rounds")
        for _ in range(options.rounds):
            for side in options.sides:
                found[side].append(measured(side, path, options.split))
    report(found)


def report(found):
    """A row for each side: seconds, processor seconds, ratio to `both` round by round, and memory against the array."""
    print(
        f"{'':10}{'seconds':>10}{'least':>8}{'cpu':>8}{'ratio':>8}{'least-most':>14}{'array MB':>10}{'peak/array':>12}"
    )
    for side, runs in found.items():
        seconds = [run["seconds"] for run in runs]
        pairs = zip(runs, found.get("both", runs), strict=True)
        ratios = [ours["seconds"] / theirs["seconds"] for ours, theirs in pairs]
        peak = statistics.median(run["memory"] / run["array"] for run in runs)
        middle, cpu = statistics.median(seconds), statistics.median(run["cpu"] for run in runs)
        spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
        print(
            f"{side:10}{middle:10.2f}{min(seconds):8.2f}{cpu:8.2f}{statistics.median(ratios):8.2f}{spread:>14}"
            f"{runs[0]['array'] / 1e6:10.0f}{peak:12.2f}"
        )


if __name__ == "__main__":
    main()

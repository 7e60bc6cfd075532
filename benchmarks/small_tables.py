"""How well the default network of madi train learns small and large tables, beside other widths.

    python benchmarks/small_tables.py [--seeds 5]

Each row is the mean and the standard deviation, over seeds of division and weights, on test rows: R² of numbers,
accuracy of classes.  The widths that madi train takes unasked stand in src/madi/config.py (HIDDEN, HIDDEN_OF_FEW,
FEW_ROWS).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import common  # first: it sets the threads
import numpy as np
import polars as pl
from sklearn import datasets

from madi.cli.job import job_of
from madi.config import TrainConfig

CHOICES = {
    "default": {},
    "200,100": {"hidden": "200,100"},
    "200,100, best weights": {"hidden": "200,100", "patience": 30},
    "100,50": {"hidden": "100,50"},
    "100": {"hidden": "100"},
    "100, dropout 0.2": {"hidden": "100", "dropout": 0.2},
    "50": {"hidden": "50"},
}


def tables():
    """{name: (x, y)}: three of scikit-learn's own, and two that are drawn, of 20,000 rows and of the first 1,400."""
    cancer, wine = datasets.load_breast_cancer(), datasets.load_wine()
    hard, label = datasets.make_classification(
        20_000, 20, n_informative=15, n_classes=5, n_clusters_per_class=4, random_state=0
    )
    smooth, number = datasets.make_friedman1(20_000, 10, noise=1.0, random_state=0)
    named = np.array(list("abcde"))[label]
    return {
        "diabetes": datasets.load_diabetes(return_X_y=True),
        "breast cancer": (cancer.data, np.array(["malignant", "benign"])[cancer.target]),
        "wine": (wine.data, np.array(["one", "two", "three"])[wine.target]),
        "friedman 1,400": (smooth[:1400], number[:1400]),
        "clusters 1,400": (hard[:1400], named[:1400]),
        "friedman": (smooth, number),
        "clusters": (hard, named),
    }


def score(path, seed, options):
    """R² or accuracy on the test rows."""
    task = "regression" if pl.read_csv(path, n_rows=1)["target"].dtype.is_numeric() else None
    config = TrainConfig(dataset=str(path), target="target", task=task, seed=seed, report=False, **options)
    job = job_of(config.completed())
    job.fit(quiet=True)
    measured = job.trainer.evaluate(job.parts["test"])
    return next(value for name, value in measured.items() if name != "loss")


def main():
    """A table with a row for each choice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    print(common.machine())
    found = tables()
    print(f"{'':24}" + "".join(f"{name:>18}" for name in found))
    with tempfile.TemporaryDirectory() as folder:
        for name, (x, y) in found.items():
            frame = pl.DataFrame({f"x{place}": column for place, column in enumerate(x.T)})
            frame.with_columns(target=pl.Series(y)).write_csv(Path(folder) / f"{name}.csv")
        for choice, options in CHOICES.items():
            print(f"{choice:24}", end="", flush=True)
            for name in found:
                scores = [score(Path(folder) / f"{name}.csv", seed, options) for seed in range(seeds)]
                print(f"{np.mean(scores):10.3f} ± {np.std(scores):.3f}", end="", flush=True)
            print()


if __name__ == "__main__":
    main()

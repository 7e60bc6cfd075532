"""Training on a table: 100,000 rows of 50 columns, a network of two hidden layers of 128 units.

    python benchmarks/table_training.py                          madi, scikit-learn's MLPClassifier, PyTorch eager
    python benchmarks/table_training.py --rows 5000 --rounds 2   a quick look

All sides train with Adam at 0.001 in float32 on two threads, in batches of the same size, reshuffled in every epoch,
and stop early nowhere.  The rounds alternate, each side in turn for the same epochs; times are milliseconds an epoch,
medians over the rounds, and the ratio is taken round by round.  The loss of the last epoch of every side stands beside
its time: all have then trained for the same number of epochs.

madi's time is that of the whole `fit` of NeuralNetworkClassifier as scikit-learn's users call it: scikit-learn's checks
of the arrays, the encoding of labels, shuffling, loss, accuracy and history included.  What the first fit takes, with
its compilation, is told below the table.  The labels are those of a random network, one in ten of them wrong.
"""

from __future__ import annotations

import argparse
import warnings

import common
import dense
import numpy as np

from madi.estimators import NeuralNetworkClassifier

CASE = {"hidden": (128, 128), "rate": 1e-3, "dropout": 0.0, "optimizer": "adam"}
CLASSES = 5


def table(rows, columns):
    """(x (rows, columns) float32, labels (rows,)), of which every tenth is drawn at random."""
    generator = np.random.default_rng(0)
    x = generator.standard_normal((rows, columns), np.float32)
    first, second = generator.standard_normal((columns, 30)), generator.standard_normal((30, CLASSES))
    labels = (np.maximum(x @ first, 0) @ (second - second.mean(axis=0))).argmax(axis=1)
    wrong = generator.random(rows) < 0.1
    return x, np.where(wrong, generator.integers(CLASSES, size=rows), labels)


def madi_side(case, x, y, epochs):
    """madi's classifier, each fit going on from the one before."""
    network = NeuralNetworkClassifier(
        case["hidden"], optimizer=case["optimizer"], learning_rate=case["rate"], batch_size=case["batch"],
        epochs=epochs, warm_start=True, random_state=0,
    )  # fmt: skip
    return lambda: network.fit(x, y).loss_curve_[-1]


def torch_side(case, x, y, epochs):
    """PyTorch eager, in the loop of `dense`."""
    epoch = dense.torch_side(case, x, y)
    return lambda: [epoch() for _ in range(epochs)][-1]


SIDES = {
    "madi": madi_side,
    "scikit-learn": lambda case, x, y, epochs: dense.sklearn_side(case, x, y, epochs=epochs),
    "PyTorch eager": torch_side,
}


def measure(case, x, y, names, rounds, epochs):
    """({side: seconds an epoch by round}, {side: last loss}, {side: seconds of a first run})."""
    runs = {name: SIDES[name](case, x, y, epochs) for name in names}
    first = {name: common.timed(run)[0] for name, run in runs.items()}
    return *common.alternate(runs, rounds, dict.fromkeys(runs, epochs)), first


def main():
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--batch", type=int, default=200, help="scikit-learn's default")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=5, help="of every side in every round")
    parser.add_argument("--sides", default=",".join(SIDES), help="names, separated by commas")
    options = parser.parse_args()
    case = {**CASE, "batch": options.batch}
    x, y = table(options.rows, options.columns)
    times, losses, first = measure(case, x, y, options.sides.split(","), options.rounds, options.epochs)
    print(f"{common.machine()}, {options.rows} rows of {options.columns} columns: {case}")
    common.print_table(times, losses, unit="ms", scale=1e3, digits=1, per="epoch")
    print(f"the first run of {options.epochs} epochs:", {name: f"{seconds:.2f} s" for name, seconds in first.items()})


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # that scikit-learn has not converged
    main()

"""Trials: networks that differ in numbers only, trained together and one after the other.

    python benchmarks/trials.py                 all of it, in less than four minutes
    python benchmarks/trials.py --case mlp      one of the table: mlp, deep, wide, digits_convnet, convnet

Search: 100 trials of 784-50-10 (500 images of MNIST, a fifth of them for validation, batch 100, SGD, a learning rate
and a weight decay of its own for each).  Three sides do the same work: `fit_together`, compilation left out; the same
Trainer reset and fitted 100 times, so that one compiled program serves all; 100 fits of fresh Trainers, of which some
are timed, against `fit_together` of fresh Trainers with its compilation.

Where it wins: for each network and number of trials the time of one program over all, whatever the rule of
`madi.training.choice.trials_together` says, and of one compiled program run trial after trial; and what the rule does.

The sides alternate within one process; ratios are taken round by round, and their medians stand in the table beside
those of the shortest times.  Times are of the whole calls: checks, shuffling, validation and history included.
"""

from __future__ import annotations

import argparse
import statistics
import time
from unittest import mock

import common
import numpy as np

import madi
from madi.layers import Dense, ReLU, Sequential
from madi.training import fit_together
from madi.training.choice import trials_together

TRIALS, EPOCHS = 100, 75
IMAGES, BATCH, VALIDATION = 500, 100, 0.2
FIT = {"batch_size": BATCH, "validation": VALIDATION, "verbose": 0}


def mlp(*hidden):
    """A dense network of ten classes."""
    layers = [layer for units in hidden for layer in (Dense(units), ReLU())]
    return Sequential(*layers, Dense(10))


# The network, the data, the epochs of a run, and the numbers of trials.
CASES = {
    "mlp": (lambda: mlp(50), "flat", 20, (4, 16)),
    "deep": (lambda: mlp(*(100,) * 6), "flat", 8, (4, 16)),
    "wide": (lambda: mlp(512, 512), "flat", 4, (4,)),
    "digits_convnet": (lambda: madi.models.simple_convnet(kernel_size=3), "digits", 8, (4, 16)),
    "convnet": (lambda: madi.models.simple_convnet(), "mnist", 2, (4,)),
}


def data_for(name):
    """(images, labels), as rows where the network is dense."""
    train = madi.datasets.load("digits" if name == "digits" else "mnist").train
    x, y = train.x[:IMAGES], train.y[:IMAGES]
    return (x.reshape(len(x), -1), y) if name == "flat" else (x, y)


def settings(trials):
    """Learning rates and weight decays, drawn on a logarithmic scale."""
    generator = np.random.default_rng(0)
    return 10 ** generator.uniform(-2, -0.5, trials), 10 ** generator.uniform(-6, -3, trials)


def trainers(make, trials, engine="jax"):
    """Fresh ones, each of its own numbers."""
    rates, decays = settings(trials)
    return [
        madi.Trainer(
            make(), optimizer=madi.optimizers.SGD(rate, weight_decay=decay), metrics=["accuracy"], engine=engine,
            seed=seed, order_seed=0,
        )
        for seed, (rate, decay) in enumerate(zip(rates, decays, strict=True))
    ]  # fmt: skip


def together(own, data, epochs):
    """The trainers anew, in one program."""
    for trainer in own:
        trainer.reset()
    return fit_together(own, data, epochs=epochs, **FIT)


def reused(trainer, data, trials, epochs):
    """One trainer anew for each trial: its program is compiled already."""
    rates, decays = settings(trials)
    for rate, decay in zip(rates, decays, strict=True):
        trainer.reset()
        trainer.optimizer.learning_rate, trainer.optimizer.weight_decay = rate, decay
        trainer.fit(data, epochs=epochs, **FIT)


def ratios(times, side, other):
    """(median of the ratios by round, ratio of the shortest times) of `other` to `side`."""
    by_round = [b / a for a, b in zip(times[side], times[other], strict=True)]
    return statistics.median(by_round), min(times[other]) / min(times[side])


def search(rounds):
    """The three sides of the search."""
    data, make = data_for("flat"), lambda: mlp(50)
    began = time.perf_counter()
    own = trainers(make, TRIALS, "auto")
    histories = fit_together(own, data, epochs=EPOCHS, **FIT)
    cold = time.perf_counter() - began
    (one,) = trainers(make, 1)
    one.fit(data, epochs=1, **FIT)
    runs = {
        "together": lambda: together(own, data, EPOCHS),
        "reused": lambda: reused(one, data, TRIALS, EPOCHS),
        "fresh": lambda: [trainer.fit(data, epochs=EPOCHS, **FIT) for trainer in trainers(make, 2, "auto")],
    }
    times, _ = common.alternate(runs, rounds, {"together": TRIALS, "reused": TRIALS, "fresh": 2})
    best = max(history["validation_accuracy"][-1] for history in histories)
    steps = EPOCHS * round(IMAGES * (1 - VALIDATION)) // BATCH
    print(f"search: {TRIALS} trials of 784-50-10, {steps} steps each; best validation accuracy {best:.2f}")
    print(f"  together, compilation left out     {1e3 * statistics.median(times['together']):8.1f} ms a trial")
    told = "{:8.1f} ms a trial, {:.2f} times as long; by the shortest times {:.2f}"
    print("  one compiled program, trial by trial" + told.format(
        1e3 * statistics.median(times["reused"]), *ratios(times, "together", "reused")))  # fmt: skip
    print(f"  together, compilation included     {1e3 * cold / TRIALS:8.1f} ms a trial")
    fresh = statistics.median(times["fresh"])
    print(
        f"  a fit of its own, fresh Trainers   {1e3 * fresh:8.1f} ms a trial, {fresh * TRIALS / cold:.2f} times as long"
    )


def where_it_wins(name, rounds):
    """A row for each number of trials."""
    make, data_name, epochs, counts = CASES[name]
    data = data_for(data_name)
    (one,) = trainers(make, 1)
    one.fit(data, epochs=1, **FIT)
    for trials in counts:
        own = trainers(make, trials)
        with mock.patch("madi.training.together.trials_together", return_value=trials):
            together(own, data, 1)
            runs = {"together": lambda own=own: together(own, data, epochs)}
            runs["reused"] = lambda trials=trials: reused(one, data, trials, epochs)
            times, _ = common.alternate(runs, rounds, dict.fromkeys(runs, trials * epochs * 4))
        rule = trials_together(one.model, trials, BATCH)
        chosen = "one after the other" if rule == 1 else f"{rule} in a program"
        middle, least = ratios(times, "together", "reused")
        took = [1e6 * statistics.median(times[side]) for side in runs]
        print(f"{name:16}{trials:7}{took[0]:14.0f}{took[1]:14.0f}{middle:10.2f}{least:10.2f}   {chosen}", flush=True)


def main():
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=["search", *CASES], action="append", help="default: all")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    chosen = options.case or ["search", *CASES]
    print(common.machine(), flush=True)
    if "search" in chosen:
        search(options.rounds)
    cases = [name for name in CASES if name in chosen]
    if cases:
        head = ("trials", "together, us", "reused, us", "ratio", "least")
        print("\n{:16}{:>7}{:>14}{:>14}{:>10}{:>10}   the rule".format("a step of a trial", *head))
    for name in cases:
        where_it_wins(name, options.rounds)


if __name__ == "__main__":
    main()

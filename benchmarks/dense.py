"""Dense networks: madi's default `fit` beside PyTorch, scikit-learn, plain JAX, Keras and book-style NumPy.

    python benchmarks/dense.py small            784-100-10, ReLU, SGD 0.1, batch 100
    python benchmarks/dense.py deep             784-512-512-10, ReLU, dropout 0.5, Adam, batch 128

All sides train on MNIST ($MADI_DATA or downloaded) in float32 on two threads.  The rounds alternate, each side in turn
for the same epochs; times are microseconds a step, medians over the rounds, and the ratio is taken round by round.  The
last loss of every side stands beside its time.  madi's time is that of the whole `fit` call: checks, shuffling, loss,
accuracy and history included.  The memory allocator is the system's own for every side.
"""

from __future__ import annotations

import argparse
import itertools
import os

import common
import numpy as np

import madi
from madi.layers import Dense, Dropout, ReLU, Sequential

SMALL = {"hidden": (100,), "batch": 100, "rate": 0.1, "dropout": 0.0, "optimizer": "sgd"}
DEEP = {"hidden": (512, 512), "batch": 128, "rate": 1e-3, "dropout": 0.5, "optimizer": "adam"}


def mnist():
    """(x (60000, 784) float32, labels (60000,) int32)."""
    train = madi.datasets.load("mnist").train
    return train.x.reshape(len(train.x), -1), train.y


def madi_side(case, x, y, epochs):
    """madi's fit as its users call it."""
    layers = [part for units in case["hidden"] for part in (Dense(units), ReLU(), Dropout(case["dropout"]))]
    layers = [part for part in layers if not isinstance(part, Dropout) or case["dropout"]]
    optimizer = {"sgd": madi.optimizers.SGD, "adam": madi.optimizers.Adam}[case["optimizer"]](case["rate"])
    trainer = madi.Trainer(Sequential(*layers, Dense(10)), optimizer=optimizer, metrics=["accuracy"], engine="jax")

    return lambda: trainer.fit((x, y), epochs=epochs, batch_size=case["batch"], verbose=0)["loss"][-1]


def torch_side(case, x, y):
    """PyTorch eager at its best settings here: index_select, and the fused or single-tensor optimizer."""
    torch = common.torch_with_threads()
    xs, ys = torch.from_numpy(x), torch.from_numpy(y).long()
    sizes = (x.shape[1], *case["hidden"])
    parts = []
    for inputs, units in itertools.pairwise(sizes):
        parts += [torch.nn.Linear(inputs, units), torch.nn.ReLU()]
        parts += [torch.nn.Dropout(case["dropout"])] if case["dropout"] else []
    network = torch.nn.Sequential(*parts, torch.nn.Linear(sizes[-1], int(y.max()) + 1))
    if case["optimizer"] == "adam":
        optimizer = torch.optim.Adam(network.parameters(), lr=case["rate"], fused=True)
    else:
        optimizer = torch.optim.SGD(network.parameters(), lr=case["rate"], foreach=False)
    criterion = torch.nn.CrossEntropyLoss()

    def epoch():
        total, hits = 0.0, 0
        for rows in torch.randperm(len(xs)).split(case["batch"]):
            optimizer.zero_grad(set_to_none=True)
            target = ys.index_select(0, rows)
            logits = network(xs.index_select(0, rows))
            loss = criterion(logits, target)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
            hits += (logits.argmax(1) == target).sum()
        return float(total) / len(xs)

    return epoch


def jax_side(case, x, y, *, whole=False):
    """Plain JAX: jax.grad and jit, one call a step; or (whole) jax.grad within one loop over the epoch."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    generator = np.random.default_rng(0)
    sizes = (784, *case["hidden"], 10)
    weights = [
        (jnp.asarray(generator.normal(0, np.sqrt(2 / a), (a, b)), jnp.float32), jnp.zeros(b, jnp.float32))
        for a, b in itertools.pairwise(sizes)
    ]
    xs, ys = jax.device_put(x), jax.device_put(y)

    def loss_of(weights, batch, target):
        for w, b in weights[:-1]:
            batch = jax.nn.relu(batch @ w + b)
        logits = batch @ weights[-1][0] + weights[-1][1]
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), target[:, None], 1).mean()

    def step(weights, rows):
        loss, slopes = jax.value_and_grad(loss_of)(weights, xs[rows], ys[rows])
        return jax.tree.map(lambda w, g: w - case["rate"] * g, weights, slopes), loss

    one = jax.jit(step, donate_argnums=0)
    many = jax.jit(lambda weights, rows: lax.scan(step, weights, rows), donate_argnums=0)

    def epoch():
        nonlocal weights
        order = generator.permutation(len(x)).astype(np.int32)
        rows = order[: len(x) // case["batch"] * case["batch"]].reshape(-1, case["batch"])
        if whole:
            weights, losses = many(weights, rows)
            return float(losses.mean())
        losses = []
        for row in rows:
            weights, loss = one(weights, row)
            losses.append(loss)
        return float(jnp.stack(losses).mean())

    return epoch


def sklearn_side(case, x, y, *, epochs=1):
    """scikit-learn's MLPClassifier in float32, so many epochs a call."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore", ConvergenceWarning)
    network = MLPClassifier(
        case["hidden"], solver=case["optimizer"], alpha=0, batch_size=case["batch"], learning_rate_init=case["rate"],
        momentum=0, nesterovs_momentum=False, max_iter=epochs, n_iter_no_change=epochs + 1, warm_start=True,
    )  # fmt: skip

    def train():
        return network.fit(x, y).loss_

    return train


def keras_side(case, x, y):
    """Keras on JAX, `fit` with its defaults and jit."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    parts = [part for units in case["hidden"] for part in (keras.layers.Dense(units, activation="relu"),)]
    if case["dropout"]:
        parts = [part for dense in parts for part in (dense, keras.layers.Dropout(case["dropout"]))]
    network = keras.Sequential([keras.Input((784,)), *parts, keras.layers.Dense(10)])
    optimizer = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[case["optimizer"]](case["rate"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"], jit_compile=True)

    def epoch():
        return network.fit(x, y, batch_size=case["batch"], verbose=0).history["loss"][0]

    return epoch


def book_side(case, x, y):
    """NumPy as the course book writes it: the gradient layer by layer, in float64 as there by default."""
    if len(case["hidden"]) != 1:
        return None
    generator = np.random.default_rng(0)
    w1, b1 = 0.01 * generator.standard_normal((784, case["hidden"][0])), np.zeros(case["hidden"][0])
    w2, b2 = 0.01 * generator.standard_normal((case["hidden"][0], 10)), np.zeros(10)
    one_hot = np.eye(10)[y]

    def epoch():
        total = 0.0
        for _ in range(len(x) // case["batch"]):
            rows = generator.choice(len(x), case["batch"])
            batch, target = x[rows], one_hot[rows]
            z1 = batch @ w1 + b1
            mask = z1 <= 0
            a1 = z1.copy()
            a1[mask] = 0
            z2 = a1 @ w2 + b2
            raised = np.exp(z2 - z2.max(axis=1, keepdims=True))
            p = raised / raised.sum(axis=1, keepdims=True)
            total -= np.log(p[np.arange(len(p)), y[rows]] + 1e-7).mean()
            d2 = (p - target) / len(batch)
            d1 = d2 @ w2.T
            d1[mask] = 0
            for array, slope in ((w2, a1.T @ d2), (b2, d2.sum(0)), (w1, batch.T @ d1), (b1, d1.sum(0))):
                array -= case["rate"] * slope
        return total / (len(x) // case["batch"])

    return epoch


SIDES = {
    "madi": madi_side,
    "PyTorch eager": torch_side,
    "JAX step by step": jax_side,
    "jax.grad in a scan": lambda *case: jax_side(*case, whole=True),
    "scikit-learn": sklearn_side,
    "Keras on JAX": keras_side,
    "book-style NumPy": book_side,
}


def measure(case, names, rounds, epochs):
    """({side: seconds a step by round}, {side: last loss}), the sides in turn in every round."""
    x, y = mnist()
    steps = -(-len(x) // case["batch"])
    runs = {name: side(name, case, x, y, epochs) for name in names}
    runs = {name: run for name, run in runs.items() if run is not None}
    for run in runs.values():
        run()
    return common.alternate(runs, rounds, dict.fromkeys(runs, steps * epochs))


def side(name, case, x, y, epochs):
    """A function that trains this side for some epochs and returns the last loss; None where it has no such case."""
    if name == "madi":
        return madi_side(case, x, y, epochs)
    epoch = SIDES[name](case, x, y)
    return epoch and (lambda: [epoch() for _ in range(epochs)][-1])


def main():
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("case", choices=["small", "deep"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=3, help="of every side in every round")
    parser.add_argument("--sides", default=",".join(SIDES), help="names, separated by commas")
    options = parser.parse_args()
    case = SMALL if options.case == "small" else DEEP
    if options.case == "deep":  # plain JAX here has neither dropout nor Adam
        options.sides = ",".join(name for name in options.sides.split(",") if "ax" not in name or "Keras" in name)
    times, losses = measure(case, options.sides.split(","), options.rounds, options.epochs)
    print(f"{common.machine()}, {options.case}: {case}")
    common.print_table(times, losses)


if __name__ == "__main__":
    main()

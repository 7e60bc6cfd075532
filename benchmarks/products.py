"""The products of a dense layer: madi's compiled kernels beside XLA's own, call by call.

    python benchmarks/products.py

Each product runs in a compiled loop whose steps depend on each other; the two sides alternate.  Microseconds of a call,
medians over the rounds, less those of the empty loop.  The sizes go beyond those that `madi.kernels.dense` leaves to
XLA, so that its limits can be set anew on another machine.
"""

from __future__ import annotations

import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from madi.kernels import dense, native

SHAPES = [
    (32, 32, 32),
    (100, 100, 10),
    (200, 50, 128),
    (200, 128, 128),
    (200, 128, 5),
    (128, 512, 10),
    (100, 784, 100),
    (1000, 784, 100),
    (100, 784, 300),
    (128, 512, 512),
]
ROUNDS = 9

PRODUCTS = {
    "forward": lambda x, weight, bias, gy: dense.dense_forward(x, weight, bias),
    "input gradient": lambda x, weight, bias, gy: dense.dense_input_gradient(gy, weight),
    "weight gradient": lambda x, weight, bias, gy: dense.dense_weight_gradient(x, gy)[0],
    "empty": lambda x, weight, bias, gy: gy,
}


def looped(product, arrays, steps, path):
    """The compiled loop over one product."""

    def body(_, arrays):
        x, weight, bias, gy = arrays
        tie = lax.optimization_barrier(product(x, weight, bias, gy))[0, 0] * 1e-20
        return x.at[0, 0].add(tie), weight.at[0, 0].add(tie), bias, gy.at[0, 0].add(tie)

    with native.using(path):
        return jax.jit(lambda arrays: lax.fori_loop(0, steps, body, arrays)).lower(arrays).compile()


def seconds(run, arrays):
    start = time.perf_counter()
    jax.block_until_ready(run(arrays))
    return time.perf_counter() - start


def measure(shape, steps):
    """Microseconds of a call, by product and path."""
    n, k, m = shape
    bits = np.random.default_rng(0)
    arrays = tuple(jnp.asarray(bits.standard_normal(size, dtype=np.float32)) for size in ((n, k), (k, m), (m,), (n, m)))
    loops = {
        (name, path): looped(product, arrays, steps, path)
        for name, product in PRODUCTS.items()
        for path in (native.path(), "off")
    }
    times = {key: [] for key in loops}
    for _, (key, run) in ((r, item) for r in range(ROUNDS + 1) for item in loops.items()):
        times[key].append(seconds(run, arrays))
    return {key: statistics.median(values[1:]) / steps * 1e6 for key, values in times.items()}


def main():
    dense.MOST_OUTPUTS = dense.MOST_TERMS = 1 << 20  # no limits here
    print(f"{'rows x inputs x outputs':24} {'product':16} {native.path():>10} {'XLA':>10}")
    for shape in SHAPES:
        times = measure(shape, max(20, min(1000, int(2e9 / np.prod(shape)))))
        for name in list(PRODUCTS)[:-1]:
            mine, theirs = (times[name, path] - times["empty", path] for path in (native.path(), "off"))
            print(f"{' x '.join(map(str, shape)):24} {name:16} {mine:10.1f} {theirs:10.1f}", flush=True)


if __name__ == "__main__":
    main()

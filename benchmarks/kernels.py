"""Single kernels against the machine's peak and against oneDNN as PyTorch calls it.

    python benchmarks/kernels.py [--rounds 5] [--threads 2] [--shape 28x16 ...]

Each time is the best of some rounds in which the two libraries alternate; PyTorch's is the better of its two memory
layouts.  madi runs as a training step runs it: many calls in one compiled loop.
"""

from __future__ import annotations

import argparse
import ctypes
import threading
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import torch

from madi.kernels import convolution, native

SHAPES = ((28, 16), (14, 32), (7, 64), (32, 64), (16, 128))  # (height and width, channels in and out)
BATCH = 100
PADDED = {"stride": 1, "padding": 1}
PASSES = ("forward", "input gradient", "weight gradient")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shape", nargs="*", default=[f"{size}x{channels}" for size, channels in SHAPES])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    peak = max(measure_peak(options.threads) for _ in range(options.rounds))
    print(f"path {native.path()}, {options.threads} threads, peak {peak / 1e9:.0f} GFLOP/s, batch {BATCH}")
    print(
        f"{'3x3 convolution':22s} {'pass':16s} {'madi':>9s} {'GFLOP/s':>8s} {'of peak':>8s} {'torch':>9s} {'ratio':>6s}"
    )
    for shape in options.shape:
        compare(*map(int, shape.split("x")), peak, options.rounds)


def measure_peak(threads: int) -> float:
    """Floating-point operations a second, all threads at multiply-adds of registers."""
    burn = native._library().madi_kernels_burn
    burn.restype, burn.argtypes = ctypes.c_int64, [ctypes.c_int64]
    done: list[int] = []
    workers = [threading.Thread(target=lambda: done.append(burn(10_000_000))) for _ in range(threads)]
    begin = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(done) / (time.perf_counter() - begin)


def compare(size: int, channels: int, peak: float, rounds: int) -> None:
    operations = 2 * BATCH * size * size * channels * channels * 9
    calls = max(1, round(0.1 * peak / operations))
    ours, theirs = madi_passes(size, channels, calls), torch_passes(size, channels, calls)
    for name in PASSES:
        candidates = [ours[name], *theirs[name]]
        times = np.array([[timed(run) / calls for run in candidates] for _ in range(rounds + 1)])[1:].min(axis=0)
        mine, other = times[0], times[1:].min()
        print(
            f"{size:3d}x{size:<3d} {channels:3d} to {channels:<3d}     {name:16s} {mine * 1e3:6.2f} ms "
            f"{operations / mine / 1e9:8.0f} {operations / mine / peak:8.0%} {other * 1e3:6.2f} ms {other / mine:6.2f}",
            flush=True,
        )


def timed(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def madi_passes(size: int, channels: int, calls: int) -> dict[str, Callable[[], object]]:
    keys = jax.random.split(jax.random.key(0), 2)
    x = jax.random.normal(keys[0], (BATCH, size, size, channels))
    weight = jax.random.normal(keys[1], (3, 3, channels, channels)) / (3 * channels**0.5)

    def forward(_, x):
        return convolution.conv2d_forward(x, weight, **PADDED)

    def input_gradient(_, gy):
        return convolution.conv2d_input_gradient(gy, weight, image=(size, size), **PADDED)

    def weight_gradient(_, gy):
        gweight, _ = convolution.conv2d_weight_gradient(x, gy, kernel_size=(3, 3), **PADDED)
        return gy.at[0, 0, 0, 0].set(gweight[0, 0, 0, 0])  # so that no call can be left out

    bodies = dict(zip(PASSES, (forward, input_gradient, weight_gradient), strict=True))
    loops = {name: jax.jit(lambda x, body=body: jax.lax.fori_loop(0, calls, body, x)) for name, body in bodies.items()}
    return {name: lambda loop=loop: loop(jnp.array(x)).block_until_ready() for name, loop in loops.items()}


def torch_passes(size: int, channels: int, calls: int) -> dict[str, list[Callable[[], object]]]:
    passes: dict[str, list[Callable[[], object]]] = {name: [] for name in PASSES}
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.randn(BATCH, channels, size, size).contiguous(memory_format=layout)
        weight = (torch.randn(channels, channels, 3, 3) / (3 * channels**0.5)).contiguous(memory_format=layout)
        passes[PASSES[0]].append(
            lambda x=x, w=weight: repeat(lambda: torch.nn.functional.conv2d(x, w, padding=1), calls)
        )
        for name, mask in ((PASSES[1], [True, False, False]), (PASSES[2], [False, True, False])):
            passes[name].append(lambda x=x, w=weight, mask=mask: repeat(lambda: torch_gradient(x, w, mask), calls))
    return passes


def torch_gradient(x: torch.Tensor, weight: torch.Tensor, mask: list[bool]) -> object:
    return torch.ops.aten.convolution_backward(x, x, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, mask)


def repeat(run: Callable[[], object], calls: int) -> None:
    with torch.no_grad():
        for _ in range(calls):
            run()


if __name__ == "__main__":
    main()

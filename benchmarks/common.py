"""What the benchmarks of training share.  Import it first: it sets the threads of NumPy's libraries."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time

THREADS = "2"
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, THREADS)  # before NumPy is loaded


def torch_with_threads():
    """The module `torch`, on the threads that every side has."""
    import torch

    torch.set_num_threads(int(THREADS))
    return torch


def alternate(runs, rounds, steps, *, settle=False):
    """({side: seconds a step by round}, {side: what it returned last}), the sides in turn in every round.

    steps    that one run of each side takes, {side: number}
    settle   a run that is not timed before each that is: for short ones, during which another side's threads still spin
    """
    times, found = {name: [] for name in runs}, {}
    for _ in range(rounds):
        for name, run in runs.items():
            if settle:
                run()
            seconds, found[name] = timed(run)
            times[name].append(seconds / steps[name])
    return times, found


def timed(run):
    """(seconds, what it returned)."""
    began = time.perf_counter()
    found = run()
    return time.perf_counter() - began, found


def machine():
    """Processor and Python, for the head of a table."""
    return f"{platform.processor() or platform.machine()}, Python {sys.version.split()[0]}"


def print_table(times, losses, *, unit="us", scale=1e6, digits=0, per="step"):
    """A row for each side: median and least time, its ratio to madi's by round, and the last loss."""
    print(f"{'':40}{f'{unit} a {per}':>12}{'least':>10}{'ratio to madi':>15}{'least-most':>14}{'loss':>10}")
    for name, column in times.items():
        ratios = [other / ours for other, ours in zip(column, times["madi"], strict=True)]
        middle, least = statistics.median(column) * scale, min(column) * scale
        spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
        loss = f"{losses[name]:10.4f}" if name in losses else ""
        ratio = statistics.median(ratios)
        print(f"{name:40}{middle:12.{digits}f}{least:10.{digits}f}{ratio:15.2f}{spread:>14}{loss}")

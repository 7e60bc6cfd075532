"""Learning rates that change with the step.

A schedule is a function of the step: `schedule(0)` is the rate of the first update.  Those here are frozen dataclasses
named in lower case, because they are used as functions are; they can be written to JSON and read again.  Any other
callable of the step serves an optimizer as well:

    madi.optimizers.SGD(madi.schedules.cosine(0.1, 10_000))
    madi.optimizers.SGD(lambda step: 0.1 / (1 + step / 1000))

A rate is computed on the host, in Python's float64, for the steps ahead, and goes into the compiled step as a value:
a schedule may branch as it likes, and changing one compiles nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from madi import options
from madi.options import FRACTION, NON_NEGATIVE, POSITIVE, Options, checked_option, count, option

Rate = float | Callable[[int], float]

STEPS = "Give the number of updates: epochs x batches an epoch."


class Schedule(Options):
    """Base of the schedules: a frozen dataclass with `__call__(step) -> rate`."""

    def __call__(self, step: int) -> float:
        """The learning rate of update number `step`, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__}: a schedule defines __call__(step).")


def expect_rate(where: str, value: Any, *, fix: str) -> Rate:
    """`value` as a learning rate: a positive number, a function of the step, or the JSON form of a schedule."""
    if isinstance(value, Mapping):
        return from_config(value)
    return value if callable(value) else options.expect_number(where, value, POSITIVE, fix=fix)


def rate_at(rate: Rate, step: int) -> float:
    """The rate at `step` of a number or of any function of the step, as a Python float.

    Raises ConfigurationError where the function gives a negative or non-finite rate; 0 is allowed at a single step.
    """
    value = rate(step) if callable(rate) else rate
    fix = "Mend the schedule, or use one of madi.schedules."
    return options.expect_number(f"learning rate at step {step}", value, NON_NEGATIVE, fix=fix)


def initial_rate() -> Any:
    """The field of a schedule's rate at step 0."""
    return option(POSITIVE, fix="Try 0.1.")


@dataclass(frozen=True)
class constant(Schedule):
    """The same rate at every step.

    rate(t) = value
    """

    value: float = option(POSITIVE, fix="Try 0.1.")

    def __call__(self, step: int) -> float:
        """The learning rate of update number `step`, counted from 0."""
        return self.value


@dataclass(frozen=True)
class step_decay(Schedule):
    """A rate that falls in stairs.

    rate(t) = initial * factor ^ floor(t / every)

    every     steps on one stair          factor    0.1 unless given
    PyTorch's StepLR; He et al., "Deep residual learning" (2016), divide by 10 so.
    """

    initial: float = initial_rate()
    every: int = count(fix=STEPS)
    factor: float = option(POSITIVE, 0.1, fix="Try 0.1.")

    def __call__(self, step: int) -> float:
        """The learning rate of update number `step`, counted from 0."""
        return self.initial * self.factor ** (step // self.every)


@dataclass(frozen=True)
class exponential_decay(Schedule):
    """A rate that falls by the same factor over each stretch of the same length, smoothly.

    rate(t) = initial * factor ^ (t / every)

    every     steps over which the rate falls by `factor`; with 1 it is PyTorch's ExponentialLR
    """

    initial: float = initial_rate()
    factor: float = option(POSITIVE, fix="Try 0.95.")
    every: int = count(1, fix=STEPS)

    def __call__(self, step: int) -> float:
        """The learning rate of update number `step`, counted from 0."""
        return self.initial * self.factor ** (step / self.every)


@dataclass(frozen=True)
class cosine(Schedule):
    """Half a cosine from the initial rate to the final one, which it keeps.

    rate(t) = final + (initial - final) (1 + cos(pi min(t, steps) / steps)) / 2

    One period of Loshchilov and Hutter, "SGDR" (2017), equation 5, without restarts; PyTorch's CosineAnnealingLR
    up to T_max = steps.
    """

    initial: float = initial_rate()
    steps: int = count(fix=STEPS)
    final: float = option(NON_NEGATIVE, 0.0, fix="Try 0.")

    def __call__(self, step: int) -> float:
        """The learning rate of update number `step`, counted from 0."""
        return _half_cosine(self.initial, self.final, min(step, self.steps) / self.steps)


@dataclass(frozen=True)
class warmup(Schedule):
    """A straight rise over the first steps, and then another schedule (or a constant rate) from its own beginning.

    rate(t) = then(0) (t + 1) / (steps + 1)     for t < steps: no step is wasted on a rate of 0
    rate(t) = then(t - steps)                   from there on

    Gradual warm-up of Goyal et al., "Accurate, large minibatch SGD" (2017); PyTorch's LinearLR with a start factor of
    1 / (steps + 1).
    """

    steps: int = count(fix="Give the number of updates of the rise.")
    then: Rate = checked_option(  # noqa: RUF009  (a field, not a shared default)
        lambda owner, where, value: expect_rate(where, value, fix="Try 0.1.")
    )

    def __call__(self, step: int) -> float:
        """The learning rate of update number `step`, counted from 0."""
        if step < self.steps:
            return rate_at(self.then, 0) * (step + 1) / (self.steps + 1)
        return rate_at(self.then, step - self.steps)


@dataclass(frozen=True)
class one_cycle(Schedule):
    """Up to a peak along half a cosine, and down to almost nothing along another.

    start = peak / start_divisor,  final = start / final_divisor,  top = rise * steps - 1
    rate(t) = from start to peak over t = 0 .. top, from peak to final over t = top .. steps - 1; final afterwards

    rise      the share of the steps that go up
    Smith and Topin, "Super-convergence" (2018), in the form of PyTorch's OneCycleLR with cosines and two phases; the
    momentum is left as it is.
    """

    peak: float = option(POSITIVE, fix="Try 0.1.")
    steps: int = count(fix=STEPS)
    rise: float = option(FRACTION, 0.3, fix="Try 0.3.")
    start_divisor: float = option(POSITIVE, 25.0, fix="Try 25.")
    final_divisor: float = option(POSITIVE, 1e4, fix="Try 1e4.")

    def __call__(self, step: int) -> float:
        """The learning rate of update number `step`, counted from 0."""
        start, top, last = self.peak / self.start_divisor, self.rise * self.steps - 1, self.steps - 1
        if step < top:
            return _half_cosine(start, self.peak, step / top)
        return _half_cosine(self.peak, start / self.final_divisor, min(1.0, (step - top) / (last - top)))


def _half_cosine(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


TABLE: dict[str, type[Schedule]] = {
    schedule.__name__: schedule for schedule in (constant, step_decay, exponential_decay, cosine, warmup, one_cycle)
}


def from_config(config: Mapping[str, Any]) -> Schedule:
    """The schedule that `to_config` wrote: {"name": "cosine", "initial": 0.1, "steps": 1000, "final": 0.0}."""
    schedule: Schedule = options.from_config("schedule", config, TABLE)
    return schedule

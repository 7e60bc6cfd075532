"""Schedules: PyTorch's schedulers are the oracle where they have the same formula."""

import json
import math
import re

import pytest
import torch

from madi import schedules
from madi.errors import ConfigurationError, UnknownNameError

STEPS = 40


def torch_rates(make, initial):
    """The rates of the first `STEPS` updates under one of PyTorch's schedulers."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=initial)
    scheduler = make(optimizer, torch.optim.lr_scheduler)
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


ORACLES = {
    "constant": (schedules.constant(0.3), lambda o, s: s.ConstantLR(o, factor=1.0), 0.3),
    "step_decay": (schedules.step_decay(0.3, every=7, factor=0.5), lambda o, s: s.StepLR(o, 7, 0.5), 0.3),
    "step_decay of defaults": (schedules.step_decay(0.3, 10), lambda o, s: s.StepLR(o, 10), 0.3),
    "exponential_decay": (schedules.exponential_decay(0.3, 0.9), lambda o, s: s.ExponentialLR(o, 0.9), 0.3),
    "cosine": (
        schedules.cosine(0.3, STEPS, final=0.01),
        lambda o, s: s.CosineAnnealingLR(o, STEPS, eta_min=0.01),
        0.3,
    ),
    "warmup": (schedules.warmup(6, 0.3), lambda o, s: s.LinearLR(o, 1 / 7, total_iters=6), 0.3),
    "warmup, then": (
        schedules.warmup(6, schedules.step_decay(0.3, 5)),
        lambda o, s: s.SequentialLR(o, [s.LinearLR(o, 1 / 7, total_iters=6), s.StepLR(o, 5)], milestones=[6]),
        0.3,
    ),
    "one_cycle": (schedules.one_cycle(0.3, STEPS + 1), lambda o, s: s.OneCycleLR(o, 0.3, STEPS + 1), 0.3),
    "one_cycle of options": (
        schedules.one_cycle(0.3, STEPS + 1, rise=0.55, start_divisor=4, final_divisor=9),
        lambda o, s: s.OneCycleLR(o, 0.3, STEPS + 1, pct_start=0.55, div_factor=4, final_div_factor=9),
        0.3,
    ),
}


@pytest.mark.parametrize("name", ORACLES)
def test_rates_are_those_of_pytorch(name):
    schedule, make, initial = ORACLES[name]
    assert [schedule(step) for step in range(STEPS)] == pytest.approx(torch_rates(make, initial), rel=1e-12)


def test_every_schedule_has_an_oracle():
    assert {name.partition(" ")[0].strip(",") for name in ORACLES} == set(schedules.TABLE)


class TestByHand:
    def test_step_decay(self):
        schedule = schedules.step_decay(1.0, every=2, factor=0.5)
        assert [schedule(step) for step in range(6)] == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]

    def test_exponential_decay_over_a_stretch(self):
        schedule = schedules.exponential_decay(8.0, factor=0.25, every=2)
        assert [schedule(step) for step in range(5)] == [8.0, 4.0, 2.0, 1.0, 0.5]

    def test_cosine_keeps_its_final_rate(self):
        schedule = schedules.cosine(1.0, steps=4, final=0.5)
        # (1 + cos(pi t / 4)) / 2 of t = 0, 2, 4 is 1, 1/2, 0
        assert [schedule(step) for step in (0, 2, 4, 5, 100)] == pytest.approx([1.0, 0.75, 0.5, 0.5, 0.5])

    def test_warmup_hands_over_at_the_beginning(self):
        schedule = schedules.warmup(3, schedules.step_decay(0.8, every=1, factor=0.5))
        # (t + 1) / 4 of 0.8, then 0.8, 0.4, 0.2
        assert [schedule(step) for step in range(6)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.4, 0.2])

    def test_warmup_takes_any_function(self):
        assert schedules.warmup(1, lambda step: 1.0 / (1 + step))(3) == pytest.approx(1 / 3)

    def test_one_cycle_of_eleven_steps(self):
        schedule = schedules.one_cycle(1.0, steps=11, rise=6 / 11, start_divisor=10, final_divisor=10)
        # top = 5: up from 0.1 to 1 over steps 0 .. 5, down to 0.01 over 5 .. 10
        assert [schedule(step) for step in (0, 5, 10, 12, 53)] == pytest.approx([0.1, 1.0, 0.01, 0.01, 0.01])

    @pytest.mark.parametrize("steps", [1, 2, 3, 10])
    @pytest.mark.parametrize("rise", [0.0, 0.1, 0.5, 0.99])
    def test_one_cycle_of_any_length_stays_within_its_bounds(self, steps, rise):
        schedule = schedules.one_cycle(1.0, steps, rise=rise)
        assert all(1 / 25e4 * (1 - 1e-12) <= schedule(step) <= 1 for step in range(steps + 3))


class TestOptions:
    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: schedules.constant(0.0), "constant: value must be a positive finite number, got 0.0. Try 0.1."),
            (
                lambda: schedules.step_decay(-0.1, 3),
                "step_decay: initial must be a positive finite number, got -0.1. Try 0.1.",
            ),
            (
                lambda: schedules.step_decay(0.1, every=0),
                "step_decay: every must be a whole number of at least 1, got 0. "
                "Give the number of updates: epochs x batches an epoch.",
            ),
            (
                lambda: schedules.exponential_decay(0.1, math.nan),
                "exponential_decay: factor must be a positive finite number, got nan. Try 0.95.",
            ),
            (
                lambda: schedules.cosine(0.1, 2.5),
                "cosine: steps must be a whole number of at least 1, got 2.5. "
                "Give the number of updates: epochs x batches an epoch.",
            ),
            (
                lambda: schedules.cosine(0.1, 10, final=-1),
                "cosine: final must be a finite number of at least 0, got -1. Try 0.",
            ),
            (
                lambda: schedules.warmup(-3, 0.1),
                "warmup: steps must be a whole number of at least 1, got -3. Give the number of updates of the rise.",
            ),
            (
                lambda: schedules.warmup(3, "fast"),
                "warmup: then must be a positive finite number, got 'fast'. Try 0.1.",
            ),
            (
                lambda: schedules.one_cycle(0.1, 10, rise=1.0),
                "one_cycle: rise must be a number of at least 0 and below 1, got 1.0. Try 0.3.",
            ),
            (
                lambda: schedules.cosine(0.1, 10, finale=0),
                "Unknown option of cosine 'finale': did you mean 'final'? Known: final, initial, steps.",
            ),
        ],
    )
    def test_out_of_range(self, make, message):
        with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
            make()

    @pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf, None])
    def test_a_function_with_an_impossible_rate(self, rate):
        message = (
            f"learning rate at step 7 must be a finite number of at least 0, got {rate!r}. "
            "Mend the schedule, or use one of madi.schedules."
        )
        with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
            schedules.rate_at(lambda step: rate, 7)

    @pytest.mark.parametrize("name", ORACLES)
    def test_there_and_back_through_json(self, name):
        schedule = ORACLES[name][0]
        assert schedules.from_config(json.loads(json.dumps(schedule.to_config()))) == schedule

    def test_unknown_name(self):
        message = (
            "Unknown schedule 'cosin': did you mean 'cosine'? "
            "Known: constant, cosine, exponential_decay, one_cycle, step_decay, warmup."
        )
        with pytest.raises(UnknownNameError, match=f"^{re.escape(message)}$"):
            schedules.from_config({"name": "cosin", "initial": 0.1})

    def test_a_function_cannot_be_written(self):
        with pytest.raises(ConfigurationError, match=r"^warmup: then is the function .* Use one of madi.schedules\.$"):
            schedules.warmup(3, abs).to_config()

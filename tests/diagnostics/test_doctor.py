"""The doctor on runs that had no part in setting its thresholds: silent on healthy ones, right on planted faults.

The first trial, on 25 healthy and 26 planted runs, was silent on all healthy ones and missed two faults: rates had
to be tried further up, and a run that diverged needed care.  The second, on new runs, missed one, a wide gap between
the losses of training and validation without a rise, and found overfitting in a run meant to be healthy, rightly:
batch norm of pixels that are nearly always 0.  These are the runs of the third, drawn after the last change of a
threshold but one: that of numbers which are learned by heart was added later, from other data, and its planted run
with it.
"""

from __future__ import annotations

import pytest

from madi.diagnostics.course import Generalization, _memorised
from tests.diagnostics.held_out import HEALTHY, PLANTED

SLOW = (
    *("low, spiral", "low, regression", "high, spiral", "high, tanh", "overfitting, wrong labels"),
    *("overfitting, regression", "overfitting, regression that predicts well"),
)


@pytest.mark.parametrize(
    ("trained", "held_out", "found"),
    [(0.001, 0.06, True), (0.0, 0.06, True), (0.01, 0.06, False), (0.0001, 0.04, False), (0.02, 0.3, True)],
)
def test_numbers_learned_by_heart(trained, held_out, found):
    finding = _memorised(Generalization(trained, held_out, held_out, 7, 0.0, held_out - trained))
    assert (finding is not None) == found
    if finding is not None:
        assert (finding.name, f"the validation loss is {held_out:.3g}" in finding.message) == ("overfitting", True)


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_found_in_a_healthy_run(name):
    trainer, doctor = HEALTHY[name]().train()
    diagnosis = doctor.examine()
    assert not diagnosis.findings, str(diagnosis)
    assert trainer.history["loss"][-1] < trainer.history["loss"][0]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name in SLOW else name for name in PLANTED]
)
def test_the_planted_fault_is_named_first(name):
    fault, run = PLANTED[name]
    _, doctor = run().train()
    diagnosis = doctor.examine()
    assert diagnosis.names[:1] == (fault,), str(diagnosis)

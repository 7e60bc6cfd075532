"""The loss of each example by itself."""

from __future__ import annotations

import numpy as np
import pytest

from madi.diagnostics.report.answers import losses_of
from madi.graph import Variable
from madi.training.losses import LOSSES, Loss

RANDOM = np.random.default_rng(6)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("width", [1, 3])
def test_as_if_it_were_alone(name, width):
    loss = LOSSES[name]
    outputs = RANDOM.uniform(0.05, 0.95, size=(8, width)).astype(np.float32)
    y = RANDOM.integers(0, width, 8) if loss.classes else RANDOM.integers(0, 2, (8, width)).astype(np.float32)
    found = losses_of(loss, outputs, y)
    alone = [float(loss(Variable(outputs[i : i + 1]), y[i : i + 1])) for i in range(8)]
    np.testing.assert_allclose(found, alone, rtol=1e-6)
    ones_own = Loss("mine", lambda prediction, target: loss(prediction, target) * 1.0)
    np.testing.assert_allclose(losses_of(ones_own, outputs, y), alone, rtol=1e-6)


def test_with_label_smoothing():
    loss = LOSSES["softmax_cross_entropy"].smoothed(0.1)
    outputs, y = RANDOM.normal(size=(8, 3)), RANDOM.integers(0, 3, 8)
    assert losses_of(loss, outputs, y).mean() == pytest.approx(float(loss(Variable(outputs), y)))

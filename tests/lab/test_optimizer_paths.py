"""Four optimizers in a valley: the course's numbers, and that they follow the parameters."""

from __future__ import annotations

import numpy as np
import pytest

from madi.errors import ShapeError
from madi.lab import run

# After 30 steps from (-7, 2) at the book's rates.
ENDS = {
    "SGD": (-0.35039, 0.08478),
    "Momentum": (0.89641, 0.08809),
    "AdaGrad": (-0.12016, 0.00000),
    "Adam": (0.13601, 0.31825),
}


def test_the_numbers_of_the_course():
    paths = run("optimizer_paths").data["paths"]
    for name, end in ENDS.items():
        assert paths[name].shape == (31, 2)
        np.testing.assert_allclose(paths[name][0], (-7, 2))
        np.testing.assert_allclose(paths[name][-1], end, atol=1e-5)


def test_the_learning_rate_is_that_of_sgd_alone():
    usual, changed = (run("optimizer_paths", learning_rate=rate).data["paths"] for rate in (0.95, 0.9))
    # Each step multiplies x by 1 - 0.9 / 10 and y by 1 - 2 * 0.9.
    np.testing.assert_allclose(changed["SGD"][-1], (-7 * 0.91**30, 2 * 0.8**30), rtol=1e-9)
    for name in ("Momentum", "AdaGrad", "Adam"):
        np.testing.assert_array_equal(changed[name], usual[name])


def test_a_small_rate_does_not_zigzag():
    claims = run("optimizer_paths", learning_rate=0.1).claims
    assert not next(shown for claim, shown in claims.items() if claim.startswith("SGD zigzags"))


def test_a_rate_too_high_diverges_without_a_warning():
    result = run("optimizer_paths", learning_rate=10.0, steps=1000)
    assert not np.isfinite(result.data["paths"]["SGD"][-1]).all()
    assert not all(result.claims.values())
    assert result.figure is not None


def test_a_start_has_two_coordinates():
    with pytest.raises(ShapeError, match=r"start: expected shape \(2\), got \(3,\)\. Give x and y"):
        run("optimizer_paths", start=(1.0, 2.0, 3.0))

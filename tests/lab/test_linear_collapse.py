"""Linear layers collapse into one; XOR needs an activation."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import run

SMALL = {"hidden": 4, "epochs": 2}


@pytest.mark.parametrize("layers", [2, 3])
def test_the_collapsed_matrix_is_the_product(layers):
    data = run("linear_collapse", layers=layers, **SMALL).data
    assert [weight.shape for weight in data["weights"]] == [(3, 4), *[(4, 4)] * (layers - 2), (4, 2)]
    np.testing.assert_allclose(data["collapsed"], np.linalg.multi_dot(data["weights"]), rtol=0, atol=1e-12)
    assert data["apart"] <= 1e-12


@pytest.mark.parametrize("seed", [1, 2])
def test_xor_needs_an_activation(seed):
    data = run("linear_collapse", quick=True, seed=seed).data
    np.testing.assert_allclose(data["linear"]["probabilities"], 0.5, atol=0.01)
    np.testing.assert_allclose(data["linear"]["loss"][-1], np.log(2), atol=1e-3)
    np.testing.assert_array_equal(data["bent"]["probabilities"] > 0.5, (False, True, True, False))
    assert data["bent"]["loss"][-1] < 0.1


def test_what_has_not_learned_yet_is_not_claimed():
    found = run("linear_collapse", **SMALL)
    assert len(found.data["bent"]["loss"]) == 2
    assert not all(found.claims.values())

"""Histograms of oriented gradients on images whose gradients are known; the three classifiers on digits."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import run
from madi.lab.features_by_hand import histograms

RAMP = np.linspace(0, 1, 12, dtype=np.float32)


def image(rows):
    return np.broadcast_to(rows, (12, 12))[None, ..., None]


@pytest.mark.parametrize(
    ("rows", "direction"),
    [
        (RAMP[None, :], 0),  # brighter to the right
        (RAMP[::-1, None], 2),  # brighter upward: a quarter turn, which is 2 of 4 directions of half a turn
        (RAMP[None, :] + RAMP[:, None], 1),  # brighter to the lower right
    ],
)
def test_a_ramp_has_one_direction(rows, direction):
    found = histograms(image(rows), cells=3, directions=4)
    assert found.shape == (1, 3, 3, 4)
    others = np.delete(found, direction, axis=-1)
    np.testing.assert_allclose(others, 0, atol=1e-5)
    assert found[..., direction].min() > 0.5


def test_a_direction_between_two_bins_is_shared_out():
    slope = np.tan(np.pi / 8)
    found = histograms(image(RAMP[None, :] + slope * RAMP[:, None]), cells=1, directions=4)
    np.testing.assert_allclose(found[0, 0, 0], np.sqrt(2) * np.array([1, 1, 0, 0]), rtol=1e-5, atol=1e-5)


def test_an_edge_stands_in_its_cell_and_contrast_does_not_matter():
    corner = np.zeros((1, 12, 12, 1), np.float32)
    corner[:, :3, :3] = 1
    found = histograms(corner, cells=2, directions=9)
    assert found[0, 0, 0].sum() > 0.8 * found.sum()
    np.testing.assert_allclose(histograms(0.1 * corner, 2, 9), found, rtol=1e-5)
    assert (histograms(0 * corner, 2, 9) == 0).all()


def test_the_classifiers_follow_their_examples():
    data = run("features_by_hand", data="digits", examples=(100, 1000), steps=100, cells=5, hidden=20).data
    assert data["sizes"] == [100, 1000]
    assert data["shown"]["histograms"].shape == (5, 5, 5, 9)
    assert data["learned"].shape == (16, 8, 8)
    for accuracy in data["accuracy"].values():
        assert 0.5 < accuracy[0] < accuracy[1] <= 1

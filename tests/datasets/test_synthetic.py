"""Points in the plane: the published ones to the last bit, the others by their equations."""

import numpy as np
import pytest

from madi.datasets import load, moons_points, planar_points, spiral_points


def test_planar_points_are_the_published_ones():
    """The recipe written out, in float64: two draws of 200 for each class in turn from RandomState(1)."""
    random = np.random.RandomState(1)
    x, y = np.zeros((400, 2)), np.zeros(400)
    for j in range(2):
        rows = slice(200 * j, 200 * (j + 1))
        t = np.linspace(j * 3.12, (j + 1) * 3.12, 200) + random.randn(200) * 0.2
        r = 4 * np.sin(4 * t) + random.randn(200) * 0.2
        x[rows] = np.c_[r * np.sin(t), r * np.cos(t)]
        y[rows] = j
    points = planar_points()
    assert points.x.dtype == np.float64
    np.testing.assert_array_equal(points.x, x)
    np.testing.assert_array_equal(points.y, y)


def test_the_first_planar_point_by_hand():
    """NumPy's first normal numbers of seed 1 are 1.6243453636632417, the 201st -0.2... : t = 0.2 * 1.624 = 0.32487."""
    radius = np.random.RandomState(1).randn(400)[200]
    t = 0.2 * 1.6243453636632417
    r = 4 * np.sin(4 * t) + 0.2 * radius
    np.testing.assert_allclose(planar_points().x[0], [r * np.sin(t), r * np.cos(t)], rtol=1e-14)


def test_a_straight_line_hardly_separates_the_flower():
    x, y = planar_points()
    solution, *_ = np.linalg.lstsq(np.c_[x, np.ones(400)], 2.0 * y - 1, rcond=None)
    assert np.mean((np.c_[x, np.ones(400)] @ solution > 0) == y) < 0.6


def test_spiral_arms_run_from_the_centre_to_the_rim():
    x, y = spiral_points()
    assert np.bincount(y).tolist() == [100, 100, 100]
    np.testing.assert_allclose(np.hypot(*x.T).reshape(3, 100), np.tile(np.linspace(0, 1, 100), (3, 1)), atol=1e-12)
    # At the rim the arms stand a third of a turn apart, up to the noise: angles 4 + 2 pi j / 3.
    angles = np.arctan2(x[:, 0], x[:, 1]).reshape(3, 100)[:, -20:]
    expected = 4 * np.linspace(0, 1, 100)[-20:] + 2 * np.pi * np.arange(3)[:, None] / 3
    turned = (angles - expected + np.pi) % (2 * np.pi) - np.pi
    assert np.abs(turned).max() < 0.8
    assert np.abs(turned.mean()) < 0.1


def test_moons_are_half_circles_around_two_centres():
    x, y = moons_points()
    assert np.bincount(y).tolist() == [200, 200]
    upper, lower = np.hypot(*x[y == 0].T), np.hypot(*(x[y == 1] - [1, 0.5]).T)
    for radii in (upper, lower):
        assert abs(radii.mean() - 1) < 0.03
        assert 0.08 < radii.std() < 0.12
    assert x[y == 0][:, 1].min() > -0.4
    assert x[y == 1][:, 1].max() < 0.9


@pytest.mark.parametrize(("name", "points", "count"), [
    ("planar", planar_points, 400), ("spiral", spiral_points, 300), ("moons", moons_points, 400)
])  # fmt: skip
def test_loaded_points_are_seed_1_to_train_and_seed_2_to_test(name, points, count):
    data = load(name)
    for split, seed in ((data.train, 1), (data.test, 2)):
        assert split.x.dtype == np.float32
        assert split.y.dtype == np.int32
        assert split.x.shape == (count, 2)
        np.testing.assert_array_equal(split.x, points(seed).x.astype(np.float32))
        np.testing.assert_array_equal(split.y, points(seed).y)
    assert not np.array_equal(data.train.x, data.test.x)
    assert len(data.classes) == data.train.y.max() + 1

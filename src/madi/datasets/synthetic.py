"""Points in the plane: small problems whose decision boundary can be drawn.

Each recipe takes the seed of a `numpy.random.RandomState`, whose streams NumPy has frozen, so that the points are the
same on every machine and in every version.  Points are float64, (N, 2), labels int32, (N,).
"""

from __future__ import annotations

import numpy as np

from madi.datasets.dataset import Dataset, Split

TRAIN_SEED = 1
TEST_SEED = 2


def planar_points(seed: int = TRAIN_SEED) -> Split:
    """The flower: two classes of 200 points on alternate petals.

        t = linspace(3.12 j, 3.12 (j + 1), 200) + 0.2 normal        for the classes j = 0, 1
        r = 4 sin(4 t) + 0.2 normal
        x = (r sin t, r cos t)

    Seed 1 gives the published 400 points.  No straight line does much better than chance: each class has petals on
    all sides.

    Source: Ng, "Neural Networks and Deep Learning", week 3: planar data classification with one hidden layer, 2017.
    """
    random = np.random.RandomState(seed)

    def petals(j: int) -> np.ndarray:
        t = np.linspace(3.12 * j, 3.12 * (j + 1), 200) + 0.2 * random.randn(200)
        r = 4 * np.sin(4 * t) + 0.2 * random.randn(200)
        return np.column_stack([r * np.sin(t), r * np.cos(t)])

    return _labelled([petals(0), petals(1)])


def spiral_points(seed: int = TRAIN_SEED) -> Split:
    """Three spiral arms of 100 points each.

        r = linspace(0, 1, 100)                                      for the arms j = 0, 1, 2
        t = 4 r + 2 pi j / 3 + 0.2 normal
        x = (r sin t, r cos t)

    Source: the three-armed spiral of Karpathy, "CS231n: a minimal neural network case study", 2015, with the arms
    spread evenly around the origin.
    """
    random = np.random.RandomState(seed)
    r = np.linspace(0, 1, 100)

    def arm(j: int) -> np.ndarray:
        t = 4 * r + 2 * np.pi * j / 3 + 0.2 * random.randn(100)
        return np.column_stack([r * np.sin(t), r * np.cos(t)])

    return _labelled([arm(0), arm(1), arm(2)])


def moons_points(seed: int = TRAIN_SEED) -> Split:
    """Two interleaved half circles of 200 points each.

        t = linspace(0, pi, 200)
        x = (cos t, sin t) + 0.1 normal                              upper moon, class 0
        x = (1 - cos t, 1/2 - sin t) + 0.1 normal                    lower moon, class 1

    Source: the shapes of scikit-learn's `make_moons`.
    """
    random = np.random.RandomState(seed)
    t = np.linspace(0, np.pi, 200)
    upper = np.column_stack([np.cos(t), np.sin(t)])
    lower = np.column_stack([1 - np.cos(t), 0.5 - np.sin(t)])
    return _labelled([moon + 0.1 * random.randn(200, 2) for moon in (upper, lower)])


# Name -> recipe, names of the classes.
RECIPES = {
    "planar": (planar_points, ("red", "blue")),
    "spiral": (spiral_points, ("first arm", "second arm", "third arm")),
    "moons": (moons_points, ("upper", "lower")),
}


def load_synthetic(name: str) -> Dataset:
    """A dataset of points, float32: the recipe's points of seed 1 to train on, those of seed 2 to test."""
    points, classes = RECIPES[name]
    train, test = (Split(x.astype(np.float32), y) for x, y in (points(TRAIN_SEED), points(TEST_SEED)))
    return Dataset(name, train, test, classes)


def _labelled(groups: list[np.ndarray]) -> Split:
    """The points of all groups, labelled by the number of their group."""
    y = np.repeat(np.arange(len(groups), dtype=np.int32), [len(group) for group in groups])
    return Split(np.concatenate(groups), y)

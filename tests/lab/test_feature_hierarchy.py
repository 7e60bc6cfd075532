"""The hierarchy of features: selectivity, fields of view and patches on planted cases."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import run
from madi.lab.feature_hierarchy import View, patch, selectivity, view
from madi.models import deep_convnet


def test_selectivity_of_known_units():
    labels = np.repeat(np.arange(4), 5000)
    noise = np.random.default_rng(0).normal(size=20_000)
    units = np.stack([labels * 1.0, noise, (labels == 2) + noise, np.zeros(20_000)], axis=1)
    found = selectivity(units, labels)
    # The third: a class in four has mean 1, whose variance between classes is 3/16, beside the noise's 1.
    np.testing.assert_allclose(found, [1, 0, 0.1875 / 1.1875, 0], atol=0.02)


def test_views_of_deep_convnet_are_those_that_gradients_have():
    sides = {seen.side for seen in (view(deep_convnet().layers[:end]) for end in (2, 4, 7, 9, 12, 14))}
    assert sides == {3, 5, 10, 14, 24, 32}
    assert view(deep_convnet().layers[:4]) == View(side=5, step=1, first=-2)


def test_a_patch_lies_where_the_output_is_largest():
    image = np.arange(400.0).reshape(20, 20)
    output = np.zeros((10, 10))
    output[4, 6] = 1
    inside = patch(View(side=3, step=2, first=-1), image, output)
    np.testing.assert_array_equal(inside, image[7:10, 11:14])
    output[0, 0] = 2
    corner = patch(View(side=3, step=2, first=-1), image, output)
    np.testing.assert_array_equal(corner[0], 0)
    np.testing.assert_array_equal(corner[1:, 1:], image[:2, :2])


@pytest.mark.long
def test_units_and_patches_follow_their_parameters():
    layers = run("feature_hierarchy", quick=True, data="digits", epochs=2, units=3, patches=5).data["layers"]
    assert [np.shape(layer["units"]) for layer in layers if "units" in layer] == [
        (3, 5, 5, 5),
        (3, 5, 8, 8),
        (3, 5, 8, 8),
    ]
    assert [len(layer["selectivity"]) for layer in layers] == [16, 16, 32, 32, 64, 64]

"""Estimates of what inference costs, which decide between NumPy and compiling: no clock is asked."""

from __future__ import annotations

import pytest

from madi import layers
from madi.layers import Conv2D, Conv2DTranspose, Dense, Flatten, Sequential
from madi.training import choice
from madi.training.choice import compiling_pays, inference_compilation, inference_seconds
from madi.training.inference import Inference

LAYERS, MULTIPLY_ADDS, WRITES = 211, 4_089_184_256, 60_687_872  # of resnet50


@pytest.mark.parametrize(
    ("layer", "writes"),
    [
        (Conv2D(5, 3), 8 * 8 * 5 * 9),
        (Conv2D(4, 3, stride=2, padding="valid"), 3 * 3 * 4 * 9),
        (Conv2D(4, (1, 3), groups=2), 8 * 8 * 4 * 3),
        (Conv2DTranspose(6, 2, stride=2), 8 * 8 * 6 * 4),
        (Conv2DTranspose(6, 2, stride=2, groups=2), 8 * 8 * 6 * 4),
        (layers.MaxPool2D(2), 0),
    ],
)
def test_what_a_convolution_writes_on_numpy(layer, writes):
    assert Sequential(layer).build((8, 8, 2)).summary().numpy_writes == writes


def test_a_convolution_of_few_channels_costs_numpy_more_than_a_product_of_as_many_multiply_adds():
    convolution = Sequential(Conv2D(30, 5, padding="valid"), Flatten()).build((28, 28, 1))
    product = Sequential(Flatten(), Dense(551)).build((28, 28, 1))
    work = [Inference.of(model).look(model).program.work for model in (convolution, product)]
    assert work[0] == (24 * 24 * 30 * 25, 24 * 24 * 30 * 25)
    assert work[1] == (784 * 551, 0)
    assert work[0][0] == pytest.approx(work[1][0], rel=1e-3)
    slow, quick = (inference_seconds(3, multiply_adds, 100, 1, writes=writes) for multiply_adds, writes in work)
    assert 10 < slow / quick < 100


def test_one_picture_of_resnet50_is_for_numpy_and_three_are_for_a_program():
    """Measured on one thread of a quiet core: 0.2 s for each on NumPy, 1.2 s with the compilation for any number."""
    one, three = (inference_seconds(LAYERS, MULTIPLY_ADDS, count, 1, writes=WRITES) for count in (1, 3))
    assert one < inference_compilation(LAYERS) < three


def test_what_numpy_has_taken_adds_up_for_each_job_by_itself(monkeypatch):
    spent, limit = {}, inference_compilation(5)
    assert not compiling_pays(spent, "a", limit / 2, 5)
    assert not compiling_pays(spent, "b", limit / 2, 5)
    assert not compiling_pays(spent, "a", limit / 2, 5)  # as long as compiling, not longer
    assert compiling_pays(spent, "a", limit / 100, 5)
    assert not compiling_pays(spent, "b", limit / 100, 5)
    monkeypatch.setattr(choice, "MOST_JOBS", 2)
    assert compiling_pays(spent, "a", 0.0, 5)
    assert not compiling_pays(spent, "c", limit / 2, 5)
    assert list(spent) == ["c"]  # of too many jobs none is kept

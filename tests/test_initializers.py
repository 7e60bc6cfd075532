"""Initializers: the moments of what they draw, with bounds of five standard errors, and the sameness of their bits."""

import json
import math
import re

import numpy as np
import pytest

from madi import initializers
from madi.errors import ConfigurationError, UnknownNameError
from madi.initializers import Constant, He, Normal, Uniform, Xavier, Zeros
from madi.kernels import random

SHAPE, FAN = (300, 500), (300, 500)
KEY = random.key(20)

# The standard deviation that each must have with fan_in 300 and fan_out 500.
EXPECTED_STD = [
    (Normal(), 0.01),
    (Normal(std=2.0), 2.0),
    (Uniform(limit=0.3), 0.3 / math.sqrt(3)),
    (Xavier(), math.sqrt(2 / 800)),
    (Xavier("uniform"), math.sqrt(2 / 800)),
    (Xavier(fan="in"), math.sqrt(1 / 300)),
    (Xavier("uniform", fan="out", gain=5 / 3), 5 / 3 * math.sqrt(1 / 500)),
    (He(), math.sqrt(2 / 300)),
    (He("uniform"), math.sqrt(2 / 300)),
    (He(fan="out"), math.sqrt(2 / 500)),
    (He("uniform", slope=1.0), math.sqrt(1 / 300)),
]
ALL = [initializer for initializer, _ in EXPECTED_STD] + [Zeros(), Constant(-1.5)]


def named(initializer):
    return repr(initializer)


@pytest.mark.parametrize(("initializer", "std"), EXPECTED_STD, ids=lambda value: repr(value))
class TestMoments:
    def test_mean_and_deviation(self, initializer, std):
        """Of n = 150,000 draws the mean has error std / sqrt(n), the deviation at most std / sqrt(2 n)."""
        weights = initializer(KEY, SHAPE, FAN).astype(np.float64)
        assert abs(weights.mean()) < 5 * std / math.sqrt(weights.size)
        assert abs(weights.std() - std) < 5 * std / math.sqrt(2 * weights.size)

    def test_shape_of_the_distribution(self, initializer, std):
        """A uniform draw ends at sqrt(3) std and reaches close to it; a normal one goes on, 0.27% beyond 3 std."""
        weights = np.abs(initializer(KEY, SHAPE, FAN).astype(np.float64)) / std
        if isinstance(initializer, Uniform) or getattr(initializer, "distribution", "normal") == "uniform":
            assert 0.999 * math.sqrt(3) < weights.max() <= math.sqrt(3) * (1 + 1e-6)
        else:
            share = (weights > 3).mean()
            assert 0.0020 < share < 0.0034  # 0.0027 +- five standard errors of sqrt(0.0027 / 150,000)


@pytest.mark.parametrize("initializer", ALL, ids=named)
class TestAll:
    def test_float32_of_the_shape(self, initializer):
        for shape in [(), (4,), (3, 3, 2, 5), (0, 4)]:
            weights = initializer(KEY, shape, (18, 45))
            assert isinstance(weights, np.ndarray)
            assert weights.dtype == np.float32
            assert weights.shape == shape

    def test_same_key_same_bits(self, initializer):
        np.testing.assert_array_equal(initializer(KEY, SHAPE, FAN), initializer(KEY.copy(), SHAPE, FAN))

    def test_another_key_other_weights(self, initializer):
        same = np.array_equal(initializer(KEY, SHAPE, FAN), initializer(random.key(21), SHAPE, FAN))
        assert same == isinstance(initializer, Zeros | Constant)

    def test_global_random_state_is_untouched(self, initializer):
        before = np.random.get_state()[1].copy()
        initializer(KEY, SHAPE, FAN)
        np.testing.assert_array_equal(np.random.get_state()[1], before)

    def test_there_and_back_through_json(self, initializer):
        assert initializers.from_config(json.loads(json.dumps(initializer.to_config()))) == initializer


def test_constants():
    np.testing.assert_array_equal(Zeros()(KEY, (2, 3), FAN), np.zeros((2, 3)))
    np.testing.assert_array_equal(Constant(-1.5)(KEY, (2, 3), FAN), np.full((2, 3), -1.5))


class TestNames:
    @pytest.mark.parametrize("name", initializers.TABLE)
    def test_every_name(self, name):
        assert initializers.get(name) == initializers.TABLE[name]()
        assert initializers.get(name.upper()) == initializers.get(name)

    def test_an_instance_stays(self):
        initializer = He(slope=0.01)
        assert initializers.get(initializer) is initializer

    def test_unknown_name(self):
        message = (
            "Unknown initializer 'xaver': did you mean 'xavier'? Known: constant, he, normal, uniform, xavier, zeros."
        )
        with pytest.raises(UnknownNameError, match=f"^{re.escape(message)}$"):
            initializers.get("xaver")


class TestOptions:
    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Normal(std=-1), "Normal: std must be a finite number of at least 0, got -1. Try 0.01."),
            (lambda: Uniform(math.inf), "Uniform: limit must be a finite number of at least 0, got inf. Try 0.05."),
            (lambda: Constant("1"), "Constant: value must be a finite number, got '1'."),
            (lambda: Xavier(gain=0), "Xavier: gain must be a positive finite number, got 0. Try 1, or 5/3 for tanh."),
            (
                lambda: He(slope=math.nan),
                "He: slope must be a finite number, got nan. Try 0, or 0.01 for leaky ReLU.",
            ),
            (
                lambda: He(deviation=1),
                "Unknown option of He 'deviation': did you mean 'distribution'? Known: distribution, fan, slope.",
            ),
        ],
    )
    def test_out_of_range(self, make, message):
        with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
            make()

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (
                lambda: Xavier("unifrom"),
                "Unknown value of Xavier: distribution 'unifrom': did you mean 'uniform'? Known: normal, uniform.",
            ),
            (
                lambda: Xavier(fan="inn"),
                "Unknown value of Xavier: fan 'inn': did you mean 'in'? Known: average, in, out.",
            ),
            (lambda: He(fan="average"), "Unknown value of He: fan 'average': Known: in, out."),
        ],
    )
    def test_unknown_choice(self, make, message):
        with pytest.raises(UnknownNameError, match=f"^{re.escape(message)}$"):
            make()

    def test_fan_of_nothing(self):
        message = "He: fan must be positive, got (fan_in, fan_out) = (0, 10). Use Zeros or Normal."
        with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
            He()(KEY, (0, 10), (0, 10))

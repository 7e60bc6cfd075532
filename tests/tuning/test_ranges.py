"""Ranges: what they draw, how they narrow, what they refuse."""

import numpy as np
import pytest

from madi.errors import ConfigurationError, UnknownNameError
from madi.tuning import Choice, Integer, LogUniform, Uniform
from madi.tuning.ranges import draw, expect_ranges, from_plain, narrowed, to_plain

EVERY = {
    "rate": LogUniform(1e-6, 1e-2),
    "dropout": Uniform(0, 0.5),
    "batch": Integer(3, 6),
    "hidden": Choice((50,), (100, 100), "none"),
}


def drawn(name, count=2000):
    return [draw({name: EVERY[name]}, seed=1, number=number)[name] for number in range(count)]


def test_a_log_uniform_range_gives_each_power_of_ten_a_like_share():
    counts, _ = np.histogram(np.log10(drawn("rate")), bins=4, range=(-6, -2))
    assert counts.sum() == 2000
    np.testing.assert_allclose(counts / 2000, 0.25, atol=0.04)


def test_a_uniform_range_is_even():
    counts, _ = np.histogram(drawn("dropout"), bins=5, range=(0, 0.5))
    np.testing.assert_allclose(counts / 2000, 0.2, atol=0.04)


def test_whole_numbers_have_both_ends_and_options_are_equally_likely():
    values, counts = np.unique(drawn("batch"), return_counts=True)
    assert values.tolist() == [3, 4, 5, 6]
    np.testing.assert_allclose(counts / 2000, 0.25, atol=0.04)
    texts, counts = np.unique([str(value) for value in drawn("hidden")], return_counts=True)
    assert set(texts) == {"(50,)", "(100, 100)", "none"}
    np.testing.assert_allclose(counts / 2000, 1 / 3, atol=0.04)


def test_a_trial_follows_from_seed_and_number_alone():
    assert draw(EVERY, seed=3, number=7) == draw(EVERY, seed=3, number=7)
    assert draw(EVERY, seed=3, number=7) != draw(EVERY, seed=3, number=8)
    assert draw(EVERY, seed=3, number=7) != draw(EVERY, seed=4, number=7)


@pytest.mark.parametrize(
    ("entry", "good", "others", "wanted"),
    [
        (Uniform(0, 1), [0.4, 0.6], [0.1, 0.3, 0.5, 0.9, 0.8], Uniform(0.3, 0.8)),
        (Uniform(0, 1), [0.4, 0.6], [0.1, 0.5], Uniform(0.1, 1)),  # nobody knows what lies above
        (Uniform(0, 1), [0.5], [], Uniform(0, 1)),
        (Uniform(0, 1), [0.4, 1.2], [0.2, 1.5, -1.0], Uniform(0.2, 1)),  # trials of a round before, not beyond its ends
        (LogUniform(1e-6, 1), [1e-3, 1e-2], [1e-5, 1e-4, 0.5], LogUniform(1e-4, 0.5)),
        (Integer(1, 100), [20, 50], [1, 10, 30, 60], Integer(10, 60)),
        (Integer(1, 100), [20, 20], [19, 21], Integer(19, 21)),
        (Choice("a", "b", "c"), ["c", "a", "c"], ["b", "a"], Choice("a", "c")),
        (Choice("a", "b", "c"), ["c"], ["b"], Choice("a", "c")),  # a was never tried
        (Choice((50,), (100, 100)), [(100, 100)], [(50,)], Choice((100, 100))),
    ],
)
def test_narrowing(entry, good, others, wanted):
    assert entry.narrowed(good, others) == wanted


def test_ranges_narrow_each_around_its_own_values_and_not_at_all_around_none():
    good = [{"rate": 1e-3, "dropout": 0.1}, {"rate": 1e-2, "dropout": 0.2}]
    others = [{"rate": 1e-4, "dropout": 0.3}]
    ranges = {name: EVERY[name] for name in ("rate", "dropout")}
    found = narrowed(ranges, good, others)
    assert found == {"rate": LogUniform(1e-4, 1e-2), "dropout": Uniform(0, 0.3)}
    assert narrowed(ranges, [], others) == ranges


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Uniform(2, 1), r"Uniform: low must be below high, got 2 and 1\. Swap them"),
        (lambda: LogUniform(1, 1), r"low must be below high, got 1 and 1"),
        (lambda: LogUniform(0, 1), r"LogUniform: low must be a positive finite number, got 0\. The logarithm of 0"),
        (lambda: Integer(1, 2.5), r"Integer: high must be a whole number, got 2\.5\. Take Uniform"),
        (lambda: Uniform(0, np.inf), r"Uniform: high must be a finite number, got inf"),
        (lambda: Choice(), r"Choice: expected options, got none"),
        (lambda: Choice("a", "a"), r"Choice: the option a is there twice"),
        (lambda: expect_ranges({"x": Choice("a")}), r"a choice needs at least two options, got only a"),
        (lambda: expect_ranges({"x": (0, 1)}), r"range of x: expected LogUniform, Uniform, Integer or Choice"),
        (lambda: expect_ranges({}), r"Name what to tune"),
    ],
)
def test_what_is_refused(make, line):
    with pytest.raises(ConfigurationError, match=line):
        make()


@pytest.mark.parametrize("name", EVERY)
def test_through_plain_values_and_back(name):
    assert from_plain(to_plain(EVERY[name])) == EVERY[name]


def test_an_unknown_kind():
    with pytest.raises(UnknownNameError, match="did you mean 'uniform'"):
        from_plain({"kind": "unifrom", "low": 0, "high": 1})


@pytest.mark.parametrize(
    ("value", "end"), [(1e-6, "lower"), (1.5e-6, "lower"), (2e-6, ""), (1e-4, ""), (5e-3, ""), (7e-3, "upper")]
)
def test_a_value_near_an_end(value, end):
    assert EVERY["rate"].end_near(value) == end

"""Keys and bits: jax.random is the oracle, on the host and inside a compiled program."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from madi.errors import ConfigurationError
from madi.kernels import random
from madi.kernels.arrays import array_library, is_jax

SEEDS = [0, 1, 5, 12345, 2**31, 2**32 - 1]


def same(ours, theirs):
    theirs = np.asarray(theirs)
    assert np.asarray(ours).dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


class TestThreefry:
    def test_published_vectors(self):
        """The known answers of the Random123 library (kat_vectors, threefry2x32 with 20 rounds)."""
        ones = 0xFFFFFFFF
        pi = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
        for counter, key, expected in [
            ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
            ((ones, ones), (ones, ones), (0x1CB996FC, 0xBB002BE7)),
            (pi[:2], pi[2:], (0xC4923A9C, 0x483DF7A0)),
        ]:
            key, high, low = (np.array(words, np.uint32) for words in (key, counter[:1], counter[1:]))
            assert [int(word[0]) for word in random.threefry2x32(key, high, low)] == list(expected)


class TestKeys:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_key_is_that_of_jax(self, seed):
        same(random.key(seed), jax.random.key_data(jax.random.key(seed)))

    @pytest.mark.parametrize("seed", [2**32, 2**40 + 7, 2**63 - 1])
    def test_key_of_a_long_seed(self, seed):
        with jax.enable_x64(True):
            same(random.key(seed), jax.random.key_data(jax.random.key(seed)))

    def test_numpy_seed(self):
        same(random.key(np.int64(7)), random.key(7))

    @pytest.mark.parametrize("seed", [-1, 2**64, 0.5, "one", None, True])
    def test_impossible_seed(self, seed):
        message = f"seed must be a whole number from 0 to 2**64 - 1, got {seed!r}. Try seed=0."
        with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
            random.key(seed)

    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("count", [1, 2, 7])
    def test_split_is_that_of_jax(self, seed, count):
        same(random.split(random.key(seed), count), jax.random.key_data(jax.random.split(jax.random.key(seed), count)))

    @pytest.mark.parametrize("number", [0, 1, 9, 2**32 - 1])
    def test_fold_in_is_that_of_jax(self, number):
        expected = jax.random.key_data(jax.random.fold_in(jax.random.key(3), np.uint32(number)))
        same(random.fold_in(random.key(3), number), expected)

    def test_traced_keys_and_numbers(self):
        key = random.key(11)
        same(jax.jit(lambda k: random.split(k, 3))(key), random.split(key, 3))
        same(jax.jit(random.fold_in)(key, 8), random.fold_in(key, 8))
        same(jax.jit(lambda number: random.fold_in(key, number))(8), random.fold_in(key, 8))

    def test_typed_keys(self):
        key = random.key(4)
        same(random.split(jax.random.key(4), 3), random.split(key, 3))
        same(random.fold_in(jax.random.key(4), 2), random.fold_in(key, 2))
        same(random.uniform(jax.random.key(4), (5,)), random.uniform(key, (5,)))

    @pytest.mark.parametrize(
        ("key", "received"),
        [
            (0, "0"),
            (None, "None"),
            (np.zeros(3, np.uint32), "an array of shape (3,) and dtype uint32"),
            (np.zeros(2), "an array of shape (2,) and dtype float64"),
            (jnp.zeros(4, jnp.uint32), "an array of shape (4,) and dtype uint32"),
        ],
    )
    def test_not_a_key(self, key, received):
        message = f"key must be two uint32 words, got {received}. Make one with jax.random.key(0)."
        with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
            random.split(key)


class TestDraws:
    @pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 4), (2, 0)])
    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32"])
    def test_bits_are_the_same_on_both_libraries(self, shape, dtype):
        key = random.key(6)
        same(random.random_bits(key, shape, dtype), jax.random.bits(jax.random.key(6), shape, dtype))
        same(jax.jit(lambda k: random.random_bits(k, shape, dtype))(key), random.random_bits(key, shape, dtype))

    def test_bits_of_64(self):
        with jax.enable_x64(True):
            same(random.random_bits(random.key(6), (9,), "uint64"), jax.random.bits(jax.random.key(6), (9,), "uint64"))

    def test_bits_of_another_type(self):
        message = "random_bits: dtype must be uint8, uint16, uint32 or uint64, got 'int32'."
        with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
            random.random_bits(random.key(0), (2,), "int32")

    def test_an_element_depends_on_its_place_alone(self):
        same(random.random_bits(random.key(1), (100,))[:7], random.random_bits(random.key(1), (7,)))

    def test_uniform_is_the_same_on_both_libraries(self):
        key = random.key(2)
        ours = random.uniform(key, (1000, 3))
        same(ours, jax.random.uniform(jax.random.key(2), (1000, 3), "float32"))
        same(jax.jit(lambda k: random.uniform(k, (1000, 3)))(key), ours)
        assert ours.min() >= 0
        assert ours.max() < 1

    def test_uniform_covers_its_range_evenly(self):
        """10,000 draws in 10 bins: chi-squared of 9 degrees of freedom is below 27.9 in 999 cases of 1,000."""
        counts, _ = np.histogram(random.uniform(random.key(8), (10_000,)), bins=10, range=(0, 1))
        assert ((counts - 1000) ** 2 / 1000).sum() < 27.9

    def test_generator_follows_its_key(self):
        first, again, other = (random.generator(random.key(seed)).random(4) for seed in (5, 5, 6))
        same(first, again)
        assert not np.array_equal(first, other)
        same(random.generator(jax.random.key(5)).random(4), first)

    def test_generator_tells_both_words_of_a_key_apart(self):
        draws = {random.generator(np.array(words, np.uint32)).random() for words in ([0, 1], [1, 0], [1, 1], [0, 0])}
        assert len(draws) == 4

    def test_global_random_state_is_untouched(self):
        before = np.random.get_state()[1].copy()
        random.uniform(random.key(0), (3,))
        random.generator(random.key(0)).random(3)
        same(np.random.get_state()[1], before)


class TestArrayLibrary:
    def test_numpy_and_plain_numbers(self):
        assert array_library(np.zeros(1), 2.0) is np
        assert array_library() is np

    def test_jax_and_tracers(self):
        assert array_library(np.zeros(1), jnp.zeros(1)) is jnp
        seen = []
        jax.jit(lambda x: seen.append((array_library(x), is_jax(x))))(1.0)
        assert seen == [(jnp, True)]

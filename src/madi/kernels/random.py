"""Random bits from explicit keys: the same bits from NumPy on the host and from JAX inside a compiled program.

A key is a raw threefry key: an array of two 32-bit words.  Nothing here has a state.  The same key always gives the
same bits; new ones come from new keys, by `split` and `fold_in`.  The scheme is that of `jax.random` (partitionable
threefry), whose typed keys are accepted wherever a key is.

Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import math
import numbers
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from madi.errors import ConfigurationError
from madi.kernels.arrays import array_library, is_jax

Words = npt.NDArray[np.uint32]

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)  # bits, one for each of eight rounds, then again from the first
PARITY = 0x1BD11BDA  # the third word of the key schedule is key[0] ^ key[1] ^ PARITY
ROUNDS_BETWEEN_INJECTIONS = 4
INJECTIONS = 5  # 5 x 4 = 20 rounds: Threefry-2x32-20
BIT_TYPES = (np.uint8, np.uint16, np.uint32, np.uint64)


def key(seed: int) -> Words:
    """The key of a seed: its high and its low 32 bits, as jax.random.key has them.

    Raises ConfigurationError unless the seed is a whole number of 0 to 2**64 - 1.
    """
    whole = isinstance(seed, numbers.Integral) and not isinstance(seed, bool)
    if not (whole and 0 <= seed < 2**64):
        raise ConfigurationError(f"seed must be a whole number from 0 to 2**64 - 1, got {seed!r}. Try seed=0.")
    return np.array([int(seed) >> 32, int(seed) & 0xFFFFFFFF], dtype=np.uint32)


def split(key: Any, count: int = 2) -> Any:
    """`count` new keys, independent of each other and of `key`: shape (count, 2).  As jax.random.split."""
    key = raw_key(key)
    if is_jax(key):
        return jax.random.key_data(jax.random.split(typed_key(key), count))
    return np.stack(threefry2x32(key, *_counters(count)), axis=-1)


def fold_in(key: Any, number: Any) -> Any:
    """The key that belongs to `number` (an epoch, a step, a layer's place) under `key`.  As jax.random.fold_in.

    number    a whole number; its low 32 bits count.  It may be a traced one, and then so is the new key.
    """
    key = raw_key(key)
    if is_jax(key) or is_jax(number):
        return jax.random.key_data(jax.random.fold_in(typed_key(key), number))
    low = np.array([int(number) & 0xFFFFFFFF], dtype=np.uint32)
    return np.concatenate(threefry2x32(key, np.zeros_like(low), low))


def fold_in_each(key: Any, numbers: Any) -> Words:
    """`fold_in(key, number)` for each of an array of numbers, on the host: shape (count, 2)."""
    low = np.asarray(numbers).astype(np.uint32)
    return np.stack(threefry2x32(raw_key(np.asarray(key)), np.zeros_like(low), low), axis=-1)


def short_words(key: Any, shape: tuple[int, ...]) -> Any:
    """Uniform 16-bit numbers of `shape`, as uint32, for draws that need many and not more than 65,536 levels.

    Each threefry block gives four of them: a quarter of the work of `random_bits`, and the same on both libraries.
    """
    key = raw_key(key)
    xp, size = array_library(key), math.prod(shape)
    low = xp.arange(-(-size // 4), dtype=np.uint32)
    first, second = threefry2x32(key, xp.zeros_like(low), low)
    half = np.uint32(16)
    words = [first & np.uint32(0xFFFF), first >> half, second & np.uint32(0xFFFF), second >> half]
    return xp.concatenate(words)[:size].reshape(shape)


def random_bits(key: Any, shape: tuple[int, ...], dtype: Any = np.uint32) -> Any:
    """Uniform unsigned integers of `shape`; element i depends on the key and on i alone.

    dtype     uint8, uint16, uint32 or uint64 (on JAX the last needs `jax.enable_x64`)
    """
    if np.dtype(dtype).type not in BIT_TYPES:
        raise ConfigurationError(f"random_bits: dtype must be uint8, uint16, uint32 or uint64, got {dtype!r}.")
    key = raw_key(key)
    if is_jax(key):
        return jax.random.bits(typed_key(key), shape, dtype)
    high, low = threefry2x32(key, *_counters(math.prod(shape)))
    if np.dtype(dtype) == np.uint64:
        return (high.astype(np.uint64) << np.uint64(32) | low).reshape(shape)
    return (high ^ low).astype(dtype).reshape(shape)


def uniform(key: Any, shape: tuple[int, ...]) -> Any:
    """Uniform float32 in [0, 1): 23 random bits are the fraction of a number in [1, 2), from which 1 is taken.

    The same values on both libraries, bit for bit.
    """
    key = raw_key(key)
    if is_jax(key):
        return jax.random.uniform(typed_key(key), shape, jnp.float32)
    exponent_of_one = np.uint32(0x3F800000)
    return (random_bits(key, shape) >> np.uint32(9) | exponent_of_one).view(np.float32) - np.float32(1)


def generator(key: Any) -> np.random.Generator:
    """NumPy's generator on the counter-based Philox bits of this key, for large draws on the host.

    Weights and permutations come from it: several times faster than threefry, and as reproducible.
    """
    high, low = np.asarray(raw_key(key)).tolist()
    return np.random.Generator(np.random.Philox(key=high << 32 | low))


def threefry2x32(key: Words, high: Words, low: Words) -> tuple[Words, Words]:
    """Threefry-2x32 with 20 rounds: a keyed bijection of 64-bit counters (high, low), elementwise.

        round      x0 = x0 + x1;   x1 = rotate_left(x1, R) ^ x0          R: `ROTATIONS` in turn
        injection  x0 = x0 + k[i];   x1 = x1 + k[i + 1] + i              before round 1, and after each 4th
        schedule   k = key[0], key[1], key[0] ^ key[1] ^ PARITY, and again from the first

    All sums are modulo 2**32.  Returns the two words of every counter.  Source: Salmon et al. (2011), section 3.3.
    """
    # One-element slices, not scalars: NumPy lets arrays wrap around in silence, and warns of scalars that do.
    schedule = (key[0:1], key[1:2], key[0:1] ^ key[1:2] ^ np.uint32(PARITY))
    x0, x1 = high + schedule[0], low + schedule[1]
    for i in range(1, INJECTIONS + 1):
        for r in range(ROUNDS_BETWEEN_INJECTIONS):
            x0 = x0 + x1
            x1 = rotate_left(x1, ROTATIONS[(ROUNDS_BETWEEN_INJECTIONS * (i - 1) + r) % len(ROTATIONS)]) ^ x0
        x0 = x0 + schedule[i % 3]
        x1 = x1 + schedule[(i + 1) % 3] + np.uint32(i)
    return x0, x1


def rotate_left(words: Words, bits: int) -> Words:
    """The 32 bits of each word moved up by `bits`; those that fall out at the top come in at the bottom."""
    return words << np.uint32(bits) | words >> np.uint32(32 - bits)


def raw_key(key: Any) -> Any:
    """The two words of a key, raw or typed, in the array library that it came in.

    Raises ConfigurationError for anything else, a bare seed among it.
    """
    if is_jax(key) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        key = jax.random.key_data(key)
    words = key if is_jax(key) else np.asarray(key)
    if words.shape != (2,) or words.dtype != np.uint32:
        received = f"an array of shape {words.shape} and dtype {words.dtype}" if words.shape else repr(key)
        raise ConfigurationError(f"key must be two uint32 words, got {received}. Make one with jax.random.key(0).")
    return words


def typed_key(key: Any) -> jax.Array:
    """JAX's typed key of two raw words, always of threefry, whatever the program's default is."""
    return jax.random.wrap_key_data(jnp.asarray(key), impl="threefry2x32")


def _counters(size: int) -> tuple[Words, Words]:
    index = np.arange(size, dtype=np.uint64)
    return (index >> np.uint64(32)).astype(np.uint32), index.astype(np.uint32)

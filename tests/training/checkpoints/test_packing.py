"""Trees of values and arrays as JSON and arrays, and back."""

import json
import math

import jax.numpy as jnp
import numpy as np
import pytest

from madi.errors import ConfigurationError
from madi.training.checkpoints.packing import pack, unpack

TREE = {
    "plain": [None, True, 3, 0.1, "text", -0.0],
    "tuple": (1, (2.5, [])),
    "a/b": np.arange(3),
    "a": {"b": np.ones((2, 2), np.float32), "array": "no array"},
    "infinite": [math.inf, -math.inf],
    "scalar": np.float32(0.1),
    "empty": {},
}


def test_there_and_back():
    packed, arrays = pack(TREE, "tree")
    found = unpack(json.loads(json.dumps(packed, allow_nan=False)), arrays)
    assert list(found) == list(TREE)
    for name in ("plain", "tuple", "infinite", "empty"):
        assert found[name] == TREE[name]
    assert math.copysign(1, found["plain"][-1]) == -1
    assert found["a"]["array"] == "no array"
    assert found["scalar"].dtype == np.float32
    np.testing.assert_array_equal(found["a/b"], TREE["a/b"])
    np.testing.assert_array_equal(found["a"]["b"], TREE["a"]["b"])
    assert sorted(arrays) == ["tree/a/b", "tree/a/b'", "tree/scalar"]


def test_nan_and_arrays_of_jax():
    packed, arrays = pack({"nan": math.nan, "jax": jnp.arange(2)})
    found = unpack(packed, arrays)
    assert math.isnan(found["nan"])
    assert found["jax"].tolist() == [0, 1]
    assert type(arrays["jax"]) is np.ndarray


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [object]}, r"^callbacks/a/0: <class 'object'> cannot be kept in a checkpoint\. Keep numbers, texts, "),
        ({"a": {1: 2}}, r"^callbacks/a: \{1: 2\} cannot be kept in a checkpoint\. "),
        ({"a": np.array([{}])}, r"^callbacks/a: an array of dtype object cannot be kept\. Convert it to float32\.$"),
        ({"a": {1, 2}}, r"^callbacks/a: \{1, 2\} cannot be kept"),
    ],
)
def test_what_cannot_be_kept(value, message):
    with pytest.raises(ConfigurationError, match=message):
        pack(value, "callbacks")


@pytest.mark.parametrize("packed", [{"object": 1}, {"array": "missing"}, {"a": 1, "b": 2}, {"dict": 3}])
def test_what_was_never_packed(packed):
    with pytest.raises((ValueError, LookupError, AttributeError, TypeError)):
        unpack(packed, {})

"""ONNX's own cases of one node each: a model of layers answers as the case expects, or is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from madi.onnx import Unsupported, load
from tests.onnx.single import array_of, cases

pytestmark = pytest.mark.long

SAID = 150  # cases that layers say, at least
HALF = ("FLOAT16", "BFLOAT16")  # in layers numbers stay float32


def with_constants(case, arrays):
    """The case's file in which all inputs but the first are constants."""
    from onnx import numpy_helper

    proto = type(case.model)()
    proto.CopyFrom(case.model)
    names = [port.name for port in proto.graph.input]
    constants = zip(names[1:], arrays[1:], strict=True)
    proto.graph.initializer.extend(numpy_helper.from_array(np.asarray(array), name) for name, array in constants)
    return proto.SerializeToString()


def as_expected(model, x, expected):
    """Whether the model gives the numbers that are expected, in the order of axes in which it takes images."""
    turned = x.ndim == 4 and model.input_shape != x.shape[1:]
    got = np.asarray(model(np.moveaxis(x, 1, -1) if turned else x).value)
    expected = np.moveaxis(expected, 1, -1) if turned and expected.ndim == 4 else expected
    sizes = [[size for size in array.shape if size > 1] for array in (got, expected)]
    return sizes[0] == sizes[1] and np.allclose(
        got.reshape(expected.shape), expected.astype(np.float64), rtol=1e-3, atol=1e-4, equal_nan=True
    )


def test_right_or_refused():
    right, wrong = [], []
    for name, case in cases().items():
        given, expected = ([array_of(entry) for entry in entries] for entries in case.data_sets[0])
        if not given or given[0].ndim == 0 or "training_dropout" in name:  # which drops in inference too
            continue
        try:
            model = load(with_constants(case, given)).model
        except Unsupported:
            continue
        (right if as_expected(model, given[0], expected[0]) else wrong).append(name)
    assert not [name for name in wrong if not name.endswith(HALF)]
    assert len(right) >= SAID

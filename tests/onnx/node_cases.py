"""ONNX's own cases of the claimed operators, run through `madi.onnx.load`, and how many of them pass."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

import madi.onnx

from .single import array_of, cases


class Outcomes(NamedTuple):
    """Names of the cases that passed, and what was said of the others, by name."""

    passed: list[str]
    refused: dict[str, str]
    failed: dict[str, str]


@functools.cache
def claimed():
    """ONNX's cases by name, those with sequences among them, that are of claimed operators and not written out."""
    from onnx.backend.test.case import node as package

    cases()  # has ONNX's modules make theirs
    found = (case for case in package._NodeTestCases if "_expanded" not in case.name)
    return {case.name: case for case in found if all(_is_claimed(node) for node in case.model.graph.node)}


def _is_claimed(node):
    return node.op_type in madi.onnx.OPERATORS and node.domain in ("", "ai.onnx")


def outcomes(engine, names=None):
    """What becomes of ONNX's cases of the claimed operators, all of them or those named, on an engine."""
    found = Outcomes([], {}, {})
    for name in names or claimed():
        try:
            run_case(claimed()[name], engine)
        except madi.onnx.Unsupported as error:
            found.refused[name] = str(error)
        except Exception as error:
            found.failed[name] = f"{type(error).__name__}: {error}"[:400]
        else:
            found.passed.append(name)
    return found


def run_case(case, engine):
    """Hold madi's outputs against a case's: types, shapes, and numbers within the case's own tolerance."""
    loaded = madi.onnx.load(case.model.SerializeToString())
    names = [port.name for port in case.model.graph.input]
    for inputs, outputs in case.data_sets:
        given = dict(zip(names, map(array_of, inputs), strict=True))
        found = loaded.run(given, engine=engine)
        for ours, theirs in zip(found, map(array_of, outputs), strict=True):
            assert_same(ours, theirs, rtol=case.rtol, atol=case.atol)


def assert_same(ours, theirs, *, rtol, atol):
    assert type(ours) is np.ndarray
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    if theirs.dtype.kind in "OSTU":
        assert ours.astype(str).tolist() == theirs.astype(str).tolist()
        return
    assert ours.dtype == theirs.dtype, (ours.dtype, theirs.dtype)
    if theirs.dtype.kind in "biu":
        np.testing.assert_array_equal(ours, theirs)
    else:
        np.testing.assert_allclose(_wide(ours), _wide(theirs), rtol=rtol, atol=atol)


def _wide(array):
    """Numbers of half precision and less, which NumPy's tests do not take, in double precision."""
    return array if array.dtype.kind in "fc" else array.astype(np.float64)

"""Every function of the table against central differences, jax.grad, PyTorch, and itself on the other library."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import madi.functions as F
from madi.graph import Function
from tests.functions import checks
from tests.functions.table import TABLE

CASES = [pytest.param(case, id=f"{name}: {case.name}") for name, cases in TABLE.items() for case in cases]
every_case = pytest.mark.parametrize("case", CASES)


@every_case
def test_central_differences(case):
    checks.differences(case)


@every_case
def test_one_input_at_a_time(case):
    checks.one_input_at_a_time(case)


@every_case
def test_nothing_is_edited_in_place(case):
    checks.gradients_are_not_edited(case)


@every_case
def test_jax_grad(case):
    checks.jax_grad(case)


@every_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pytorch(case, dtype):
    pytest.importorskip("torch")
    checks.pytorch(case, dtype)


@every_case
def test_both_libraries(case):
    checks.both_libraries(case)


@pytest.mark.parametrize("name", TABLE)
def test_jax_node_by_node(name):
    checks.both_libraries(TABLE[name][0], traced=False)


# ---- the table is complete


def public_functions():
    """The lower-case functions that madi.functions offers."""
    return {
        name
        for name, value in vars(F).items()
        if inspect.isfunction(value) and not name.startswith("_") and value.__module__.startswith("madi.functions")
    }


def node_classes(base=Function):
    """Every class of node in madi.functions, but those that only share code."""
    for subclass in base.__subclasses__():
        if subclass.__module__.startswith("madi.functions") and not subclass.__name__.startswith("_"):
            yield subclass
        yield from node_classes(subclass)


def test_no_function_is_missing():
    assert public_functions() == TABLE.keys()


def test_no_node_is_missing():
    built = {node for cases in TABLE.values() for case in cases for node in checks.nodes_of(case)}
    assert set(node_classes()) - built == set()


def test_a_missing_function_is_found(monkeypatch):
    def novelty(x):
        return x

    novelty.__module__ = "madi.functions.novelty"
    monkeypatch.setattr(F, "novelty", novelty, raising=False)
    assert public_functions() - TABLE.keys() == {"novelty"}

"""ONNX's own tests of the claimed operators, and madi behind ONNX's own interface."""

from __future__ import annotations

import unittest
import warnings

import numpy as np
import pytest

import madi.onnx

from .node_cases import claimed, outcomes

pytest.importorskip("onnx")

MOST_REFUSED = 1 / 5


def assert_none_failed(found):
    total = len(found.passed) + len(found.refused)
    assert not found.failed, f"{len(found.failed)} failed: {found.failed}"
    assert total > 500
    assert len(found.refused) <= MOST_REFUSED * total, found.refused


def test_onnx_own_node_cases_on_numpy():
    assert_none_failed(outcomes("numpy"))


@pytest.mark.long
def test_onnx_own_node_cases_compiled():
    assert_none_failed(outcomes("jax"))


@pytest.mark.long
def test_no_case_of_a_claimed_operator_is_left_out():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        everything = {case.name: case for case in collect_testcases(None) if "_expanded" not in case.name}
    kinds = {name: {node.op_type for node in case.model.graph.node} for name, case in everything.items()}
    domains = {name: {node.domain for node in case.model.graph.node} for name, case in everything.items()}
    ours = {name for name in everything if kinds[name] <= set(madi.onnx.OPERATORS) and domains[name] == {""}}
    assert set(claimed()) == ours


def test_a_wrong_answer_is_a_failure(monkeypatch):
    from madi.onnx import running

    honest = running.Runner.run
    monkeypatch.setattr(running.Runner, "run", lambda *given: [array + 1 for array in honest(*given)])
    found = outcomes("numpy", ["test_relu", "test_add"])
    assert sorted(found.failed) == ["test_add", "test_relu"]


@pytest.mark.long
def test_behind_the_machinery_of_onnx():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test import BackendTest

        tests = BackendTest(madi.onnx.Backend, __name__).include("^test_(relu|gemm_all_attributes|clip)_cpu$")
        classes = tests.test_cases.values()
        suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromTestCase(entry) for entry in classes)
        result = unittest.TestResult()
        suite.run(result)
    assert result.testsRun - len(result.skipped) == 3
    assert result.wasSuccessful(), result.errors + result.failures


def test_one_node():
    from onnx import helper

    x = np.float32([[1, -2], [3, -4]])
    (y,) = madi.onnx.Backend.run_node(helper.make_node("Relu", ["x"], ["y"]), [x])
    assert y.tolist() == [[1, 0], [3, 0]]
    (old,) = madi.onnx.Backend.run_node(helper.make_node("Softmax", ["x"], ["y"]), [x[None]], opset_version=11)
    assert old.sum() == pytest.approx(1)  # over all axes from the second on
    (new,) = madi.onnx.Backend.run_node(helper.make_node("Softmax", ["x"], ["y"]), [x[None]], opset_version=13)
    assert new.sum() == pytest.approx(2)


def test_devices_and_models_that_are_not_taken():
    from onnx import helper

    backend = madi.onnx.Backend
    assert backend.supports_device("CPU")
    assert not backend.supports_device("CUDA")
    graph = helper.make_graph([helper.make_node("Det", ["x"], ["y"])], "g", [_port("x")], [_port("y")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    assert not backend.is_compatible(model)
    with pytest.raises(madi.onnx.Unsupported, match="expected the device CPU, got CUDA"):
        backend.prepare(model, "CUDA")


def _port(name):
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)

"""The tests of the functions see every mutant of every backward, and the mutants are what they should be."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "tools" / "mutation.py"


def run(*names: str) -> subprocess.CompletedProcess[str]:
    """The script on the functions whose names contain one of these."""
    return subprocess.run([sys.executable, SCRIPT, *names], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def mutation():
    """The script as a module."""
    specification = importlib.util.spec_from_file_location("mutation", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    sys.modules["mutation"] = module
    specification.loader.exec_module(module)
    yield module
    del sys.modules["mutation"]


def changes(mutation, source: str) -> list[str]:
    """The bodies of the mutants of a function, as one line each."""
    (tree,) = ast.parse(source).body
    return [mutant.partition("\n")[2].strip() for _, mutant in mutation.mutants(tree)]


@pytest.mark.parametrize(
    ("body", "mutants"),
    [
        ("a + b", {"a - b", "a", "b", "-(a + b)", "(a + b) * 0"}),
        ("a - b", {"a + b", "b - a", "a", "b", "-(a - b)", "(a - b) * 0"}),
        ("a * b", {"a / b", "a", "b", "-(a * b)", "a * b * 0"}),
        ("-a", {"a", "--a", "-a * 0"}),
        ("a @ b.T", {"b.T @ a", "a", "b.T", "a @ b", "-(a @ b.T)", "a @ b.T * 0"}),
        ("(a, b)", {"(-a, b)", "(a * 0, b)", "(b, b)", "(a, -b)", "(a, b * 0)", "(a, a)"}),
        ("a.sum(axis=0)", {"a", "a.sum()", "a.sum(axis=1)", "-a.sum(axis=0)", "a.sum(axis=0) * 0"}),
        ("a if self.needs[0] else b", {"b", "a if self.needs[1] else b"}),
    ],
)
def test_mutants_of_a_gradient(mutation, body, mutants):
    found = changes(mutation, f"def backward(self, gy):\n    return {body}")
    assert {mutant.removeprefix("return ") for mutant in found} >= mutants
    assert len(found) == len(set(found))


def test_comparisons_and_branches(mutation):
    found = changes(mutation, "def backward(self, gy):\n    if a > 0:\n        return b\n    return c")
    starts = {mutant.split(":")[0] for mutant in found}
    assert {"if a >= 0", "if a < 0", "if a > 1", "if not a > 0"} <= starts


def test_every_backward_is_a_target(mutation):
    names = {target.name for target in mutation.targets()}
    assert {"activations.Softmax.backward", "arithmetic.Multiply.slopes", "arithmetic.sum_to"} <= names
    assert {"extrema._shares", "selection.Where.slopes", "units.PReLU.slopes", "elementary.bell"} <= names
    assert {"losses._Loss.backward", "losses.Huber.slope", "linear.MatMul.fit", "indexing.scatter_add"} <= names
    assert not {name for name in names if name.endswith((".forward", ".__init__"))}


def test_the_code_is_put_back(mutation):
    (target,) = (target for target in mutation.targets() if target.name == "activations.Tanh.backward")
    before = target.live.__code__
    with mutation.broken(target, "def backward(self, gy):\n    return gy"):
        assert target.live.__code__ is not before
        assert mutation.first_red(mutation.cases_of(target)).startswith("differences, tanh")
    assert target.live.__code__ is before


def test_survivors_are_named(mutation, monkeypatch, capsys):
    # With its list emptied, the two mutants of step that change nothing are survivors.
    monkeypatch.setattr(mutation, "EQUIVALENT", {})
    monkeypatch.setattr(mutation, "written_out_tests_are_red", lambda: False)
    monkeypatch.setattr(mutation.checks, "jax_grad", lambda case: None)
    assert mutation.main(["activations.Step"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "SURVIVED  activations.Step.backward: return gy * 0 -> -(gy * 0)"
    assert lines[-1].startswith("4 mutants killed, 2 survived, 0 equivalent, in ")


def test_a_stale_reason_is_named(mutation, monkeypatch, capsys):
    monkeypatch.setattr(mutation, "EQUIVALENT", {"activations.Gone.backward: a -> b": "no reason"})
    monkeypatch.setattr(mutation, "targets", lambda: iter(()))
    monkeypatch.setattr(mutation, "first_red", lambda cases: "")
    assert mutation.main([]) == 1
    assert capsys.readouterr().out.splitlines()[-1].endswith("GONE  activations.Gone.backward: a -> b")


def test_tests_that_are_red_without_a_mutant_are_named(mutation, monkeypatch, capsys):
    monkeypatch.setattr(mutation, "first_red", lambda cases: "differences, tanh: matrix")
    assert mutation.main([]) == 1
    assert capsys.readouterr().out == "The tests are red without any mutant: differences, tanh: matrix\n"


@pytest.mark.long
def test_no_mutant_survives():
    result = run()
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    assert " 0 survived" in result.stdout

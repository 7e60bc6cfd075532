"""Does a test notice when a backward is wrong?  Break each backward of madi.functions, one place at a time, and see.

    python tools/mutation.py [NAME ...]      all, or those whose name contains one of these, as Softmax

Each mutant differs from the source in one place: a sign flipped, + and - or * and / swapped, a term or factor dropped,
a sum over axes left out, a comparison turned, a constant changed, a gradient replaced by zeros or by another input's.
It lives in memory alone: the code of the live function is replaced, the checks of tests/functions run in this process
until one goes red, and the code is put back.  Exits with 1 when a mutant survives that EQUIVALENT does not list, with
the reason.
"""

import ast
import contextlib
import importlib
import inspect
import io
import pkgutil
import sys
import time
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.functions import checks, table  # noqa: E402 (found through the path above)

import madi.functions  # noqa: E402
from madi.kernels import indexing  # noqa: E402

# Mutants that change no value that anyone can see, with the reason.
EQUIVALENT = {
    "arithmetic.Power.base_slope: 1 -> 2": "the base that stands in for 0: what it gives is multiplied by x1 = 0",
    "reductions._Extreme.backward: xp.maximum(chosen.sum(axis=self.axes, keepdims=True), 1).astype(gy.dtype) "
    "-> xp.maximum(chosen.sum(axis=self.axes, keepdims=True), 1)": "saves a float64 array: every gradient gets its "
    "input's type in the end",
    "padding.PadByCopies.places: any(widths) -> widths": "an axis that does not grow may be picked as a whole",
    "units.ELU.backward: 0 -> 1": "what exp(x) gives is taken where x is not above 0",
    "elementary.bell: 30 -> 31": "exp(-x²) is 0 beyond 28 in every type",
    "activations.Step.backward: return gy * 0 -> -(gy * 0)": "the gradient of step is 0, and -0 is 0",
    "activations.Step.backward: return gy * 0 -> gy * 0 * 0": "the gradient of step is 0 already",
    "rounds.Floor.backward: return gy * 0 -> -(gy * 0)": "the gradient of floor is 0, and -0 is 0",
    "rounds.Floor.backward: return gy * 0 -> gy * 0 * 0": "the gradient of floor is 0 already",
}


# ---- what is broken: backward, and what it calls in its own module


@dataclass(frozen=True)
class Target:
    """One function of the source: its syntax tree, and the live object whose code is replaced."""

    name: str
    module: types.ModuleType
    owner: type | None
    live: types.FunctionType
    tree: ast.FunctionDef


def targets() -> Iterator[Target]:
    """Every backward in madi.functions, and every function or method of the same module that one leads to."""
    for found in pkgutil.iter_modules(madi.functions.__path__, "madi.functions."):
        yield from targets_in(importlib.import_module(found.name), "backward", "slopes")
    yield from targets_in(indexing, "scatter_add")


def targets_in(module: types.ModuleType, *starts: str) -> Iterator[Target]:
    """What a module defines under the names `starts`, and what that leads to.

    `slopes` is what the elementwise nodes of every module have, and what the one backward they share calls.
    """
    tree = ast.parse(inspect.getsource(module))
    wanted = set().union(*(names_behind(start, tree) for start in starts))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in wanted:
            yield Target(f"{short(module)}.{node.name}", module, None, vars(module)[node.name], node)
        elif isinstance(node, ast.ClassDef):
            yield from methods(module, node, wanted)


def methods(module: types.ModuleType, node: ast.ClassDef, wanted: set[str]) -> Iterator[Target]:
    """The wanted methods that a class itself defines, but those that only say that a subclass must."""
    owner = vars(module)[node.name]
    own = [
        entry for entry in node.body if isinstance(entry, ast.FunctionDef) and not isinstance(entry.body[-1], ast.Raise)
    ]
    for method in own:
        if f"self.{method.name}" in wanted:
            live = inspect.getattr_static(owner, method.name)
            live = live.__func__ if isinstance(live, staticmethod) else live
            method.decorator_list = []
            yield Target(f"{short(module)}.{node.name}.{method.name}", module, owner, live, method)


def names_behind(start: str, tree: ast.Module) -> set[str]:
    """The functions, as `f`, and the methods, as `self.f`, that those named `start` lead to in their module."""
    top = {node for node in tree.body if isinstance(node, ast.FunctionDef)}
    defined = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    named = [(node.name if node in top else f"self.{node.name}", node) for node in defined]
    names = {start, f"self.{start}"}
    while True:
        behind = {use for name, node in named if name in names for use in names_in(node)} & {name for name, _ in named}
        if behind <= names:
            return names
        names |= behind


def names_in(node: ast.AST) -> set[str]:
    """Names, and attributes of self, that are used anywhere within."""
    uses = (ast.unparse(use) for use in ast.walk(node) if isinstance(use, ast.Name | ast.Attribute))
    return {use for use in uses if use.isidentifier() or use.removeprefix("self.").isidentifier()}


def short(module: types.ModuleType) -> str:
    """The last part of a module's name."""
    return module.__name__.rpartition(".")[2]


# ---- how it is broken

SWAPS: dict[type, type] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult},
    **{ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
}

Slot = tuple[ast.AST, str, int | None]  # where a node hangs: its parent, the field, the place in a list


def mutants(tree: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """What is changed, and the source of the function with that one change."""
    seen = {ast.unparse(tree)}
    statements = [(tree, "body", index) for index in range(len(tree.body))]
    for slot in [*statements, *(slot for statement in tree.body for slot in slots_below(statement))]:
        node = read(slot)
        for change in changes(node):
            write(slot, change)
            mutant = ast.unparse(tree)
            write(slot, node)
            if mutant not in seen:
                yield f"{ast.unparse(node)} -> {ast.unparse(change)}", mutant
            seen.add(mutant)
    yield from broken_gradients(tree, seen)


def slots_below(node: ast.AST) -> Iterator[Slot]:
    """Every place within a statement where an expression hangs."""
    for field, value in ast.iter_fields(node):
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST):
                yield node, field, index
                yield from slots_below(child)


def read(slot: Slot) -> ast.AST:
    """The node that hangs there."""
    parent, field, index = slot
    return getattr(parent, field) if index is None else getattr(parent, field)[index]


def write(slot: Slot, node: ast.AST) -> None:
    """Hang another node there."""
    parent, field, index = slot
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def changes(node: ast.AST) -> list[ast.AST]:
    """What may stand in the place of an expression."""
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            swapped = [ast.BinOp(left, SWAPS[type(op)](), right)] if type(op) in SWAPS else []
            turned = [ast.BinOp(right, op, left)] if isinstance(op, ast.MatMult | ast.Sub | ast.Div) else []
            return [*swapped, *turned, left, right]
        case ast.UnaryOp(operand=operand):
            return [operand]
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            turned = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE}.get(type(op))
            others = [SWAPS.get(type(op)), turned]
            return [ast.Compare(left, [other()], [right]) for other in others if other]
        case ast.Constant(value=bool(value)):
            return [ast.Constant(not value)]
        case ast.Constant(value=int(value) | float(value)):
            return [ast.Constant(value + 1)]
        case ast.IfExp(test=test, body=body, orelse=orelse):
            # To compute what nobody needs changes no result: `x if self.needs[0] else None` only saves work.
            return [orelse] if "self.needs" in names_in(test) else [body, orelse]
        case ast.If(test=test, body=body, orelse=orelse):
            return [ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)]
        case ast.Attribute(value=value, attr="T"):
            return [value]
        case ast.Subscript(value=value):
            return [] if "self.needs" in names_in(value) else [value]
        case ast.Call(func=func, args=args, keywords=keywords):
            inner = [func.value] if isinstance(func, ast.Attribute) and not is_library(func.value) else []
            fewer = [ast.Call(func, args, [k for k in keywords if k is not left_out]) for left_out in keywords]
            return [*inner, *(arg for arg in args if not isinstance(arg, ast.Starred)), *fewer]
    return []


def is_library(node: ast.AST) -> bool:
    """Whether an expression is an array library rather than an array: `xp.where`, `array_library(x).where`."""
    return ast.unparse(node) in ("np", "xp", "math") or ast.unparse(node).startswith("array_library(")


def broken_gradients(tree: ast.FunctionDef, seen: set[str]) -> Iterator[tuple[str, str]]:
    """Each returned gradient negated, replaced by zeros, and replaced by another input's."""
    for slot in [slot for statement in tree.body for slot in slots_below(statement) if is_gradient(slot)]:
        parent, node = slot[0], read(slot)
        others = [other for other in parent.elts if other is not node] if isinstance(parent, ast.Tuple) else []
        zeros = ast.BinOp(node, ast.Mult(), ast.Constant(0))
        for change in (ast.UnaryOp(ast.USub(), node), zeros, *others):
            write(slot, change)
            mutant = ast.unparse(tree)
            write(slot, node)
            if mutant not in seen:
                yield f"return {ast.unparse(node)} -> {ast.unparse(change)}", mutant
            seen.add(mutant)


def is_gradient(slot: Slot) -> bool:
    """Whether a returned value hangs there: after `return`, or in a tuple that is built in this function."""
    parent, field, _ = slot
    value = read(slot)
    built = isinstance(parent, ast.Tuple) and isinstance(parent.ctx, ast.Load) and field == "elts"
    returned = isinstance(parent, ast.Return) or built
    return returned and not isinstance(value, ast.Tuple | ast.Constant | ast.Slice | ast.Starred)


# ---- whether anybody notices


def first_red(cases: list[tuple[str, table.Case]]) -> str:
    """The first check that goes red, or "" where all stay green."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for check in (checks.differences, checks.one_input_at_a_time, checks.gradients_are_not_edited, in_pytorch):
            for name, case in cases:
                if is_red(check, case):
                    return f"{check.__name__}, {name}: {case.name}"
        if written_out_tests_are_red():
            return "the tests written out"
        return next((f"jax_grad, {name}: {case.name}" for name, case in cases if is_red(checks.jax_grad, case)), "")


def in_pytorch(case: table.Case) -> None:
    """The comparison with PyTorch, where it is installed."""
    if table.torch is not None:
        checks.pytorch(case, np.float64)


def is_red(check: Callable[[table.Case], None], case: table.Case) -> bool:
    """Whether a check fails, in whatever way."""
    try:
        check(case)
    except Exception:
        return True
    return False


def written_out_tests_are_red() -> bool:
    """Whether a test of tests/functions fails that does not come from the table."""
    files = [str(file) for file in (ROOT / "tests" / "functions").glob("test_*.py") if file.name != "test_table.py"]
    options = [
        "-n0",
        "-x",
        "-q",
        "--no-header",
        "-p",
        "no:cacheprovider",
        f"--rootdir={ROOT}",
        f"-c{ROOT}/pyproject.toml",
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        return pytest.main([*options, *files]) != pytest.ExitCode.OK


def cases_of(target: Target) -> list[tuple[str, table.Case]]:
    """The cases of the table that build a node of the target's class, or of a class whose module uses the function."""
    return [
        (name, case)
        for name, cases in table.TABLE.items()
        for case in cases
        if any(uses(node, target) for node in checks.nodes_of(case))
    ]


def uses(node: type, target: Target) -> bool:
    """Whether a class of nodes runs the target."""
    if target.owner is not None:
        return issubclass(node, target.owner)
    return any(vars(sys.modules[base.__module__]).get(target.live.__name__) is target.live for base in node.__mro__)


@contextlib.contextmanager
def broken(target: Target, source: str) -> Iterator[None]:
    """Within the block the live function runs the mutant's code."""
    scope: dict[str, object] = dict(vars(target.module))
    exec(compile(f"from __future__ import annotations\n{source}", f"<mutant of {target.name}>", "exec"), scope)
    original, target.live.__code__ = target.live.__code__, scope[target.tree.name].__code__  # type: ignore[attr-defined]
    try:
        yield
    finally:
        target.live.__code__ = original


def main(wanted: list[str]) -> int:
    """Break, check and count; 1 where a mutant survives, or a reason in EQUIVALENT is no longer needed."""
    start, killed, equivalent, survivors = time.perf_counter(), 0, set(), []
    if red := first_red([(name, case) for name, cases in table.TABLE.items() for case in cases]):
        print(f"The tests are red without any mutant: {red}")
        return 1
    for target in targets():
        if wanted and not any(name in target.name for name in wanted):
            continue
        before, cases = killed, cases_of(target)
        for change, source in mutants(target.tree):
            label = f"{target.name}: {change}"
            with broken(target, source):
                red = first_red(cases)
            if red:
                killed += 1
            elif label in EQUIVALENT:
                equivalent.add(label)
            else:
                survivors.append(label)
                print(f"SURVIVED  {label}", flush=True)
        print(f"{target.name}: {killed - before} killed", flush=True)
    stale = [] if wanted else sorted(EQUIVALENT.keys() - equivalent)
    print(
        f"{killed} mutants killed, {len(survivors)} survived, {len(equivalent)} equivalent, "
        f"in {time.perf_counter() - start:.0f} s"
    )
    print(*(f"LISTED AS EQUIVALENT, BUT KILLED OR GONE  {label}" for label in stale), sep="\n", end="")
    return 1 if survivors or stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

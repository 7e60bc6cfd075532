"""The two engines: the same step, compiled by JAX many steps a call, or uncompiled on NumPy.

Both answer the same calls on the same trees.  `put` brings a tree of host arrays to the engine, `host` copies one back,
and `give` gives one away: a large network's weights are copied no more often than they must be.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from madi.kernels.arrays import aligned_copy, is_jax
from madi.training.step import Step, all_finite, leaves

SMALL_PRODUCTS = 2**24  # multiply-adds of a forward pass up to which NumPy works on one thread
SMALL_STATE = 2**26  # bytes of weights and optimizer state up to which a call keeps the old ones

Tree = Any


@dataclass(frozen=True)
class Plan:
    """Some steps to take: for each a row of `indices` (steps, batch) into the data, a learning rate, and a random key.

    count   how many rows are steps; the others fill the arrays up to a size that is compiled already
    ends    where gradients are accumulated: for each row whether an update follows on it
    """

    indices: np.ndarray
    rates: np.ndarray
    keys: np.ndarray
    count: int
    ends: np.ndarray | None = None

    def columns(self) -> tuple[np.ndarray, ...]:
        """Rates, keys, and ends where there are some: what a step takes besides its batch, an entry for each row."""
        return (self.rates, self.keys) if self.ends is None else (self.rates, self.keys, self.ends)


@dataclass(frozen=True)
class Outcome:
    """What became of a plan: the new state, a report for each step taken, and whether the last one stayed finite."""

    state: Tree
    reports: np.ndarray
    finite: bool


class NumPyEngine:
    """The step as it stands, on NumPy arrays: quick to start, and every value can be looked at."""

    name = "numpy"

    def __init__(self, *, dtype: Any = np.float32) -> None:
        self.dtype = np.dtype(dtype)
        self.compilations, self.compiling = 0, 0.0  # how many, and their seconds

    def put(self, tree: Tree) -> Tree:
        """The tree with NumPy arrays of its own: training does not write into the user's."""
        return over(tree, np.array)

    def share(self, tree: Tree) -> Tree:
        """Data that is only read."""
        return over(tree, np.asarray)

    def host(self, tree: Tree) -> Tree:
        """A copy of the tree as NumPy arrays."""
        return over(tree, aligned_copy)

    def give(self, tree: Tree) -> Tree:
        """The tree for the model to keep; training has no more use for it."""
        return self.host(tree)

    def train(self, step: Step, state: Tree, frozen: Tree, data: Tree, plan: Plan, numbers: Tree) -> Outcome:
        """Take the steps of the plan, up to the first that is not finite, whose update is not taken."""
        reports, finite = [], True
        numbers = over(numbers, lambda value: np.asarray(value, self.dtype))
        # Overflow and NaN are told by `finite`, not by warnings.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"), _threads(state, plan.indices.shape[1]):
            for row in range(plan.count):
                batch = tuple(None if part is None else part[plan.indices[row]] for part in data)
                turn = (column[row] for column in plan.columns())
                state, report, ok = step.train(state, frozen, batch, numbers, *turn)
                reports.append(report)
                finite = bool(ok)
                if not finite:
                    break
        return Outcome(state, np.stack(reports), finite)

    def evaluate(self, step: Step, variables: Tree, data: Tree, batch_size: int, numbers: Tree) -> np.ndarray:
        """Reports of inference on the data, batch by batch."""
        reports = []
        with _threads(variables, batch_size):
            for start in range(0, len(data[0]), batch_size):
                batch = tuple(None if part is None else part[start : start + batch_size] for part in data)
                reports.append(step.evaluate(variables, batch, numbers))
        return np.stack(reports)


def _threads(state: Tree, batch_size: int) -> AbstractContextManager[Any]:
    """One thread for the products of a small step: waking a second one would cost more than it saves."""
    weights = sum(array.size for array in leaves(state["parameters"]))
    small = weights * batch_size <= SMALL_PRODUCTS
    return one_thread() if small else nullcontext()


def one_thread() -> AbstractContextManager[Any]:
    """One thread for NumPy's products within the block: a second one would spin for work that others may do."""
    return _libraries().limit(limits=1, user_api="blas")


@cache
def _libraries() -> Any:
    """The libraries of this process that have threads, NumPy's among them: the search takes as long as ten steps."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


class JaxEngine:
    """The step compiled: a loop of as many steps as the plan has, in one call.

    announce   called with True before a compilation and False after it
    """

    name = "jax"

    def __init__(self, *, dtype: Any = np.float32, announce: Callable[[bool], None] = lambda busy: None) -> None:
        self.dtype = np.dtype(dtype)
        self.announce = announce
        self.compilations, self.compiling = 0, 0.0  # how many, and their seconds
        self._programs: dict[Any, Any] = {}

    def put(self, tree: Tree) -> Tree:
        """The tree on the device, in memory of its own: a compiled call may write the new state over it.

        What already lies there, from a fit before, goes over as it is.
        """
        import jax.numpy as jnp

        with self._precision():
            return over(tree, lambda array: array if is_jax(array) else jnp.array(array, copy=True))

    def share(self, tree: Tree) -> Tree:
        """Data on the device; on a CPU, where alignment allows, the very memory of the NumPy array."""
        import jax

        with self._precision():
            return over(tree, jax.device_put)

    def host(self, tree: Tree) -> Tree:
        """A copy of the tree as NumPy arrays: a view would be overwritten by the next call."""
        return over(tree, aligned_copy)

    def give(self, tree: Tree) -> Tree:
        """The tree for the model to keep, as NumPy arrays; on a CPU they lie where the device's did.

        The tree must not be used any more: whoever holds the NumPy arrays may write into them.
        """
        return over(tree, lambda array: np.asarray(_Given(array)) if _on_host(array) else aligned_copy(array))

    def train(self, step: Step, state: Tree, frozen: Tree, data: Tree, plan: Plan, numbers: Tree) -> Outcome:
        """Take the steps of the plan, up to the first that is not finite, whose update is not taken.

        Looking at every weight in every step costs a small network a good part of its time.  So the loop of a small one
        looks at the loss alone and ends where that is not finite; the state is looked at once, after the call, since
        what is not finite stays so.  Only then are the steps taken again, from the old state, which the call has left
        alone, by the loop that looks at all of it.
        """
        small = sum(array.nbytes for array in leaves((state,))) <= SMALL_STATE
        if small:
            loop = _training_loop(step, trusting=True)
            new, reports, taken, finite = self._run(
                "trusting", step, loop, self._taken(state, frozen, data, plan, numbers)
            )
            if finite:
                return Outcome(new, np.array(reports)[: int(taken)], True)
        return self._guarded(step, state, frozen, data, plan, numbers, donate=() if small else (0,))

    def _guarded(
        self, step: Step, state: Tree, frozen: Tree, data: Tree, plan: Plan, numbers: Tree, donate: tuple[int, ...] = ()
    ) -> Outcome:
        """The steps of the plan by the loop that looks at all of the state."""
        loop = _training_loop(step, trusting=False)
        arguments = self._taken(state, frozen, data, plan, numbers)
        new, reports, taken, finite = self._run("guarded", step, loop, arguments, donate=donate)
        return Outcome(new, np.array(reports)[: int(taken)], bool(finite))

    def _taken(self, state: Tree, frozen: Tree, data: Tree, plan: Plan, numbers: Tree) -> tuple[Any, ...]:
        """What the compiled loop takes."""
        rows = plan.indices, *plan.columns()
        return state, frozen, data, rows, np.int32(plan.count), over(numbers, self.dtype.type)

    def evaluate(self, step: Step, variables: Tree, data: Tree, batch_size: int, numbers: Tree) -> np.ndarray:
        """Reports of inference on the data, batch by batch; a shorter last batch is a second program."""
        numbers = over(numbers, self.dtype.type)
        return self._inference("evaluate", step, _evaluation_loop, variables, data, batch_size, numbers)

    def _inference(
        self, kind: str, step: Step, loop: Callable[..., Any], variables: Tree, data: Tree, batch_size: int,
        numbers: Tree,
    ) -> np.ndarray:  # fmt: skip
        full, rest = divmod(len(data[0]), batch_size)
        parts = [(0, batch_size, full)] if full else []
        parts += [(full * batch_size, rest, 1)] if rest else []
        reports = []
        for start, size, count in parts:
            arguments = (variables, data, np.int32(start), numbers)
            reports.append(np.array(self._run((kind, size, count), step, loop(step, size, count), arguments)))
        return np.concatenate(reports)

    def _precision(self) -> AbstractContextManager[Any]:
        import jax

        return jax.enable_x64(True) if self.dtype == np.float64 else nullcontext()

    def _run(
        self, kind: Any, step: Step, function: Any, arguments: tuple[Any, ...], donate: tuple[int, ...] = ()
    ) -> Any:
        """Call the compiled program of this function for arguments of these shapes, compiling it at the first call."""
        import jax

        with self._precision():
            leaves, structure = jax.tree.flatten(arguments)
            shapes = tuple((leaf.shape, leaf.dtype) for leaf in leaves)
            signature = (kind, step.signature, structure, shapes)
            if signature not in self._programs:
                self._programs[signature] = self._compile(jax.jit(function, donate_argnums=donate), arguments)
            return self._programs[signature](*arguments)

    def _compile(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        from madi.training.compilation import cached_compilation

        self.announce(True)
        began = time.perf_counter()
        try:
            with cached_compilation():
                return function.lower(*arguments).compile()
        finally:
            _hand_back_free_memory()
            self.compilations += 1
            self.compiling += time.perf_counter() - began
            self.announce(False)


def _hand_back_free_memory() -> None:
    """What a compilation has freed goes back to the system: glibc would keep it, on top of all that training takes."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
        if trim is not None:
            trim(0)


class _Given:
    """An array of JAX's as NumPy takes it over: in the same memory, which lives as long as this does, and writable."""

    def __init__(self, array: Any) -> None:
        self.owner = array.block_until_ready()
        address = array.unsafe_buffer_pointer()
        kind = array.dtype.str
        self.__array_interface__ = {"shape": array.shape, "typestr": kind, "data": (address, False), "version": 3}


def _on_host(array: Any) -> bool:
    """Whether the array lies in memory that NumPy can use."""
    return is_jax(array) and array.size > 0 and {device.platform for device in array.devices()} == {"cpu"}


def _training_loop(step: Step, *, trusting: bool) -> Callable[..., Any]:
    """Many training steps as one program, which ends early after one that is not finite.

    trusting   look at the loss alone in the loop, and at the new state after it
    """
    import jax.numpy as jnp
    from jax import lax

    def take(*arguments: Any) -> tuple[Tree, Any, Any]:
        if not trusting:
            return step.train(*arguments)
        state, report = step.attempt(*arguments)
        return state, report, jnp.isfinite(report[0])

    def run(
        state: Tree, frozen: Tree, data: Tree, rows: tuple[Any, ...], count: Any, numbers: Tree
    ) -> tuple[Tree, Any, Any, Any]:
        def goes_on(carry: Any) -> Any:
            taken, _, _, finite = carry
            return (taken < count) & finite

        def body(carry: Any) -> Any:
            taken, state, reports, _ = carry
            row, *turn = (lax.dynamic_index_in_dim(part, taken, keepdims=False) for part in rows)
            batch = tuple(None if part is None else part.at[row].get(mode="promise_in_bounds") for part in data)
            state, report, finite = take(state, frozen, batch, numbers, *turn)
            return taken + 1, state, lax.dynamic_update_index_in_dim(reports, report, taken, 0), finite

        reports = jnp.zeros((len(rows[0]), 2 + sum(step.lengths)), rows[1].dtype)
        start = (jnp.int32(0), state, reports, jnp.bool_(True))
        taken, state, reports, finite = lax.while_loop(goes_on, body, start)
        return state, reports, taken, finite & all_finite(state) if trusting else finite

    return run


def _evaluation_loop(step: Step, size: int, count: int) -> Callable[..., Any]:
    """`count` batches of `size` examples in inference, from a given row on, as one program."""
    from jax import lax

    def run(variables: Tree, data: Tree, start: Any, numbers: Tree) -> Any:
        def body(carry: Any, number: Any) -> tuple[Any, Any]:
            row = start + number * size
            batch = tuple(None if part is None else lax.dynamic_slice_in_dim(part, row, size) for part in data)
            return carry, step.evaluate(variables, batch, numbers)

        return lax.scan(body, None, np.arange(count, dtype=np.int32))[1]

    return run


def over(tree: Tree, function: Callable[[Any], Any]) -> Tree:
    """The tree with `function` applied to every array; None stays None."""
    if tree is None:
        return None
    if isinstance(tree, dict):
        return {name: over(entry, function) for name, entry in tree.items()}
    if isinstance(tree, (tuple, list)):
        return type(tree)(over(entry, function) for entry in tree)
    return function(tree)

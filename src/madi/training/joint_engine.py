"""The engine of several trials at once: the same compiled step, batched over networks that differ in numbers only.

Every array of a trial's state has a leading axis of trials, and so have learning rates, random keys and
hyperparameters.  The examples have none: a step gathers its batch once, for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.kernels import random
from madi.training.engines import JaxEngine, Outcome, Plan, Tree, over
from madi.training.step import Step, all_finite


@dataclass(frozen=True)
class SharedPlan:
    """Some steps for all trials: rows of `indices` (steps, batch), of which `count` are steps.

    rates    (steps, trials), the learning rates
    keys     (trials, 2), under which each step's own random key lies
    firsts   (trials,), the number of each trial's next step
    """

    indices: np.ndarray
    rates: np.ndarray
    keys: np.ndarray
    firsts: np.ndarray
    count: int

    def of(self, trial: int) -> Plan:
        """The steps of one trial, as it takes them alone."""
        steps = self.firsts[trial] + np.arange(len(self.indices))
        keys = random.fold_in_each(self.keys[trial], steps)
        return Plan(self.indices, np.ascontiguousarray(self.rates[:, trial]), keys, self.count)


class JointEngine(JaxEngine):
    """Many steps of many trials in one compiled call."""

    def train_all(
        self, step: Step, state: Tree, frozen: Tree, data: Tree, plan: SharedPlan, numbers: Tree
    ) -> tuple[Tree, np.ndarray, np.ndarray]:
        """(new state, reports (steps, trials, entries), whether each trial stayed finite (trials,)).

        A trial that did not stay finite goes on through NaN; its old state is left as it was, and so are the others.
        """
        rows = plan.indices, plan.rates
        arguments = (state, frozen, data, rows, plan.keys, plan.firsts, np.int32(plan.count), numbers)
        new, reports, finite = self._run("all", step, _shared_loop(step), arguments)
        return new, np.array(reports)[: plan.count], np.array(finite)

    def train_carefully(self, step: Step, state: Tree, frozen: Tree, data: Tree, plan: Plan, numbers: Tree) -> Outcome:
        """The steps of one trial, up to the first that is not finite, whose update is not taken."""
        return self._guarded(step, state, frozen, data, plan, numbers)

    def evaluate_all(self, step: Step, variables: Tree, data: Tree, batch_size: int, numbers: Tree) -> np.ndarray:
        """Reports of inference on the data (batches, trials, entries)."""
        return self._inference("evaluate all", step, _shared_evaluation, variables, data, batch_size, numbers)


def _shared_loop(step: Step) -> Callable[..., Any]:
    """Many steps of all trials as one program."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    def take(state: Tree, frozen: Tree, batch: Tree, numbers: Tree, rate: Any, key: Any, number: Any) -> Any:
        return step.attempt(state, frozen, batch, numbers, rate, random.fold_in(key, number))

    take_all = jax.vmap(take, in_axes=(0, 0, None, 0, 0, 0, 0))

    def run(
        state: Tree, frozen: Tree, data: Tree, rows: tuple[Any, ...], keys: Any, firsts: Any, count: Any, numbers: Tree
    ) -> tuple[Tree, Any, Any]:
        def body(carry: Any) -> Any:
            taken, state, reports, finite = carry
            row, rate = (lax.dynamic_index_in_dim(part, taken, keepdims=False) for part in rows)
            batch = tuple(None if part is None else part.at[row].get(mode="promise_in_bounds") for part in data)
            state, report = take_all(state, frozen, batch, numbers, rate, keys, firsts + taken)
            reports = lax.dynamic_update_index_in_dim(reports, report, taken, 0)
            return taken + 1, state, reports, finite & jnp.isfinite(report[:, 0])

        reports = jnp.zeros((*rows[1].shape, step.entries), rows[1].dtype)
        start = (jnp.int32(0), state, reports, jnp.ones(len(keys), bool))
        _, state, reports, finite = lax.while_loop(lambda carry: carry[0] < count, body, start)
        return state, reports, finite & jax.vmap(all_finite)(state)

    return run


def _shared_evaluation(step: Step, size: int, count: int) -> Callable[..., Any]:
    """`count` batches of `size` examples in inference by all trials, from a given row on, as one program."""
    import jax
    from jax import lax

    def run(variables: Tree, data: Tree, start: Any, numbers: Tree) -> Any:
        def body(carry: Any, number: Any) -> tuple[Any, Any]:
            row = start + number * size
            batch = tuple(None if part is None else lax.dynamic_slice_in_dim(part, row, size) for part in data)
            return carry, jax.vmap(step.evaluate, in_axes=(0, None, 0))(variables, batch, numbers)

        return lax.scan(body, None, np.arange(count, dtype=np.int32))[1]

    return run


def stacked(trees: Sequence[Tree]) -> Tree:
    """Trees of one structure as one tree, whose arrays have a leading axis of trees."""
    first = trees[0]
    if isinstance(first, dict):
        return {name: stacked([tree[name] for tree in trees]) for name in first}
    return np.stack([np.asarray(tree) for tree in trees])


def one_of(tree: Tree, trial: int) -> Tree:
    """The part of one trial."""
    return over(tree, lambda array: array[trial])


def put_back(tree: Tree, trial: int, part: Tree) -> Tree:
    """The tree with another part of one trial, on the device."""
    if isinstance(tree, dict):
        return {name: put_back(entry, trial, part[name]) for name, entry in tree.items()}
    return tree.at[trial].set(part)

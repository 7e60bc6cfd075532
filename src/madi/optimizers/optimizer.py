"""The base of the optimizers: what all rules share, as pure functions on trees.

A tree is a dictionary from a parameter's path ("0.weight") to its array.  `init` makes the state, `update` takes
parameters, gradients and state and returns new ones; nothing is assigned in place, so the same code runs on NumPy's
arrays, on JAX's, and inside a compiled step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from madi.errors import ConfigurationError, UnknownNameError, closest, expect_shape
from madi.kernels.arrays import array_library
from madi.optimizers.clipping import clip_by_norm, clip_by_value
from madi.options import NON_NEGATIVE, POSITIVE, Options, checked_option, expect_number, option
from madi.schedules import Rate, expect_rate, rate_at

Tree = dict[str, Any]

STRUCTURE = ("learning_rate", "multipliers")  # the fields that are not single numbers


def learning_rate(default: float) -> Any:
    """The field of an optimizer's learning rate, with its default."""

    def check(owner: Optimizer, where: str, value: Any) -> Rate:
        return expect_rate(where, value, fix=f"Try {owner.usual_rate} for {type(owner).__name__}.")

    return checked_option(check, default, kw_only=False)


def _expect_multipliers(owner: Optimizer, where: str, value: Any) -> dict[str, float]:
    if value is not None and not isinstance(value, Mapping):
        raise ConfigurationError(f'{where} must map paths to factors, got {value!r}. Example: {{"0": 0.1}}.')
    return {
        path: expect_number(f"{where}[{path!r}]", factor, NON_NEGATIVE, fix="1 leaves the rate as it is.")
        for path, factor in (value or {}).items()
    }


@dataclass
class Optimizer(Options):
    """Base of the optimizers: a dataclass of options, and a rule for one array at a time.

    learning_rate   a positive number, or any function of the step (madi.schedules)
    weight_decay    factor of the penalty weight_decay / 2 |x|^2, whose gradient weight_decay x is added to gx
    clip_norm       the longest that all gradients together may be; None leaves them
    clip_value      the largest that one element of a gradient may be, either way; None leaves them.  Values are
                    clipped first, then the norm, then weight decay is added
    multipliers     {path: factor} on the learning rate: "0" covers "0.weight" and "0.bias"; the longest path wins

    Options may be assigned later (`optimizer.learning_rate = 0.01`) and are checked again.  Only whether the two clips
    are None, and which paths have multipliers, shape a compiled step; every number enters it as a value.

    A subclass names its `slots` (arrays that it keeps for each parameter) and defines `rule`.
    """

    learning_rate: Rate = learning_rate(1e-3)  # noqa: RUF009  (a field, not a shared default)
    _: KW_ONLY
    weight_decay: float = option(NON_NEGATIVE, 0.0, fix="Try 1e-4, or 0 for none.")
    clip_norm: float | None = option(POSITIVE, None, fix="Try 1.0, or None for no clipping.", optional=True)
    clip_value: float | None = option(POSITIVE, None, fix="Try 1.0, or None for no clipping.", optional=True)
    multipliers: Mapping[str, float] | None = checked_option(_expect_multipliers, None)

    slots: ClassVar[tuple[str, ...]] = ()
    usual_rate: ClassVar[float] = 0.01

    def __setattr__(self, name: str, value: Any) -> None:
        """Check an option when it is assigned, and refuse what is none."""
        field = {field.name: field for field in dataclasses.fields(self)}.get(name)
        if field is None:
            raise ConfigurationError(f"{type(self).__name__} has no option {name!r}. {self._suggest(name)}")
        object.__setattr__(self, name, self.checked(field, value))

    def _suggest(self, name: str) -> str:
        known = [field.name for field in dataclasses.fields(self)]
        near = closest(name, known)
        return f"Did you mean {near!r}?" if near else f"It has {', '.join(known)}."

    def rule(self, x: Any, gx: Any, numbers: SimpleNamespace, *slots: Any) -> tuple[Any, ...]:
        """One array's update, the equation of the class: -> (new x, *new slots).

        x, gx     the parameter and its gradient, weight decay included
        numbers   learning_rate (multiplied for this parameter), step (1 at the first update) and the options,
                  all scalars of x's dtype
        slots     the kept arrays, in the order of `slots`, shaped as x
        """
        raise NotImplementedError(f"{type(self).__name__}: an optimizer defines rule(x, gx, numbers, *slots).")

    def with_weight_decay(self, x: Any, gx: Any, numbers: SimpleNamespace) -> tuple[Any, Any]:
        """L2 regularization: (x, gx) -> (x, gx + weight_decay x)."""
        return x, gx + numbers.weight_decay * x

    def rate_at(self, step: int) -> float:
        """The learning rate at `step`, counted from 0, before any multiplier; computed on the host."""
        return rate_at(self.learning_rate, step)

    def rates(self, first: int, count: int) -> list[float]:
        """The learning rates of `count` steps from `first` on."""
        if not callable(self.learning_rate):
            return [self.rate_at(first)] * count
        return [self.rate_at(step) for step in range(first, first + count)]

    def numbers(self) -> dict[str, float]:
        """Every number but the learning rate, by name: the values that a compiled step takes.

        A clip that is None is left out; the multiplier of path "0" is called "multiplier:0".
        """
        names = [field.name for field in dataclasses.fields(self) if field.name not in STRUCTURE]
        options = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return options | {f"multiplier:{path}": factor for path, factor in (self.multipliers or {}).items()}

    def init(self, parameters: Tree) -> Tree:
        """The state before the first update: {"step": 0, slot: {path: zeros}}, in the parameters' library and dtypes.

        Raises UnknownNameError for a path in `multipliers` that covers no parameter.
        """
        for path in self.multipliers or {}:
            self._expect_known(path, parameters)
        library = array_library(*parameters.values())
        # `zeros` and not `zeros_like`: NumPy then leaves the memory to the system until it is written.
        zeros = {slot: {path: library.zeros(x.shape, x.dtype) for path, x in parameters.items()} for slot in self.slots}
        return {"step": library.zeros((), np.int32), **zeros}

    def _expect_known(self, path: str, parameters: Tree) -> None:
        if not any(_covers(path, known) for known in parameters):
            near = closest(path, parameters)
            hint = f"Did you mean {near!r}?" if near else "See model.parameters() for the paths."
            raise UnknownNameError(f"{type(self).__name__}: multipliers: no parameter lies under {path!r}. {hint}")

    def update(
        self,
        parameters: Tree,
        gradients: Tree,
        state: Tree,
        *,
        learning_rate: Any,
        numbers: Mapping[str, Any],
        decays: Mapping[str, bool],
    ) -> tuple[Tree, Tree]:
        """One step of every parameter that has a gradient: -> (new parameters, new state).

        learning_rate   `rate_at(step)`, or that number traced
        numbers         `numbers()`, or those numbers traced
        decays          which parameters weight decay applies to, by path: plain booleans

        Parameters without a gradient (frozen ones) pass through with their slots.  Dtypes are kept.
        Raises ShapeError where a gradient is not shaped as its parameter.
        """
        library = array_library(*parameters.values(), *gradients.values())
        gradients = self._clipped(gradients, numbers)
        step = library.asarray(state["step"] + 1)
        values = {**numbers, "learning_rate": learning_rate, "step": step}
        new_parameters = dict(parameters)
        new_state = {"step": step} | {slot: dict(state[slot]) for slot in self.slots}
        for path, gx in gradients.items():
            x = parameters[path]
            expect_shape(f"gradient of {path!r}", gx.shape, x.shape, fix="A gradient is shaped as its parameter.")
            scalars = self._scalars(path, values, x.dtype, library)
            kept = [state[slot][path] for slot in self.slots]
            new_parameters[path], *kept = self._update_one(x, gx, scalars, kept, decays[path], library)
            for slot, array in zip(self.slots, kept, strict=True):
                new_state[slot][path] = array
        return new_parameters, new_state

    def _update_one(
        self, x: Any, gx: Any, scalars: SimpleNamespace, kept: list[Any], decay: bool, library: ModuleType
    ) -> list[Any]:
        if decay:
            x, gx = self.with_weight_decay(x, gx, scalars)
        return [library.asarray(array) for array in self.rule(x, gx, scalars, *kept)]

    def _scalars(self, path: str, values: Mapping[str, Any], dtype: Any, library: ModuleType) -> SimpleNamespace:
        """The numbers in the parameter's dtype: one float64 among them would turn float32 weights into float64."""
        scalars = {name: library.asarray(value, dtype) for name, value in values.items()}
        covering = [prefix for prefix in self.multipliers or {} if _covers(prefix, path)]
        if covering:
            scalars["learning_rate"] = scalars["learning_rate"] * scalars[f"multiplier:{max(covering, key=len)}"]
        return SimpleNamespace(**scalars)

    def _clipped(self, gradients: Tree, numbers: Mapping[str, Any]) -> Tree:
        if self.clip_value is not None:
            gradients = clip_by_value(gradients, numbers["clip_value"])
        if self.clip_norm is not None:
            gradients = clip_by_norm(gradients, numbers["clip_norm"])
        return gradients


def _covers(prefix: str, path: str) -> bool:
    return path == prefix or path.startswith(prefix + ".")

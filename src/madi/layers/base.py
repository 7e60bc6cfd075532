"""Layer: parameters, and the nodes that they take part in.

A layer is data.  `apply` never assigns to it: it makes a copy whose parameters are the values it was given, and calls
that copy, so that a compiled program can trace the very code that a person reads.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np

from madi.errors import ShapeError, UnknownNameError, closest
from madi.graph import Array, Parameter, Variable, no_grad
from madi.kernels import random
from madi.layers.calling import building, calling, join, plant, recording, sizes


class Layer:
    """Base of all layers.  A user's own layer overrides `build(shape, key)` and `__call__(x)`.

    build(shape, key)   makes the parameters, for one example of `shape` (the batch axis left out), from a random key.
                        A layer that only holds other layers needs none: they build themselves when it is first called.
    __call__(x)         Variable in, Variable out.  It may also take `training` and `key` (keyword-only, so named), and
                        then passes them on to the layers within.

    Parameters, layers, and lists or dictionaries of layers register by being assigned to an attribute.  `states` names
    the attributes that hold running statistics, `numbers` those that hold hyperparameters which may change without a
    new compilation.  The arguments of the constructor are kept, and saved with the model.

    >>> class Scale(Layer):
    ...     def build(self, shape, key):
    ...         self.factor = Parameter(np.ones(shape[-1:], np.float32))
    ...     def __call__(self, x):
    ...         return x * self.factor
    """

    states: ClassVar[tuple[str, ...]] = ()
    numbers: ClassVar[tuple[str, ...]] = ()
    transparent: ClassVar[str | None] = None  # an attribute that adds nothing to the paths of what it holds

    arguments: Mapping[str, Any] = MappingProxyType({})
    input_shape: tuple[int, ...] | None = None
    classes: tuple[str, ...] | None = None  # names of the classes that its outputs stand for, saved with a model
    path = ""
    stream = 0  # a number that belongs to its path: each layer of a model draws its own random bits

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, wrap in (("__init__", recording), ("build", building), ("__call__", calling)):
            if name in vars(cls):
                setattr(cls, name, wrap(vars(cls)[name]))

    def build(self, shape: Any, key: Any = None, *, seed: int = 0) -> Self:
        """Make the parameters of this layer and of all within it, for one example of `shape`.

        shape   sizes of one example, the batch axis left out: (784,) or (28, 28, 1)
        key     a random key; `seed` makes one where it is left out

        Building again starts from new random weights.  Returns the layer.  Raises ShapeError where layers do not fit.
        """
        self.output_shape()
        return self

    def ensure_built(self, shape: Any, key: Any = None) -> Self:
        """Build what is not built yet, for one example of `shape`; what has weights keeps them.  Returns the layer."""
        if self.input_shape is None:
            self._prepare(sizes(shape), key)
            self.output_shape()
        return self

    def _prepare(self, shape: tuple[int, ...], key: Any = None) -> None:
        """Be ready for a first call: with parameters of its own, or with a key planted in each layer within."""
        if type(self).build is not Layer.build:
            self.build(shape, key, anew=False)  # type: ignore[call-arg]  # of what `_building` makes of build
        else:
            self.input_shape = shape
            plant(self, random.key(0) if key is None else key, anew=False)

    def __call__(self, *inputs: Any, **options: Any) -> Variable:
        """The layer's output for a batch: `layer(x, training=False, key=None)`.

        inputs          arrays or Variables whose first axis is the examples
        training, key   matter to dropout and batch norm alone
        """
        raise NotImplementedError(f"{type(self).__name__} defines no __call__(self, x)")

    # ---- what it holds

    def members(self) -> Iterator[tuple[str, Layer | Parameter]]:
        """(name, member) for each Parameter and Layer held directly, in the order of their attributes."""
        for attribute, value in vars(self).items():
            if attribute == "arguments":  # what the constructor was given, not what the layer holds
                continue
            prefix = [] if attribute == self.transparent else [attribute]
            for path, member in _members(value, prefix):
                yield ".".join(path), member

    def walk(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        """(path, layer) for this layer and all within it, outer ones first."""
        yield prefix, self
        for name, member in self.inner_layers():
            yield from member.walk(join(prefix, name))

    def inner_layers(self) -> list[tuple[str, Layer]]:
        """(name, layer) for each Layer held directly."""
        return [(name, member) for name, member in self.members() if isinstance(member, Layer)]

    def parameters(self) -> dict[str, Parameter]:
        """Every Parameter by its path ("0.weight"), in order.  One that is used twice appears once."""
        found: dict[int, tuple[str, Parameter]] = {}
        for path, layer in self.walk():
            for name, member in layer.members():
                if isinstance(member, Parameter):
                    found.setdefault(id(member), (join(path, name), member))
        return dict(found.values())

    def state(self) -> dict[str, Array]:
        """Running statistics by path ("1.mean"), in order."""
        return self._gather("states")

    def hyperparameters(self) -> dict[str, Any]:
        """Numbers of the layers by path ("2.rate"): they travel as values, so changing one compiles nothing."""
        return self._gather("numbers")

    def _gather(self, kind: str) -> dict[str, Any]:
        return {join(path, name): getattr(layer, name) for path, layer in self.walk() for name in getattr(layer, kind)}

    # ---- the pure call

    def apply(
        self, parameters: dict[str, Any], state: dict[str, Any], x: Any, *, training: bool = False, key: Any = None,
        numbers: dict[str, Any] | None = None,
    ) -> tuple[Variable, dict[str, Array]]:  # fmt: skip
        """The layer as a pure function: (parameters, state, x) -> (output, new state).  Assigns nothing to the layer.

        parameters   arrays or Variables by path, as `parameters()` names them; state, numbers: likewise
        """
        self.shape_of_one()  # an unbuilt layer would draw new weights at every call
        bound = self.bind({**parameters, **state, **(numbers or {})})
        return bound(x, training=training, key=key), bound.state()

    def bind(self, values: dict[str, Any]) -> Self:
        """A copy of this layer that holds `values` by path in place of its own parameters, state and numbers."""
        return _bind(self, values, "", {})

    # ---- shapes

    def output_shape(self, shape: tuple[int, ...] | None = None) -> tuple[int, ...]:
        """Shape of one example's output, for one example of `shape` (default: the shape it was built for).

        Nothing is computed: the layer is traced on shapes alone.
        """
        import jax

        shape = self.shape_of_one() if shape is None else shape
        example = jax.ShapeDtypeStruct((1, *shape), np.float32)
        with no_grad():
            return jax.eval_shape(lambda x: self(Variable(x)).value, example).shape[1:]

    def shape_of_one(self) -> tuple[int, ...]:
        """The shape of one example that the layer was built for; ShapeError where it is not built yet."""
        if self.input_shape is None:
            raise ShapeError(f"{self.label()} is not built yet: call build(shape of one example) first.")
        return self.input_shape

    # ---- changing a model

    def freeze(self, path: str = "") -> Self:
        """Keep the parameters at and below `path` as they are: training passes them by.  Returns the layer."""
        return self._set_trainable(path, False)

    def unfreeze(self, path: str = "") -> Self:
        """Let training change the parameters at and below `path` again.  Returns the layer."""
        return self._set_trainable(path, True)

    def _set_trainable(self, path: str, trainable: bool) -> Self:
        chosen = [p for name, p in self.parameters().items() if not path or name == path or name.startswith(f"{path}.")]
        layers = dict(self.walk())
        if not chosen and path not in layers:
            raise self._no_such(path, [*layers, *self.parameters()])
        if not chosen:
            layers[path].shape_of_one()  # what is not built yet has no parameters that could be frozen
        for parameter in chosen:
            parameter.trainable = trainable
        return self

    def replace(self, path: str, layer: Layer, *, seed: int = 0) -> Self:
        """Put `layer` in the place of the one at `path`.  Returns the model.

        In a built model it is built for the same input; weights that it has already it keeps.
        """
        layers = dict(self.walk())
        if not path or path not in layers:
            raise self._no_such(path, layers)
        if layers[path].input_shape is not None:
            layer.ensure_built(layers[path].input_shape, random.fold_in(random.key(seed), layers[path].stream))
        parent, _, name = path.rpartition(".")
        while parent not in layers:
            parent, _, head = parent.rpartition(".")
            name = f"{head}.{name}"
        layers[parent].put(name, layer)
        return self

    def put(self, name: str, member: Layer | Parameter) -> None:
        """Set the member called `name` (as `members` names it) to `member`."""
        attribute, *inner = name.split(".")
        if self.transparent is not None and attribute not in vars(self):
            attribute, inner = self.transparent, [attribute, *inner]
        setattr(self, attribute, _replaced(getattr(self, attribute), inner, member) if inner else member)
        self.number_layers()

    def _no_such(self, path: str, known: Any) -> UnknownNameError:
        known = [name for name in known if name]
        near = closest(path, known)
        return UnknownNameError(
            f"{self.label()}: nothing is called '{path}'. " + (f"Did you mean '{near}'? " if near else "")
            + f"Known: {', '.join(known)}."
        )  # fmt: skip

    def number_layers(self) -> None:
        """Give every layer within its path; one that is used twice is called by its first place."""
        for path, layer in reversed(list(self.walk(self.path))):
            layer.settle(path)

    def settle(self, path: str) -> None:
        """Take a place in a model: its path, and the number of the random stream that belongs to it."""
        self.path, self.stream = path, zlib.crc32(path.encode())

    # ---- how it looks

    def label(self) -> str:
        """What messages call it: "Dense '2'", or "Dense" for a layer that stands alone."""
        return f"{type(self).__name__} '{self.path}'" if self.path else type(self).__name__

    def summary(self) -> Any:
        """A table of the layers: output shape, parameters, multiply-adds.  Print it, or look at its rows."""
        from madi.layers.summary import Summary

        return Summary(self)

    def __repr__(self) -> str:
        live = {name: getattr(self, name) for name in self.numbers}
        shown = ", ".join(f"{name}={value!r}" for name, value in {**self.arguments, **live}.items())
        return f"{type(self).__name__}({shown})"


def _members(value: Any, path: list[str]) -> Iterator[tuple[list[str], Layer | Parameter]]:
    if isinstance(value, (Layer, Parameter)):
        yield path, value
    elif isinstance(value, (list, tuple, dict)):
        for name, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _members(entry, [*path, str(name)])


def _replaced(value: Any, path: list[str], member: Layer | Parameter) -> Any:
    """`value` with the entry at `path` replaced by `member`."""
    if not path:
        return member
    if isinstance(value, dict):
        return {
            name: _replaced(entry, path[1:], member) if str(name) == path[0] else entry for name, entry in value.items()
        }
    return type(value)(_replaced(e, path[1:], member) if str(i) == path[0] else e for i, e in enumerate(value))


def _bind(value: Any, values: dict[str, Any], path: str, memo: dict[int, Any]) -> Any:
    """A copy of a layer, parameter or collection of them in which `values` stand by path; a shared one stays shared."""
    if isinstance(value, (Layer, Parameter)) and id(value) in memo:
        return memo[id(value)]
    if isinstance(value, Parameter):
        memo[id(value)] = _bound_parameter(value, values.get(path, value))
        return memo[id(value)]
    if isinstance(value, Layer):
        return _bind_layer(value, values, path, memo)
    if isinstance(value, dict):
        return {name: _bind(entry, values, join(path, str(name)), memo) for name, entry in value.items()}
    if isinstance(value, (list, tuple)) and any(True for _ in _members(value, [])):
        return type(value)(_bind(entry, values, join(path, str(i)), memo) for i, entry in enumerate(value))
    return value


def _bind_layer(layer: Layer, values: dict[str, Any], path: str, memo: dict[int, Any]) -> Layer:
    bound = memo[id(layer)] = copy.copy(layer)
    for attribute, value in vars(layer).items():
        if attribute == "arguments":
            continue
        inner = path if attribute == layer.transparent else join(path, attribute)
        plain = attribute in layer.states or attribute in layer.numbers
        vars(bound)[attribute] = values.get(inner, value) if plain else _bind(value, values, inner, memo)
    return bound


def _bound_parameter(parameter: Parameter, value: Any) -> Variable:
    if isinstance(value, Variable):
        return value
    return Parameter(value, parameter.name, trainable=parameter.trainable, decay=parameter.decay)


Layer.build = building(Layer.build)  # type: ignore[method-assign]

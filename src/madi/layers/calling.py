"""What every layer's methods do besides their own work: keep arguments, build at the first call, tell observers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.errors import ConfigurationError, ShapeError
from madi.graph import Variable, as_variables
from madi.kernels import random

if TYPE_CHECKING:
    from madi.layers.base import Layer

LayerObserver = Callable[["Layer", Variable, Variable], None]

_observer: ContextVar[LayerObserver | None] = ContextVar("madi_layer_observer", default=None)
_running: ContextVar[tuple[Layer, ...]] = ContextVar("madi_running_layers", default=())


@contextmanager
def observing_layers(observer: LayerObserver) -> Iterator[None]:
    """Within the block `observer(layer, x, y)` is called after each layer's call, inner layers first."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def observed() -> bool:
    """Whether somebody looks at each layer's call."""
    return _observer.get() is not None


def running_layers() -> tuple[Layer, ...]:
    """The layers whose calls are going on, outermost first; kept only within `observing_layers`."""
    return _running.get()


def join(prefix: str, name: str) -> str:
    """The path of `name` within `prefix`; an empty one adds nothing."""
    return f"{prefix}.{name}" if prefix and name else prefix or name


def recording(initialize: Callable[..., None]) -> Callable[..., None]:
    """A constructor that keeps its arguments, the outermost class's where constructors call each other."""
    signature = inspect.signature(initialize)

    @functools.wraps(initialize)
    def recorded(self: Layer, *args: Any, **options: Any) -> None:
        if "arguments" not in vars(self):
            given = signature.bind(self, *args, **options).arguments
            self.arguments = {name: value for name, value in given.items() if name != "self"}
        initialize(self, *args, **options)

    return recorded


def building(build: Callable[..., Any]) -> Callable[..., Any]:
    """A build that may be called with a seed, keeps the shape it was for, and returns the layer."""

    @functools.wraps(build)
    def built(self: Layer, shape: Any, key: Any = None, *, seed: int = 0, anew: bool = True) -> Layer:
        key = random.key(seed) if key is None else random.raw_key(key)
        example = sizes(shape)
        with _unbuilt_on_error(self):
            self.input_shape = example
            plant(self, key, anew=anew)
            build(self, example, key)
            plant(self, key, anew=False)  # layers that `build` itself has made
            name_parameters(self)
            if anew and any(layer.input_shape is None for _, layer in self.walk()):
                self.output_shape()
        return self

    return built


def name_parameters(layer: Layer) -> None:
    """Call each parameter by its path in the model, for drawings and messages."""
    for name, parameter in layer.parameters().items():
        parameter.name = join(layer.path, name)


@contextmanager
def _unbuilt_on_error(layer: Layer) -> Iterator[None]:
    """A layer that could not be built for one shape may be built for another."""
    try:
        yield
    except Exception:
        layer.input_shape = None
        raise


def sizes(shape: Any) -> tuple[int, ...]:
    """`shape` as a tuple of Python ints; ShapeError unless all are whole numbers above 0."""
    given = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if not all(isinstance(size, (int, np.integer)) and size > 0 for size in given):
        raise ShapeError(f"build: expected the sizes of one example, such as (784,) or (28, 28, 1), got {shape!r}.")
    return tuple(int(size) for size in given)


def plant(layer: Layer, key: Any, *, anew: bool) -> None:
    """Give the layer its key, and those within their paths and keys; with `anew`, these lose the weights they have.

    Backwards, so that a layer that is used twice belongs to its first place.
    """
    vars(layer)["_key"] = key
    for number, (name, member) in reversed(list(enumerate(layer.inner_layers()))):
        member.settle(join(layer.path, name))
        member.input_shape = None if anew else member.input_shape
        plant(member, random.fold_in(key, number), anew=anew)


def calling(call: Callable[..., Variable]) -> Callable[..., Variable]:
    """A call that takes arrays too, builds the layer at the first one, and passes on what the layer asks for."""
    taken = inspect.signature(call).parameters
    takes_all = any(entry.kind is entry.VAR_KEYWORD for entry in taken.values())

    @functools.wraps(call)
    def called(self: Layer, x: Any, *others: Any, training: bool = False, key: Any = None, **options: Any) -> Variable:
        x = x if isinstance(x, Variable) else as_variables((x,))[0]
        asked = {"training": training, "key": key}
        options.update({name: value for name, value in asked.items() if takes_all or name in taken})
        with _unbuilt_on_error(self) if self.input_shape is None else nullcontext():
            if self.input_shape is None:
                self._prepare(x.shape[1:], vars(self).get("_key"))
            if training and "training" not in options:
                _expect_none_in_training(self)
            return _observed(call, self, x, *others, **options)

    called.takes_training = takes_all or "training" in taken  # type: ignore[attr-defined]
    return called


def _expect_none_in_training(layer: Layer) -> None:
    """Raise ConfigurationError where a layer within would never hear that this is training."""
    for path, inner in layer.walk():
        hears = getattr(type(inner).__call__, "takes_training", False)
        if inner is not layer and hears and not inner.inner_layers():
            raise ConfigurationError(
                f"{layer.label()}: its __call__ takes no training, so {type(inner).__name__} '{path}' within it would "
                "act as in inference. Declare __call__(self, x, *, training=False, key=None) and pass both on."
            )


def _observed(call: Callable[..., Variable], layer: Layer, x: Variable, *others: Any, **options: Any) -> Variable:
    """The layer's call, told to the observer where there is one."""
    if (observer := _observer.get()) is None:
        return call(layer, x, *others, **options)
    token = _running.set((*_running.get(), layer))
    try:
        y = call(layer, x, *others, **options)
    finally:
        _running.reset(token)
    observer(layer, x, y)
    return y

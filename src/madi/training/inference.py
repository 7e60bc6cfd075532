"""How a model answers: on NumPy or by a compiled program, and what of that is kept from one question to the next."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from threading import RLock
from typing import Any
from weakref import ref

import numpy as np

from madi.graph import no_grad
from madi.kernels.arrays import ALIGNMENT
from madi.layers import Layer
from madi.layers.snapshot import Snapshot
from madi.training.choice import compiling_pays, inference_seconds

KEPT = 8  # programs of one model: those of its latest settings

Answer = Callable[[np.ndarray], np.ndarray]
Shape = tuple[int, ...]


class Program:
    """A model's inference under one set of settings: compiled for the shapes of batches that ask for it.

    By the rule for renting skis: NumPy answers as long as what it has taken for this shape so far, this time included,
    is less than compiling would take.  So a single prediction is quick, a loop becomes quick by itself, and no job
    takes more than about twice its best time.  Both times are estimates from the model's size, so that the same calls
    give the same bits on every run.
    """

    def __init__(self, model: Layer, snapshot: Snapshot) -> None:
        import jax

        self._model, paths = ref(model), tuple(snapshot.parameters)  # kept on the model, which it must not keep alive

        def run(parameters: list[Any], state: Any, numbers: Any, x: Any) -> Any:
            with no_grad():
                return self.model.apply(dict(zip(paths, parameters, strict=True)), state, x, numbers=numbers)[0].value

        self.compiled = jax.jit(run)
        self.shapes: set[Any] = set()  # of batches it is compiled for
        self.seconds: dict[Any, float] = {}  # that NumPy has taken for batches of a shape
        self.layers = snapshot.layers

    @property
    def model(self) -> Layer:
        """The model; whoever asks for its output holds it."""
        found: Any = self._model()
        return found

    @cached_property
    def work(self) -> tuple[int, int]:
        """Multiplications, each with its addition, of one example, and what its convolutions write on NumPy."""
        summary = self.model.summary()
        return summary.multiply_adds, summary.numpy_writes

    def due(self, batch: Any, examples: int, batches: int) -> bool:
        """Whether to answer by the compiled program; counts the time on NumPy where not."""
        if batch in self.shapes:
            return True
        multiply_adds, writes = self.work
        spent = inference_seconds(self.layers, multiply_adds, examples, batches, writes=writes)
        return compiling_pays(self.seconds, batch, spent, self.layers)


@dataclass(frozen=True)
class Seen:
    """A model as it was looked at last: what it consists of, its program, and its weights for it."""

    snapshot: Snapshot
    program: Program
    views: Views


class Inference:
    """What is kept with a model for its next prediction.  Safe to ask from several threads."""

    def __init__(self, model: Layer) -> None:
        self.model = ref(model)
        self._lock = RLock()
        self._seen: Seen | None = None
        self._programs: dict[Any, Program] = {}

    @classmethod
    def of(cls, model: Layer) -> Inference:
        """That of the model: a copy of a model has its own."""
        found = vars(model).get("_inference")
        if found is None or found.model() is not model:
            found = vars(model)["_inference"] = cls(model)
        return found

    def __reduce__(self) -> Any:
        """Nothing of it is copied or pickled with the model."""
        return type(None), ()

    def look(self, model: Layer, shape: Shape | None = None) -> Seen:
        """The model as it is now, and its program; built for examples of `shape`, if it is not built yet."""
        with self._lock:
            if shape is not None:
                model.ensure_built(shape)
            if self._seen is None or not self._seen.snapshot.holds():
                snapshot = Snapshot(model)
                self._seen = Seen(snapshot, self._program(model, snapshot), Views())
            return self._seen

    def _program(self, model: Layer, snapshot: Snapshot) -> Program:
        if snapshot.key not in self._programs:
            while len(self._programs) >= KEPT:
                del self._programs[next(iter(self._programs))]
            self._programs[snapshot.key] = Program(model, snapshot)
        return self._programs[snapshot.key]

    def answer(self, seen: Seen, x: np.ndarray, size: int, engine: str) -> Answer:
        """The function that gives the outputs of each batch, of `size` examples, of x."""
        program = seen.program
        batch = size, x.shape[1:], x.dtype
        if engine == "auto":
            with self._lock:
                engine = "jax" if program.due(batch, len(x), -(-len(x) // size)) else "numpy"
        return _eager(program.model) if engine == "numpy" else _compiled(program, batch, seen)


def _eager(model: Layer) -> Answer:
    def answer(x: np.ndarray) -> np.ndarray:
        with no_grad(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # as a compiled program does
            return np.asarray(model(x).value)

    return answer


def _compiled(program: Program, batch: Any, seen: Seen) -> Answer:
    """The compiled program on the weights as they are at each call."""

    def answer(x: np.ndarray) -> np.ndarray:
        snapshot = seen.snapshot
        with _precision(x.dtype):
            weights = seen.views.of([parameter.value for parameter in snapshot.parameters.values()])
            found = np.array(program.compiled(weights, snapshot.state, snapshot.numbers, x))
        program.shapes.add(batch)
        return found

    return answer


class Views:
    """Arrays as a compiled call takes them, which sees what somebody writes into them.

    An array that begins at a multiple of 64 bytes is handed over once: what XLA then has is a view of the very same
    memory, by the address.  Any other is handed over at every call, and copied there.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Any, tuple[int, ...], Any]] = {}

    def of(self, arrays: list[Any]) -> list[Any]:
        """A view of each array where there is one, else the array."""
        return [self._of(place, array) for place, array in enumerate(arrays)]

    def _of(self, place: int, array: Any) -> Any:
        kept = self._kept.get(place)
        if kept is None or kept[0] is not array or kept[1] != array.shape:
            kept = self._kept[place] = array, array.shape, _view(array)
        return kept[2]


def _view(array: Any) -> Any:
    import jax

    if not isinstance(array, np.ndarray) or array.ctypes.data % ALIGNMENT or not array.size:
        return array
    view = jax.device_put(array)
    same = view.dtype == array.dtype and view.unsafe_buffer_pointer() == array.ctypes.data
    return view if same else array


def _precision(dtype: Any) -> Any:
    import jax

    return jax.enable_x64(True) if dtype == np.float64 else nullcontext()

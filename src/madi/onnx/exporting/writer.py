"""The graph as it is written: nodes, constants, and values in either order of axes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from madi.onnx.exporting.tracing import Call, Shape
from madi.onnx.refusal import Unsupported


@dataclass
class Line:
    """One node as it will stand in the file: inputs and outputs by name."""

    kind: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)


class Tensor:
    """A value in the file, by the names that it has there.

    shape   as madi has it, channels last; None for the count of examples
    dtype   NumPy's name
    known   the array, where the value is a constant
    path    of the parameter that the constant is

    Images lie channels last in madi and channels first in ONNX.  A value has a name in the order in which it was made,
    and gets one in the other where somebody asks for it (`Writer.last`, `Writer.first`): a chain of convolutions,
    activations and pools moves nothing.
    """

    __slots__ = ("dtype", "known", "names", "path", "shape")

    def __init__(
        self, shape: Shape, dtype: str, *, last: str = "", first: str = "", known: Any = None, path: str = ""
    ) -> None:
        self.shape, self.dtype, self.known, self.path = tuple(shape), dtype, known, path
        self.names = {"last": last, "first": first}

    @property
    def ndim(self) -> int:
        """Count of axes."""
        return len(self.shape)

    @property
    def lies_first(self) -> bool:
        """Whether the value is there channels first, and not yet channels last."""
        return bool(self.names["first"]) and not self.names["last"]


class Writer:
    """What an exporter writes with; it knows the call that is being written.

    opset   the version of ONNX's operators
    paths   the path of a parameter or running statistic by the id of its array
    """

    def __init__(self, opset: int, *, paths: Mapping[int, str] | None = None) -> None:
        self.opset, self.paths = opset, paths or {}
        self.lines: list[Line] = []
        self.constants: dict[str, np.ndarray] = {}
        self.taken: Counter[str] = Counter()
        self.fixed: set[str] = set()  # names of values that must stay
        self.place = ""
        self.call: Call | None = None
        self.written: dict[Any, str] = {}

    # ---- what an exporter uses

    @property
    def shape(self) -> Shape:
        """Of the call's first output."""
        return () if self.call is None else self.call.outputs[0].shape

    @property
    def dtype(self) -> str:
        """Of the call's first output."""
        return "float32" if self.call is None else self.call.outputs[0].dtype

    def __call__(
        self, kind: str, *inputs: Any, shape: Shape | None = None, dtype: str | None = None, **attributes: Any
    ) -> Tensor:
        """One node on values in madi's order of axes; arrays and numbers become constants.

        shape, dtype   of its output; left out: those of the call's own
        """
        last = self.line(kind, self.lasts(*inputs), **attributes)[0]
        return Tensor(self.shape if shape is None else shape, dtype or self.dtype, last=last)

    def images(self, kind: str, x: Tensor, *inputs: Any, shape: Shape | None = None, **attributes: Any) -> Tensor:
        """One node on images x, channels first; what follows x goes in as it is."""
        first = self.line(kind, [self.first(x), *self.lasts(*inputs)], **attributes)[0]
        return Tensor(self.shape if shape is None else shape, x.dtype, first=first)

    def elementwise(self, kind: str, *inputs: Any, dtype: str | None = None, **attributes: Any) -> Tensor:
        """One node that works number by number, and broadcasts, in the order in which its inputs lie."""
        tensors = [self.tensor(entry) for entry in inputs]
        shape = broadcast(*(tensor.shape for tensor in tensors))
        ndim = len(shape)
        first = any(tensor.lies_first and tensor.ndim == ndim for tensor in tensors)
        if not first or any(tensor.known is None and tensor.ndim != ndim for tensor in tensors):
            return self(kind, *tensors, shape=shape, dtype=dtype, **attributes)
        names = [self.first(raised(tensor, ndim)) for tensor in tensors]
        return Tensor(shape, dtype or self.dtype, first=self.line(kind, names, **attributes)[0])

    def along(self, kind: str, x: Tensor, axis: int, *, dtype: str | None = None, **attributes: Any) -> Tensor:
        """One node that works along one axis of x, and keeps its shape."""
        if not x.lies_first:
            return self(kind, x, shape=x.shape, dtype=dtype, axis=axis % x.ndim, **attributes)
        name = self.line(kind, [self.first(x)], axis=channels_first(axis, x.ndim), **attributes)[0]
        return Tensor(x.shape, dtype or x.dtype, first=name)

    def tensor(self, value: Any) -> Tensor:
        """A Tensor as it is; an array or a number as a constant, real numbers as float32."""
        if isinstance(value, Tensor):
            return value
        array = as_written(np.asarray(value))
        return Tensor(array.shape, array.dtype.name, known=array, path=self.paths.get(id(value), ""))

    def cast(self, x: Any, dtype: str) -> Tensor:
        """x as numbers of this type."""
        x = self.tensor(x)
        if x.dtype == dtype:
            return x
        if x.known is not None:
            return Tensor(x.shape, dtype, known=x.known.astype(dtype))
        return self.elementwise("Cast", x, dtype=dtype, to=code_of(dtype))

    def reshape(self, x: Tensor, shape: Shape) -> Tensor:
        """The numbers of x in another shape, of which the one size that depends on the examples may be None."""
        if sum(size is None for size in shape) > 1:
            raise Unsupported(
                f"{self.where}: a shape {shape} in which two sizes depend on the number of examples "
                "cannot be written. Keep the examples on one axis."
            )
        sizes = np.array([-1 if size is None else size for size in shape], np.int64)
        return Tensor(shape, x.dtype, last=self.line("Reshape", [self.flowing(x), self.constant(sizes)])[0])

    def moved(self, x: Tensor, axes: Sequence[int]) -> Tensor:
        """x with its axes in another order: a constant as such, or a Transpose."""
        order = tuple(axes)
        known = x.known is not None
        last = self.constant(x.known, x.path, order) if known else self.line("Transpose", [self.last(x)], perm=order)[0]
        return Tensor(tuple(x.shape[axis] for axis in order), x.dtype, last=last)

    def flatten(self, x: Tensor) -> Tensor:
        """All axes of x after the first as one, in madi's order."""
        last = self.line("Flatten", [self.flowing(x)], axis=1)[0]
        return Tensor((x.shape[0], math.prod(size or 1 for size in x.shape[1:])), x.dtype, last=last)

    def held(self, x: Tensor, low: Tensor | None, high: Tensor | None) -> Tensor:
        """x between single numbers, in the order in which it lies."""
        order = "first" if x.lies_first else "last"
        name = self.first(x) if x.lies_first else self.last(x)
        return Tensor(x.shape, x.dtype, **{order: self.line("Clip", [name, *self.lasts(low, high)])[0]})

    def padded(self, x: Tensor, widths: Sequence[Sequence[int]], *, mode: str = "constant", value: float = 0) -> Tensor:
        """x with numbers around it: (before, after) for each axis, in madi's order; in the order in which it lies."""
        order, ends = "first" if x.lies_first else "last", list(map(tuple, widths))
        moved = [*ends[:1], ends[-1], *ends[1:-1]] if x.lies_first and x.ndim > 2 else ends
        pads = np.array([before for before, _ in moved] + [after for _, after in moved], np.int64)
        names = [self.first(x) if x.lies_first else self.last(x), self.constant(pads)]
        if value:
            names.append(self.constant(np.array(value, np.float32)))
        shape = tuple(size and size + sum(pair) for size, pair in zip(x.shape, ends, strict=True))
        return Tensor(shape, x.dtype, **{order: self.line("Pad", names, mode=mode)[0]})

    @property
    def where(self) -> str:
        """What messages call the layer whose node is being written."""
        return "the network" if self.call is None else self.call.layer

    # ---- names

    def lasts(self, *inputs: Any) -> list[str]:
        """The names of values as madi has them; "" for None, an input that is left out."""
        return ["" if entry is None else self.last(self.tensor(entry)) for entry in inputs]

    def last(self, x: Tensor) -> str:
        """The name of x as madi has it."""
        return self._named(x, "last", "first", lambda ndim: (0, *range(2, ndim), 1))

    def first(self, x: Tensor) -> str:
        """The name of x with the channels first."""
        return self._named(x, "first", "last", lambda ndim: (0, ndim - 1, *range(1, ndim - 1)))

    def flowing(self, x: Tensor) -> str:
        """The name of x for a node to which only the sequence of the numbers in memory matters, in madi's order."""
        still = all(size == 1 for size in x.shape[1:-1]) or x.shape[-1:] == (1,)
        return x.names["first"] if x.lies_first and still else self.last(x)

    def _named(self, x: Tensor, order: str, other: str, axes: Any) -> str:
        if not x.names[order]:
            if x.ndim < 3:
                x.names[order] = x.names[other] or self.constant(x.known, x.path)
            elif x.known is not None:
                x.names[order] = self.constant(x.known, x.path, axes(x.ndim) if order == "first" else None)
            else:
                x.names[order] = self.line("Transpose", [x.names[other]], perm=axes(x.ndim))[0]
        return x.names[order]

    # ---- what stands in the file

    def line(self, kind: str, inputs: Sequence[str], *, outputs: int = 1, **attributes: Any) -> list[str]:
        """Write a node; the names of its outputs."""
        name = self.free(f"{self.place}/{kind}" if self.place else kind)
        made = [name if number == 0 else self.free(f"{name}.{number}") for number in range(outputs)]
        self.lines.append(Line(kind, name, list(inputs), made, attributes))
        return made

    def constant(self, array: Any, path: str = "", axes: Sequence[int] | None = None) -> str:
        """The name of a constant; the same array, in the same order of axes, is written once."""
        moved = np.ascontiguousarray(array if axes is None else np.transpose(array, axes)).reshape(
            np.shape(array) if axes is None else [np.shape(array)[axis] for axis in axes]
        )
        key = (path, moved.shape, axes) if path else (moved.dtype.str, moved.shape, moved.tobytes())
        if key not in self.written:
            self.written[key] = self.free(path or (f"{self.place}/constant" if self.place else "constant"))
            self.constants[self.written[key]] = moved
        return self.written[key]

    def reserve(self, names: Iterable[str]) -> None:
        """Names that are taken."""
        self.taken.update(names)

    def free(self, name: str) -> str:
        """`name`, or with a number behind it where it is taken."""
        found = name
        while self.taken[found]:
            self.taken[name] += 1
            found = f"{name}_{self.taken[name]}"
        self.taken[found] += 1
        return found


def as_written(array: np.ndarray) -> np.ndarray:
    """The array in a type that a file has: real numbers as float32; whole ones, truths and texts as they are."""
    return array if array.dtype.kind in "iubOU" else array.astype(np.float32, copy=False)


def raised(x: Tensor, ndim: int) -> Tensor:
    """A constant with as many axes as what it is broadcast against; single numbers, and other values, as they are."""
    if x.known is None or x.ndim in (0, ndim):
        return x
    shape = (1,) * (ndim - x.ndim) + x.known.shape
    return Tensor(shape, x.dtype, known=x.known.reshape(shape), path=x.path)


def broadcast(*shapes: Shape) -> Shape:
    """The shape in which these meet; a size that depends on the examples goes before 1."""
    ndim = max(map(len, shapes))
    columns = zip(*((1,) * (ndim - len(shape)) + tuple(shape) for shape in shapes), strict=True)
    return tuple(next((size for size in column if size != 1), 1) for column in columns)


def channels_first(axis: int, ndim: int) -> int:
    """Where an axis of madi's order stands with the channels first."""
    axis %= ndim
    if ndim < 3 or axis == 0:
        return axis
    return 1 if axis == ndim - 1 else axis + 1


def code_of(dtype: str) -> int:
    """ONNX's number of a type that NumPy calls so."""
    from onnx import helper

    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

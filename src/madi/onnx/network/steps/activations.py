"""Steps number by number, and along one axis: activations, softmax, dropout, limits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from madi.layers import (
    ELU,
    GELU,
    Clip,
    Dropout,
    HardSigmoid,
    Identity,
    Layer,
    LeakyReLU,
    LogSoftmax,
    PReLU,
    Product,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Softplus,
    Step,
    Tanh,
)
from madi.onnx.network.filling import filled, lying_as, number
from madi.onnx.network.flow import Flow
from madi.onnx.network.table import Place, step

_PLAIN: dict[str, Callable[[], Layer]] = {
    "Relu": ReLU,
    "Sigmoid": Sigmoid,
    "Tanh": Tanh,
    "Softplus": Softplus,
    "HardSwish": lambda: Product(Identity(), HardSigmoid()),
    "Mish": lambda: Product(Identity(), Sequential(Softplus(), Tanh())),
}


@step(*_PLAIN)
def plain(place: Place, x: Flow) -> Flow:
    """An activation without numbers of its own."""
    return x.then(_PLAIN[place.node.kind]())


@step("LeakyRelu")
def leaky_relu(place: Place, x: Flow, *, alpha: float = 0.01) -> Flow:
    """LeakyReLU."""
    return x.then(LeakyReLU(number(alpha)))


@step("Elu")
def elu(place: Place, x: Flow, *, alpha: float = 1.0) -> Flow:
    """ELU."""
    return x.then(ELU(number(alpha)))


@step("HardSigmoid")
def hard_sigmoid(place: Place, x: Flow, *, alpha: float = 0.2, beta: float = 0.5) -> Flow:
    """HardSigmoid."""
    return x.then(HardSigmoid(number(alpha), number(beta)))


@step("Gelu")
def gelu(place: Place, x: Flow, *, approximate: str = "none") -> Flow:
    """GELU."""
    return x.then(GELU(approximate))


@step("Swish")
def swish(place: Place, x: Flow, *, alpha: float = 1.0) -> Flow:
    """x sigmoid(x)."""
    if alpha != 1:
        raise place.refusal(f"its alpha is {alpha}, and 1 is what layers say.")
    return x.then(Product(Identity(), Sigmoid()))


@step("PRelu")
def prelu(place: Place, x: Flow, slope: np.ndarray) -> Flow:
    """PReLU."""
    x, slope = lying_as(place, x, slope)
    return x.then(filled(PReLU(axes=slope.ndim), x.shape, slope=slope))


@step("Clip")
def clip(
    place: Place, x: Flow, low: np.ndarray | None = None, high: np.ndarray | None = None, *, min: float | None = None,
    max: float | None = None,
) -> Flow:  # fmt: skip
    """Clip; bounds are inputs since version 11.  Those of the largest numbers bound nothing."""
    bounds = [min if low is None else low.item(), max if high is None else high.item()]
    largest = float(np.finfo(np.float32).max)
    finite = [None if bound is None or abs(bound) >= largest else number(bound) for bound in bounds]
    return x.then(*([] if finite == [None, None] else [Clip(*finite)]))


@step("Max", symmetric=True)
def at_least(place: Place, *inputs: Flow | np.ndarray) -> Flow:
    """The larger of x and a number: Clip."""
    x, bound = _beside_number(place, *inputs)
    return x.then(Clip(low=bound))


@step("Min", symmetric=True)
def at_most(place: Place, *inputs: Flow | np.ndarray) -> Flow:
    """The smaller of x and a number: Clip."""
    x, bound = _beside_number(place, *inputs)
    return x.then(Clip(high=bound))


def _beside_number(place: Place, *inputs: Flow | np.ndarray) -> tuple[Flow, float]:
    flows = [value for value in inputs if isinstance(value, Flow)]
    numbers = [value for value in inputs if isinstance(value, np.ndarray)]
    if len(numbers) != 1 or numbers[0].size != 1:
        raise place.refusal("a layer takes one number as a bound.")
    return flows[0], number(numbers[0].item())


@step("Greater")
def greater(place: Place, x: Flow, bound: np.ndarray) -> Flow:
    """Step, where x is compared with 0: 1 and 0 for true and false."""
    if np.any(bound):
        raise place.refusal("a layer compares with 0.")
    return x.then(Step())


@step("Dropout")
def dropout(
    place: Place, x: Flow, rate: np.ndarray | None = None, training: np.ndarray | None = None, *, ratio: float = 0.5,
    seed: int = 0, is_test: int = 1,
) -> Flow:  # fmt: skip
    """Dropout, which acts in madi's training alone; the rate is an input since version 12."""
    return x.then(Dropout(number(ratio if rate is None else rate.item())))


@step("Identity")
def identity(place: Place, x: Flow) -> Flow:
    """The value itself."""
    return x.then()


@step("Cast")
def cast(place: Place, x: Flow, *, to: int, saturate: int = 1, round_mode: str = "up") -> Flow:
    """The value itself, where it stays a floating-point number: madi's layers have one type of them."""
    if to not in (1, 10, 11, 16):  # FLOAT, FLOAT16, DOUBLE, BFLOAT16
        raise place.refusal("it makes other than floating-point numbers.")
    return x.then()


@step("Softmax", "LogSoftmax")
def softmax(place: Place, x: Flow, *, axis: int | None = None) -> Flow:
    """Softmax over one axis; before version 13 over all from `axis` on as one."""
    axis = (1 if place.opset < 13 else -1) if axis is None else axis
    first = axis - 1 if axis > 0 else len(x.sizes) + axis
    last = range(first, len(x.sizes)) if place.opset < 13 else [first]
    over = [place_ for place_ in last if x.sizes[place_] != 1]
    if first < 0 or len(over) > 1:
        raise place.refusal("it is over examples, or over several axes at once.")
    layer = Softmax() if place.node.kind == "Softmax" else LogSoftmax()
    return x.ending_in(over[0] if over else first).then(layer)

# ruff: noqa: F401 (this module is the list of all nodes)
"""The nodes: one class an equation, forward beside backward, and a lower-case function that calls it.

import madi.functions as F
y = F.relu(F.affine(x, weight, bias))
"""

from __future__ import annotations

from typing import Any

from madi.functions.activations import (
    Identity,
    LeakyReLU,
    LogSoftmax,
    Maxout,
    ReLU,
    Sigmoid,
    Softmax,
    Step,
    Tanh,
    identity,
    leaky_relu,
    log_softmax,
    maxout,
    relu,
    sigmoid,
    softmax,
    step,
    tanh,
)
from madi.functions.arithmetic import (
    Add,
    Divide,
    Multiply,
    Negative,
    Power,
    Subtract,
    add,
    divide,
    multiply,
    negative,
    power,
    subtract,
)
from madi.functions.convolution import Conv2D, conv2d
from madi.functions.elementary import Absolute, Cast, Erf, Exp, Log, Sqrt, absolute, cast, erf, exp, log, sqrt
from madi.functions.embedding import EmbeddingLookup, embedding
from madi.functions.extrema import Clip, Maximum, Minimum, clip, maximum, minimum
from madi.functions.linear import Affine, MatMul, affine, matmul
from madi.functions.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    SigmoidBinaryCrossEntropy,
    SoftmaxCrossEntropy,
    binary_cross_entropy,
    cross_entropy,
    huber,
    mean_absolute_error,
    mean_squared_error,
    sigmoid_binary_cross_entropy,
    softmax_cross_entropy,
)
from madi.functions.normalization import (
    BatchNorm,
    BatchNormInference,
    LayerNorm,
    LocalResponseNormalization,
    batch_norm,
    layer_norm,
    local_response_normalization,
)
from madi.functions.padding import Pad, PadByCopies, pad, zero_pad
from madi.functions.pooling import (
    AveragePool2D,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool2D,
    MaxPool2DPositions,
    average_pool2d,
    global_average_pool,
    global_max_pool,
    max_pool2d,
    max_pool2d_positions,
)
from madi.functions.reductions import Max, Mean, Min, Sum, max, mean, min, sum
from madi.functions.regularization import Dropout, dropout
from madi.functions.rounds import Cos, Floor, Sin, cos, floor, sin
from madi.functions.selection import GetItem, Take, Where, get_item, take, where
from madi.functions.shaping import (
    BroadcastTo,
    Concatenate,
    Reshape,
    Split,
    Transpose,
    broadcast_to,
    concatenate,
    reshape,
    split,
    transpose,
)
from madi.functions.transposed_convolution import Conv2DTranspose, conv2d_transpose
from madi.functions.units import (
    ELU,
    GELU,
    HardSigmoid,
    PReLU,
    Softplus,
    TanhGELU,
    elu,
    gelu,
    hard_sigmoid,
    prelu,
    softplus,
)
from madi.graph import Variable


def _reflected(function: Any) -> Any:
    return lambda x1, x0: function(x0, x1)


# Operators and methods of Variable: each is one of the functions above.
OPERATORS: dict[str, Any] = {
    "__add__": add,
    "__radd__": _reflected(add),
    "__sub__": subtract,
    "__rsub__": _reflected(subtract),
    "__mul__": multiply,
    "__rmul__": _reflected(multiply),
    "__truediv__": divide,
    "__rtruediv__": _reflected(divide),
    "__pow__": power,
    "__rpow__": _reflected(power),
    "__matmul__": matmul,
    "__rmatmul__": _reflected(matmul),
    "__neg__": negative,
    "__abs__": absolute,
    "__getitem__": get_item,
    "sum": sum,
    "mean": mean,
    "max": max,
    "min": min,
    "reshape": reshape,
    "transpose": transpose,
    "T": property(transpose),
}

for _name, _operator in OPERATORS.items():
    setattr(Variable, _name, _operator)

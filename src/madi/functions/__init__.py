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
from madi.functions.convolution import Conv2D, ZeroPad, conv2d, zero_pad
from madi.functions.elementary import Exp, Log, exp, log
from madi.functions.embedding import EmbeddingLookup, embedding
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
    LocalResponseNormalization,
    batch_norm,
    local_response_normalization,
)
from madi.functions.pooling import (
    AveragePool2D,
    GlobalAveragePool,
    MaxPool2D,
    average_pool2d,
    global_average_pool,
    max_pool2d,
)
from madi.functions.reductions import Mean, Sum, mean, sum
from madi.functions.regularization import Dropout, dropout
from madi.functions.shaping import (
    Concatenate,
    GetItem,
    Reshape,
    Transpose,
    concatenate,
    get_item,
    reshape,
    transpose,
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
    "__getitem__": get_item,
    "sum": sum,
    "mean": mean,
    "reshape": reshape,
    "transpose": transpose,
    "T": property(transpose),
}

for _name, _operator in OPERATORS.items():
    setattr(Variable, _name, _operator)

"""What the operators meant in each version: against onnxruntime, and by hand where it is too young for that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.onnx.single import run

generator = np.random.default_rng(3)


def normal(*shape: int) -> np.ndarray:
    return generator.standard_normal(shape).astype(np.float32)


def positive(*shape: int) -> np.ndarray:
    return generator.uniform(0.5, 2, shape).astype(np.float32)


def whole(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


@dataclass(frozen=True, eq=False)
class Case:
    """A node: an operator in several versions, on inputs of which None are left out."""

    kind: str
    versions: tuple[int, ...]
    inputs: tuple[Any, ...]
    attributes: dict[str, Any]
    outputs: int = 1

    @property
    def name(self) -> str:
        said = ", ".join(f"{name}={value}" for name, value in self.attributes.items())
        shapes = " ".join("-" if array is None else str(array.shape).replace(" ", "") for array in self.inputs)
        return f"{self.kind} {shapes} {said}".strip()


def case(kind: str, versions: Any, *inputs: Any, outputs: int = 1, **attributes: Any) -> Case:
    return Case(kind, versions if isinstance(versions, tuple) else (versions,), inputs, attributes, outputs)


X = normal(2, 4, 5, 6)
ROW = normal(2, 4, 7)
MATRIX = normal(3, 4)
INTS = np.array([[-7, 7, 5], [-8, 9, 0]], np.int32)
CHANNEL = normal(4)
HALF = np.float32(0.5)
NORM = (positive(4), normal(4), normal(4), positive(4))

ARITHMETIC = [
    *(case(kind, (7, 13), X, positive(4, 1, 1)) for kind in ("Add", "Sub", "Mul", "Div")),
    *(case(kind, (7, 13), X, positive(6)) for kind in ("Add", "Div")),
    case("Add", 13, normal(5, 6), X),
    case("Div", (7, 13), INTS, np.array([2, -2, -3], np.int32)),
    case("Pow", (7, 12), positive(2, 3), normal(3)),
    case("Pow", (12, 13), positive(2, 3), np.array([2, 0, 3], np.int64)),
    case("Pow", 13, np.array([2, 5, 7], np.int32), np.array([2.0, 0.5, 1.9], np.float32)),
    *(case(kind, (6, 13), X) for kind in ("Abs", "Exp", "Neg")),
    *(case(kind, (6, 13), positive(2, 3)) for kind in ("Log", "Sqrt", "Reciprocal")),
    case("Abs", (6, 13), INTS),
    case("Erf", (9, 13), X),
    *(case(kind, (8, 13), X, normal(4, 1, 1), normal(1)) for kind in ("Max", "Min", "Sum", "Mean")),
    *(case(kind, (6, 8, 13), MATRIX) for kind in ("Max", "Min", "Sum", "Mean")),
    case("Max", 12, INTS, np.array(1, np.int32)),
    *(case("Mod", (10, 13), INTS, np.array([3, -4, 2], np.int32), fmod=sign) for sign in (0, 1)),
    *(case(kind, (6, 13), X * 3) for kind in ("Ceil", "Floor")),
]

ACTIVATIONS = [
    case("Relu", (6, 13, 14), X),
    case("LeakyRelu", (6, 16), X),
    case("LeakyRelu", (6, 16), X, alpha=0.3),
    case("PRelu", (7, 9, 16), X, positive(4, 1, 1)),
    case("PRelu", (7, 16), X, positive(1)),
    case("Elu", (6, 22), X, alpha=0.7),
    case("HardSigmoid", (6, 22), X),
    case("HardSigmoid", (6, 22), X, alpha=0.4, beta=0.6),
    case("HardSwish", (14, 22), X),
    case("Mish", 18, X),
    case("Selu", (6, 22), X),
    case("Selu", 6, X, alpha=1.2, gamma=0.9),
    case("Celu", 12, X, alpha=0.4),
    case("Softsign", (6, 22), X),
    case("ThresholdedRelu", 10, X, alpha=0.3),
    *(case(kind, (6, 13), X) for kind in ("Sigmoid", "Tanh")),
    case("Softplus", (1, 22), X),
    *(case("Gelu", 20, X, approximate=how) for how in ("none", "tanh")),
    *(case(kind, (6, 11), X) for kind in ("Softmax", "LogSoftmax")),
    *(case(kind, (6, 11), X, axis=axis) for kind in ("Softmax", "LogSoftmax") for axis in (0, 2, 3)),
    *(case(kind, (11, 13), X, axis=-2) for kind in ("Softmax", "LogSoftmax")),
    *(case(kind, 13, X) for kind in ("Softmax", "LogSoftmax")),
    *(case(kind, 13, X, axis=1) for kind in ("Softmax", "LogSoftmax")),
    case("Clip", (6, 7), X),
    case("Clip", (6, 7), X, min=-0.5, max=0.7),
    case("Clip", 6, X, max=0.2),
    case("Clip", (11, 12, 13), X, -HALF, HALF),
    case("Clip", (11, 13), X, None, HALF),
    case("Clip", (12, 13), np.array([-9, 0, 9], np.int8), np.array(-3, np.int8)),
]

CONVOLUTIONS = [
    case("Conv", (7, 11, 22), X, normal(6, 4, 3, 3)),
    case("Conv", (7, 11), X, normal(6, 4, 3, 2), normal(6), pads=[0, 1, 2, 0], strides=[2, 1], kernel_shape=[3, 2]),
    case("Conv", 11, X, normal(8, 2, 2, 3), normal(8), group=2, dilations=[2, 1]),
    case("Conv", 11, X, normal(4, 1, 3, 3), normal(4), group=4, pads=[1, 1, 1, 1]),
    *(
        case("Conv", (7, 11), X, normal(3, 4, 2, 3), auto_pad=how, strides=[2, 2])
        for how in ("SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET")
    ),
    case("Conv", 11, ROW, normal(6, 4, 3), normal(6), pads=[2, 1], strides=[2], dilations=[2]),
    case("Conv", 11, ROW, normal(6, 4, 4), auto_pad="SAME_LOWER"),
    case("ConvTranspose", (7, 11, 22), X, normal(4, 3, 3, 3)),
    case("ConvTranspose", 11, X, normal(4, 3, 3, 2), normal(3), strides=[2, 3], pads=[1, 0, 0, 1]),
    case("ConvTranspose", 11, X, normal(4, 3, 3, 3), strides=[3, 2], output_padding=[2, 1], pads=[1, 1, 1, 1]),
    case("ConvTranspose", 11, X, normal(4, 3, 3, 3), normal(6), group=2, dilations=[2, 1]),
    case("ConvTranspose", 11, X, normal(4, 3, 3, 3), strides=[3, 2], output_shape=[14, 13]),
    *(
        case("ConvTranspose", 11, X, normal(4, 3, 4, 3), strides=[3, 2], auto_pad=how)
        for how in ("SAME_UPPER", "SAME_LOWER", "VALID")
    ),
    case("ConvTranspose", 11, ROW, normal(4, 3, 4), normal(3), strides=[2], pads=[1, 2]),
]

POOLS = [
    case("MaxPool", (7, 8, 10, 12), X, kernel_shape=[2, 3]),
    case("MaxPool", (7, 12), X, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 1, 1, 1]),
    *(
        case("MaxPool", 7, X, kernel_shape=[2, 3], strides=[2, 2], auto_pad=how)
        for how in ("SAME_UPPER", "SAME_LOWER", "VALID")
    ),
    case("MaxPool", (10, 12), X, kernel_shape=[2, 2], strides=[2, 4], ceil_mode=1),
    case("MaxPool", (10, 12), X, kernel_shape=[2, 2], dilations=[2, 3]),
    case("MaxPool", 12, X, kernel_shape=[2, 2], strides=[2, 1], pads=[1, 0, 0, 1], outputs=2),
    case("MaxPool", 12, X, kernel_shape=[2, 2], strides=[2, 1], storage_order=1, outputs=2),
    case("MaxPool", 12, ROW, kernel_shape=[3], strides=[2], pads=[1, 1]),
    case("MaxPool", 12, (X * 50).astype(np.int8), kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    case("AveragePool", (7, 10, 11, 19, 22), X, kernel_shape=[2, 3], strides=[2, 1]),
    *(case("AveragePool", (7, 11), X, kernel_shape=[3, 3], pads=[1, 0, 1, 2], count_include_pad=one) for one in (0, 1)),
    case("AveragePool", 19, X, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    case("AveragePool", 7, X, kernel_shape=[2, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
    case("AveragePool", 19, X, kernel_shape=[2, 2], dilations=[2, 3]),
    case("AveragePool", 11, ROW, kernel_shape=[3], strides=[2], pads=[1, 1]),
    *(case(kind, (6, 22), X) for kind in ("GlobalAveragePool", "GlobalMaxPool")),
    case("GlobalAveragePool", 6, ROW),
]

NORMALIZATIONS = [
    case("BatchNormalization", (7, 9, 14, 15), X, *NORM),
    case("BatchNormalization", (7, 15), X, *NORM, epsilon=0.1),
    case("BatchNormalization", 9, ROW, *NORM),
    case("BatchNormalization", 9, normal(3, 4), *NORM),
    case("BatchNormalization", (14, 15), X, *NORM, training_mode=1, momentum=0.7, outputs=3),
    case("LayerNormalization", 17, X, normal(6), normal(6)),
    case("LayerNormalization", 17, X, normal(5, 6), axis=2, outputs=3),
    case("LRN", (6, 13), X, size=3, alpha=0.2, beta=0.6, bias=1.5),
    case("LRN", 13, X, size=5),
    case("InstanceNormalization", (6, 22), X, *NORM[:2], epsilon=0.01),
    case("InstanceNormalization", 6, ROW, *NORM[:2]),
    case("GroupNormalization", 21, X, *NORM[:2], num_groups=2),
    case("Dropout", 7, X),
    case("Dropout", 10, X, ratio=0.3),
    case("Dropout", (12, 13), X, HALF, outputs=2),
]

LINEAR = [
    case("MatMul", (6, 9, 13), MATRIX, normal(4, 5)),
    case("MatMul", 13, normal(2, 3, 4), normal(4, 5)),
    case("MatMul", 13, normal(2, 3, 4), normal(2, 4, 5)),
    case("MatMul", 13, normal(4), normal(4, 5)),
    case("Gemm", (7, 9, 11, 13), MATRIX, normal(4, 5), normal(5)),
    case("Gemm", (7, 13), MATRIX, normal(5, 4), normal(3, 1), transB=1, alpha=0.5, beta=2.0),
    case("Gemm", 13, MATRIX, normal(3, 5), transA=1, alpha=0.5),
    case("Gemm", 13, MATRIX, normal(5, 4), normal(5), transB=1),
]

REDUCTIONS = [
    *(
        case(f"Reduce{kind}", (7, 11), X, keepdims=keep, axes=axes)
        for kind in ("Max", "Mean", "Min", "Sum")
        for axes, keep in (([2, 3], 1), ([2, 3], 0), ([1], 0), ([2], 0))
    ),
    *(case(f"Reduce{kind}", (7, 11), X) for kind in ("Max", "Mean", "Min", "Sum")),
    case("ReduceMean", (11, 13), X, axes=[-1, 1]),
    case("ReduceSum", 13, X, whole(-1, 0), keepdims=0),
    *(case(f"Reduce{kind}", 18, X, whole(1, -1), keepdims=0) for kind in ("Max", "Mean", "Min", "Sum")),
    *(case(f"Reduce{kind}", (7, 13), X, axes=[3, 1]) for kind in ("L1", "L2", "SumSquare")),
    *(case(f"Reduce{kind}", 18, X, whole(2, 3), keepdims=0) for kind in ("L1", "L2", "SumSquare")),
    case("ReduceSum", 13, X),
    case("ReduceMean", 18, X, noop_with_empty_axes=1),
    case("ReduceSum", 13, X, whole(), noop_with_empty_axes=1),
    case("ReduceSum", (11,), INTS, axes=[1]),
    case("ReduceProd", (7, 13), INTS, axes=[1], keepdims=0),
    case("ReduceMax", (12, 13), np.array([[3, -4], [5, 6]], np.int8), axes=[0]),
    *(case(kind, (7, 11, 13), X, axis=1, keepdims=0) for kind in ("ArgMax", "ArgMin")),
    case("ArgMax", 12, np.array([[2, 2, 1], [0, 3, 3]], np.float32), axis=-1, select_last_index=1),
]

SHAPES = [
    case("Flatten", (6, 9, 13), X),
    *(case("Flatten", 9, X, axis=axis) for axis in (0, 2, 4)),
    case("Flatten", 11, X, axis=-1),
    case("Reshape", (6, 13), X, whole(0, -1, 3)),
    case("Reshape", 14, np.zeros((2, 0, 3), np.float32), whole(3, 0, 7), allowzero=1),
    case("Transpose", (6, 13), X),
    *(case("Transpose", 13, X, perm=order) for order in ([0, 2, 3, 1], [0, 3, 1, 2], [1, 0, 3, 2])),
    case("Squeeze", (6, 11), normal(2, 1, 3, 1), axes=[1]),
    case("Squeeze", 11, normal(2, 1, 3, 1), axes=[-1]),
    case("Squeeze", (6, 11, 13), normal(2, 1, 3, 1)),
    case("Squeeze", 13, normal(2, 1, 3, 1), whole(-1, 1)),
    case("Unsqueeze", (6, 11), MATRIX, axes=[0, 3]),
    case("Unsqueeze", 11, MATRIX, axes=[-1]),
    case("Unsqueeze", 13, MATRIX, whole(-1, 1)),
    case("Expand", (8, 13), normal(3, 1), whole(2, 1, 4)),
    case("Shape", (6, 13), X),
    case("Shape", 15, X, start=1, end=-1),
    case("Size", (6, 13), X),
    case("Identity", (6, 13), X),
    case("Tile", (6, 13), X, whole(2, 1, 3, 1)),
    *(case("DepthToSpace", 11, normal(2, 8, 2, 3), blocksize=2, mode=mode) for mode in ("DCR", "CRD")),
    case("DepthToSpace", (6, 13), normal(2, 18, 2, 1), blocksize=3),
    case("SpaceToDepth", (6, 13), normal(2, 3, 4, 6), blocksize=2),
]

PIECES = [
    case("Concat", (6, 13), X, normal(2, 3, 5, 6), X, axis=1),
    case("Concat", 11, X, normal(2, 4, 5, 2), axis=-1),
    case("Split", (6, 11), X, axis=1, outputs=2),
    case("Split", 6, X, axis=3, split=[1, 2, 3], outputs=3),
    case("Split", 13, X, whole(1, 3), axis=1, outputs=2),
    case("Split", 13, X, axis=-1, outputs=3),
    case("Split", 18, X, axis=2, num_outputs=3, outputs=3),
    case("Slice", (6, 9), X, starts=[1, -4], ends=[3, 1000], axes=[1, 3]),
    case("Slice", 6, X, starts=[0, 1], ends=[-1, 3]),
    case("Slice", (10, 13), X, whole(-1, 5), whole(-(2**62), 1), whole(1, 3), whole(-1, -2)),
    case("Slice", 10, X, whole(1, 2), whole(2, 2**62)),
    case("Pad", (6, 10), X, pads=[0, 1, 2, 0, 1, 0, 0, 3], value=1.5),
    case("Pad", 6, X, pads=[0, 0, 1, 2, 0, 0, 2, 1], mode="edge"),
    case("Pad", 6, X, pads=[0, 0, 1, 2, 0, 0, 2, 1], mode="reflect"),
    case("Pad", (11, 13), X, whole(0, 0, -1, 2, 0, 0, 2, -2), HALF),
    case("Pad", 18, X, whole(1, 2, 0, 1), None, whole(-1, 1)),
    case("Pad", 19, X, whole(1, 2, 0, 1), None, whole(3, 1), mode="wrap"),
    case("Gather", (6, 11, 13), X, whole(2, 0, 2), axis=1),
    case("Gather", (6, 13), X, np.array(1), axis=2),
    case("Gather", 11, MATRIX, np.array([[-1, 0], [1, -4]]), axis=1),
]

CONSTANTS = [
    case("ConstantOfShape", 9, whole(2, 3)),
    case("Range", 11, np.array(1), np.array(10), np.array(4)),
    case("Range", 11, np.float32(2), np.float32(-1.1), np.float32(-0.5)),
    case("Range", 11, np.array(3), np.array(1), np.array(1)),
    case("ConstantOfShape", 9, whole(), value=helper.make_tensor("v", TensorProto.INT64, [1], [7])),
    *(case("Cast", (6, 9, 13), X * 3, to=to) for to in (TensorProto.INT32, TensorProto.BOOL, TensorProto.DOUBLE)),
    case("Cast", 13, INTS, to=TensorProto.UINT8),
    case("Cast", 13, X, to=TensorProto.FLOAT16),
    case("Where", (9, 16), X > 0, X, normal(4, 1, 1)),
    case("IsNaN", (9, 13), np.array([1, np.nan, np.inf], np.float32)),
    case("Equal", (7, 11, 13), INTS, np.array([-7, 9, 0], np.int32)),
    *(case(kind, (7, 9, 13), X, normal(4, 1, 1)) for kind in ("Less", "Greater")),
    *(case(kind, (12, 16), INTS, INTS[::-1]) for kind in ("LessOrEqual", "GreaterOrEqual")),
    *(case(kind, 7, X > 0, X[:, ::-1] > 0.3) for kind in ("And", "Or", "Xor")),
    case("Not", 1, X > 0),
]

CASES = [
    *ARITHMETIC, *ACTIVATIONS, *CONVOLUTIONS, *POOLS, *NORMALIZATIONS, *LINEAR, *REDUCTIONS, *SHAPES, *PIECES,
    *CONSTANTS,
]  # fmt: skip


def by_onnxruntime(case: Case, version: int) -> list[np.ndarray]:
    """The outputs of onnxruntime, which knows no version before 7: operators of 1 and 6 are those of 7 here."""
    runtime = pytest.importorskip("onnxruntime")
    names = ["" if array is None else f"x{index}" for index, array in enumerate(case.inputs)]
    given = {name: np.asarray(array) for name, array in zip(names, case.inputs, strict=True) if name}
    outputs = [f"y{index}" for index in range(case.outputs)]
    node = helper.make_node(case.kind, names, outputs, **case.attributes)
    ports = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in given.items()
    ]
    graph = helper.make_graph([node], "one", ports, [helper.make_empty_tensor_value_info(name) for name in outputs])
    opset = helper.make_opsetid("", max(version, 7))
    model = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    options = runtime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return list(session.run(None, given))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_operator_means_what_onnxruntime_takes_it_for_in_each_version(case: Case) -> None:
    for version in case.versions:
        expected = by_onnxruntime(case, version)
        for last in (False, True)[: 2 if np.ndim(case.inputs[0]) > 2 else 1]:
            found = run(case.kind, *case.inputs, opset=version, outputs=case.outputs, last=last, **case.attributes)
            for y, want in zip([found] if case.outputs == 1 else found, expected, strict=True):
                assert y.dtype == want.dtype
                np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-5, err_msg=f"version {version}, last {last}")


# ---- by hand: what onnxruntime has no version of, or leaves open

IMAGES = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4) - 10
PLANE = np.arange(6, dtype=np.float32).reshape(2, 3) + 1
STATISTICS = (positive(2, 3, 4), normal(2, 3, 4), normal(2, 3, 4), positive(2, 3, 4))


def of_channels(vector: np.ndarray) -> np.ndarray:
    """One number a channel, as it repeats over images (N, C, H, W)."""
    return vector.reshape(1, -1, 1, 1)


def normalized(x: np.ndarray, scale: Any, shift: Any, mean: Any, variance: Any) -> np.ndarray:
    return scale * (x - mean) / np.sqrt(variance + 1e-5) + shift


BY_HAND = [
    (case("Add", 6, IMAGES, PLANE, axis=1, broadcast=1), IMAGES + PLANE[None, :, :, None]),
    (case("Sub", 6, IMAGES, PLANE[0], axis=-2, broadcast=1), IMAGES - PLANE[0][:, None]),
    (case("Mul", 6, IMAGES, PLANE[:, 0], axis=1, broadcast=1), IMAGES * of_channels(PLANE[:, 0])),
    (case("Div", 6, IMAGES, IMAGES[0, 0] + 11, broadcast=1), IMAGES / (IMAGES[0, 0] + 11)),
    (case("Add", 6, IMAGES, IMAGES), IMAGES * 2),
    (case("Pow", 6, IMAGES, np.array([2], np.float32), broadcast=1), IMAGES**2),
    (
        case("PRelu", 6, IMAGES, np.array([0.5, 2], np.float32)),
        np.where(IMAGES > 0, IMAGES, of_channels(np.array([0.5, 2], np.float32)) * IMAGES),
    ),
    (case("PRelu", 6, IMAGES, np.array([0.5], np.float32)), np.where(IMAGES > 0, IMAGES, 0.5 * IMAGES)),
    (
        case("Gemm", 6, PLANE, PLANE, PLANE[0, :2], broadcast=1, transB=1, alpha=2.0),
        2 * PLANE @ PLANE.T + PLANE[0, :2],
    ),
    (
        case("BatchNormalization", 6, IMAGES, *(array[:, 0, 0] for array in STATISTICS), is_test=1),
        normalized(IMAGES, *(of_channels(array[:, 0, 0]) for array in STATISTICS)),
    ),
    *(
        (case("BatchNormalization", version, IMAGES, *STATISTICS, spatial=0), normalized(IMAGES, *STATISTICS))
        for version in (6, 7)
    ),
    (case("Dropout", 6, IMAGES, is_test=1, ratio=0.3), IMAGES),
    (case("Dropout", 6, IMAGES, ratio=0.0), IMAGES),
    (case("Gemm", 11, PLANE.astype(np.int32), PLANE.T.astype(np.int32)), (PLANE @ PLANE.T).astype(np.int32)),
    (case("Clip", 13, IMAGES, np.float32(3), np.float32(-1)), np.full_like(IMAGES, -1)),
    (case("Max", 13, IMAGES, np.array(np.nan, np.float32)), np.full_like(IMAGES, np.nan)),
    (case("ReduceMax", 20, np.array([[True, False], [False, False]]), whole(1), keepdims=0), np.array([True, False])),
    (case("ReduceSum", 13, np.zeros((0, 2), np.float32), whole(0)), np.zeros((1, 2), np.float32)),
    (case("CastLike", 15, IMAGES, whole(0)), IMAGES.astype(np.int64)),
    (case("Constant", 12, value_floats=[1.0, 2.5]), np.array([1, 2.5], np.float32)),
    (case("Constant", 12, value_int=3), np.array(3)),
    (case("Constant", 6, value=helper.make_tensor("v", TensorProto.DOUBLE, [1], [0.1])), np.array([0.1])),
    (case("Shape", 15, IMAGES, start=-9, end=9), whole(1, 2, 3, 4)),
    (case("Gather", 13, whole(1, 2, 3, 4), np.array(-1)), np.array(4)),
]


@pytest.mark.parametrize(("case", "expected"), BY_HAND, ids=[f"{case.versions[0]} {case.name}" for case, _ in BY_HAND])
def test_an_operator_means_what_its_page_of_that_version_says(case: Case, expected: np.ndarray) -> None:
    for last in (False, True)[: 2 if case.inputs and np.ndim(case.inputs[0]) > 2 else 1]:
        y = run(case.kind, *case.inputs, opset=case.versions[0], last=last, **case.attributes)
        assert y.dtype == expected.dtype
        np.testing.assert_allclose(y, expected, rtol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_an_even_number_of_channels_is_one_more_behind_than_before(size: int) -> None:
    x = normal(2, 5, 3, 3)
    sums = np.zeros_like(x)
    for channel in range(5):
        around = x[:, max(channel - (size - 1) // 2, 0) : channel + size // 2 + 1]
        sums[:, channel] = (around**2).sum(axis=1)
    expected = x / (1.5 + 0.3 / size * sums) ** 0.75
    np.testing.assert_allclose(run("LRN", x, opset=13, size=size, alpha=0.3, bias=1.5), expected, rtol=1e-5)


@pytest.mark.parametrize(("version", "dtype"), [(7, np.float32), (10, np.bool_), (13, np.bool_)])
def test_a_mask_of_dropout_keeps_everything(version: int, dtype: Any) -> None:
    y, mask = run("Dropout", MATRIX, opset=version, outputs=2)
    np.testing.assert_array_equal(y, MATRIX)
    assert mask.all()
    assert mask.dtype == dtype


@pytest.mark.parametrize(
    ("dtype", "saturate", "expected"),
    [
        ("FLOAT8E4M3FN", 1, [448, -448, 448, 1.5]),
        ("FLOAT8E4M3FN", 0, [np.nan, np.nan, np.nan, 1.5]),
        ("FLOAT8E5M2", 1, [57344, -57344, 57344, 1.5]),
        ("FLOAT8E5M2", 0, [np.inf, -np.inf, np.inf, 1.5]),
    ],
)
def test_what_a_small_float_cannot_hold(dtype: str, saturate: int, expected: list[float]) -> None:
    x = np.array([1e6, -1e6, np.inf, 1.5], np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        y = run("Cast", x, opset=19, to=TensorProto.DataType.Value(dtype), saturate=saturate)
    np.testing.assert_array_equal(y.astype(np.float32), np.array(expected, np.float32))


def test_whole_numbers_of_few_bits_keep_the_lowest() -> None:
    x = np.array([7, 8, -9, 17], np.int32)
    assert run("Cast", x, opset=25, to=TensorProto.INT4).astype(int).tolist() == [7, -8, 7, 1]
    assert run("Cast", x, opset=25, to=TensorProto.UINT2).astype(int).tolist() == [3, 0, 3, 1]

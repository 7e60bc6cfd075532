"""Convolution of channels-last images, and its gradients, by array library and device.

    y[n,i,j,o]      = sum over k, l, c of x[n, i s + k d - p, j s + l d - p, c] weight[k,l,c,o]  (+ bias[o])
    gx[n,h,w,c]     = sum over k, l, o and the (i, j) that looked at (h, w) of gy[n,i,j,o] weight[k,l,c,o]
    gweight[k,l,c,o] = sum over n, i, j of x[n, i s + k d - p, j s + l d - p, c] gy[n,i,j,o]

with stride s, dilation d and padding p; x is zero outside of the image.  With groups g, output channel o sees only the
input channels of its group, so weight is (kH, kW, C_in / g, C_out).

NumPy: a loop over the kernel's offsets, one matrix product each.  JAX on a CPU, float32 and, widened to it, bfloat16:
the compiled kernels (XLA takes 46 times as long over a step of the deep convnet in bfloat16).  JAX elsewhere, or with
MADI_KERNELS=off: `lax.conv_general_dilated`, whose two transposes are written out here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from madi.errors import ConfigurationError, ShapeError
from madi.kernels import native
from madi.kernels.arrays import array_library, silent_products, widened
from madi.kernels.windows import Windows, make_windows

LAYOUT = ("NHWC", "HWIO", "NHWC")


def conv2d_forward(
    x: Any, weight: Any, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
    bias: Any = None, relu: bool = False,
) -> Any:  # fmt: skip
    """y = x * weight + bias, then max(y, 0) where `relu` is set, in the same pass over memory.

    x           (N, H, W, C_in)
    weight      (kH, kW, C_in / groups, C_out)
    bias        (C_out), or None
    padding     "same", "valid", a number of pixels, (height, width), or ((top, bottom), (left, right))
    returns     (N, H_out, W_out, C_out)

    Raises ShapeError where channels and groups do not fit, or no window fits into the image.
    """
    windows = conv2d_windows(x.shape, weight.shape, stride, padding, dilation, groups)
    if array_library(x, weight) is np:
        return _activate(_numpy_forward(x, weight, windows, groups), bias, relu)
    return _jax_forward(x, weight, bias, windows=windows, groups=groups, relu=relu, path=native.path())


def conv2d_input_gradient(
    gy: Any, weight: Any, *, image: tuple[int, int], stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1, output: Any = None,
) -> Any:  # fmt: skip
    """gx, of shape (N, *image, C_in), from gy.

    image       (H, W) of x
    output      the y of a ReLU that followed: gy counts only where it is positive.  None where there was none.
    """
    shape = (gy.shape[0], *image, weight.shape[2] * groups)
    windows = conv2d_windows(shape, weight.shape, stride, padding, dilation, groups)
    if array_library(gy, weight) is np:
        return _numpy_input_gradient(_gated(gy, output), weight, shape, windows, groups)
    return _jax_input_gradient(gy, weight, output, shape=shape, windows=windows, groups=groups, path=native.path())


def conv2d_weight_gradient(
    x: Any, gy: Any, *, kernel_size: tuple[int, int], stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1, output: Any = None, bias: bool = False,
) -> tuple[Any, Any]:  # fmt: skip
    """(gweight, gbias): gweight of shape (*kernel_size, C_in / groups, C_out); gbias of (C_out), None unless `bias`.

    output      as for `conv2d_input_gradient`
    """
    shape = (*kernel_size, x.shape[-1] // groups, gy.shape[-1])
    windows = conv2d_windows(x.shape, shape, stride, padding, dilation, groups)
    if array_library(x, gy) is np:
        gy = _gated(gy, output)
        return _numpy_weight_gradient(x, gy, windows, groups), gy.sum(axis=(0, 1, 2)) if bias else None
    gweight, gbias = _jax_weight_gradient(
        x, gy, output, windows=windows, groups=groups, with_bias=bias, path=native.path()
    )
    return gweight, gbias if bias else None


def conv2d_path(x: Any, weight: Any) -> str:
    """What runs a convolution of such arrays: "numpy", "xla", or the name of a compiled variant."""
    if array_library(x, weight) is np:
        return "numpy"
    return native.path() if _compiled(native.path(), x, weight) and jax.default_backend() == "cpu" else "xla"


def conv2d_windows(shape: Any, weight_shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Windows:
    """The windows of a convolution, after a check that x, weight and groups fit each other."""
    if len(shape) != 4 or len(weight_shape) != 4:
        raise ShapeError(
            f"conv2d: expected x (N, H, W, C) and weight (kH, kW, C / groups, filters), got {tuple(shape)} and "
            f"{tuple(weight_shape)}. Add the axes that are missing."
        )
    if groups < 1 or shape[3] % groups or weight_shape[3] % groups:
        raise ConfigurationError(
            f"conv2d: expected groups to divide the {shape[3]} channels and the {weight_shape[3]} filters, "
            f"got {groups}. Use groups=1."
        )
    if weight_shape[2] * groups != shape[3]:
        raise ShapeError(
            f"conv2d: expected weight of {shape[3] // groups} input channels a group for x {tuple(shape)}, got "
            f"{tuple(weight_shape)}. Build the layer for this input."
        )
    return make_windows(tuple(weight_shape[:2]), image=shape[1:3], stride=stride, padding=padding, dilation=dilation)


def _gated(gy: Any, output: Any) -> Any:
    """gy of a ReLU's input, from gy of its output."""
    return gy if output is None else array_library(gy).where(output > 0, gy, 0)


def _activate(y: Any, bias: Any, relu: bool) -> Any:
    y = y if bias is None else y + bias
    return array_library(y).maximum(y, 0) if relu else y


# ---- NumPy: the equations, offset by offset


def _offsets(windows: Windows, out: tuple[int, int]) -> Iterator[tuple[int, int, tuple[slice, ...]]]:
    """Each offset (k, l) of the kernel, and the pixels of the padded image that it meets, for all output pixels."""
    for k in range(windows.size[0]):
        for l in range(windows.size[1]):  # noqa: E741 (the equation's letter)
            starts = (k * windows.dilation[0], l * windows.dilation[1])
            rows, columns = (
                slice(start, start + (count - 1) * step + 1, step)
                for start, count, step in zip(starts, out, windows.stride, strict=True)
            )
            yield k, l, (slice(None), rows, columns)


@silent_products
def _numpy_forward(x: Any, weight: Any, windows: Windows, groups: int) -> Any:
    out = windows.output_size(x.shape[1:3])
    padded = np.pad(x, ((0, 0), *windows.padding, (0, 0)))
    y = np.zeros((x.shape[0], *out, weight.shape[3]), np.result_type(x, weight))
    for k, l, pixels in _offsets(windows, out):  # noqa: E741
        for inputs, outputs in _channel_groups(weight, groups):
            y[..., outputs] += padded[pixels][..., inputs] @ weight[k, l, :, outputs]
    return y


@silent_products
def _numpy_input_gradient(gy: Any, weight: Any, shape: Any, windows: Windows, groups: int) -> Any:
    (top, bottom), (left, right) = windows.padding
    n, h, w, c = shape
    padded = np.zeros((n, h + top + bottom, w + left + right, c), np.result_type(gy, weight))
    for k, l, pixels in _offsets(windows, gy.shape[1:3]):  # noqa: E741
        for inputs, outputs in _channel_groups(weight, groups):
            padded[(*pixels, inputs)] += gy[..., outputs] @ weight[k, l, :, outputs].T
    return padded[:, top : top + h, left : left + w]


@silent_products
def _numpy_weight_gradient(x: Any, gy: Any, windows: Windows, groups: int) -> Any:
    padded = np.pad(x, ((0, 0), *windows.padding, (0, 0)))
    gweight = np.zeros((*windows.size, x.shape[3] // groups, gy.shape[3]), np.result_type(x, gy))
    for k, l, pixels in _offsets(windows, gy.shape[1:3]):  # noqa: E741
        for inputs, outputs in _channel_groups(gweight, groups):
            gweight[k, l, :, outputs] = np.tensordot(
                padded[pixels][..., inputs], gy[..., outputs], axes=([0, 1, 2],) * 2
            )
    return gweight


def _channel_groups(weight: Any, groups: int) -> Iterator[tuple[slice, slice]]:
    """(input channels, output channels) of each group."""
    inputs, outputs = weight.shape[2], weight.shape[3] // groups
    for group in range(groups):
        yield slice(group * inputs, (group + 1) * inputs), slice(group * outputs, (group + 1) * outputs)


# ---- JAX: the compiled kernel on a CPU, XLA's convolution elsewhere


def _compiled(path: str, *arrays: Any) -> bool:
    """Whether the compiled kernels take these arrays; those of half precision they take in float32."""
    return path != "off" and all(widened(array).dtype == np.float32 for array in arrays if array is not None)


def _choose(compiled: bool, arguments: tuple[Any, ...], kernel: Any, operations: Any) -> Any:
    if not compiled:
        return operations(*arguments)
    return lax.platform_dependent(*arguments, cpu=kernel, default=operations)


def _attributes(windows: Windows, groups: int) -> dict[str, Any]:
    named = {"stride": windows.stride, "padding": windows.first, "dilation": windows.dilation}
    return {name: np.array(value, np.int64) for name, value in named.items()} | {"groups": np.int64(groups)}


def _as_taken(array: Any) -> Any:
    """An array as the kernels take it, half precision widened; for a missing one, one without elements."""
    return jnp.zeros((0,), jnp.float32) if array is None else widened(array)


@functools.partial(jax.jit, static_argnames=("windows", "groups", "relu", "path"))
def _jax_forward(x: Any, weight: Any, bias: Any, *, windows: Windows, groups: int, relu: bool, path: str) -> Any:
    shape = (x.shape[0], *windows.output_size(x.shape[1:3]), weight.shape[3])

    def kernel(x: Any, weight: Any) -> Any:
        result = jax.ShapeDtypeStruct(shape, np.float32)
        taken = map(_as_taken, (x, weight, bias))
        attributes = _attributes(windows, groups)
        return native.call("madi_convolution_forward", result, *taken, relu=relu, **attributes).astype(x.dtype)

    def operations(x: Any, weight: Any) -> Any:
        return _activate(_lax_forward(x, weight, windows, groups), bias, relu)

    return _choose(_compiled(path, x, weight, bias), (x, weight), kernel, operations)


@functools.partial(jax.jit, static_argnames=("shape", "windows", "groups", "path"))
def _jax_input_gradient(
    gy: Any, weight: Any, output: Any, *, shape: tuple[int, ...], windows: Windows, groups: int, path: str
) -> Any:
    def kernel(gy: Any, weight: Any) -> Any:
        result = jax.ShapeDtypeStruct(shape, np.float32)
        taken = map(_as_taken, (gy, output, weight))
        attributes = _attributes(windows, groups)
        return native.call("madi_convolution_input_gradient", result, *taken, **attributes).astype(gy.dtype)

    def operations(gy: Any, weight: Any) -> Any:
        return _lax_input_gradient(_gated(gy, output), weight, shape, windows, groups)

    return _choose(_compiled(path, gy, weight, output), (gy, weight), kernel, operations)


@functools.partial(jax.jit, static_argnames=("windows", "groups", "with_bias", "path"))
def _jax_weight_gradient(
    x: Any, gy: Any, output: Any, *, windows: Windows, groups: int, with_bias: bool, path: str
) -> Any:
    shape = (*windows.size, x.shape[3] // groups, gy.shape[3])

    def kernel(x: Any, gy: Any) -> Any:
        bias = jax.ShapeDtypeStruct((gy.shape[3] if with_bias else 0,), np.float32)
        results = (jax.ShapeDtypeStruct(shape, np.float32), bias)
        taken = map(_as_taken, (x, gy, output))
        attributes = _attributes(windows, groups)
        found = native.call("madi_convolution_weight_gradient", results, *taken, **attributes)
        return tuple(array.astype(x.dtype) for array in found)

    def operations(x: Any, gy: Any) -> Any:
        gy = _gated(gy, output)
        bias = gy.sum(axis=(0, 1, 2)) if with_bias else jnp.zeros((0,), x.dtype)
        return _lax_weight_gradient(x, gy, windows, groups), bias

    return _choose(_compiled(path, x, gy, output), (x, gy), kernel, operations)


def _lax_forward(x: Any, weight: Any, windows: Windows, groups: int) -> Any:
    return lax.conv_general_dilated(
        x, weight, windows.stride, windows.padding, rhs_dilation=windows.dilation, dimension_numbers=LAYOUT,
        feature_group_count=groups,
    )  # fmt: skip


def _lax_input_gradient(gy: Any, weight: Any, shape: Any, windows: Windows, groups: int) -> Any:
    """gy, with stride - 1 zeros between its pixels, convolved with the kernel flipped and transposed."""
    padding = []
    for axis in (0, 1):
        far = windows.reach[axis] - 1
        spread = (gy.shape[1 + axis] - 1) * windows.stride[axis] + 1
        before = far - windows.padding[axis][0]
        padding.append((before, shape[1 + axis] + far - spread - before))
    k, l, inputs, outputs = weight.shape  # noqa: E741
    flipped = weight[::-1, ::-1].reshape(k, l, inputs, groups, outputs // groups)
    transposed = flipped.transpose(0, 1, 4, 3, 2).reshape(k, l, outputs // groups, groups * inputs)
    return lax.conv_general_dilated(
        gy, transposed, (1, 1), padding, lhs_dilation=windows.stride, rhs_dilation=windows.dilation,
        dimension_numbers=LAYOUT, feature_group_count=groups,
    )  # fmt: skip


def _lax_weight_gradient(x: Any, gy: Any, windows: Windows, groups: int) -> Any:
    """x convolved with gy: channels take the place of the batch, and the batch is summed over as channels are."""
    padding = []
    for axis in (0, 1):
        spread = (gy.shape[1 + axis] - 1) * windows.stride[axis] + 1
        before = windows.padding[axis][0]
        padding.append((before, windows.reach[axis] - 1 + spread - x.shape[1 + axis] - before))
    return lax.conv_general_dilated(
        x, gy, windows.dilation, padding, rhs_dilation=windows.stride, dimension_numbers=("CHWN", "IHWO", "HWNC"),
        batch_group_count=groups,
    )  # fmt: skip

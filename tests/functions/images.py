"""The cases of the functions of images: convolution, pooling, normalization."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import madi.functions as F
from tests.functions.case import TF, Case, generator, nonzero, normal, tensor, torch


def channels_first(call: Callable[..., Any]) -> Callable[..., Any]:
    """PyTorch's function of images (N, C, H, W), as one of images (N, H, W, C)."""
    return lambda x, *rest: call(x.permute(0, 3, 1, 2), *rest).permute(0, 2, 3, 1)


def apart(*shape: int) -> np.ndarray:
    """Numbers of both signs, no two of them closer than 0.1: no maximum changes when one moves a little."""
    return generator.permutation(np.arange(np.prod(shape)) / 10 - 1).reshape(shape)


def convolution(
    name: str,
    x: tuple[int, ...],
    weight: tuple[int, ...],
    pads: tuple[int, ...] = (),
    bias: bool = True,
    **options: Any,
) -> Case:
    """A convolution; `pads` are the zeros (left, right, top, bottom) that padding means, where PyTorch has no word."""
    theirs = {**options, "padding": 0} if pads else dict(options)
    relu = theirs.pop("relu", False)

    def like(x: Any, w: Any, b: Any = None) -> Any:
        padded = TF.pad(x.permute(0, 3, 1, 2), pads or (0, 0, 0, 0))
        y = TF.conv2d(padded, w.permute(3, 2, 0, 1), b, **theirs).permute(0, 2, 3, 1)
        return y.relu() if relu else y

    inputs = (normal(*x), normal(*weight), *([normal(weight[-1])] if bias else []))
    return Case(name, lambda *inputs: F.conv2d(*inputs, **options), inputs, like)


CONVOLUTIONS = [
    convolution("3x3", (2, 4, 5, 3), (3, 3, 3, 2)),
    convolution("no bias", (1, 3, 3, 1), (2, 2, 1, 2), bias=False),
    convolution("stride 2, padding 1", (2, 5, 4, 2), (3, 3, 2, 3), stride=2, padding=1),
    convolution("pairs", (1, 6, 5, 1), (2, 3, 1, 1), stride=(2, 1), padding=(1, 2), dilation=(1, 2)),
    convolution("groups", (2, 3, 3, 4), (2, 2, 2, 6), groups=2),
    convolution("same", (1, 4, 4, 2), (3, 3, 2, 2), pads=(1, 1, 1, 1), padding="same"),
    convolution("same, stride 2", (1, 4, 5, 1), (3, 3, 1, 2), pads=(1, 1, 0, 1), padding="same", stride=2),
    convolution("valid", (1, 3, 3, 1), (2, 2, 1, 1), padding="valid", pads=(0, 0, 0, 0)),
    convolution("relu in the node", (2, 4, 5, 3), (3, 3, 3, 2), relu=True),
    convolution("relu, stride 2, no bias", (1, 5, 4, 2), (3, 3, 2, 3), bias=False, stride=2, padding=1, relu=True),
    convolution("each side", (1, 3, 3, 1), (2, 2, 1, 1), padding=((1, 0), (0, 2)), pads=(0, 2, 1, 0)),
]


def transposed(name: str, x: tuple[int, ...], weight: tuple[int, ...], like: Any = None, **options: Any) -> Case:
    """A transposed convolution; `like` are PyTorch's options and what is cut off its end, where it has no word."""
    theirs, cut = like or (options, 0)

    def torchs(x: Any, w: Any, *b: Any) -> Any:
        y = TF.conv_transpose2d(x.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1), *b, **theirs).permute(0, 2, 3, 1)
        return y[:, : y.shape[1] - cut, : y.shape[2] - cut]

    bias = [normal(weight[2] * options.get("groups", 1))] if name != "no bias" else []
    return Case(
        name, lambda *inputs: F.conv2d_transpose(*inputs, **options), (normal(*x), normal(*weight), *bias), torchs
    )


TRANSPOSED = [
    transposed("no bias", (1, 2, 3, 2), (2, 3, 1, 2)),
    transposed("stride 2, padding 1", (2, 3, 2, 3), (3, 3, 2, 3), stride=2, padding=1, output_padding=1),
    transposed("groups", (2, 3, 2, 4), (2, 3, 3, 4), groups=2, stride=(2, 1), padding=(0, 1), dilation=(1, 2)),
    transposed("same", (1, 3, 2, 2), (3, 3, 1, 2), ({"stride": 2}, 1), stride=2, padding="same"),
    transposed("more than a stride added", (1, 2, 2, 1), (2, 2, 1, 1), output_padding=1, dilation=2),
]  # fmt: skip


def dilated(padding_counts: bool) -> Case:
    """A mean over windows with gaps, as PyTorch's `unfold` sees them."""

    def like(x: Any) -> Any:
        def sums(x: Any) -> Any:
            seen = TF.unfold(x.permute(0, 3, 1, 2), (2, 3), dilation=(3, 2), padding=(1, 0), stride=(1, 2))
            return seen.unflatten(1, (x.shape[3], 6)).sum(2).unflatten(2, (4, 2)).permute(0, 2, 3, 1)

        return sums(x) / (6 if padding_counts else sums(torch.ones_like(x)))

    return Case(
        f"dilation, padding {padding_counts}",
        lambda x: F.average_pool2d(
            x, (2, 3), stride=(1, 2), padding=(1, 0), dilation=(3, 2), count_padding=padding_counts
        ),
        (normal(2, 5, 7, 2),),
        like,
    )


def pooling(call: Callable[..., Any], like: Callable[..., Any]) -> list[Case]:
    """The cases of a pooling; `like` takes PyTorch's options."""
    cases = {
        "2": ((2, 4, 6, 2), 2, {}),
        "3, stride 2, padding 1": ((1, 6, 5, 2), 3, {"stride": 2, "padding": 1}),
        "overlapping pairs": ((1, 5, 6, 1), (2, 3), {"stride": (1, 2), "padding": (0, 1)}),
        "hanging over": ((1, 6, 6, 1), 3, {"stride": 2, "ceil_mode": True}),
        "hanging over padding": ((1, 5, 4, 1), 3, {"stride": 2, "padding": 1, "ceil_mode": True}),
    }
    return [
        Case(
            name,
            lambda x, size=size, options=options: call(x, size, **options),
            (apart(*shape),),
            channels_first(lambda x, size=size, options=options: like(x, size, **options)),
        )
        for name, (shape, size, options) in cases.items()
    ]


def normalization(name: str, shape: tuple[int, ...], training: bool, **options: Any) -> Case:
    """Batch normalization's y; running mean and variance away from 0 and 1."""
    mean, variance = np.linspace(-1, 1, shape[-1]), np.linspace(0.5, 2, shape[-1])
    back = (0, *range(2, len(shape)), 1)

    def call(x: Any, scale: Any, shift: Any) -> Any:
        running = mean.astype(x.dtype), variance.astype(x.dtype)
        return F.batch_norm(x, scale, shift, *running, training=training, **options)[0]

    def like(x: Any, scale: Any, shift: Any) -> Any:
        x = x.permute(0, len(shape) - 1, *range(1, len(shape) - 1))
        running = tensor(mean, x).clone(), tensor(variance, x).clone()
        return TF.batch_norm(x, *running, scale, shift, training, **options).permute(back)

    return Case(name, call, (normal(*shape), nonzero(shape[-1]), normal(shape[-1])), like)


def response(name: str, channels: int, *size: int, **options: Any) -> Case:
    """Local response normalization."""
    return Case(
        name,
        lambda x: F.local_response_normalization(x, *size, **options),
        (normal(2, 2, 1, channels),),
        channels_first(lambda x: TF.local_response_norm(x, *(size or (5,)), **options)),
    )


IMAGES = {
    "conv2d": CONVOLUTIONS,
    "conv2d_transpose": TRANSPOSED,
    "zero_pad": [
        Case("images", lambda x: F.zero_pad(x, ((0, 0), (1, 2), (0, 1), (3, 0))), (normal(2, 2, 3, 2),),
             lambda x: TF.pad(x, (3, 0, 0, 1, 1, 2))),
        Case("a vector", lambda x: F.zero_pad(x, [(2, 1)]), (normal(3),), lambda x: TF.pad(x, (2, 1))),
    ],
    "max_pool2d": [
        *pooling(F.max_pool2d, lambda *a, **o: TF.max_pool2d(*a, **o)),
        Case("dilation", lambda x: F.max_pool2d(x, 3, stride=2, padding=1, dilation=(2, 3), ceil_mode=True),
             (apart(1, 6, 7, 2),),
             channels_first(lambda x: TF.max_pool2d(x, 3, 2, 1, (2, 3), True))),
    ],
    "max_pool2d_positions": [
        Case("values", lambda x: F.max_pool2d_positions(x, 2)[0], (apart(2, 4, 4, 1),),
             channels_first(lambda x: TF.max_pool2d(x, 2))),
    ],
    "average_pool2d": [
        dilated(True),
        dilated(False),
        *pooling(F.average_pool2d, lambda *a, **o: TF.avg_pool2d(*a, **o)),
        *(
            Case(f"{case.name}, padding not counted", case.call, case.inputs, case.torch)
            for case in pooling(
                lambda *a, **o: F.average_pool2d(*a, count_padding=False, **o),
                lambda *a, **o: TF.avg_pool2d(*a, count_include_pad=False, **o),
            )
        ),
    ],
    "global_average_pool": [
        Case("images", F.global_average_pool, (normal(2, 3, 4, 2),), lambda x: x.mean(dim=(1, 2))),
    ],
    "global_max_pool": [
        Case("images", F.global_max_pool, (apart(2, 3, 4, 2),), lambda x: x.amax(dim=(1, 2))),
    ],
    "layer_norm": [
        Case("rows", F.layer_norm, (normal(4, 3), nonzero(3), normal(3)), lambda x, *w: TF.layer_norm(x, (3,), *w)),
        Case("two axes", lambda *inputs: F.layer_norm(*inputs, axes=2, eps=0.1),
             (normal(3, 3, 2), nonzero(3, 2), normal(3, 2)), lambda x, *w: TF.layer_norm(x, (3, 2), *w, eps=0.1)),
    ],
    "batch_norm": [
        normalization("rows", (5, 3), True),
        normalization("images", (2, 3, 2, 2), True, eps=0.1),
        normalization("rows, inference", (5, 3), False),
        normalization("images, inference", (2, 3, 2, 2), False, eps=0.1),
    ],
    "local_response_normalization": [
        response("PyTorch's", 7),
        response("strong", 7, 5, alpha=0.9, beta=0.6, k=2.0),
        response("an even size", 5, 4, alpha=1.5),
        response("fewer channels than its size", 2, 5, alpha=1.5),
        response("itself alone", 3, 1, alpha=1.5),
    ],
}  # fmt: skip

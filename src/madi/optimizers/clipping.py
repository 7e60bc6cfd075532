"""Gradients cut to a length or to a range, before an optimizer uses them."""

from __future__ import annotations

from typing import Any

from madi.kernels.arrays import array_library


def clip_by_value(gradients: dict[str, Any], bound: Any) -> dict[str, Any]:
    """Every element cut to [-bound, bound], as torch.nn.utils.clip_grad_value_."""
    library = array_library(*gradients.values())
    bounds = {path: library.asarray(bound, gx.dtype) for path, gx in gradients.items()}
    return {path: library.clip(gx, -bounds[path], bounds[path]) for path, gx in gradients.items()}


def clip_by_norm(gradients: dict[str, Any], bound: Any) -> dict[str, Any]:
    """All gradients scaled by one factor, so that together they are no longer than `bound`.

    norm = sqrt(sum of gx^2 over all gradients),   gx = gx * min(1, bound / (norm + 1e-6))

    Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013), with the
    1e-6 of torch.nn.utils.clip_grad_norm_.  A norm that is not finite makes gradients that are not finite.
    """
    library = array_library(*gradients.values())
    norm = library.sqrt(sum(library.sum(gx * gx) for gx in gradients.values()))
    scale = library.minimum(1.0, bound / (norm + 1e-6))
    return {path: gx * library.asarray(scale, gx.dtype) for path, gx in gradients.items()}

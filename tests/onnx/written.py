"""What tests of exports do alike: run a file in onnxruntime, and give layers weights that are not their first ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import madi


def session(content: bytes) -> Any:
    """The file, opened by onnxruntime."""
    onnxruntime = pytest.importorskip("onnxruntime")
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def answer(content: bytes, x: np.ndarray) -> np.ndarray:
    """The file's "output" for the input "input"."""
    return session(content).run(["output"], {"input": x})[0]


def shaken(model: Any) -> Any:
    """The model with random weights and running statistics: none is 0 or 1 any longer."""
    draw = np.random.default_rng(7)
    for parameter in model.parameters().values():
        parameter.value = draw.uniform(0.2, 0.9, parameter.shape).astype(np.float32) * draw.choice([-1, 1])
    for _, layer in model.walk():
        for name in layer.states:
            setattr(layer, name, draw.uniform(0.5, 1.5, np.shape(getattr(layer, name))).astype(np.float32))
    return model


def assert_runs_alike(model: Any, x: np.ndarray, *, within: float = 1e-5, **options: Any) -> None:
    """The file answers as the model does on NumPy, for all examples and for the first alone."""
    content = madi.onnx.export(model, check=False, **options)
    expected = madi.predict(model, x, engine="numpy")
    for count in (len(x), 1):
        got = answer(content, x[:count])
        assert got.shape == expected[:count].shape
        assert np.abs(got - expected[:count]).max() <= within * max(1, np.abs(expected).max())

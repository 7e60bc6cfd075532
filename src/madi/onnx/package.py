"""The package onnx, an extra of madi, which reads and writes the messages of the format."""

from __future__ import annotations

from typing import Any

from madi.errors import ConfigurationError


def onnx_package() -> Any:
    """The package; ConfigurationError where it is not installed."""
    try:
        import onnx
    except ImportError as error:
        raise ConfigurationError("ONNX needs the package onnx: pip install madi[onnx].") from error
    return onnx

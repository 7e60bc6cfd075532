"""Which engine a job is for: NumPy where it ends before a compilation would."""

from __future__ import annotations

from madi.layers import Layer

COMPILATION = 1.0  # seconds that tracing and compiling a step takes, about
STEP = 3e-4  # seconds that an uncompiled step costs besides its arithmetic
ARITHMETIC = 2e10  # multiply-adds that NumPy does in a second, about
LAYER = 6e-5  # seconds that a layer's call in inference costs besides its arithmetic


def quick_on_numpy(model: Layer, examples: int, epochs: int, batch_size: int = 100) -> bool:
    """Whether `epochs` passes over `examples` on NumPy take less time than compiling.

    A step is three products for each of the forward pass: values, gradients to the input, gradients to the weights.
    """
    steps = -(-examples // batch_size) * epochs
    work = 3 * model.summary().multiply_adds * examples * epochs
    return steps * STEP + work / ARITHMETIC < COMPILATION


def inference_seconds(layers: int, multiply_adds: int, examples: int, batches: int) -> float:
    """Seconds that NumPy takes for the outputs of `examples`, about; `multiply_adds` are those of one."""
    return layers * LAYER * batches + multiply_adds * examples / ARITHMETIC


def inference_compilation(layers: int) -> float:
    """Seconds that tracing and compiling a model's inference takes, about: 0.05 of 5 layers, 0.6 of resnet50's 211."""
    return 0.05 + 0.003 * layers

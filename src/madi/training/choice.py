"""Which engine a job is for: NumPy where it ends before a compilation would."""

from __future__ import annotations

from typing import Any

from madi.layers import Layer

COMPILATION = 1.0  # seconds that tracing and compiling a step takes, about
STEP = 3e-4  # seconds that an uncompiled step costs besides its arithmetic
ARITHMETIC = 2e10  # multiply-adds that NumPy does in a second, about
WRITE = 1.5e-9  # seconds that a number costs which a convolution writes on NumPy: one of a product, added to its output
MOST_WORK_TOGETHER = 3e7  # multiply-adds of a forward pass of one trial up to which trials are batched
MOST_BYTES_TOGETHER = 2**22  # weights that the trials of one program have together, about
MOST_JOBS = 8192  # kinds of jobs whose time on NumPy is kept
LAYER = 6e-5  # seconds that a layer's call in inference costs besides its arithmetic


def quick_on_numpy(model: Layer, examples: int, epochs: int, batch_size: int = 100) -> bool:
    """Whether `epochs` passes over `examples` on NumPy take less time than compiling.

    A step is three products for each of the forward pass: values, gradients to the input, gradients to the weights.
    """
    steps = -(-examples // batch_size) * epochs
    work = 3 * model.summary().multiply_adds * examples * epochs
    return steps * STEP + work / ARITHMETIC < COMPILATION


def trials_together(model: Layer, trials: int, batch_size: int) -> int:
    """How many of so many trials train in one compiled program; 1 where each is faster alone.

    Measured on two cores, 4 to 16 trials in batches of 100, against one compiled program run trial after trial:
    784-50-10 takes 0.4 of its time, 784-100x6-10 0.65, simple_convnet of 8 x 8 pixels 0.7; 784-512-512-10 all of it,
    and simple_convnet of 28 x 28 pixels 1.1 to 1.8 times as much.  So what counts is whether a trial's own products are
    small.  Of too many trials the weights leave the cache between two steps: hence parts, of one size where the number
    of trials lets them, since each size is a program of its own.
    """
    if model.summary().multiply_adds * batch_size > MOST_WORK_TOGETHER:
        return 1
    weights = sum(4 * parameter.size for parameter in model.parameters().values())
    most = max(2, min(trials, MOST_BYTES_TOGETHER // max(weights, 1)))
    even = [size for size in range(most, most // 2, -1) if trials % size == 0]
    return even[0] if even else -(-trials // -(-trials // most))


def inference_seconds(layers: int, multiply_adds: int, examples: int, batches: int, *, writes: int = 0) -> float:
    """Seconds that NumPy takes for the outputs of `examples`, about.

    multiply_adds, writes    of one example; `writes` are the numbers that its convolutions write

    Measured in processor time of one thread, over this estimate: simple_convnet 1.0, deep_convnet 0.6, resnet50 0.6;
    with their multiply-adds alone it was 15, 1.3 and 0.9.
    """
    return layers * LAYER * batches + (multiply_adds / ARITHMETIC + writes * WRITE) * examples


def compiling_pays(spent: dict[Any, float], job: Any, seconds: float, layers: int) -> bool:
    """Whether compiling is the quicker way for a job by now: NumPy would have taken longer, these `seconds` included.

    spent   what NumPy has taken for each job so far; kept here
    layers  of what would be compiled
    """
    if job not in spent and len(spent) >= MOST_JOBS:
        spent.clear()
    spent[job] = spent.get(job, 0.0) + seconds
    return spent[job] > inference_compilation(layers)


def inference_compilation(layers: int) -> float:
    """Seconds that tracing and compiling a model's inference takes, about: 0.05 of 5 layers, 0.6 of resnet50's 211."""
    return 0.05 + 0.003 * layers

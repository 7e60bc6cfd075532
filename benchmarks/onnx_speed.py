"""ONNX models: `madi.onnx.load(...).run` beside onnxruntime, and where madi's time goes.

    python benchmarks/onnx_speed.py                              resnet50, batch 1 and 32
    python benchmarks/onnx_speed.py --models vgg19 squeezenet --batch 1
    python benchmarks/onnx_speed.py --profile                    seconds by kind of operation, of one compiled call

The light models of the onnx package with seeded random weights.  Two threads each, float32, the same bytes and the
same picture; the sides alternate by rounds within one process, each run preceded by one that is not timed.  The ratio
is onnxruntime's time divided by madi's: above 1 madi is faster.  What is compared is the whole call, from NumPy's
arrays to NumPy's arrays; loading and compiling are told apart.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import Counter
from pathlib import Path

import common
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.onnx.light import NAMES, image, light_model

import madi.onnx


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["resnet50"], choices=NAMES)
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 32])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--profile", action="store_true", help="where the time of madi's call goes, instead")
    options = parser.parse_args()
    print(common.machine())
    head = ("model", "batch", "madi, ms", "onnxruntime, ms", "ratio", "least-most", "load, s", "compile, s", "error")
    print("".join(f"{title:>16}" for title in head))
    for name in options.models:
        for batch in options.batch:
            if options.profile:
                profile(name, batch)
            else:
                print("".join(f"{cell:>16}" for cell in row(name, batch, options.rounds)), flush=True)


def row(name, batch, rounds):
    """What the table says of one model and batch."""
    model = light_model(name, batch="N")
    source, x = model.SerializeToString(), image(model, batch=batch)
    load, loaded = common.timed(lambda: madi.onnx.load(source))
    first, (ours,) = common.timed(lambda: loaded.run(x, engine="jax"))
    session = runtime(source)
    (theirs,) = session.run(None, x)
    runs = {"madi": lambda: loaded.run(x, engine="jax"), "onnxruntime": lambda: session.run(None, x)}
    times, _ = common.alternate(runs, rounds, {"madi": 1, "onnxruntime": 1}, settle=True)
    ratios = [other / our for our, other in zip(times["madi"], times["onnxruntime"], strict=True)]
    middle = {side: statistics.median(column) for side, column in times.items()}
    error = np.abs(ours - theirs).max() / np.abs(theirs).max()
    return (
        name, batch, f"{middle['madi'] * 1e3:.1f}", f"{middle['onnxruntime'] * 1e3:.1f}",
        f"{statistics.median(ratios):.2f}", f"{min(ratios):.2f}-{max(ratios):.2f}", f"{load:.2f}",
        f"{first - middle['madi']:.2f}", f"{error:.1e}",
    )  # fmt: skip


def runtime(source):
    """onnxruntime's session on as many threads as madi has."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = int(common.THREADS)
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    return onnxruntime.InferenceSession(source, settings, providers=["CPUExecutionProvider"])


def profile(name, batch):
    """Milliseconds of each operation of the compiled program, those of one kind and shape together.

    Operations may run side by side, so that the sum may exceed the call.
    """
    from networks import operations, traced

    model = light_model(name, batch="N")
    loaded, x = madi.onnx.load(model.SerializeToString()), image(model, batch=batch)
    loaded.run(x, engine="jax")
    whole = min(common.timed(lambda: loaded.run(x, engine="jax"))[0] for _ in range(3))
    (program,) = loaded._runner._programs.values()
    kinds, spent, calls = operations(program._call.as_text()), Counter(), Counter()
    for operation, seconds in traced(lambda: loaded.run(x, engine="jax")):
        if operation in kinds:
            spent[kinds[operation]] += seconds
            calls[kinds[operation]] += 1
    print(f"{name}, batch {batch}: {whole * 1e3:.1f} ms a call")
    for (kind, shape), seconds in spent.most_common(20):
        print(f"    {kind:44}{seconds * 1e3:9.2f} ms{seconds / whole:6.0%}   {calls[kind, shape]:3} x {shape}")


if __name__ == "__main__":
    main()

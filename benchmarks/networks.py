"""Convolutional networks: madi's default `fit` and `predict` beside PyTorch's eager training and inference.

    python benchmarks/networks.py step simple_convnet | deep_convnet | resnet_cifar-20 | vgg16 | resnet50 | googlenet
    python benchmarks/networks.py compile resnet_cifar-110      in a fresh process, from an empty cache
    python benchmarks/networks.py inference deep_convnet --batch 1 100
    python benchmarks/networks.py memory deep_convnet           in a fresh process for each side
    python benchmarks/networks.py profile deep_convnet          where the time of madi's step goes

Both sides have the same layers, the same first weights and the same data, in float32 on two threads, and alternate by
rounds within one process.  madi's time is that of the whole `fit` call divided by its steps: checks, shuffling, loss,
accuracy, update and history included, compilation left out.  PyTorch runs eagerly at the better of its two memory
layouts and of its fused and foreach optimizers, each timed first; loss and hits are summed up as madi does.  MNIST and
CIFAR-10 come from $MADI_DATA or are downloaded; larger images are random.  The memory allocator is the system's own for
every side.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import common
import numpy as np

# What each network is trained on, how many steps a round takes, and how many PyTorch's settings are tried on.
DIGITS = {"data": "mnist", "batch": 100, "optimizer": "adam", "rate": 1e-3, "steps": 100, "trials": 20}
CIFAR = {"data": "cifar10", "batch": 128, "optimizer": "momentum", "rate": 0.1, "steps": 20, "trials": 4}
IMAGENET = {"data": None, "batch": 8, "optimizer": "momentum", "rate": 1e-3, "steps": 4, "trials": 1}
CASES = {"simple_convnet": DIGITS, "deep_convnet": DIGITS, "resnet_cifar": CIFAR}


def case_of(name):
    """What the network is trained on and how; those for ImageNet are alike."""
    return CASES.get(name.split("-")[0], IMAGENET)


def built(name):
    """The network by name ("resnet_cifar-20" has depth 20) with its first weights."""
    from madi import models

    kind, _, depth = name.partition("-")
    return models.create(kind, **({"depth": int(depth)} if depth else {})).build(models.INPUT_SHAPES[kind], seed=0)


def data_for(name, steps):
    """(images, labels) for so many steps."""
    import madi

    case = case_of(name)
    count = steps * case["batch"]
    if case["data"] is None:
        generator = np.random.default_rng(0)
        shape = count, *madi.models.INPUT_SHAPES[name]
        return generator.random(shape, np.float32), generator.integers(0, 1000, count, np.int32)
    train = madi.datasets.load(case["data"]).train
    return train.x[:count], train.y[:count]


def madi_epoch(model, case, x, y):
    """(a function that trains one epoch as madi's users do and returns its loss, the trainer)."""
    import madi

    optimizer = {"adam": madi.optimizers.Adam, "momentum": madi.optimizers.Momentum}[case["optimizer"]](case["rate"])
    trainer = madi.Trainer(model, optimizer=optimizer, metrics=["accuracy"], engine="jax")
    return lambda: trainer.fit((x, y), epochs=1, batch_size=case["batch"], verbose=0)["loss"][-1], trainer


# ---- step: whole training steps


def step(options):
    """Both sides, and the book's NumPy for its deep network."""
    steps = options.steps or case_of(options.network)["steps"]
    runs, trainer = sides(options, *data_for(options.network, steps))
    for side, run in runs.items():
        print(f"  {side}: {common.timed(run)[0]:.1f} s for the first run", flush=True)
    counts = {side: options.book if side.startswith("book") else steps for side in runs}
    common.print_table(*common.alternate(runs, options.rounds, counts), unit="ms", scale=1e3, digits=2)
    alone = statistics.median(trainer.history["seconds"][-options.rounds :]) / steps
    print(f"  of madi's, its epochs alone, without what a call of fit does once: {alone * 1e3:.2f} ms a step")


def sides(options, x, y):
    """({side: a function that trains one epoch and returns the loss}, madi's trainer)."""
    import torch_networks

    case, model = case_of(options.network), built(options.network)
    network, batch = torch_networks.torch_network(model), case["batch"]
    settings = batch, case["optimizer"], case["rate"]
    few = slice(0, case["trials"] * batch)
    count = sum(weight.numel() for weight in network.parameters())
    print(f"{common.machine()}, {options.network}, {count} parameters on both sides, {case}", flush=True)
    kind = options.torch or torch_networks.quickest(network, x[few], y[few], *settings)
    epoch, trainer = madi_epoch(model, case, x, y)
    runs = {
        "madi": epoch,
        f"PyTorch, {kind}": torch_networks.torch_epoch(network, x, y, *settings, kind),
    }
    if options.network == "deep_convnet" and options.book:
        few = slice(0, options.book * batch)
        runs["book-style NumPy"] = torch_networks.book_epoch(x[few], y[few], batch, case["rate"])
    return runs, trainer


# ---- compile: the time of the first step


def compilation(options):
    """Seconds of compiling a training step in a fresh process: with an empty cache, then with what it holds by now."""
    with tempfile.TemporaryDirectory() as folder:
        for cache in ("empty cache", "filled cache"):
            print(f"{options.network}, {cache}: {child('compile_here', options.network, folder)}", flush=True)


def child(function, *arguments):
    """What a fresh process prints that calls this function of this file; the last argument is its cache's folder."""
    code = f"import networks; networks.{function}(*{arguments!r})"
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path, "MADI_CACHE": str(arguments[-1])}
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return done.stdout.strip()


def compile_here(name, folder):
    """The first `fit` beside the second, and what JAX says of its share."""
    import jax

    spent = {}
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, seconds, **_: spent.update({event: spent.get(event, 0) + seconds})
    )
    epoch, _ = madi_epoch(built(name), case_of(name), *data_for(name, 1))
    first, second = (common.timed(epoch)[0] for _ in range(2))
    names = {"jaxpr_trace": "tracing", "jaxpr_to_mlir_module": "lowering", "backend_compile": "XLA"}
    parts = (f"{title} {spent.get(f'/jax/core/compile/{key}_duration', 0):.1f} s" for key, title in names.items())
    print(f"{first - second:.1f} s (first fit of one step {first:.1f}, second {second:.2f}; of it {', '.join(parts)})")


# ---- inference: one batch again and again


def inference(options):
    """`predict` beside an eager forward pass of PyTorch in inference mode, at each size of batch."""
    model = built(options.network)
    for size in options.batch:
        x, _ = data_for(options.network, -(-size // case_of(options.network)["batch"]))
        runs = inference_sides(model, np.ascontiguousarray(x[:size]))
        repeated(runs["madi"], 100)()  # a loop of predictions goes over to the compiled program by itself
        results = [run() for run in runs.values()]
        for found in results[1:]:
            np.testing.assert_allclose(results[0], found, rtol=1e-3, atol=1e-4)
        counts = {side: max(3, int(0.2 / common.timed(run)[0])) for side, run in runs.items()}
        looped = {side: repeated(run, counts[side]) for side, run in runs.items()}
        times, _ = common.alternate(looped, options.rounds, counts, settle=True)
        print(f"{common.machine()}, {options.network}, inference of {size}")
        common.print_table(times, {}, per="call")
        outside = 1 - statistics.median(times[COMPILED]) / statistics.median(times["madi, engine='jax'"])
        print(f"  outside the compiled program: {outside:.0%} of predict(engine='jax')")


def repeated(run, times):
    """A function that calls `run` so many times."""

    def loop():
        for _ in range(times):
            run()

    return loop


COMPILED = "madi, compiled program alone"


def inference_sides(model, x):
    """{side: a function that returns the logits of x as a NumPy array}."""
    import jax
    import torch_networks

    from madi import no_grad, predict

    def forward(parameters, state, x):
        with no_grad():
            return model.apply(parameters, state, x)[0].value

    values = {path: parameter.value for path, parameter in model.parameters().items()}
    program, arguments = jax.jit(forward), jax.device_put((values, model.state(), x))
    network = torch_networks.torch_network(model)
    return {
        "madi": lambda: predict(model, x),
        "madi, engine='jax'": lambda: predict(model, x, engine="jax"),
        COMPILED: lambda: np.asarray(program(*arguments)),
        **{f"PyTorch, {layout}": torch_networks.torch_forward(network, x, layout) for layout in torch_networks.LAYOUTS},
    }


# ---- memory: the peak of a fresh process


def memory(options):
    """Peak memory of a few steps on each side, and what of it came after imports and data."""
    import torch_networks

    name, case = options.network, case_of(options.network)
    with tempfile.TemporaryDirectory() as folder:
        torch_networks.torch.save(torch_networks.torch_network(built(name)), Path(folder, "network"))
        for part, array in zip("xy", data_for(name, options.steps or 3), strict=True):
            np.save(Path(folder, f"{part}.npy"), array)
        sides = {"madi, compiling": "", "madi": ""} | {
            f"PyTorch, {layout}": f"{layout}, fused {case['optimizer']}" for layout in torch_networks.LAYOUTS
        }
        peaks = {}
        for side, kind in sides.items():
            peaks[side] = raw, net = tuple(map(float, child("peak", name, kind, folder).split()))
            print(f"{name}, {side:24}peak {raw:6.0f} MiB, less imports and data {net:6.0f} MiB", flush=True)
    for side, (raw, net) in list(peaks.items())[2:]:
        print(f"madi / {side}: {peaks['madi'][0] / raw:.2f}, less imports and data {peaks['madi'][1] / net:.2f}")


def peak(name, kind, folder):
    """Trains for two epochs and prints the peak of this process in MiB, and the same less what it held before.

    kind    settings of PyTorch; "" for madi
    """
    case, (x, y) = case_of(name), (np.load(Path(folder, f"{part}.npy")) for part in "xy")
    if kind:
        import torch_networks

        before = status("VmRSS")
        network = torch_networks.torch.load(Path(folder, "network"), weights_only=False)
        epoch = torch_networks.torch_epoch(network, x, y, case["batch"], case["optimizer"], case["rate"], kind)
    else:
        import jax

        import madi

        madi.Trainer, jax.devices()  # loaded before the memory is looked at
        before = status("VmRSS")
        epoch, _ = madi_epoch(built(name), case, x, y)
    epoch()
    print(status("VmHWM"), status("VmHWM") - before)


def status(entry):
    """A figure of this process in MiB, as the kernel has it."""
    text = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(text.split(f"{entry}:")[1].split()[0]) / 1024


# ---- profile: where the time of madi's step goes


def profile(options):
    """Milliseconds a step of each operation of the compiled program, those of one kind and shape together.

    Operations may run side by side, so that the sum may exceed the step.
    """
    steps = options.steps or case_of(options.network)["steps"]
    epoch, trainer = madi_epoch(built(options.network), case_of(options.network), *data_for(options.network, steps))
    epoch()
    (program,) = trainer._engines["jax"]._programs.values()
    kinds, spent, calls = operations(program.as_text()), Counter(), Counter()
    for operation, seconds in traced(epoch):
        if (kind := kinds.get(operation, ("while",)))[0] not in ("while", "call", "conditional"):
            spent[kind] += seconds / steps
            calls[kind] += 1 / steps
    whole = trainer.history["seconds"][-1] / steps
    print(f"{common.machine()}, {options.network}: {whole * 1e3:.2f} ms a step while traced")
    totals = Counter()
    for (name, _), seconds in spent.items():
        totals[name] += seconds
    for name, seconds in totals.most_common(12):
        print(f"  {name:44}{seconds * 1e3:9.2f} ms{seconds / whole:6.0%}")
    print("  the longest, by shape of the result:")
    for (name, shape), seconds in spent.most_common(options.rows):
        count = round(calls[name, shape])
        print(f"  {name:44}{seconds * 1e3:9.2f} ms{seconds / whole:6.0%}   {count:3} x {shape}")


def operations(text):
    """{name of an operation: (its kind, the shape of its result)} of a compiled program."""
    found = {}
    for line in text.splitlines():
        if parts := re.match(r"\s*(?:ROOT )?%?([\w.-]+) = (\(.*?\)|\S+) ([\w-]+)\(", line):
            name, shape, kind = parts.groups()
            target = re.search(r'custom_call_target="([^"]+)"', line)
            kind = target[1] if target else re.sub(r"[.\d]+$", "", name) if kind == "fusion" else kind
            found[name] = kind, re.sub(r"\{[^}]*\}|/\*.*?\*/", "", shape)[:60]
    return found


def traced(run):
    """(name, seconds) of everything that XLA's threads do while it runs."""
    import jax

    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            run()
        (file,) = Path(folder).rglob("*.xplane.pb")
        for plane in jax.profiler.ProfileData.from_file(str(file)).planes:
            for line in plane.lines:
                yield from ((event.name, event.duration_ns / 1e9) for event in line.events)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("network")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="of every side in every round")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 100], help="of inference")
    parser.add_argument("--book", type=int, default=3, help="steps of the book's NumPy in every round; 0 leaves it out")
    parser.add_argument("--torch", help="PyTorch's settings where they are known: 'channels-last, fused adam'")
    parser.add_argument("--rows", type=int, default=15, help="operations that `profile` lists")
    options = parser.parse_args()
    COMMANDS[options.command](options)


COMMANDS = {"step": step, "compile": compilation, "inference": inference, "memory": memory, "profile": profile}


if __name__ == "__main__":
    main()

"""Start and memory: imports, the first and the second `madi train`, and the peak memory of training on MNIST.

    python benchmarks/startup.py

Every figure is of a fresh process; the two sides of a ratio alternate.  Peak memory is the kernel's VmHWM of that
process.  MNIST comes from $MADI_DATA or is downloaded.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

PEAK = """
from pathlib import Path
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024)
"""
DATA = """
import madi.datasets
train = madi.datasets.load("mnist").train
x, y = train.x.reshape(len(train.x), -1), train.y
"""
MADI = (
    DATA
    + """
import madi
from madi.layers import Dense, ReLU, Sequential
model = Sequential(Dense(100), ReLU(), Dense(10))
trainer = madi.Trainer(model, optimizer=madi.optimizers.SGD(0.1), metrics=["accuracy"], engine="jax")
trainer.fit((x, y), epochs=2, batch_size=100, verbose=0)
"""
    + PEAK
)
TORCH = (
    DATA
    + """
import torch
torch.set_num_threads(2)
xs, ys = torch.from_numpy(x), torch.from_numpy(y).long()
network = torch.nn.Sequential(torch.nn.Linear(784, 100), torch.nn.ReLU(), torch.nn.Linear(100, 10))
optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
criterion = torch.nn.CrossEntropyLoss()
for _ in range(2):
    for rows in torch.randperm(len(xs)).split(100):
        optimizer.zero_grad()
        criterion(network(xs[rows]), ys[rows]).backward()
        optimizer.step()
"""
    + PEAK
)


def output_of(code):
    """What a fresh process prints that runs this code."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def seconds(command, **environment):
    """Wall time of a fresh process."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})
    return time.perf_counter() - began


def imports(rounds):
    """Median seconds of `import madi`, of its first name, and of `import jax.numpy`; and the ratio of each pair."""
    code = {name: name for name in ("import jax.numpy", "import madi", "from madi import Variable")}
    times = {name: [] for name in code}
    for text in code:
        seconds([sys.executable, "-c", text])
    for _ in range(rounds):
        for name, text in code.items():
            times[name].append(seconds([sys.executable, "-c", text]))
    for name, column in times.items():
        ratio = statistics.median(a / b for a, b in zip(column, times["import jax.numpy"], strict=True))
        print(f"{name:34}{statistics.median(column):8.2f} s   {ratio:5.2f} of import jax.numpy")


def commands():
    """The first and the second `madi train` on digits, with an empty cache of compiled programs at first."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first `madi train`, empty cache", "second"):
            for engine in ("auto", "jax"):
                command = [
                    sys.executable,
                    "-m",
                    "madi",
                    "train",
                    "--engine",
                    engine,
                    "--output",
                    f"{folder}/{name}{engine}",
                ]
                taken = seconds(command, MADI_CACHE=f"{folder}/cache-{engine}")
                print(f"{name + ', engine ' + engine:50}{taken:8.1f} s")


def memory(rounds):
    """Peak memory of two epochs of MNIST on both sides."""
    peaks = {"madi": [], "PyTorch": []}
    for _ in range(rounds):
        peaks["madi"].append(float(output_of(MADI)))
        peaks["PyTorch"].append(float(output_of(TORCH)))
    for name, column in peaks.items():
        print(f"peak memory, {name:21}{statistics.median(column):8.0f} MiB")
    print(f"ratio {statistics.median(peaks['madi']) / statistics.median(peaks['PyTorch']):.2f}")


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    imports(options.rounds)
    commands()
    memory(max(1, options.rounds // 2))


if __name__ == "__main__":
    main()

"""`madi serve` under load, beside the same network in onnxruntime behind a plain FastAPI route.

    python benchmarks/serving.py                        100 requests a second, saturation, and SIGTERM under load
    python benchmarks/serving.py --seconds 2            the same, small
    python benchmarks/serving.py --soak 600             memory over ten minutes at saturation, madi alone

A 784-100-10 network with seeded weights; pictures like MNIST's (one pixel in five is not 0), one a request, in JSON.
Server and client are two processes of this machine; the client is raw sockets that are kept alive.  The sides take
turns, each round in a fresh server.  Every answer is kept, and held against NumPy's after the time has been taken.
Latency at a fixed rate counts from the moment at which a request was due, so that a server that stalls is not spared.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import common
import numpy as np

PICTURES = 256
TOLERANCE = 1e-4
SIDES = ("madi", "onnxruntime")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=100, help="requests a second of the first measurement")
    parser.add_argument("--connections", type=int, default=64, help="that ask without a pause at saturation")
    parser.add_argument("--soak", type=float, metavar="SECONDS", help="watch madi's memory for so long, instead")
    parser.add_argument("--plain", nargs=2, metavar=("FILE", "PORT"), help=argparse.SUPPRESS)
    parser.add_argument("--client", metavar="JOB", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain:
        return plain_server(*options.plain)
    if options.client:
        return client(json.loads(options.client))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options)
        print(common.machine(), f"{os.cpu_count()} cores")
        return bench.soak() if options.soak else bench.compare()


# ---- the sides


def plain_server(file, port):
    """onnxruntime as somebody would put it behind FastAPI."""
    import onnxruntime
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    application = FastAPI()

    class Body(BaseModel):
        data: list[list[float]]

    @application.post("/infer")
    async def infer(body: Body):
        return {"data": session.run(["output"], {"input": np.array(body.data, np.float32)})[0].tolist()}

    uvicorn.run(application, host="127.0.0.1", port=int(port), log_level="error", access_log=False)


class Bench:
    """The network in files, the requests in files, and what is measured with them."""

    def __init__(self, folder, options):
        import madi

        self.folder, self.options = folder, options
        model = madi.Sequential(madi.layers.Dense(100), madi.layers.ReLU(), madi.layers.Dense(10))
        model.build((784,), seed=0)
        madi.save(model, folder / "net.safetensors")
        madi.onnx.export(model, folder / "net.onnx")
        random = np.random.default_rng(0)
        pictures = random.integers(0, 256, (PICTURES, 784)) * (random.random((PICTURES, 784)) < 0.2)
        x = (pictures / 255).astype(np.float32)
        self.expected = madi.predict(model, x, engine="numpy")
        np.save(folder / "x.npy", x)

    def serve(self, side):
        """(process, port): the server, once it answers."""
        if side == "madi":
            command = [sys.executable, "-m", "madi", "serve", str(self.folder / "net.safetensors"), "--port", "0"]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            line = next(line for line in process.stdout if line.startswith("serving"))
            return process, int(line.split()[1].rpartition(":")[2])
        port = free_port()
        command = [sys.executable, __file__, "--plain", str(self.folder / "net.onnx"), str(port)]
        process = subprocess.Popen(command)
        while not answers(port):
            time.sleep(0.1)
        return process, port

    def ask(self, side, port, **job):
        """What a client process reports: {"sent", "seconds", "latencies", "failures", "wrong"}."""
        answers_file = self.folder / "answers.json"
        job |= {"side": side, "port": port, "x": str(self.folder / "x.npy"), "answers": str(answers_file)}
        subprocess.run([sys.executable, __file__, "--client", json.dumps(job)], check=True)
        report = json.loads(answers_file.read_text())
        report["wrong"] = sum(not self.is_right(side, number, text) for number, text in report.pop("texts"))
        return report

    def is_right(self, side, number, text):
        told = json.loads(text)
        values = told["outputs"][0]["data"] if side == "madi" else told["data"][0]
        return np.abs(np.array(values) - self.expected[number]).max() < TOLERANCE

    def compare(self):
        seconds, found = self.options.seconds, {side: Counter() for side in SIDES}
        widths = {"p50, ms": 10, "p99, ms": 10, "most, ms": 10, "requests/s": 12, "p99 then": 10, "wrong": 8, "lost": 6}
        print(" " * 14 + "".join(f"{title:>{width}}" for title, width in widths.items()))
        rows = {side: [] for side in SIDES}
        for _ in range(self.options.rounds):
            for side in SIDES:
                process, port = self.serve(side)
                try:
                    self.ask(side, port, connections=8, seconds=1)  # warms it up
                    steady = self.ask(side, port, connections=16, seconds=seconds, rate=self.options.rate)
                    full = self.ask(side, port, connections=self.options.connections, seconds=seconds)
                finally:
                    process.terminate()
                    process.wait()
                rows[side].append(row(steady, full))
                found[side] += Counter(
                    wrong=steady["wrong"] + full["wrong"], lost=steady["failures"] + full["failures"]
                )
        for side in SIDES:
            middle = [statistics.median(column) for column in zip(*rows[side], strict=True)]
            cells = "".join(
                f"{value:{width}.{digits}f}"
                for value, width, digits in zip(middle, (10, 10, 10, 12, 10), (2, 2, 2, 0, 2), strict=True)
            )
            print(f"{side:14}{cells}{found[side]['wrong']:8}{found[side]['lost']:6}")
        self.terminate_under_load()

    def terminate_under_load(self):
        """SIGTERM while all connections ask: every request that was taken is answered."""
        process, port = self.serve("madi")
        killer = subprocess.Popen(["sh", "-c", f"sleep 2; kill -TERM {process.pid}"])
        report = self.ask("madi", port, connections=self.options.connections, seconds=30)
        code = process.wait()
        killer.wait()
        print(
            f"SIGTERM under load: {report['sent']:,} answered, {report['failures']} lost, {report['wrong']} wrong, "
            f"exit {code}"
        )

    def soak(self):
        process, port = self.serve("madi")
        began, total, wrong, lost = time.monotonic(), 0, 0, 0
        try:
            self.ask("madi", port, connections=8, seconds=1)
            print(f"{'seconds':>8}{'requests':>12}{'wrong':>8}{'lost':>6}{'resident, MiB':>15}")
            while (elapsed := time.monotonic() - began) < self.options.soak:
                report = self.ask(
                    "madi", port, connections=self.options.connections, seconds=min(20, self.options.soak)
                )
                total, wrong, lost = total + report["sent"], wrong + report["wrong"], lost + report["failures"]
                print(f"{elapsed:8.0f}{total:12,}{wrong:8}{lost:6}{resident(process.pid):15.1f}", flush=True)
        finally:
            process.terminate()
            process.wait()


def row(steady, full):
    times = np.array(steady["latencies"]) * 1e3
    then = np.array(full["latencies"]) * 1e3
    return (*np.percentile(times, (50, 99)), times.max(), full["sent"] / full["seconds"], np.percentile(then, 99))


def resident(process):
    """MiB of a process in memory."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def free_port():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def answers(port):
    import socket

    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


# ---- the client


class Connection(asyncio.Protocol):
    """One request at a time over one connection."""

    def __init__(self):
        self.buffer, self.need, self.waiter, self.closed, self.last = bytearray(), 0, None, False, False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        if not self.need and (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.buffer[:end]).lower()
            self.start = end + 4
            self.need = self.start + int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            self.status, self.last = int(head[9:12]), b"connection: close" in head
        if self.need and len(self.buffer) >= self.need and self.waiter:
            waiter, self.waiter = self.waiter, None
            waiter.set_result((self.status, bytes(self.buffer[self.start : self.need])))
            del self.buffer[: self.need]
            self.need = 0

    def connection_lost(self, error):
        self.closed = True
        if self.waiter:
            self.waiter.set_exception(ConnectionError("the server closed the connection on a request"))

    def ask(self, request):
        self.waiter = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.waiter


def client(job):
    """Ask as the job says, and write what came."""
    x = np.load(job["x"])
    requests = [request_of(job["side"], row.tolist()) for row in x]
    try:
        import uvloop

        report = uvloop.run(load(job, requests))
    except ImportError:
        report = asyncio.run(load(job, requests))
    Path(job["answers"]).write_text(json.dumps(report))


def request_of(side, picture):
    if side == "madi":
        tensor = {"name": "input", "shape": [1, 784], "datatype": "FP32", "data": picture}
        path, body = "/v2/models/net/infer", {"inputs": [tensor], "outputs": [{"name": "output"}]}
    else:
        path, body = "/infer", {"data": [picture]}
    text = json.dumps(body, separators=(",", ":")).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1:PORT", "Content-Type: application/json"]
    head = "\r\n".join([*lines, f"Content-Length: {len(text)}", "", ""])
    return head, text


async def load(job, requests):
    port, rate = job["port"], job.get("rate")
    ready = [head.replace("PORT", str(port)).encode() + text for head, text in requests]
    report = {"sent": 0, "latencies": [], "failures": 0, "texts": []}
    loop, began = asyncio.get_running_loop(), time.perf_counter()
    turn = iter(range(10**12))

    async def worker():
        _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
        while time.perf_counter() - began < job["seconds"]:
            number = next(turn)
            due = began + number / rate if rate else time.perf_counter()
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            try:
                status, text = await connection.ask(ready[number % len(ready)])
            except ConnectionError:
                report["failures"] += 1
                return
            report["latencies"].append(time.perf_counter() - due)
            report["sent"] += 1
            report["failures"] += status != 200
            if status == 200:
                report["texts"].append((number % len(ready), text.decode()))
            if connection.last or connection.closed:
                return
        connection.transport.close()

    await asyncio.gather(*(worker() for _ in range(job["connections"])))
    return {**report, "seconds": time.perf_counter() - began}


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()

"""Models are opened while the program answers already; what goes wrong then ends it with one message."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from madi.errors import FileError
from madi.serving import Settings, run, sources
from madi.serving.application import Application
from madi.serving.batching import Batching
from madi.serving.metrics import Metrics
from madi.serving.models import Models
from madi.serving.program import Opening
from madi.web.guard import Guard
from tests.serving.conftest import Found, network, tensor
from tests.web.running import SECONDS, Answer, Running, listening_on

BATCHING = Batching(most=4)


class Slowly:
    """Opens models; "b" waits for `go` and then may fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.asked, self.go = error, threading.Event(), threading.Event()

    def open(self, path: str) -> Any:
        if path == "b":
            self.asked.set()
            assert self.go.wait(SECONDS)
            if self.error is not None:
                raise self.error
        return Found(network(4, 3))


@pytest.fixture
def half() -> Iterator[tuple[Running, Slowly, threading.Thread]]:
    """A program of which one model answers and the other one is being opened, as is the other version of the first."""
    slowly, metrics = Slowly(), Metrics()
    models = Models(sources(["a", "b", "a/2=b"]), slowly.open, BATCHING, metrics)
    application = Application(models, version="1", budget=10**6)

    def make(port: int) -> Guard:
        return Guard(application, Settings().rules(port), refused=metrics.refused)

    with Running(make, refused=metrics.refused) as running:
        thread = threading.Thread(target=models.load, daemon=True)
        thread.start()
        assert slowly.asked.wait(SECONDS)
        yield running, slowly, thread
        slowly.go.set()
        thread.join(SECONDS)
    models.close()


def infer(running: Running, model: str) -> Answer:
    return running.ask("POST", f"/v2/models/{model}/infer", {"inputs": [tensor(np.ones((1, 4)))]})


def test_it_lives_while_models_are_opened_and_is_ready_when_all_are(half: Any) -> None:
    running, slowly, thread = half
    assert running.ask("GET", "/v2/health/live").status == 200
    assert running.ask("GET", "/v2/health/ready").status == 503
    assert running.ask("GET", "/v2/models/a/versions/1/ready").json == {"name": "a", "ready": True}
    assert infer(running, "a/versions/1").status == 200
    for model in ("a", "b", "a/versions/2"):
        assert running.ask("GET", f"/v2/models/{model}/ready").status == 503
        for answer in (infer(running, model), running.ask("GET", f"/v2/models/{model}")):
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            assert answer.json == {"error": "The model is being read and compiled. Try again a little later."}
    assert running.ask("GET", "/v2/models/c").status == 404
    assert "Still being read and compiled: b/1, a/2." in running.ask("GET", "/docs").body.decode()
    slowly.go.set()
    thread.join(SECONDS)
    assert running.ask("GET", "/v2/health/ready").status == 200
    assert running.ask("GET", "/v2/models/b/ready").status == 200
    assert infer(running, "b").status == infer(running, "a").status == 200
    assert "Still being read" not in running.ask("GET", "/docs").body.decode()


def test_refusals_are_counted_by_status(half: Any) -> None:
    running, _, _ = half
    running.ask("GET", "/", Host="evil.example")
    running.ask("POST", "/v2", b"", Origin="http://evil.example")
    running.ask("POST", "/v2/models/a/infer", Content_Length=str(2**40))
    running.send(b"GET / HTTP/1.1\r\nX: " + b"y" * 40_000 + b"\r\n\r\n")
    running.send(b"hello\r\n\r\n")
    infer(running, "b")
    text = running.ask("GET", "/metrics").body.decode()
    for status in (421, 403, 413, 431, 400):
        assert f'madi_requests_total{{model="",status="{status}",version=""}} 1.0' in text
    assert 'madi_requests_total{model="b",status="503",version="1"} 1.0' in text
    assert 'madi_request_seconds_count{model="",' not in text


def test_a_model_that_cannot_be_opened_ends_the_program() -> None:
    slowly = Slowly(FileError("b: truncated. Get it anew."))
    addresses, raised = list[str](), list[BaseException]()
    listens = threading.Event()

    def listening(address: str) -> None:
        addresses.append(address)
        listens.set()

    def program() -> None:
        try:
            run(
                sources(["b"]), slowly.open, Settings(port=0, batching=BATCHING),
                listening=listening, ready=lambda: raised.append(AssertionError()), told=print,
            )  # fmt: skip
        except FileError as error:
            raised.append(error)

    thread = threading.Thread(target=program, daemon=True)
    thread.start()
    assert listens.wait(SECONDS)
    assert slowly.asked.wait(SECONDS)
    on = listening_on(int(addresses[0].rpartition(":")[2]))
    slowly.go.set()
    thread.join(SECONDS)
    assert addresses[0].startswith("http://127.0.0.1:")
    assert on == ["0100007F"]  # this machine's own address alone
    assert raised == [slowly.error]


def test_a_signal_while_models_are_opened_opens_them_once_more() -> None:
    slowly, lines, done = Slowly(), list[str](), threading.Event()

    def told(line: str) -> None:
        lines.append(line)
        done.set()

    with Opening(
        Models(sources(["b"]), slowly.open, BATCHING, Metrics()), lambda: lines.append("ready"), told
    ) as opening:
        opening.thread.start()
        assert slowly.asked.wait(SECONDS)
        opening.again()
        slowly.go.set()
        assert done.wait(SECONDS)
    assert lines == ["ready", "b/1: read anew from b"]
    opening.thread.join(SECONDS)
    assert not opening.thread.is_alive()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a file that nobody ever finishes")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_while_models_are_opened(tmp_path: Path, number: int, code: int) -> None:
    file = tmp_path / "net.safetensors"
    os.mkfifo(file)
    held = os.open(file, os.O_RDWR)  # whoever reads it waits: it has no end while somebody may write
    command = [sys.executable, "-m", "madi", "serve", str(file), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("loading  http://127.0.0.1:")
        process.send_signal(number)
        out, err = process.communicate(timeout=3 * SECONDS)
    finally:
        process.kill()
        os.close(held)
    assert (process.returncode, out, err) == (code, "", "madi: interrupted.\n" if code else "")

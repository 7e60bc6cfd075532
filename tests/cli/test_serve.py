"""madi serve as a program: its options, and the signals that it hears."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from tests.web.running import SECONDS, wait_for

import madi as library

TOKEN = "0123456789abcdef0123"


# `python -m madi` that waits for clients as long as they may take on a busy machine, when it ends.
PATIENT = ("-c", f"import sys\nfrom madi.cli import main\nfrom madi.web import lifetime\nlifetime.LINGER = {SECONDS}\n"
           "main(sys.argv[1:])")  # fmt: skip


class Program:
    """A running `madi serve`: its process, its port, and what it said."""

    def __init__(self, *options, started=("-m", "madi"), **environment):
        command = [sys.executable, *started, "serve", "--port", "0", *map(str, options)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        self.said = []
        for line in self.process.stdout:
            self.said.append(line)
            if line.startswith("serving"):
                break
        else:
            raise AssertionError(self.process.stderr.read())
        self.port = int(line.split()[1].rpartition(":")[2])

    def ask(self, method, path, body=None, **headers):
        """(status, value)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        told = json.loads(answer.read())
        connection.close()
        return answer.status, told

    def end(self):
        """(exit code, what it said on standard error)"""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=SECONDS)
        self.said.append(out)
        return self.process.returncode, err


def saved(path, seed):
    model = library.Sequential(library.layers.Dense(8), library.layers.ReLU(), library.layers.Dense(3))
    model.build((4,), seed=seed)
    library.save(model, path)
    return model


def test_signals_lose_no_request(tmp_path):
    """SIGHUP reads a changed file while requests go on; SIGTERM ends the program while they go on."""
    file, x = tmp_path / "net.safetensors", np.ones((1, 4), np.float32)
    outputs = [library.predict(saved(file, seed), x)[0] for seed in (1, 0)]  # the file holds the second
    program = Program(f"net={file}", started=PATIENT, MADI_TOKEN=TOKEN)
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    request = {"inputs": [{"name": "input", "shape": [1, 4], "datatype": "FP32", "data": [1, 1, 1, 1]}]}
    answers, lost = [], []

    def client():
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=SECONDS)
                connection.connect()
            except ConnectionRefusedError:
                return  # it takes nobody any more: nothing was asked
            try:
                while connection.sock is not None:  # closed after an answer that says so
                    connection.request("POST", "/v2/models/net/infer", json.dumps(request), {**bearer, "x": "y"})
                    answer = connection.getresponse()
                    answers.append((answer.status, json.loads(answer.read())["outputs"][0]["data"]))
            except OSError as error:
                lost.append(error)
                return

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: answers)  # of the first model
    saved(tmp_path / "new", 1)
    os.replace(tmp_path / "new", file)
    program.process.send_signal(signal.SIGHUP)
    assert "read anew" in program.process.stderr.readline()
    count = len(answers)
    file.write_bytes(b"broken")
    program.process.send_signal(signal.SIGHUP)
    assert "kept as it was" in program.process.stderr.readline()
    wait_for(lambda: len(answers) >= count + 50)
    code, err = program.end()
    for thread in threads:
        thread.join(SECONDS)
    assert (code, err, lost) == (0, "", [])
    assert {status for status, _ in answers} == {200}
    right = [[np.allclose(values, output, atol=1e-5) for output in outputs] for _, values in answers]
    assert all(any(row) for row in right)
    assert right[0] == [False, True]
    assert right[-1] == [True, False]
    assert TOKEN not in "".join(program.said) + err


@pytest.mark.long
def test_runs_and_onnx_files_are_served_by_name(madi, trained, tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    shutil.copytree(trained, tmp_path / "digits-run")
    assert madi("export", tmp_path / "digits-run", "--output", tmp_path / "net.onnx", "--no-preprocessing").code == 0
    program = Program(tmp_path / "digits-run", f"exported/3={tmp_path / 'net.onnx'}")
    x = library.datasets.load("digits").test.x[:3]
    told = [program.ask("POST", path, x.tolist())[1] for path in ("/predict/digits-run", "/predict/exported")]
    assert [answer["version"] for answer in told] == ["1", "3"]
    expected = library.predict_classes(library.load(trained / "model.safetensors"), x)[1]
    for answer in told:
        found = [list(row["probabilities"].values()) for row in answer["predictions"]]
        assert np.allclose(found, expected, atol=1e-5)
    assert program.ask("GET", "/v2/health/ready", Host="evil.example")[0] == 421
    assert program.end() == (0, "")


HUGE = 16 * 2**20 - 200
BODIES = {
    "numbers": b'{"inputs":[{"name":"input","shape":[1,4],"datatype":"FP32","data":[' + b"0," * (HUGE // 2) + b"0]}]}",
    "lists": b'{"rows":[' + b"[]," * (HUGE // 3) + b"[]]}",
    "objects": b'{"rows":[' + b"{}," * (HUGE // 3) + b"{}]}",
    "deep": b"[" * HUGE,
    "text": b'"' + b"x" * HUGE + b'"',
}


@pytest.mark.long
def test_health_answers_within_two_seconds_whatever_is_sent(tmp_path):
    saved(tmp_path / "net.safetensors", 0)
    program = Program(tmp_path / "net.safetensors")

    def send(path, body):
        connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=SECONDS)
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        statuses.append(connection.getresponse().status)
        connection.close()

    for body in BODIES.values():
        statuses = []
        paths = ["/predict/net", "/v2/models/net/infer"] * 3
        threads = [threading.Thread(target=send, args=(path, body)) for path in paths]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            began = time.monotonic()
            assert program.ask("GET", "/v2/health/ready")[0] == 200
            assert time.monotonic() - began < 2
        assert set(statuses) <= {400, 503}
        assert len(statuses) == 6
    assert program.end() == (0, "")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.org"])
def test_any_other_address_demands_a_token(madi, tmp_path, monkeypatch, host):
    monkeypatch.delenv("MADI_TOKEN", raising=False)
    saved(tmp_path / "net.safetensors", 0)
    result = madi("serve", tmp_path / "net.safetensors", "--host", host)
    assert result.code == 2
    assert "needs a token. Set MADI_TOKEN, or give --token." in result.err


@pytest.mark.parametrize("token", ["short", "with spaces 0123456789", "\u00e9" * 20])
def test_a_token_that_can_be_guessed_or_sent_wrongly_is_refused(madi, tmp_path, token):
    result = madi("serve", tmp_path / "net.safetensors", "--token", token)
    assert result.code == 2
    assert "at least 16 letters and digits" in result.err
    assert token not in result.err


def test_mistakes_are_told_in_one_line(madi, tmp_path):
    result = madi("serve", tmp_path / "nothing.safetensors", "--port", "0")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "no such file" in result.err
    (tmp_path / "net.safetensors").write_bytes(b"broken")
    assert madi("serve", tmp_path / "net.safetensors", "--port", "0").code == 2
    assert madi("serve").code == 2
    assert madi("serve", "a", "--max-batch", "0").code == 2


def test_what_is_missing_is_told(madi, tmp_path, monkeypatch):
    saved(tmp_path / "net.safetensors", 0)
    monkeypatch.setitem(sys.modules, "httptools", None)
    result = madi("serve", tmp_path / "net.safetensors", "--port", "0")
    assert (result.code, "pip install madi[serve]" in result.err) == (2, True)

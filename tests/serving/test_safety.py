"""madi serve as somebody else's page, or somebody with bad intentions, would ask it."""

from __future__ import annotations

import ast
import logging
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import madi
from madi.serving.application import Application
from madi.serving.models import Models
from madi.serving.program import Settings
from madi.web.guard import SECURITY_HEADERS, Guard
from tests.serving.conftest import tensor
from tests.web.running import Running

TOKEN = "0123456789abcdef0123"
INFER = "/v2/models/plain/infer"
GOOD = {"inputs": [tensor(np.zeros((1, 4)))]}
ASKED: list[tuple[str, str, Any]] = [
    ("GET", "/", None), ("GET", "/docs", None), ("GET", "/openapi.json", None), ("GET", "/metrics", None),
    ("GET", "/v2", None), ("GET", "/v2/health/live", None), ("GET", "/v2/health/ready", None),
    ("GET", "/v2/models/plain", None), ("GET", "/v2/models/plain/ready", None), ("GET", "/nothing", None),
    ("POST", INFER, GOOD), ("POST", "/predict/plain", [[0, 0, 0, 0]]), ("POST", INFER, {}), ("POST", INFER, b"x"),
    ("OPTIONS", INFER, None), ("PUT", INFER, None), ("HEAD", "/docs", None), ("GET", "/x%00", None),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
def test_every_answer_is_guarded_and_lets_no_origin_in(served: Running, method: str, path: str, body: Any) -> None:
    reads = {"Origin": "http://evil.example"} if method in ("GET", "HEAD", "OPTIONS") else {}
    answer = served.ask(method, path, body, Access_Control_Request_Method="POST", **reads)
    assert answer.headers.items() >= SECURITY_HEADERS.items()
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert not [name for name in answer.headers if name.startswith("access-control") or name == "server"]


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
def test_other_names_are_refused_and_other_origins_change_nothing(
    served: Running, method: str, path: str, body: Any
) -> None:
    assert served.ask(method, path, body, Host=f"evil.example:{served.port}").status == 421
    if method in ("POST", "PUT"):
        for origin in ("http://evil.example", "null", "http://localhost:1"):
            assert served.ask(method, path, body, Origin=origin).status == 403


def test_elsewhere_every_address_asks_for_the_token(models: Models) -> None:
    def make(port: int) -> Guard:
        settings = Settings(host="0.0.0.0", token=TOKEN)
        return Guard(Application(models, version="1", budget=10**6), settings.rules(port))

    with Running(make, web_sockets=False) as running:
        for method, path, body in ASKED[:-1]:
            for given in ({}, {"Authorization": f"Bearer {TOKEN[:-1]}"}):
                answer = running.ask(method, path, body, Host="madi.example", **given)
                assert (answer.status, TOKEN.encode() in answer.body) == (401, False)
        bearer = {"Authorization": f"Bearer {TOKEN}", "Host": "madi.example"}
        assert running.ask("POST", INFER, GOOD, **bearer).status == 200


def test_a_fault_tells_nothing_of_the_program(
    served: Running, models: Models, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(x: np.ndarray) -> Any:
        raise RuntimeError("/secret/path of the program")

    monkeypatch.setattr(models.find("plain").batcher, "_answer", fails)
    for path, body in ((INFER, GOOD), ("/predict/plain", [0, 0, 0, 0])):
        answer = served.ask("POST", path, body)
        assert (answer.status, answer.json) == (500, {"error": "A fault of the program."})
    assert "/secret/path" in caplog.text  # it stands in the program's own log


def test_nothing_is_compiled_once_models_answer(
    served: Running, models: Models, caplog: pytest.LogCaptureFixture
) -> None:
    """Each size of a batch was warmed up; a size that is no batch's compiles, which shows that the log tells it."""
    before = jax.config.jax_log_compiles
    jax.config.update("jax_log_compiles", True)
    try:
        with caplog.at_level(logging.WARNING):
            for count in range(1, 2 * models.find("plain").batcher.batching.most):
                assert served.ask("POST", INFER, {"inputs": [tensor(np.zeros((count, 4)))]}).status == 200
            assert "ompil" not in caplog.text
            madi.predict(models.find("plain").model, np.zeros((77, 4), np.float32), batch_size=77, engine="jax")
            assert "ompil" in caplog.text
    finally:
        jax.config.update("jax_log_compiles", before)


PACKAGE = Path(madi.__file__).parent
READS_FROM_SOCKETS = [file for part in ("serving", "web", "studio") for file in (PACKAGE / part).rglob("*.py")]
RUNS_CODE = {"eval", "exec", "compile", "__import__"}
UNPACKS_OBJECTS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def dangers(source: str) -> list[str]:
    """What in a module runs text as code, or makes objects of bytes."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RUNS_CODE:
            found.append(node.func.id)
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            found += [name for name in names if name.partition(".")[0] in UNPACKS_OBJECTS]
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found.append(node.arg)
    return found


def test_nothing_that_arrives_is_run_or_unpickled() -> None:
    assert dangers("import pickle\nfrom joblib import load\neval(x)\nnp.load(f, allow_pickle=True)") == [
        "pickle", "joblib", "eval", "allow_pickle",
    ]  # fmt: skip
    assert len(READS_FROM_SOCKETS) > 50
    assert {str(file): told for file in READS_FROM_SOCKETS if (told := dangers(file.read_text("utf-8")))} == {}

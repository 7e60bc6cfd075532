"""Models are replaced while they answer; what is told of them is counted, described and escaped."""

from __future__ import annotations

import gc
import re
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import madi
from madi.errors import ConfigurationError, FileError
from madi.serving.application import Application
from madi.serving.batching import Batching
from madi.serving.metrics import Metrics
from madi.serving.models import Models
from madi.serving.sources import sources
from tests.serving.conftest import Found, network, tensor
from tests.web.running import SECONDS, Running


class Files:
    """Paths that lead to models, which can change."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {"a": Found(network(4, 3)), "b": Found(network(4, 3, seed=1))}

    def open(self, path: str) -> Any:
        if isinstance(self.found[path], Exception):
            raise self.found[path]
        return self.found[path]


@pytest.fixture
def changing() -> Iterator[tuple[Files, Application, Running]]:
    files = Files()
    models = Models(sources(["a", "b"]), files.open, Batching(most=4), Metrics()).load()
    application = Application(models, version="1", budget=10**6)
    with Running(lambda port: application) as running:
        yield files, application, running


def output(running: Running, model: str) -> np.ndarray:
    request = {"inputs": [tensor(np.ones((1, 4)))], "outputs": [{"name": "output"}]}
    return np.array(running.ask("POST", f"/v2/models/{model}/infer", request).json["outputs"][0]["data"])


def test_a_new_file_answers_and_a_broken_one_keeps_the_old(changing: Any) -> None:
    files, application, running = changing
    before = {name: output(running, name) for name in "ab"}
    files.found = {"a": Found(network(4, 3, seed=2)), "b": FileError("b: truncated. Get it anew.")}
    told: list[str] = []
    application.models.reload(told.append)
    assert not np.allclose(output(running, "a"), before["a"])
    expected = madi.predict(files.found["a"].model, np.ones((1, 4), np.float32))[0]
    assert np.allclose(output(running, "a"), expected, atol=1e-6)
    assert np.allclose(output(running, "b"), before["b"])
    assert [line.partition(":")[0] for line in told] == ["a/1", "b/1"]
    assert "kept as it was" in told[1]
    assert "truncated" in told[1]
    assert 'madi_reloads_total{result="kept"} 1.0' in running.ask("GET", "/metrics").body.decode()


def test_a_model_that_was_replaced_is_let_go(changing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("madi.serving.batching.PATIENCE", 0.05)
    files, application, running = changing
    files.found = {"a": Found(network(4, 3, seed=2)), "b": Found(network(4, 3, seed=3))}
    application.models.reload(lambda line: None)  # the first ones wait for longer
    old, thread = weakref.ref(application.models.find("a")), application.models.find("a").batcher.thread
    output(running, "a")
    files.found["a"] = Found(network(4, 3, seed=4))
    gc.collect()
    gc.disable()
    try:
        application.models.reload(lambda line: None)
        output(running, "a")
        thread.join(SECONDS)
        assert old() is None
    finally:
        gc.enable()


def test_a_fault_while_reading_anew_keeps_the_old(changing: Any) -> None:
    files, application, running = changing
    files.found["a"] = RuntimeError("odd")
    application.models.reload(lambda line: None)
    assert output(running, "a").shape == (3,)


def test_requests_are_counted_by_model_and_status_and_timed(changing: Any) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    _, _, running = changing
    for _ in range(3):
        output(running, "a")
    running.ask("POST", "/v2/models/a/infer", {})
    running.ask("GET", '/v2/models/x"}y')
    running.ask("POST", "/predict/unheard", {})
    families = {family.name: family for family in parser.text_string_to_metric_families(_metrics(running))}
    counts = {
        (s.labels["model"], s.labels["status"]): s.value
        for s in families["madi_requests"].samples
        if "_total" in s.name
    }
    assert counts["a", "200"] == 3
    assert counts["a", "400"] == 1
    assert counts["", "404"] == 2
    samples = {
        (s.name, s.labels.get("model"), s.labels.get("le")): s.value for f in families.values() for s in f.samples
    }
    assert samples["madi_request_seconds_count", "a", None] == 4
    assert samples["madi_batch_examples_bucket", "a", "1.0"] == 3
    assert samples["madi_queue_length", "a", None] == 0


def _metrics(running: Running) -> str:
    answer = running.ask("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return answer.body.decode()


def test_it_is_not_ready_when_it_ends(changing: Any) -> None:
    _, application, running = changing
    assert running.ask("GET", "/v2/health/ready").status == 200
    application.end()
    assert running.ask("GET", "/v2/health/ready").status == 503
    assert running.ask("GET", "/v2/models/a/ready").status == 503
    assert running.ask("GET", "/v2/health/live").status == 200


def test_too_many_bytes_at_a_time_are_refused(changing: Any) -> None:
    _, _, running = changing
    answer = running.ask("POST", "/v2/models/a/infer", b" " * 1_100_000, Content_Type="application/json")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert output(running, "a").shape == (3,)  # what was held is let go


def test_a_model_that_was_never_built_is_refused() -> None:
    found = Found(madi.Sequential(madi.layers.Dense(3)))
    with pytest.raises(ConfigurationError, match="a: the model has no input shape"):
        Models(sources(["a"]), lambda path: found, Batching(), Metrics()).load()


def test_the_page_and_the_document_are_of_this_program_alone(served: Running) -> None:
    page = served.ask("GET", "/docs")
    text = page.body.decode()
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "&lt;b&gt;cow&lt;/b&gt;" in text
    assert "<b>" not in text
    assert not re.search(r"<script|https?://|src=|@import|url\(", text)
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert served.ask("GET", "/").body == page.body


def test_the_document_names_every_route_once_and_each_schema_is_used(served: Running) -> None:
    answer = served.ask("GET", "/openapi.json")
    assert answer.json["openapi"] == "3.1.0"
    references = re.findall(r'"\$ref": ?"#/components/schemas/(\w+)"', answer.body.decode())
    assert set(references) == set(answer.json["components"]["schemas"])
    names = [told["operationId"] for _, _, told in operations(answer.json)]
    assert len(set(names)) == len(names) == 14
    page = served.ask("GET", "/docs").body.decode().replace("<wbr>", "")
    assert all(f"<code>{path}</code>" in page for path, _, _ in operations(answer.json))


def test_answers_are_what_the_document_says(served: Running) -> None:
    document, rows = served.ask("GET", "/openapi.json").json, np.zeros((1, 4)).tolist()
    bodies = {"infer": {"inputs": [tensor(rows)], "id": "x"}, "predict": {"rows": rows}}
    for path, method, told in operations(document):
        asked = path.replace("{name}", "plain").replace("{version}", "1")
        answer = served.ask(method.upper(), asked, bodies.get(told["operationId"].partition("_of_")[0]))
        ((kind, content),) = told["responses"]["200"]["content"].items()
        assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, kind), path
        if kind == "application/json":
            assert misfits(answer.json, content["schema"], document["components"]["schemas"]) == [], path
        refused = served.ask("PUT", asked)
        wrong = told["responses"]["4XX"]["content"]["application/json"]["schema"]
        assert misfits(refused.json, wrong, document["components"]["schemas"]) == []
    schemas = document["components"]["schemas"]
    assert misfits({"name": 3}, schemas["Server"], schemas) == ["version", "extensions", "name"]
    assert misfits([{"class": []}], {"type": "array", "items": schemas["Class"]}, schemas)


def operations(document: Any) -> list[tuple[str, str, Any]]:
    """(path, method, what is told of it)"""
    paths = document["paths"].items()
    return [
        (path, method, told) for path, methods in paths for method, told in methods.items() if method != "parameters"
    ]


TYPES: dict[str, Any] = {"object": dict, "array": list, "string": str, "number": (int, float), "boolean": bool}


def misfits(value: Any, schema: Any, schemas: Any, name: str = "") -> list[str]:
    """Names of what is missing or of another type, as far as our document goes."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if schema.get("type") in TYPES and not isinstance(value, TYPES[schema["type"]]):
        return [name]
    found = [key for key in schema.get("required", []) if key not in value]
    for key, of in schema.get("properties", {}).items():
        found += misfits(value[key], of, schemas, key) if key in value else []
    for entry in value if "items" in schema else []:
        found += misfits(entry, schema["items"], schemas, name)
    return found

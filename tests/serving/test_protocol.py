"""The Open Inference Protocol: by its official client, and by requests that are wrong in each way."""

from __future__ import annotations

import gzip
import json
import threading
from functools import partial
from typing import Any

import numpy as np
import pytest

import madi
from madi.serving import wire
from madi.serving.metrics import Metrics
from madi.serving.models import Models
from madi.serving.sources import sources
from tests.serving.conftest import BATCHING, BODY, CLASSES, Found, tensor
from tests.web.running import Running, status_of


@pytest.fixture(scope="module")
def client(served: Running) -> Any:
    http = pytest.importorskip("tritonclient.http")
    opened = http.InferenceServerClient(served.host)
    yield opened
    opened.close()


def test_the_official_client_finds_the_server_and_its_models(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.get_server_metadata() == {"name": "madi", "version": "1.2.3", "extensions": []}
    assert client.is_model_ready("plain")
    assert client.is_model_ready("plain", "1")
    assert not client.is_model_ready("nothing")
    assert client.get_model_metadata("plain") == {
        "name": "plain",
        "versions": ["1", "2"],
        "platform": "madi",
        "inputs": [{"name": "input", "datatype": "FP32", "shape": [-1, 4]}],
        "outputs": [
            {"name": "output", "datatype": "FP32", "shape": [-1, 3]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
        ],
    }


def test_the_official_client_is_answered_as_the_library_answers(
    client: Any, found: dict[str, Found], rows: np.ndarray
) -> None:
    http = pytest.importorskip("tritonclient.http")
    given = http.InferInput("input", list(rows.shape), "FP32")
    given.set_data_from_numpy(rows, binary_data=False)
    names = ("output", "probabilities", "label")
    wanted = [http.InferRequestedOutput(name, binary_data=False) for name in names]
    for version, path in (("1", "plain"), ("2", "plain2"), ("", "plain2")):
        answer = client.infer("plain", [given], version, outputs=wanted, request_id="mine")
        classes, probabilities = madi.predict_classes(found[path].model, rows, classes=CLASSES)
        assert np.allclose(answer.as_numpy("output"), madi.predict(found[path].model, rows), atol=1e-6)
        assert np.allclose(answer.as_numpy("probabilities"), probabilities, atol=1e-6)
        assert [str(name) for name in answer.as_numpy("label")] == list(classes)
        assert answer.get_response()["id"] == "mine"
        assert answer.get_response()["model_version"] == (version or "2")


def test_a_client_that_asks_for_bytes_is_answered_in_json(client: Any, rows: np.ndarray) -> None:
    http = pytest.importorskip("tritonclient.http")
    given = http.InferInput("input", list(rows.shape), "FP32")
    given.set_data_from_numpy(rows, binary_data=False)
    assert client.infer("plain", [given]).as_numpy("output").shape == (5, 3)


def infer(served: Running, model: str = "plain", **request: Any) -> Any:
    return served.ask("POST", f"/v2/models/{model}/infer", request)


def test_id_parameters_and_chosen_outputs(served: Running, rows: np.ndarray) -> None:
    parameters = {"a": 1, "b": ["x"]}
    answer = infer(
        served, inputs=[tensor(rows)], id="7", parameters=parameters, outputs=[{"name": "label"}, {"name": "output"}]
    )
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert {name: answer.json[name] for name in ("model_name", "model_version", "id", "parameters")} == {
        "model_name": "plain", "model_version": "2", "id": "7", "parameters": parameters,
    }  # fmt: skip
    assert [(told["name"], told["datatype"], told["shape"]) for told in answer.json["outputs"]] == [
        ("label", "BYTES", [5]), ("output", "FP32", [5, 3]),
    ]  # fmt: skip


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "INT8", "INT32", "INT64", "UINT8", "UINT64", "BOOL"])
def test_numbers_of_each_type_flat_or_nested(served: Running, found: dict[str, Found], datatype: str) -> None:
    x = np.array([[1, 0, 1, 1], [0, 1, 0, 0]])
    x = x.astype(bool) if datatype == "BOOL" else x
    expected = madi.predict(found["plain2"].model, x.astype(np.float32))
    nested = tensor(x, datatype=datatype)
    for entry in (nested, {**nested, "data": x.ravel().tolist()}):
        told = infer(served, inputs=[entry], outputs=[{"name": "output"}]).json["outputs"][0]
        assert np.allclose(np.reshape(told["data"], told["shape"]), expected, atol=1e-6)


GOOD = tensor(np.zeros((2, 4)))
WRONG: list[tuple[Any, str]] = [
    ([], "object"),
    ({"inputs": 3}, '"inputs", a list'),
    ({"inputs": []}, '"inputs", a list'),
    ({"inputs": [3]}, "each with a name"),
    ({"inputs": [GOOD, GOOD]}, "each with a name"),
    ({"inputs": [{**GOOD, "name": None}]}, "each with a name"),
    ({"inputs": [{**GOOD, "name": "x"}]}, "no input 'x'. It takes 'input'"),
    ({"inputs": [{**GOOD, "shape": None}]}, "expected a shape [N, 4], N from 1 to"),
    ({"inputs": [{**GOOD, "shape": [2, -4]}]}, "expected a shape [N, 4], N from 1 to"),
    ({"inputs": [{**GOOD, "shape": [2, True]}]}, "expected a shape [N, 4], N from 1 to"),
    ({"inputs": [{**GOOD, "shape": [1] * 40}]}, "expected a shape [N, 4], N from 1 to"),
    ({"inputs": [{**GOOD, "shape": [4, 2]}]}, "expected a shape [N, 4]"),
    ({"inputs": [{**GOOD, "shape": [10**12, 10**12]}]}, "expected a shape [N, 4]"),
    ({"inputs": [{**GOOD, "shape": [2, 3]}]}, "expected a shape [N, 4]"),
    ({"inputs": [{**tensor(np.zeros((2, 3)))}]}, "got [2, 3]"),
    ({"inputs": [tensor(np.zeros((0, 4)))]}, "got [0, 4]"),
    ({"inputs": [{**GOOD, "datatype": "FP128"}]}, "a datatype among"),
    ({"inputs": [{**GOOD, "datatype": ["FP32"]}]}, "a datatype among"),
    ({"inputs": [{**GOOD, "datatype": "INT8", "data": [300] * 8}]}, "of the datatype INT8"),
    ({"inputs": [{**GOOD, "datatype": "UINT8", "data": [-1] * 8}]}, "of the datatype UINT8"),
    ({"inputs": [{**GOOD, "datatype": "INT64", "data": [0.5] * 8}]}, "of the datatype INT64"),
    ({"inputs": [{**GOOD, "datatype": "BOOL", "data": [1] * 8}]}, "of the datatype BOOL"),
    ({"inputs": [{**GOOD, "datatype": "BYTES", "data": ["a"] * 8}]}, "got texts"),
    ({"inputs": [{**GOOD, "datatype": "BYTES"}]}, "expected texts"),
    ({"inputs": [{**GOOD, "data": "AAAA"}]}, "a list of values"),
    ({"inputs": [{**GOOD, "data": ["1"] * 8}]}, "expected numbers"),
    ({"inputs": [{**GOOD, "data": [None] * 8}]}, "expected numbers"),
    ({"inputs": [{**GOOD, "data": [{}] * 8}]}, "expected numbers"),
    ({"inputs": [{**GOOD, "data": [[1, 2], [3]]}]}, "do not fill the shape"),
    ({"inputs": [{**GOOD, "datatype": "INT64", "data": [10**30] * 8}]}, "of the datatype INT64"),
    ({"inputs": [{**GOOD, "datatype": "FP64", "data": [1e300] * 8}]}, "finite"),
    ({"inputs": [{**GOOD, "datatype": "FP16", "data": [1e6] * 8}]}, "of the datatype FP16"),
    ({"inputs": [{**GOOD, "datatype": "FP32", "data": [1e39] * 8}]}, "of the datatype FP32"),
    ({"inputs": [{**GOOD, "data": [True] + [0] * 7}]}, "true or false"),
    ({"inputs": [{**GOOD, "data": [[0, 1.5, 0, 0], [0, 0, 0, False]]}]}, "true or false"),
    ({"inputs": [GOOD], "outputs": [{"name": "x"}]}, '"outputs" among output, probabilities, label'),
    ({"inputs": [GOOD], "outputs": [{"name": "label"}] * 2}, "each once"),
    ({"inputs": [GOOD], "outputs": {"name": "label"}}, '"outputs" among'),
    ({"inputs": [GOOD], "outputs": 7}, '"outputs" among'),
    ({"inputs": [GOOD], "outputs": [7]}, '"outputs" among'),
    ({"inputs": [GOOD], "id": 7}, '"id"'),
    ({"inputs": [GOOD], "parameters": []}, '"parameters"'),
    (
        {"inputs": [GOOD], "outputs": [{"name": "output", "parameters": {"classification": 2}}]},
        "ask for 'probabilities'",
    ),
    ({"inputs": [GOOD], "outputs": [{"name": "output", "parameters": {"shared_memory_region": "x"}}]}, "is not spoken"),
]


@pytest.mark.parametrize(("request_", "told"), WRONG)
def test_what_is_wrong_is_told(served: Running, request_: Any, told: str) -> None:
    answer = served.ask("POST", "/v2/models/plain/infer", request_)
    assert answer.status == 400
    assert told in answer.json["error"]
    assert list(answer.json) == ["error"]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "[" * 5000 + "]" * 5000, "{", "", "\xff"])
@pytest.mark.parametrize("quick", [True, False])
def test_json_is_read_strictly(served: Running, text: str, quick: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not quick:
        monkeypatch.setattr(wire, "orjson", None)
    body = f'{{"inputs": [{{"name": "input", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, {text}]}}]}}'
    answer = served.ask(
        "POST", "/v2/models/plain/infer", body.encode("latin-1"), Content_Type="application/json; charset=utf-8"
    )
    assert answer.status == 400
    assert "error" in answer.json


@pytest.mark.parametrize("quick", [True, False])
def test_what_could_not_be_given_back_is_refused(served: Running, quick: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not quick:
        monkeypatch.setattr(wire, "orjson", None)
    deep = "[" * 900 + "]" * 900
    for more in (f'"parameters": {{"a": {deep}}}', '"id": "\\ud800"'):
        body = f'{{"inputs": [{json.dumps(GOOD)}], {more}}}'.encode()
        assert served.ask("POST", "/v2/models/plain/infer", body, Content_Type="application/json").status in (
            (400,) if quick or "id" in more else (200, 400)
        )


def test_both_ways_of_writing_json_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"a": np.float32([0.1, 1e-9, 3]), "b": "마디", "c": [1, None, True]}
    quick = json.loads(wire.written(value))
    monkeypatch.setattr(wire, "orjson", None)
    plain = json.loads(wire.written(value))
    assert np.array_equal(np.float32(quick.pop("a")), np.float32(plain.pop("a")))
    assert quick == plain


def test_millions_of_lists_are_refused_before_they_are_read(served: Running) -> None:
    body = b'{"rows": [' + b"[]," * 300_000 + b"[]]}"
    assert len(body) < BODY
    answer = served.ask("POST", "/predict/plain", body, Content_Type="application/json")
    assert (answer.status, "Send numbers flat" in answer.json["error"]) == (400, True)


def test_only_json_is_taken(served: Running, rows: np.ndarray) -> None:
    body = json.dumps({"inputs": [tensor(rows)]}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/png"):
        assert served.ask("POST", "/v2/models/plain/infer", body, Content_Type=kind).status == 415
    assert served.ask("POST", "/v2/models/plain/infer", body, Content_Type="Application/JSON; x=y").status == 200


def test_compressed_and_binary_bodies_are_refused(served: Running, rows: np.ndarray) -> None:
    body = json.dumps({"inputs": [tensor(rows)]}).encode()
    ask = partial(served.ask, "POST", Content_Type="application/json")
    for path in ("/v2/models/plain/infer", "/predict/plain"):
        answer = ask(path, gzip.compress(body), Content_Encoding="gzip")
        assert (answer.status, answer.json["error"]) == (415, "Send the body as it is, not compressed.")
    assert ask("/v2/models/plain/infer", body, Content_Encoding="identity").status == 200
    answer = ask("/v2/models/plain/infer", body + b"\0\0", Inference_Header_Content_Length=str(len(body)))
    assert answer.status == 415
    assert "binary_data=False" in answer.json["error"]


def test_no_pickle_is_read(served: Running) -> None:
    import pickle

    body = pickle.dumps({"inputs": []})
    assert served.ask("POST", "/v2/models/plain/infer", body, Content_Type="application/json").status == 400
    assert served.ask("POST", "/predict/pictures", body, Content_Type="image/png").status == 400
    assert served.ask("POST", "/v2/models/plain/infer", body, Content_Type="application/octet-stream").status == 415


def test_a_large_body_is_refused_and_a_large_one_that_fits_is_read(served: Running, found: dict[str, Found]) -> None:
    x = np.random.default_rng(0).random((10_000, 4)).astype(np.float32)
    body = wire.written({"inputs": [{"name": "input", "shape": [10_000, 4], "datatype": "FP32", "data": x.ravel()}]})
    assert BODY > len(body) > 2**17
    answer = served.ask("POST", "/v2/models/plain/infer", body, Content_Type="application/json").json["outputs"][0]
    assert np.allclose(np.reshape(answer["data"], answer["shape"]), madi.predict(found["plain2"].model, x), atol=1e-6)
    assert served.ask("POST", "/v2/models/plain/infer", b" " * (BODY + 1)).status == 413


def test_requests_at_the_same_time_get_their_own_answers(served: Running, found: dict[str, Found]) -> None:
    random = np.random.default_rng(1)
    asked = [random.standard_normal((int(n), 4)).astype(np.float32) for n in random.integers(1, 12, 40)]
    assert max(map(len, asked)) > BATCHING.most
    wrong = []

    def ask(x: np.ndarray) -> None:
        told = infer(served, inputs=[tensor(x)], outputs=[{"name": "output"}]).json["outputs"][0]
        if not np.allclose(np.reshape(told["data"], told["shape"]), madi.predict(found["plain2"].model, x), atol=1e-5):
            wrong.append(x)

    threads = [threading.Thread(target=ask, args=(x,)) for x in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_outputs_that_are_not_finite_are_told(served: Running) -> None:
    answer = infer(served, "numbers", inputs=[tensor(np.full((1, 2, 2), 3e38))])
    assert answer.status == 422
    assert "not finite" in answer.json["error"]


def test_there_are_no_web_sockets(served: Running) -> None:
    asked = f"GET /v2 HTTP/1.1\r\nHost: {served.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    asked += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    with served.connect() as connection:
        connection.sendall(asked.encode())
        assert status_of(connection.recv(4096)) == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2", 200), ("GET", "/v2/", 200), ("HEAD", "/v2", 200), ("GET", "/v2/health/live", 200),
        ("GET", "/v2/models/plain/versions/2/ready", 200), ("GET", "/v2/models/plain/versions/3", 404),
        ("GET", "/v2/models/nothing", 404), ("GET", "/v2/models/nothing/ready", 404), ("GET", "/v2/nothing", 404),
        ("GET", "/v2/models/plain/infer", 405), ("POST", "/v2", 405), ("POST", "/v2/models/plain", 405),
        ("DELETE", "/v2/models/plain", 405), ("OPTIONS", "/v2", 405), ("GET", "/predict/plain", 405),
        ("POST", "/v2/models/nothing/infer", 404), ("POST", "/predict/nothing", 404), ("GET", "/etc/passwd", 404),
        ("POST", "/nothing", 404), ("DELETE", "/nothing", 404), ("GET", "/v2/models/%2e%2e/infer", 400),
    ],
)  # fmt: skip
def test_addresses_and_methods(served: Running, method: str, path: str, status: int) -> None:
    answer = served.ask(method, path)
    assert answer.status == status
    assert "error" in answer.json if status >= 400 else True
    assert answer.body == b"" if method == "HEAD" else answer.body
    if status == 405:
        assert answer.headers["allow"] == ("POST" if path.endswith(("/infer", "/predict/plain")) else "GET, HEAD")


def test_a_name_that_is_not_served_is_told_with_those_that_are(served: Running) -> None:
    assert (
        served.ask("GET", "/v2/models/x")
        .json["error"]
        .startswith("No model of that name is served. There are: 'plain', ")
    )
    told = served.ask("GET", "/v2/models/plain/versions/3").json["error"]
    assert told == "That version of 'plain' is not served. There are: '1', '2'."


def test_a_request_may_have_so_many_examples(served: Running, models: Models) -> None:
    most = models.find("plain", "1").most
    assert most == 2**22 // 7
    served_ = models.find("digits")
    small, served_.most = served_.most, 3
    try:
        answer = served.ask("POST", "/predict/digits", np.zeros((4, 64)).tolist())
        assert (answer.status, "at most 3, got 4" in answer.json["error"]) == (400, True)
        assert served.ask("POST", "/predict/digits", np.zeros((3, 64)).tolist()).status == 200
    finally:
        served_.most = small


def test_the_largest_batch_follows_the_size_of_an_example() -> None:
    found = Found(madi.Sequential(madi.layers.GlobalAveragePool()).build((256, 256, 3), seed=0))
    served = Models(sources(["x"]), lambda path: found, BATCHING, Metrics()).load().find("x")
    assert served.batcher.batching.sizes == (1, 4, 5)

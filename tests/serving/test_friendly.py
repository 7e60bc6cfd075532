"""The friendly route: rows by the names of their columns, numbers, and pictures."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import madi
from madi.cli.examples import read_examples
from madi.serving import raw, wire
from tests.serving.conftest import CLASSES, ROWS, Found, png, tensor
from tests.web.running import Running

HOUSE = {"area": 80, "kind": "house", "sold": False, "since": "2021-05-01"}


def test_rows_are_answered_as_the_command_line_answers_a_file(
    served: Running, found: dict[str, Found], tmp_path: Path
) -> None:
    file = tmp_path / "new.csv"
    file.write_text(ROWS)
    preparation, model = found["houses"].preparation, found["houses"].model
    expected = preparation.restore(madi.predict(model, preparation.read([file]).x))[:, 0]
    rows = [
        {"area": 50.5, "kind": "flat", "sold": True, "since": "2020-01-31"}, HOUSE,
        {"area": "60", "kind": "flat", "sold": True, "since": "2020-07-15"},
        {"kind": "house", "area": 120, "since": "2019-02-20", "sold": None},
        {"area": 75, "kind": "boat", "sold": False, "since": "2022-03-03", "price": 1},
    ]  # fmt: skip
    answer = served.ask("POST", "/predict/houses", {"rows": rows})
    assert answer.status == 200
    assert np.allclose([row["price"] for row in answer.json["predictions"]], expected, rtol=1e-5)
    assert "notices" not in answer.json
    alone = [served.ask("POST", "/predict/houses", body).json["predictions"] for body in (HOUSE, [HOUSE])]
    assert np.allclose([alone[0][0]["price"], alone[1][0]["price"]], expected[1], rtol=1e-5)


def test_columns_go_by_the_protocol_too(served: Running) -> None:
    columns = {"area": ("FP64", [80.0]), "kind": ("BYTES", ["house"]), "sold": ("BOOL", [False]),
               "since": ("BYTES", ["2021-05-01"])}  # fmt: skip
    inputs = [{"name": n, "shape": [1, 1], "datatype": kind, "data": data} for n, (kind, data) in columns.items()]
    answer = served.ask("POST", "/v2/models/houses/infer", {"inputs": inputs})
    told = {output["name"]: output for output in answer.json["outputs"]}
    assert set(told) == {"output", "prediction"}
    assert told["prediction"]["datatype"] == "FP64"
    price = served.ask("POST", "/predict/houses", HOUSE).json["predictions"][0]["price"]
    assert told["prediction"]["data"] == pytest.approx([price])
    described = {port["name"]: port["datatype"] for port in served.ask("GET", "/v2/models/houses").json["inputs"]}
    assert described == {name: kind for name, (kind, _) in columns.items()}


def test_classes_come_with_probabilities(served: Running, found: dict[str, Found]) -> None:
    row = {"area": 80, "sold": False, "since": "2021-05-01", "price": 250}
    told = served.ask("POST", "/predict/species", {"rows": [row]}).json["predictions"][0]
    assert list(told["probabilities"]) == list(found["species"].preparation.classes)
    assert sum(told["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert told["probabilities"][told["class"]] == told["probability"] == max(told["probabilities"].values())


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "got a list of 0."), (3, "one row"), ("x", "got a text."), (None, "got null."), ([3], "as an object"),
        ([HOUSE, [1, 2]], "got a list of 2, the first a number as row 2."),
        ([{}], "expected the columns of the training file"),
        ([{**HOUSE, "area": "many"}], "many"), ([{**HOUSE, "area": [1]}], "a text, a number"),
        ([{**HOUSE, "since": "yesterday"}], "yesterday"), ([{**HOUSE, "kind": {}}], "a text, a number"),
        ([{**HOUSE, "area": 1e300}], "too far"),
    ],
)  # fmt: skip
def test_rows_that_do_not_fit_are_told(served: Running, rows: Any, told: str) -> None:
    answer = served.ask("POST", "/predict/houses", {"rows": rows})
    assert answer.status == 400
    assert told in answer.json["error"]


def test_what_is_ignored_is_told(served: Running) -> None:
    rows = [{**HOUSE, f"<b>{number}</b>" + "x" * 100: 1} for number in range(30)]
    answer = served.ask("POST", "/predict/houses", {"rows": rows}).json
    assert len(answer["predictions"]) == 30
    assert "ignored" in answer["notices"][0]
    assert "and 20 more" in answer["notices"][0]
    unseen = served.ask("POST", "/predict/houses", {**HOUSE, "kind": "castle"}).json
    assert "castle" in unseen["notices"][0]


def test_rows_of_a_table_are_read_while_others_are_answered(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    readers, read = list[threading.Thread](), raw.from_json

    def watched(*given: Any) -> Any:
        readers.append(threading.current_thread())
        return read(*given)

    monkeypatch.setattr(raw, "from_json", watched)
    assert served.ask("POST", "/predict/houses", {"rows": [HOUSE]}).status == 200
    assert len(readers) == 1
    assert readers[0] is not served.thread


def test_whole_numbers_beyond_64_bits_and_empty_columns(served: Running) -> None:
    for quick in (True, False):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(wire, "orjson", wire.orjson if quick else None)
            assert served.ask("POST", "/predict/houses", {**HOUSE, "area": 2**70}).status == 200
            assert served.ask("POST", "/predict/houses", {**HOUSE, "area": 10**400}).status == 400
    assert served.ask("POST", "/predict/houses", {**HOUSE, "area": None, "kind": None}).status in (200, 400)
    assert served.ask("POST", "/predict/houses", {**HOUSE, "sold": None}).status == 200


def test_plain_examples_one_or_several(served: Running, found: dict[str, Found], rows: np.ndarray) -> None:
    classes, probabilities = madi.predict_classes(found["plain2"].model, rows, classes=CLASSES)
    for body in ({"rows": rows.tolist()}, rows.tolist()):
        told = served.ask("POST", "/predict/plain", body).json
        assert (told["model"], told["version"]) == ("plain", "2")
        assert [row["class"] for row in told["predictions"]] == list(classes)
        assert [list(row["probabilities"].values()) for row in told["predictions"]] == [
            pytest.approx(row, abs=1e-6) for row in probabilities.tolist()
        ]
    one = served.ask("POST", "/predict/plain/versions/1", rows[0].tolist()).json
    assert (one["version"], len(one["predictions"])) == ("1", 1)
    wrong = served.ask("POST", "/predict/plain", {"rows": [[1, 2, 3]] * 2})
    told = "rows: expected one example of [4] or a list of them, nested so or flat, "
    assert wrong.json == {"error": told + "got a list of 2, the first a list of 3, the first a number."}
    numbers = served.ask("POST", "/predict/numbers", [1, 2, 3, 4]).json["predictions"][0]["output"]
    assert numbers == pytest.approx(madi.predict(found["numbers"].model, np.float32([[[1, 2], [3, 4]]]))[0].tolist())


def test_probabilities_of_a_softmax_and_of_one_yes_or_no(
    served: Running, found: dict[str, Found], rows: np.ndarray
) -> None:
    told = served.ask("POST", "/predict/bare", rows.tolist()).json["predictions"]
    expected = madi.predict(found["bare"].model, rows)
    assert [list(row["probabilities"].values()) for row in told] == [
        pytest.approx(r, abs=1e-6) for r in expected.tolist()
    ]
    assert list(told[0]["probabilities"]) == ["0", "1", "2"]
    yes = served.ask("POST", "/predict/yes", rows.tolist()).json["predictions"]
    logits = madi.predict(found["yes"].model, rows)[:, 0]
    assert [row["probabilities"]["yes"] for row in yes] == pytest.approx((1 / (1 + np.exp(-logits))).tolist(), abs=1e-6)


def test_a_picture_is_answered_as_its_preparation_reads_it(served: Running, found: dict[str, Found]) -> None:
    content = png(np.random.default_rng(0).integers(0, 256, (9, 7, 3)))
    x = found["pictures"].preparation.decode(content)[None]
    expected = madi.predict_classes(found["pictures"].model, x, classes=CLASSES)[1][0]
    told = served.ask("POST", "/predict/pictures", content, Content_Type="image/png").json["predictions"][0]
    assert list(told["probabilities"].values()) == pytest.approx(expected.tolist(), abs=1e-6)


def test_a_picture_for_a_model_of_flat_grey_pixels(served: Running, found: dict[str, Found]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 1))
    for path, x in (("/predict/digits", pixels / 255), ("/predict/digits?invert=true", 1 - pixels / 255)):
        expected = madi.predict_classes(found["digits"].model, x.reshape(1, 64).astype(np.float32))[1][0]
        told = served.ask("POST", path, png(pixels), Content_Type="image/png").json["predictions"][0]
        assert list(told["probabilities"].values()) == pytest.approx(expected.tolist(), abs=1e-5)


def test_a_picture_of_another_size_is_answered_as_by_the_command_line(
    served: Running, found: dict[str, Found], tmp_path: Path
) -> None:
    file = tmp_path / "wide.png"
    file.write_bytes(png(np.random.default_rng(1).integers(0, 256, (40, 90, 4))))
    for path, invert in (("/predict/digits", False), ("/predict/digits?invert=true", True)):
        x = read_examples([file], (64,), invert=invert)[1]
        expected = madi.predict_classes(found["digits"].model, x)[1][0]
        told = served.ask("POST", path, file.read_bytes(), Content_Type="image/png").json["predictions"][0]
        assert list(told["probabilities"].values()) == pytest.approx(expected.tolist(), abs=1e-6)


def test_a_jpeg_may_not_go_over_its_pixels_again_and_again(served: Running) -> None:
    text = io.BytesIO()
    Image.new("L", (64, 64), 77).save(text, "JPEG", progressive=True)
    content = text.getvalue()
    last = content[content.rindex(b"\xff\xda") : -2]
    for times, status in ((0, 200), (20, 200), (200, 400)):
        again = content[:-2] + last * times + content[-2:]
        assert served.ask("POST", "/predict/digits", again, Content_Type="image/jpeg").status == status


def test_what_is_no_picture_or_not_wanted_is_refused(served: Running) -> None:
    picture = png(np.zeros((8, 8, 1)))
    for content in (b"", b"hello", picture[:40], b"<svg onload=alert(1)>"):
        answer = served.ask("POST", "/predict/digits", content, Content_Type="image/png")
        assert answer.status == 400
        assert "picture" in answer.json["error"]
    assert served.ask("POST", "/predict/houses", picture, Content_Type="image/png").status == 415
    assert served.ask("POST", "/predict/plain", tensor([1])["name"].encode(), Content_Type="text/plain").status == 415
    answer = served.ask("POST", "/predict/plain", b"[1]")
    assert (answer.status, "got no content-type" in answer.json["error"]) == (415, True)

"""A network on a table takes raw columns in its file, and answers as `madi predict` does on the same rows."""

from __future__ import annotations

import calendar
import datetime
import math

import numpy as np
import pytest

import madi
from madi.datasets.preparation import described
from madi.datasets.tables import TablePreparation
from madi.datasets.tables.reading import read_table
from madi.errors import ConfigurationError, ShapeError
from madi.layers import Dense, EmbedColumns, ReLU, Sequential
from madi.onnx import Unsupported, export
from madi.onnx.exporting.dates import Doubles, month_of
from madi.onnx.exporting.exporting import exported
from madi.onnx.exporting.rows import raw_rows
from madi.onnx.exporting.writer import Tensor, Writer
from tests.onnx.written import session

pytest.importorskip("onnxruntime")

COLOURS = ("red", "green", "blue")
HEADER = "weight,year,fresh,picked,seen,colour,shop,grade,price,kind"


def line(row: int) -> str:
    """A row of the training file: every column but `year` and `picked` lacks a value somewhere."""
    weight = "" if row == 5 else f"{3.5 + math.sin(row) * 40:.3f}"
    fresh = "" if row == 6 else ("no", "yes")[row % 3 == 0]
    picked = datetime.date(2019, 12, 20) + datetime.timedelta(days=37 * row)
    seen = "" if row == 7 else f"2024-0{1 + row % 9}-1{row % 10} {row % 24:02d}:{row % 60:02d}"
    colour = "" if row == 8 else COLOURS[row % 3]
    shop = f"shop {(row * row) % 29}"
    return (
        f"{weight},{2_000_000 + row},{fresh},{picked},{seen},{colour},{shop},{row % 4},{1e5 + 7 * row},{'ab'[row % 2]}"
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "fruit.csv"
    path.write_text("\n".join([HEADER, *map(line, range(60))]) + "\n", encoding="utf-8")
    return path


def fitted(table, target, **options):
    kinds = {"grade": "category", "fresh": "boolean"}
    ignore = [name for name in ("price", "kind") if name != target]
    return TablePreparation.fit(read_table(table), target=target, kinds=kinds, ignore=ignore, **options)


def network(preparation, outputs):
    lookups = [EmbedColumns(preparation.lookups)] if preparation.lookups else []
    model = Sequential(*lookups, Dense(5), ReLU(), Dense(outputs)).build((len(preparation.names),))
    draw = np.random.default_rng(3)
    for parameter in model.parameters().values():
        parameter.value = draw.normal(size=parameter.shape).astype(np.float32)
    return model


NEW = f"""{HEADER}
12.5,2000010,yes,2020-02-29,2024-03-12 23:59,red,shop 4,0,,
,2000020,no,2020-03-01,,green,shop 999,1,,
-7,2000030,,2019-12-31,2024-12-31 00:00,purple,shop 9,9,,
1e6,2000040,yes,,2024-01-01 12:30,,shop 1,,,
40,,0,1969-07-20,1970-01-01 00:00,blue,shop 23,3,,
"""
GONE = math.nan


def seconds(*moments):
    return [GONE if moment is None else calendar.timegm(datetime.datetime(*moment).timetuple()) for moment in moments]


RAW = {
    "weight": np.float32([12.5, GONE, -7, 1e6, 40]),
    "year": np.float64([2000010, 2000020, 2000030, 2000040, GONE]),
    "fresh": np.float32([1, 0, GONE, 1, 0]),
    "picked": np.float64(seconds((2020, 2, 29), (2020, 3, 1), (2019, 12, 31), None, (1969, 7, 20))),
    "seen": np.float64(
        seconds((2024, 3, 12, 23, 59), None, (2024, 12, 31), (2024, 1, 1, 12, 30), (1970, 1, 1))
    ),
    "colour": np.array(["red", "green", "purple", "", "blue"], object),
    "shop": np.array(["shop 4", "shop 999", "shop 9", "shop 1", "shop 23"], object),
    "grade": np.array(["0", "1", "9", "", "3"], object),
}  # fmt: skip
FEEDS = {name: column[:, None] for name, column in RAW.items()}


@pytest.mark.parametrize("embed", [None, 3])
def test_classes(table, tmp_path, embed):
    preparation = fitted(table, "kind", embed=embed)
    model = network(preparation, 2)
    content = export(model, extra={"preparation": described(preparation), "loss": "softmax_cross_entropy"})
    path = tmp_path / "new.csv"
    path.write_text(NEW, encoding="utf-8")
    x = preparation.read([path]).x
    names, probabilities = madi.predict_classes(model, x, classes=preparation.classes)
    assert len(set(names)) == 2
    for count in (5, 1):
        opened = session(content)
        assert {port.name: port.type for port in opened.get_inputs()} == {
            **dict.fromkeys(["weight", "fresh"], "tensor(float)"),
            **dict.fromkeys(["year", "picked", "seen"], "tensor(double)"),
            **dict.fromkeys(["colour", "shop", "grade"], "tensor(string)"),
        }
        output, shares, labels = opened.run(None, {name: column[:count] for name, column in FEEDS.items()})
        np.testing.assert_allclose(output, madi.predict(model, x[:count]), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(shares, probabilities[:count], atol=1e-5)
        assert labels.tolist() == names[:count].tolist()


def test_numbers_come_in_the_targets_units(table, tmp_path):
    preparation = fitted(table, "price")
    model = network(preparation, 1)
    content = export(model, extra={"preparation": described(preparation)})
    path = tmp_path / "new.csv"
    path.write_text(NEW, encoding="utf-8")
    output, prediction = session(content).run(["output", "prediction"], FEEDS)
    x = preparation.read([path]).x
    np.testing.assert_allclose(output, madi.predict(model, x), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(prediction, preparation.restore(madi.predict(model, x)), rtol=1e-5)


def test_features_that_are_rare_share_one(tmp_path):
    path = tmp_path / "many.csv"
    path.write_text("code,y\n" + "\n".join(f"c{row % 130},{row % 7}.5" for row in range(400)), encoding="utf-8")
    for embed in (None, 2):
        preparation = TablePreparation.fit(read_table(path), target="y", kinds={"code": "category"}, embed=embed)
        assert preparation.fitted[0].other is (embed is None)
        model = network(preparation, 1)
        codes = np.array([["c0"], ["c129"], [""], ["never"]], object)
        new = tmp_path / "new.csv"
        new.write_text("code,y\nc0,\nc129,\n,\nnever,\n", encoding="utf-8")
        found = session(export(model, extra={"preparation": described(preparation)})).run(["output"], {"code": codes})
        np.testing.assert_allclose(found[0], madi.predict(model, preparation.read([new]).x), rtol=1e-5, atol=1e-5)


def test_every_month_by_arithmetic():
    write = Writer(21)
    day = Tensor((None,), "float64", last="day")
    name = write.last(month_of(Doubles(write), day))
    from madi.onnx.exporting.document import document
    from madi.onnx.graph import Port

    ports = [Port("day", "float64", ("N",))], [Port(name, "float64", ("N",))]
    content = document(write, *ports, name="month", metadata={"madi.version": "0"})
    days = np.concatenate([np.arange(-800, 800), np.arange(-200_000, 200_000, 97)])
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12
    assert session(content).run(None, {"day": days.astype(np.float64)})[0].tolist() == months.tolist()


def test_the_random_rows_of_the_check_miss_values_and_have_new_ones(table):
    feeds, x = raw_rows(fitted(table, "kind"), 40)
    assert all(column.shape == (40, 1) for column in feeds.values())
    assert len(x) == 40
    assert {"", "a value that no row had", "red"} <= set(feeds["colour"].ravel())
    assert np.isnan(feeds["seen"]).any()
    assert np.isnan(feeds["weight"]).any()


def test_without_preprocessing_the_features_go_in(table):
    preparation = fitted(table, "kind")
    model = network(preparation, 2)
    found = exported(model, extra={"preparation": described(preparation)}, preprocessing=False)
    assert [port.name for port in (*found.inputs, *found.outputs)] == ["input", "output"]
    assert found.inputs[0].shape == ("N", len(preparation.names))
    assert madi.onnx.load(found.content).metadata["madi.preparation"]


def test_a_network_comes_back_behind_its_features(table):
    preparation = fitted(table, "kind", embed=3)
    model = network(preparation, 2)
    loaded = madi.onnx.load(export(model, extra={"preparation": described(preparation)}))
    x = raw_rows(preparation, 4)[1]
    assert loaded.model.classes == preparation.classes
    np.testing.assert_allclose(madi.predict(loaded.model, x), madi.predict(model, x), rtol=1e-5, atol=1e-5)


def test_texts_need_version_19(table):
    preparation = fitted(table, "kind")
    model, extra = network(preparation, 2), {"preparation": described(preparation)}
    with pytest.raises(Unsupported, match=r"column '\w+' holds texts, which ONNX compares since version 19"):
        export(model, opset=18, extra=extra)
    assert exported(model, opset=19, extra=extra).check.difference < 1e-5


def test_mistakes(table, tmp_path):
    preparation = fitted(table, "kind")
    extra = {"preparation": described(preparation)}
    with pytest.raises(ShapeError, match=r"expected a network for the \d+ features of its table, got one for .*\(3,\)"):
        export(Sequential(Dense(2)).build((3,)), extra=extra)
    with pytest.raises(ConfigurationError, match="expected 4 class names for 4 outputs, got 2"):
        export(network(preparation, 4), extra=extra)
    path = tmp_path / "t.csv"
    path.write_text("label,y\n" + "\n".join(f"{row},{row}.5" for row in range(20)), encoding="utf-8")
    named = TablePreparation.fit(read_table(path), target="y")
    with pytest.raises(ConfigurationError, match="the column 'label' has the name of a value in the file"):
        export(network(named, 1), extra={"preparation": described(named)})

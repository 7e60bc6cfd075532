"""The page as a whole: it needs nothing from elsewhere, escapes what is data, and says no bare NaN."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest

from madi import Trainer
from madi import functions as F
from madi.datasets.dataset import Batches, Split
from madi.diagnostics import Doctor, Finding
from madi.diagnostics.report import Evidence, report_html, write_report
from madi.diagnostics.report.answers import sample
from madi.errors import ConfigurationError, DataError, FileError, ShapeError, UnknownNameError
from madi.layers import Conv2D, Dense, Flatten, ReLU, Sequential
from madi.training import History
from madi.training.losses import Loss
from tests.diagnostics.report.made import Page, classes, numbers, passing

RANDOM = np.random.default_rng(5)
LABELS = RANDOM.integers(0, 3, 120)
LOGITS = (RANDOM.normal(size=(120, 3)) + np.eye(3)[LABELS]).astype(np.float32)
EVIL = '<script>alert("1")</script>'


class Stream(Batches):
    """Arrays as batches that come one after another."""

    def __init__(self, x, y, batch_size=7):
        self.x, self.y, self.count, self.batch_size, self.shape = x, y, len(x), batch_size, x.shape[1:]
        self.epochs = []

    def __iter__(self):
        for first in range(0, self.count, self.batch_size):
            yield Split(self.x[first : first + self.batch_size], self.y[first : first + self.batch_size])

    def set_epoch(self, epoch):
        self.epochs.append(epoch)


@pytest.fixture(scope="module")
def trained():
    """A small network of pictures after two epochs, its trainer, and the pictures."""
    x = RANDOM.uniform(size=(90, 5, 5, 1)).astype(np.float32)
    y = (x[:, 2, 2, 0] > 0.5).astype(int)
    model = Sequential(Conv2D(2, 3), ReLU(), Flatten(), Dense(2))
    trainer = Trainer(model, optimizer="adam", metrics=["accuracy"], engine="numpy")
    doctor = Doctor((x[:60], y[:60]))
    trainer.fit((x[:60], y[:60]), validation=(x[60:], y[60:]), epochs=4, batch_size=5, callbacks=[doctor], verbose=0)
    return trainer, doctor, {"training": (x[:60], y[:60]), "validation": (x[60:], y[60:])}


def whole(trained, **options):
    trainer, _, parts = trained
    given = {"model": trainer.model, "loss": trainer.loss, "parts": parts, "metrics": ["accuracy"]}
    return Evidence(**given | {"history": trainer.history, "seconds": {"computing": 1.25}} | options)


def checked(evidence):
    """The page, after a look at what holds for every page."""
    text = report_html(evidence)
    page = Page(text)
    assert text.startswith("<!doctype html>")
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    for tag, name, value in page.values:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("src", "href") or value.startswith("data:image/png;base64,"), (tag, name)
    assert not re.search(r"url\(|@import|https?:", text)
    assert not re.search(r"\b(nan|inf|infinity)\b", page.text, re.IGNORECASE), page.text
    assert not re.search(r'="[^"]*\b(nan|inf)\b', re.sub(r'base64,[^"]*', "", text), re.IGNORECASE)
    return page


def headings(page_text):
    return re.findall(r"<h2>(.*?)</h2>", page_text)


def test_a_whole_report(trained):
    trainer, doctor, _ = trained
    evidence = whole(
        trained, data="squares", network="two_layers", ending="all of them were done", classes=["dark", "light"],
        findings=doctor.examine(), configuration="epochs = 4\n", trainer=trainer, seed=7, notices=["They are random."],
    )  # fmt: skip
    page = checked(evidence)
    assert headings(report_html(evidence)) == [
        "Results", "Learning curves", "Confusion", "Precision and recall by class", "Calibration", "Worst examples",
        "The doctor&#x27;s findings", "Speed", "Configuration and origin",
    ]  # fmt: skip
    for told in (
        "two_layers on squares",
        "trained on 60 examples for 4 epochs; all of them were done.", "It tells 2 classes apart.",
        "They are random.", "epochs = 4", "computing 1.2 s", "seed 7", "examples a second", "MiB",
    ):  # fmt: skip
        assert told in page.text
    assert page.tags.count("img") == 24  # twelve pictures, each with its saliency
    values = trainer.evaluate(evidence.parts["validation"])
    assert f"validation 30 {values['loss']:.4g} {100 * values['accuracy']:.1f}%" in page.text


def test_sections_without_anything_to_say_are_left_out():
    evidence = classes(LOGITS, LABELS)
    checked(evidence)
    assert headings(report_html(evidence)) == [
        "Results", "Confusion", "Precision and recall by class", "Calibration", "Columns that matter",
        "Worst examples", "Speed", "Configuration and origin",
    ]  # fmt: skip
    assert "Learning curves" not in report_html(numbers([1.0, 2.0], [1.0, 3.0], history=History()))


def test_whatever_is_data_is_escaped(trained):
    names = [f"{EVIL}{place}" for place in range(30)]
    checked(
        whole(
            trained, data=EVIL, network=EVIL, ending=EVIL, classes=[EVIL, "b"], names=names, notices=[EVIL],
            configuration=EVIL, findings=[Finding("x", EVIL, EVIL, 1, 1)], seconds={EVIL: 1.0},
        )
    )  # fmt: skip
    rows = [{EVIL: EVIL, "b": None}] * 120
    columns = {EVIL: slice(0, 1), "b": slice(1, 3)}
    page = checked(classes(LOGITS, LABELS, rows=rows.__getitem__, columns=columns, classes=[EVIL, EVIL, '"']))
    assert EVIL in page.text
    checked(numbers([1.0, 2.0], [1.0, 2.5], targets=[EVIL]))


def test_rows_with_their_raw_values():
    rows = [{"city": f"Seoul {place}", "price": place / 3, "note": None} for place in range(120)]
    evidence = classes(LOGITS, LABELS, rows=rows.__getitem__, names=[f"new.csv:{place + 2}" for place in range(120)])
    worst = int(evidence.answers.worst(1)[0])
    text = checked(evidence).text
    assert f"new.csv:{worst + 2}" in text
    assert f"Seoul {worst} {worst / 3:.4g} –" in text


def test_rows_from_their_features():
    def original(features):
        return {"size": 10 * features[0], "colour": "red" if features[1] > 0 else None}

    evidence = classes(LOGITS, LABELS, original=original)
    size, colour = LOGITS[evidence.answers.worst(1)[0], :2]
    assert f" {10 * size:.4g} {'red' if colour > 0 else '–'} " in checked(evidence).text
    preferred = classes(LOGITS, LABELS, original=original, rows=lambda row: {"row": f"number {row}"})
    assert f"number {evidence.answers.worst(1)[0]}" in checked(preferred).text


def test_of_many_columns_those_that_matter():
    rows = [{f"c{column}": place for column in range(30)} for place in range(120)]
    columns = {"c25": slice(0, 1), "c3": slice(1, 2), "c7": slice(2, 3)}
    text = checked(classes(LOGITS, LABELS, rows=rows.__getitem__, columns=columns)).text
    assert "The 12 columns of 30 that matter most." in text
    heads = text.split("Worst examples")[1].split("loss")[2].split()[:12]
    assert set(heads[:3]) == set(columns)
    assert "c29" not in heads


def test_answers_that_are_not_finite_are_counted_and_left_out():
    model = passing(3)
    model.parameters()["0.bias"].value = np.array([0, 3e38, 0], np.float32)
    x = LOGITS.copy()
    x[:5, 1] = 3e38
    with np.errstate(over="ignore"):
        page = checked(classes(x, LABELS, model=model, measured={"test": {"loss": float("nan"), "accuracy": 0.5}}))
    assert "The network's answers for 5 of 120 examples of the test part are not finite" in page.text
    assert "test 120 – 50.0%" in page.text


def test_no_answer_is_finite():
    model = passing(3)
    model.parameters()["0.bias"].value = np.full(3, np.inf, np.float32)
    page = checked(classes(LOGITS, LABELS, model=model, measured={"test": {"loss": float("inf")}}))
    assert "for 120 of 120 examples" in page.text
    assert "Confusion" not in page.text


def test_a_history_that_diverged():
    history = History()
    history.epochs = [{"epoch": 1, "loss": 2.0, "seconds": 0.1}, {"epoch": 2, "loss": float("nan"), "seconds": 0.1}]
    history.diverged = True
    page = checked(classes(LOGITS, LABELS, history=history))
    assert "no longer finite" in page.text
    assert "training 2" in page.text


def test_one_epoch_of_one_step():
    history = History()
    history.epochs, history.steps = [{"epoch": 1, "loss": 2.0, "seconds": 0.0}], {"loss": [2.0]}
    assert "for 1 epoch." in checked(classes(LOGITS, LABELS, history=history)).text


# ---- parts


def test_streams():
    stream = Stream(LOGITS, LABELS)
    evidence, arrays = classes(LOGITS, LABELS, parts={"training": stream, "test": stream}), classes(LOGITS, LABELS)
    page = checked(evidence)
    assert "trained on 120 examples" in page.text
    np.testing.assert_array_equal(evidence.answers.outputs, arrays.answers.outputs)
    assert evidence.results["test"] == pytest.approx(arrays.results["test"])
    assert stream.epochs == []  # the order of its next pass is training's affair


def test_of_a_stream_every_so_many_examples():
    x = np.arange(100, dtype=np.float32)[:, None]
    drawn = sample(Stream(x, x[:, 0]), "test", most=15)
    assert drawn.count == 100
    assert drawn.rows.tolist() == list(range(0, 100, 7))
    np.testing.assert_array_equal(drawn.x[:, 0], drawn.rows)
    np.testing.assert_array_equal(drawn.y, drawn.rows)
    with pytest.raises(DataError, match="test: there is no batch"):
        sample(Stream(x[:0], x[:0]), "test")


def test_of_large_arrays_a_sample():
    x = np.arange(1000)[:, None]
    drawn = sample((x, x[:, 0]), "test", seed=1, most=50)
    assert (len(drawn.x), drawn.count) == (50, 1000)
    assert (np.diff(drawn.rows) > 0).all()
    np.testing.assert_array_equal(drawn.x[:, 0], drawn.rows)
    np.testing.assert_array_equal(drawn.rows, sample((x, x[:, 0]), "test", seed=1, most=50).rows)
    assert drawn.rows.tolist() != sample((x, x[:, 0]), "test", seed=2, most=50).rows.tolist()
    many = np.tile(LOGITS, (100, 1)), np.tile(LABELS, 100)
    page = checked(Evidence(model=passing(3), loss="softmax_cross_entropy", parts={"test": many}))
    assert "Of parts with more than 10,000 examples, 10,000 were measured." in page.text


def test_the_part_that_is_judged_by():
    data = LOGITS, LABELS
    for parts, chosen in [
        ({"training": data, "test": data}, "test"),
        ({"training": data, "validation": data}, "validation"),
        ({"training": data}, "training"),
        ({"new photos": data}, "new photos"),
    ]:
        assert classes(LOGITS, LABELS, parts=parts).judged_by == chosen


def test_a_loss_of_ones_own():
    squares = Loss("squares", lambda prediction, target: ((prediction - target) ** 2).mean())
    evidence = numbers([1.0, 2.0], [1.0, 4.0], loss=squares)
    assert evidence.answers.losses.tolist() == [0, 4]
    checked(evidence)
    of_classes = classes(LOGITS, LABELS, loss=lambda prediction, target: F.softmax_cross_entropy(prediction, target))
    np.testing.assert_allclose(of_classes.answers.losses, classes(LOGITS, LABELS).answers.losses, rtol=1e-6)
    assert "Confusion" in checked(of_classes).text


def test_the_doctor_looks_where_a_trainer_is_given(trained):
    trainer, _, parts = trained
    assert "Nothing wrong was found" in checked(whole(trained, trainer=trainer)).text
    assert "findings" not in checked(whole(trained)).text
    before = trainer.snapshot()
    bad = {name: (1000 * x, y) for name, (x, y) in parts.items()}
    assert "unscaled input: input feature" in checked(whole(trained, trainer=trainer, parts=bad)).text
    for path, value in trainer.snapshot().items():
        np.testing.assert_array_equal(value, before[path])


# ---- mistakes, and writing


def test_mistakes():
    with pytest.raises(ConfigurationError, match="Evidence: parts is empty"):
        classes(LOGITS, LABELS, parts={})
    with pytest.raises(UnknownNameError, match="Unknown task 'regresion': did you mean 'regression'"):
        classes(LOGITS, LABELS, task="regresion")
    with pytest.raises(ConfigurationError, match="task: the loss softmax_cross_entropy is for classes"):
        report_html(classes(LOGITS, LABELS, task="regression"))
    with pytest.raises(ShapeError, match="not built yet"):
        Evidence(model=Sequential(Dense(3)), loss="softmax_cross_entropy", parts={"test": (LOGITS, LABELS)})
    with pytest.raises(DataError, match="labels from 0 to 2"):
        report_html(classes(LOGITS, LABELS + 1))


def test_it_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    write_report(classes(LOGITS, LABELS), path)
    first = path.read_text(encoding="utf-8")
    assert Page(first).tags[0] == "html"
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()

    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(FileError, match=r"report\.html: cannot write the report \(No space left on device\)"):
        write_report(numbers([1.0, 2.0], [1.0, 2.0]), path)
    assert path.read_text(encoding="utf-8") == first
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileError, match=r"cannot write the report \(No such file or directory\)"):
        write_report(classes(LOGITS, LABELS), tmp_path / "nowhere" / "report.html")


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask

"""The numbers on classes are scikit-learn's, of probabilities that are computed here anew."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import calibration as sk_calibration
from sklearn import metrics

from madi.diagnostics.report import report_html
from madi.diagnostics.report.classification import calibration, confusion, most_confused, roc, scores
from tests.diagnostics.report.made import Page, classes, softmax

RANDOM = np.random.default_rng(1)
LABELS = RANDOM.integers(0, 4, 300)
LOGITS = (RANDOM.normal(size=(300, 4)) + 1.5 * np.eye(4)[LABELS]).astype(np.float32)
TWO = RANDOM.integers(0, 2, 200)
TWO_LOGITS = (RANDOM.normal(size=(200, 2)) + np.eye(2)[TWO]).astype(np.float32)


def test_answers():
    answers = classes(LOGITS, LABELS).answers
    shown = softmax(LOGITS.astype(float))
    np.testing.assert_allclose(answers.probabilities, shown, rtol=1e-5)
    np.testing.assert_array_equal(answers.predicted, LOGITS.argmax(axis=1))
    np.testing.assert_allclose(answers.losses, -np.log(shown[np.arange(300), LABELS]), rtol=1e-4)
    np.testing.assert_array_equal(answers.worst(3), np.argsort(shown[np.arange(300), LABELS])[:3])


def test_confusion_and_scores():
    answers, said = classes(LOGITS, LABELS).answers, LOGITS.argmax(axis=1)
    np.testing.assert_array_equal(confusion(answers), metrics.confusion_matrix(LABELS, said))
    found, expected = scores(answers), metrics.precision_recall_fscore_support(LABELS, said)
    for mine, theirs in zip((found.precision, found.recall, found.f1, found.support), expected, strict=True):
        np.testing.assert_allclose(mine, theirs)


def test_the_matrix_on_the_page():
    matrix = confusion(classes(LOGITS, LABELS).answers)
    page = report_html(classes(LOGITS, LABELS))
    body = page.split('class="matrix"')[1].split("</table>")[0]
    rows = body.split("<tr>")[2:]
    counts = [
        [int(cell.split(">")[1].split("<")[0].replace("·", "0")) for cell in row.split("<td")[1:]] for row in rows
    ]
    np.testing.assert_array_equal(counts, matrix)
    assert f"{np.trace(matrix)} of 300 examples of the test part are told right." in page


def test_calibration_of_several_classes_is_that_of_the_answer():
    shown = softmax(LOGITS.astype(float))
    right, said = (shown.argmax(axis=1) == LABELS).astype(int), shown.max(axis=1)
    found = calibration(classes(LOGITS, LABELS).answers)
    true, mean = sk_calibration.calibration_curve(right, said, n_bins=10)
    np.testing.assert_allclose(found.true, true)
    np.testing.assert_allclose(found.said, mean, rtol=1e-5)
    assert found.counts.sum() == 300
    error = 0.0
    for low in range(10):  # Σ over the bins of their share of the examples times |right - said|
        inside = (said > low / 10) & (said <= (low + 1) / 10)
        error += abs(right[inside].sum() - said[inside].sum()) / 300
    assert found.error == pytest.approx(error, rel=1e-5)
    assert f"{100 * error:.1f}%" in report_html(classes(LOGITS, LABELS))


def test_a_calibration_error_by_hand():
    # two examples said to be right with 0.75, of which one is; two with 0.9, of which both are
    logits = np.log([[0.75, 0.25, 1e-9], [0.75, 0.25, 1e-9], [0.9, 0.1, 1e-9], [0.9, 0.1, 1e-9]])
    found = calibration(classes(logits, [0, 1, 0, 0]).answers)
    assert found.error == pytest.approx((2 * 0.25 + 2 * 0.1) / 4, abs=1e-6)


def test_roc_of_two_classes():
    shown = softmax(TWO_LOGITS.astype(float))[:, 1]
    found = roc(classes(TWO_LOGITS, TWO).answers)
    assert found.area == pytest.approx(metrics.roc_auc_score(TWO, shown))
    np.testing.assert_allclose(found.false_positives, metrics.roc_curve(TWO, shown)[0])
    assert roc(classes(LOGITS, LABELS).answers) is None
    assert f"area {found.area:.4g}" in report_html(classes(TWO_LOGITS, TWO))


def test_one_output_is_the_probability_of_the_second_class():
    logits = TWO_LOGITS[:, 1:] - TWO_LOGITS[:, :1]
    one = classes(logits, TWO, loss="sigmoid_binary_cross_entropy")
    two = classes(TWO_LOGITS, TWO)
    np.testing.assert_allclose(one.answers.probabilities, two.answers.probabilities, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(confusion(one.answers), confusion(two.answers))
    assert roc(one.answers).area == pytest.approx(roc(two.answers).area)
    assert one.results["test"]["accuracy"] == pytest.approx((two.answers.labels == two.answers.predicted).mean())


def test_probabilities_stay_as_they_are_for_a_loss_of_probabilities():
    shown = softmax(LOGITS)
    answers = classes(shown, LABELS, loss="cross_entropy").answers
    np.testing.assert_allclose(answers.probabilities, shown, rtol=1e-6)
    one = classes(shown[:, :1], LABELS == 0, loss="binary_cross_entropy").answers
    np.testing.assert_allclose(one.probabilities[:, 1], shown[:, 0], rtol=1e-6)


def test_one_hot_rows_are_labels():
    one_hot = classes(LOGITS, np.eye(4)[LABELS].astype(np.float32))
    np.testing.assert_array_equal(confusion(one_hot.answers), confusion(classes(LOGITS, LABELS).answers))


def test_a_class_that_is_missing_in_the_test_part():
    kept = LABELS != 2
    evidence = classes(LOGITS[kept], LABELS[kept], classes=["a", "b", "gone", "d"])
    assert scores(evidence.answers).support.tolist()[2] == 0
    page = Page(report_html(evidence)).text
    assert "Without an example in the test part: gone." in page
    assert "gone" in page.split("Precision and recall by class")[1]


def test_all_of_one_class():
    evidence = classes(np.array([[1.0, 0.0], [2.0, 0.0]]), [0, 0])
    assert roc(evidence.answers) is None
    page = Page(report_html(evidence)).text
    assert "ROC" not in page
    assert "2 of 2 examples" in page


def test_beyond_twenty_classes_the_most_confused_pairs():
    labels = np.repeat(np.arange(25), 4)
    logits = np.eye(25)[labels]
    logits[:3] = np.eye(25)[7]  # three of class 0 are told to be class 7
    logits[4] = np.eye(25)[9]
    evidence = classes(logits, labels, classes=[f"kind {i}" for i in range(25)])
    assert most_confused(confusion(evidence.answers), 20) == [(0, 7, 3), (1, 9, 1)]
    page = report_html(evidence)
    assert 'class="matrix"' not in page
    text = Page(page).text
    assert "kind 0 kind 7 3 75.0% kind 1 kind 9 1 25.0%" in text
    assert "all 25 classes" in text


def test_several_yes_or_no_questions():
    y = RANDOM.integers(0, 2, (100, 3)).astype(np.float32)
    logits = (RANDOM.normal(size=(100, 3)) + 2 * y - 1).astype(np.float32)
    evidence = classes(logits, y, loss="sigmoid_binary_cross_entropy", classes=["warm", "wet", "windy"])
    answers, said = evidence.answers, (logits > 0).astype(int)
    assert answers.questions
    expected = metrics.precision_recall_fscore_support(y.astype(int), said)
    for mine, theirs in zip(vars(scores(answers)).values(), expected, strict=True):
        np.testing.assert_allclose(mine, theirs)
    page = Page(report_html(evidence)).text
    assert "answers 3 yes/no questions" in page
    assert "Confusion" not in page
    assert "warm" in page

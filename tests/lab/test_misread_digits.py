"""Misread digits: what is called misread, and what is set aside."""

from __future__ import annotations

import numpy as np
import pytest

from madi import datasets
from madi.lab import run

SMALL = {"data": "digits", "quick": True, "epochs": 4}


@pytest.fixture(scope="module")
def data():
    return run("misread_digits", shown=8, **SMALL).data


def test_the_shown_are_misread_test_images_surest_first(data):
    shown, test = data["shown"], datasets.load("digits").test
    assert len(shown["labels"]) == len(shown["images"]) == 8
    assert all(label != answer for label, answer in zip(shown["labels"], shown["answers"], strict=True))
    assert list(shown["sureness"]) == sorted(shown["sureness"], reverse=True)
    places = [np.flatnonzero((test.x == image).all(axis=(1, 2, 3)))[0] for image in shown["images"]]
    assert [str(test.y[place]) for place in places] == shown["labels"]
    assert not data["right"][places].any()
    assert shown["sureness"][0] == data["sureness"][~data["right"]].max()


def test_setting_aside_nothing_leaves_the_error_and_more_lowers_it(data):
    error = 1 - data["right"].mean()
    none, half = (run("misread_digits", aside=share, **SMALL).data["aside"]["error"] for share in (0.0, 0.5))
    assert none == pytest.approx(error)
    assert half < error

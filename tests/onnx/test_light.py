"""The light models of the onnx package: with random weights they give onnxruntime's logits."""

from __future__ import annotations

import numpy as np
import pytest

import madi.onnx

from .light import NAMES, image, light_model


def answers(name, **options):
    """(madi's, onnxruntime's) for a random picture."""
    onnxruntime = pytest.importorskip("onnxruntime")
    model = light_model(name, **options)
    source, x = model.SerializeToString(), image(model)
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(source, settings, providers=["CPUExecutionProvider"])
    return madi.onnx.load(source).run(x)[0], session.run(None, x)[0]


def assert_close(ours, theirs):
    assert ours.shape == theirs.shape
    assert theirs.std() > 0.1 * np.abs(theirs).max() > 0  # the weights are such that logits differ
    assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_light_model(name):
    assert_close(*answers(name))


@pytest.mark.long
def test_with_the_softmax_at_the_end():
    ours, theirs = answers("squeezenet", logits=False)
    assert ours.sum() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)

"""The road to the record: its steps in small, and what is averaged."""

from __future__ import annotations

import numpy as np
import pytest

from madi.datasets import Split
from madi.lab import road_to_record, run
from madi.lab.road_to_record import augmentation, claims, error
from madi.layers import Dense, Ensemble


def fixed(biases):
    """A model whose logits are these, whatever it is given."""
    model = Dense(len(biases)).build((2,))
    model.weight.value, model.bias.value = np.zeros((2, len(biases)), np.float32), np.array(biases, np.float32)
    return model


def test_probabilities_are_averaged_not_votes():
    test = Split(np.zeros((4, 2), np.float32), np.array([0, 0, 0, 1]))
    sure, two_unsure = fixed([4.0, 0.0]), [fixed([0.0, 0.2]), fixed([0.0, 0.1])]
    assert [error(model, test) for model in (sure, *two_unsure)] == [0.25, 0.75, 0.75]
    assert error(Ensemble(sure, *two_unsure), test) == 0.25


def test_changes_of_images_fit_their_size():
    assert augmentation(28) == ("shift:2", "rotation:10", "scaling:0.9:1.1")
    assert augmentation(8)[0] == "shift:1"


def test_whole_mnist_is_held_to_the_aim():
    steps = [{"name": name, "errors": errors, "seconds": 1.0} for name, errors in zip("abcde", ERRORS, strict=True)]
    data = {"images": {"name": "mnist"}, "sizes": road_to_record.WHOLE, "members": 5, "steps": steps}
    assert list(claims(data).values()) == [True] * 4
    steps[-1]["errors"] = [0.0031]
    assert list(claims(data).values()) == [True, True, True, False]
    steps[1]["errors"] = [0.0070]
    assert list(claims(data).values()) == [True, True, False, False]
    assert len(claims({**data, "sizes": [600, 1000]})) == 2


ERRORS = ([0.0060, 0.0066], [0.0050], [0.0045], [0.0036], [0.0029])


@pytest.mark.long
def test_the_steps_in_small():
    small = {"data": "digits", "examples": 200, "epochs": 1, "members": 2, "runs": 1, "quick": True, "anew": True}
    steps = run("road_to_record", **small).data["steps"]
    assert [step["name"] for step in steps] == [*road_to_record.STEPS, "+ ensemble of 2"]
    assert [len(step["errors"]) for step in steps] == [1, 1, 1, 2, 1]
    assert all(step["seconds"] > 0 for step in steps)
    assert steps[4]["seconds"] == pytest.approx(2 * steps[3]["seconds"])

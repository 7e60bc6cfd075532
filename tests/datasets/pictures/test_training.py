"""From a folder of pictures to a network that knows them."""

import numpy as np
import pytest
from PIL import Image

import madi
from madi.datasets import load_pictures
from madi.layers import Conv2D, Dense, Flatten, MaxPool2D, ReLU, Sequential


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """scikit-learn's digits as PNG of 8 x 8, a folder for each."""
    from sklearn.datasets import load_digits

    levels, labels = load_digits(return_X_y=True)
    folder = tmp_path_factory.mktemp("digits")
    for index, (row, label) in enumerate(zip(levels, labels, strict=True)):
        path = folder / str(label) / f"{index:04}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray((row.reshape(8, 8) * (255 / 16)).round().astype(np.uint8)).save(path)
    return folder


def convnet():
    return Sequential(Conv2D(16, 3), ReLU(), MaxPool2D(2), Conv2D(32, 3), ReLU(), Flatten(), Dense(10))


def trained(data, batches, epochs=6):
    trainer = madi.Trainer(convnet(), optimizer=madi.optimizers.Adam(3e-3), metrics=["accuracy"], seed=0)
    trainer.fit(batches, epochs=epochs, batch_size=50, verbose=0)
    return trainer


@pytest.mark.long
def test_digits_in_a_folder_are_learned(digits, tmp_path):
    data = load_pictures(digits)
    assert data.train.x.shape == (1258, 8, 8, 1)
    trainer = trained(data, data.train)
    assert trainer.evaluate(data.test)["accuracy"] > 0.9
    new = data.preparation.read([digits / "7"])
    labels = madi.predict(trainer.model, new.x).argmax(axis=-1)
    assert (labels == data.classes.index("7")).mean() > 0.9


@pytest.mark.long
def test_digits_are_learned_from_a_stream(digits):
    data = load_pictures(digits, stream=True)
    data.train.batch_size = 50
    trainer = trained(data, data.train)
    assert trainer.evaluate(data.test)["accuracy"] > 0.9

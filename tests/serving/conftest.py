"""Models of each kind behind a server in a thread."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import madi
from madi.datasets.pictures import PicturePreparation
from madi.datasets.tables import TablePreparation, read_table
from madi.serving.application import Application
from madi.serving.batching import Batching
from madi.serving.metrics import Metrics
from madi.serving.models import Models
from madi.serving.program import Settings
from madi.serving.sources import sources
from madi.training.losses import get
from madi.web.guard import Guard
from tests.web.running import Running

BODY = 2**20
BATCHING = Batching(most=8, queue=50)
CLASSES = ["cat", "dog", "<b>cow</b>"]


@dataclass
class Found:
    """A model as `madi serve` finds one."""

    model: Any
    classes: list[str] | None = None
    preparation: Any = None
    of: str = "softmax_cross_entropy"

    def loss(self) -> Any:
        return get(self.of)


def network(inputs: int | tuple[int, ...], outputs: int, *, seed: int = 0, last: Any = None) -> Any:
    """A small network with seeded weights."""
    layers = [madi.layers.Flatten(), madi.layers.Dense(6), madi.layers.ReLU(), madi.layers.Dense(outputs)]
    model = madi.Sequential(*layers, *([last] if last else []))
    return model.build(inputs if isinstance(inputs, tuple) else (inputs,), seed=seed)


ROWS = """area,kind,sold,since,price
50.5,flat,true,2020-01-31,100
80,house,false,2021-05-01,250
60,flat,true,2020-07-15,130
120,house,,2019-02-20,400
75,boat,false,2022-03-03,200
"""


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Found]:
    """What paths lead to."""
    file = tmp_path_factory.mktemp("tables") / "houses.csv"
    file.write_text(ROWS)
    table = read_table(file)
    kinds = {"kind": "category"}
    prices = TablePreparation.fit(table, target="price", task="regression", kinds=kinds)
    species = TablePreparation.fit(table, target="kind", task="classification")
    return {
        "plain": Found(network(4, 3), CLASSES),
        "plain2": Found(network(4, 3, seed=1), CLASSES),
        "bare": Found(network(4, 3, last=madi.layers.Softmax()), None),
        "yes": Found(network(4, 1), ["no", "yes"], of="sigmoid_binary_cross_entropy"),
        "numbers": Found(network((2, 2), 2), of="mean_squared_error"),
        "houses": Found(network(len(prices.names), 1), preparation=prices, of="mean_squared_error"),
        "species": Found(network(len(species.names), 3), list(species.classes), species),
        "pictures": Found(network((4, 4, 3), 3), CLASSES, PicturePreparation(4, 4, 3, tuple(CLASSES))),
        "digits": Found(network(64, 3), CLASSES),
    }


NAMES = ["plain", "plain/2=plain2", "bare", "yes", "numbers", "houses", "species", "pictures", "digits"]


@pytest.fixture(scope="session")
def models(found: dict[str, Found]) -> Models:
    """All of them, warmed up."""
    return Models(sources(NAMES), found.__getitem__, BATCHING, Metrics()).load()


@pytest.fixture(scope="session")
def served(models: Models) -> Iterator[Running]:
    """The program, in a thread."""

    def make(port: int) -> Guard:
        settings = Settings(body=BODY)
        return Guard(Application(models, version="1.2.3", budget=4 * BODY), settings.rules(port))

    with Running(make, web_sockets=False) as running:
        yield running


def png(pixels: np.ndarray) -> bytes:
    """A picture (H, W, C) in 0..255 as the bytes of a PNG."""
    from PIL import Image

    text = io.BytesIO()
    Image.fromarray(np.squeeze(pixels.astype(np.uint8))).save(text, "PNG")
    return text.getvalue()


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)


def tensor(x: Any, name: str = "input", datatype: str = "FP32", **more: Any) -> dict[str, Any]:
    """An input of the protocol."""
    x = np.asarray(x)
    return {"name": name, "shape": list(x.shape), "datatype": datatype, "data": x.tolist(), **more}

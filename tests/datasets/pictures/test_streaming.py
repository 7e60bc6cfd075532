"""Batches that are decoded as they are needed: the same examples, in an order of seed and epoch alone."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from madi.datasets import load_pictures
from madi.datasets.pictures import streaming
from madi.errors import FileError


def together(batches):
    parts = list(batches)
    return np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts])


def order(batches):
    return np.rint(together(batches)[0][:, 0, 0, 0] * 255).astype(int).tolist()


def test_streams_have_the_examples_of_memory(photos):
    streamed, loaded = load_pictures(photos, stream=True), load_pictures(photos, stream=False)
    for part in ("validation", "test"):
        x, y = together(getattr(streamed, part))
        np.testing.assert_array_equal(x, getattr(loaded, part).x)
        np.testing.assert_array_equal(y, getattr(loaded, part).y)
    x, y = together(streamed.train)
    assert sorted(x[:, 0, 0, 0]) == sorted(loaded.train.x[:, 0, 0, 0])
    rows = {red: row for row, red in enumerate(loaded.train.x[:, 0, 0, 0].tolist())}
    places = [rows[red] for red in x[:, 0, 0, 0].tolist()]
    np.testing.assert_array_equal(x, loaded.train.x[places])
    np.testing.assert_array_equal(y, loaded.train.y[places])
    assert (streamed.classes, streamed.notice, streamed.preparation) == (("cat", "dog"), "", loaded.preparation)
    assert (streamed.train.count, streamed.train.shape) == (14, (6, 5, 3))


def test_batches_are_of_the_size_asked_for(photos):
    train = load_pictures(photos, stream=True).train
    assert [len(batch.y) for batch in train] == [14]
    train.batch_size = 4
    batches = list(train)
    assert [len(batch.y) for batch in batches] == [4, 4, 4, 2]
    assert all(batch.x.dtype == np.float32 and batch.y.dtype == np.int32 for batch in batches)
    assert all(batch.x.ctypes.data % 64 == 0 for batch in batches)


def test_the_order_is_that_of_seed_and_epoch(photos):
    def orders(seed, batch_size):
        train = load_pictures(photos, stream=True, test=0, validation=0, seed=seed).train
        train.batch_size = batch_size
        found = []
        for epoch in range(3):
            train.set_epoch(epoch)
            found.append(order(train))
        return found

    first = orders(1, 4)
    assert first == orders(1, 7)
    assert len({tuple(found) for found in [*first, *orders(2, 4)]}) == 6


def test_an_epoch_can_be_gone_through_again(photos):
    train = load_pictures(photos, stream=True).train
    train.set_epoch(5)
    assert order(train) == order(train)
    train.set_epoch(6)
    later = order(train)
    train.set_epoch(5)
    assert order(train) != later


def test_the_test_has_one_order(photos):
    test = load_pictures(photos, stream=True).test
    first = order(test)
    test.set_epoch(3)
    assert order(test) == first


def test_a_few_batches_are_decoded_ahead_and_no_more(photos, monkeypatch):
    train = load_pictures(photos, stream=True, test=0, validation=0).train
    train.batch_size = 2
    decoded = []
    read = streaming.read_picture

    def count(*arguments):
        decoded.append(1)
        read(*arguments)

    monkeypatch.setattr(streaming, "read_picture", count)
    batches = iter(train)
    next(batches)
    batches.close()
    assert 2 <= len(decoded) <= 2 * 4
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("madi-pictures")]


def test_a_picture_that_is_gone_in_the_meantime_is_named(photos):
    train = load_pictures(photos, stream=True, test=0, validation=0).train
    (photos / "cat" / "4.png").unlink()
    with pytest.raises(FileError, match=r"cat/4.png: cannot be read \(No such file"):
        list(train)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("madi-pictures")]


def test_no_pictures_make_no_batches(photos):
    assert list(load_pictures(photos, stream=True, test=0).test) == []


LIMITED = """
import resource, sys
from pathlib import Path
from madi.datasets import StreamedDataset, load_pictures
from madi.datasets.pictures import decoding  # before the limit

used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 700 * 2**20,) * 2)
data = load_pictures(sys.argv[1], size=256)
assert isinstance(data, StreamedDataset)
count = sum(len(batch.y) for batch in data.train)
print(count, data.notice)
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, as the limit of the address space does")
def test_more_than_memory_holds(tmp_path, write, encode, pixels):
    """1.5 GB of examples in an address space that has 0.7 GB left."""
    data = [encode(pixels(k, 8, 8)) for k in range(20)]
    folder = write(tmp_path / "photos", {f"{'ab'[k % 2]}/{k}.png": data[k % 20] for k in range(2000)})
    found = subprocess.run([sys.executable, "-c", LIMITED, str(folder)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    expected = "1400 The pictures take more than half of the memory that is free: they are decoded batch by batch.\n"
    assert found.stdout == expected

"""Datasets by name: those in the box, the catalogue, and the real files where they are at hand."""

import subprocess
import sys

import numpy as np
import pytest

from madi.datasets import NAMES, catalogue, load
from madi.datasets import digits as digits_module
from madi.datasets.published import CIFAR10, FASHION_MNIST, MNIST
from madi.errors import FileError, UnknownNameError


def test_digits_are_scikit_learns_in_a_fixed_split():
    from sklearn.datasets import load_digits

    data, (levels, labels) = load("digits"), load_digits(return_X_y=True)
    x, y = np.concatenate([data.train.x, data.test.x]), np.concatenate([data.train.y, data.test.y])
    assert (data.train.x.shape, data.test.x.shape) == ((1437, 8, 8, 1), (360, 8, 8, 1))
    assert (x.dtype, y.dtype, x.min(), x.max()) == (np.float32, np.int32, 0, 1)

    def table(levels, labels):
        """The examples as rows, in an order that depends on nothing but themselves."""
        rows = np.column_stack([labels, levels])
        return rows[np.lexsort(rows.T)]

    np.testing.assert_array_equal(table(x.reshape(-1, 64) * 16, y), table(levels, labels))
    # Every digit in proportion, 360 in 1797, and the same examples on every machine.
    np.testing.assert_allclose(np.bincount(data.test.y), np.bincount(y) * 360 / 1797, atol=1)
    assert data.test.y[:10].tolist() == [3, 1, 5, 6, 4, 9, 7, 0, 2, 8]
    assert data.classes == tuple("0123456789")


def test_digits_do_not_need_the_file_where_it_lies_today(monkeypatch):
    usual = load("digits")
    monkeypatch.setattr(digits_module, "_packaged_file", lambda: None)
    asked = load("digits")
    for part in ("train", "test"):
        np.testing.assert_array_equal(getattr(usual, part).x, getattr(asked, part).x)
        np.testing.assert_array_equal(getattr(usual, part).y, getattr(asked, part).y)


def test_digits_load_without_importing_scikit_learn():
    script = """
import sys
import madi.datasets
madi.datasets.load("digits")
madi.datasets.load("planar")
print({"sklearn", "scipy", "pooch"} & {*sys.modules})
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_unknown_names_suggest_the_closest():
    known = "cifar10, digits, fashion_mnist, mnist, moons, planar, spiral"
    with pytest.raises(UnknownNameError) as caught:
        load("minst")
    assert str(caught.value) == f"Unknown dataset 'minst': did you mean 'mnist'? Known: {known}."


def test_the_catalogue_names_sizes_and_places(cache, tmp_path, monkeypatch):
    (tmp_path / "local" / "mnist").mkdir(parents=True)
    for file in MNIST.alternatives[0]:
        (tmp_path / "local" / "mnist" / f"{file.name}.gz").touch()
    (cache / "cifar10").mkdir(parents=True)
    (cache / "cifar10" / "cifar-10-binary.tar.gz").touch()
    monkeypatch.setenv("MADI_DATA", str(tmp_path / "local"))
    listed = {listing.name: listing for listing in catalogue()}
    assert tuple(listed) == NAMES
    facts = {name: (each.kind, each.train, each.test, each.shape, each.source) for name, each in listed.items()}
    assert facts == {
        "digits": ("images", 1437, 360, (8, 8, 1), "in the box"),
        "mnist": ("images", 60000, 10000, (28, 28, 1), "local"),
        "fashion_mnist": ("images", 60000, 10000, (28, 28, 1), "to download"),
        "cifar10": ("images", 50000, 10000, (32, 32, 3), "cached"),
        "planar": ("points", 400, 400, (2,), "in the box"),
        "spiral": ("points", 300, 300, (2,), "in the box"),
        "moons": ("points", 400, 400, (2,), "in the box"),
    }
    places = [tmp_path / "local" / "mnist", cache / "fashion_mnist", cache / "cifar10"]
    assert [listed[name].place for name in ("mnist", "fashion_mnist", "cifar10")] == places
    assert listed["digits"].place is None
    assert [name for name in NAMES if not listed[name].present] == ["fashion_mnist"]
    assert {len(each.classes) for each in listed.values() if each.kind == "images"} == {10}


def test_every_published_file_can_be_checked_and_has_two_mirrors():
    files = [*MNIST.alternatives[0], *FASHION_MNIST.alternatives[0], CIFAR10.archive]
    for file in files:
        assert len({address.split("/")[2] for address in file.mirrors}) >= 2, file.name
        assert all(address.endswith(f"/{file.name}.gz") for address in file.mirrors)
        assert (file.sha256 is None) != (file.md5 is None)
    assert all(file.sha256 for file in CIFAR10.train)


def test_a_download_is_announced_on_standard_error(monkeypatch, capsys):
    monkeypatch.setattr("madi.datasets.download._from_mirror", lambda file, *_: (_ for _ in ()).throw(FileError("no")))
    with pytest.raises(FileError, match=r"^Dataset 'mnist': no train-images-idx3-ubyte "):
        load("mnist")
    captured = capsys.readouterr()
    assert captured.err.startswith("Downloading train-images-idx3-ubyte from ossci-datasets.s3.amazonaws.com ...\n")
    assert captured.out == ""


# ---- the real files


def needs(folder, name):
    listing = next(listing for listing in catalogue() if listing.name == name)
    if listing.source != "local":
        pytest.skip(f"{folder} has no {name}")


def test_real_mnist(local_data):
    needs(local_data, "mnist")
    data = load("mnist")
    assert data.train.x.shape == (60000, 28, 28, 1)
    assert data.test.x.shape == (10000, 28, 28, 1)
    assert data.train.y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.test.y[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(data.train.y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    # The mean and deviation of the training pixels that everyone normalises with.
    assert round(float(data.train.x.mean(dtype=np.float64)), 4) == 0.1307
    assert round(float(data.train.x.std(dtype=np.float64)), 4) == 0.3081
    assert data.notice == ""


@pytest.mark.long
def test_real_cifar10(local_data):
    needs(local_data, "cifar10")
    data = load("cifar10")
    assert data.train.x.shape == (50000, 32, 32, 3)
    assert np.bincount(data.train.y).tolist() == [5000] * 10
    assert [data.classes[label] for label in data.train.y[:3]] == ["frog", "truck", "truck"]
    assert data.test.y[:4].tolist() == [3, 8, 8, 0]
    means = data.train.x.mean(axis=(0, 1, 2), dtype=np.float64)
    np.testing.assert_allclose(means, [0.4914, 0.4822, 0.4465], atol=5e-5)
    short = len(data.test.y) < 10000
    assert (f"holds {len(data.test.y)} of the 10000 test images" in data.notice) == short


def test_mnist_is_held_in_memory_once(local_data):
    """Beside the 209 MiB of float32 images, loading takes less than a tenth of that at its peak."""
    needs(local_data, "mnist")
    script = """
import madi.datasets as d
from pathlib import Path
peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
before = peak()
data = d.load("mnist")
print((peak() - before) / ((data.train.x.nbytes + data.test.x.nbytes) / 2**20))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 1.1

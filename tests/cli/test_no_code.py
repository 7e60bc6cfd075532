"""No file that a command is given runs code: a pickle under any name is refused, with one line."""

import pickle
from pathlib import Path

import numpy as np
import polars as pl
import pytest

QUICK = ("--engine", "numpy", "--epochs", "1", "--hidden", "4", "--no-report", "--output", "run")


class Harmful:
    def __reduce__(self):
        return Path.touch, (Path("harm-was-done"),)


HARM = pickle.dumps([Harmful(), "x" * 100])


def refused(result, told):
    """Whether the command ended as a mistake of one line that says `told`, with no harm done."""
    assert (result.code, result.err.count("\n"), Path("harm-was-done").exists()) == (2, 1, False)
    return told in result.err


def test_the_pickle_would_do_harm(tmp_path):
    pickle.loads(HARM)
    assert Path("harm-was-done").exists()


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("data.csv", ("--target", "y"), "got a Python pickle, which could run code and is never loaded"),
        ("data.tsv", ("--target", "y"), "got a Python pickle, which could run code and is never loaded"),
        ("data.parquet", ("--target", "y"), "expected a Parquet file, which begins with 'PAR1'"),
        ("data.csv.gz", ("--target", "y"), "Not a gzipped file"),
        ("data.npz", (), "no whole .npz archive"),
        ("data.npy", ("--target", "y"), "a .npy file is one array, without targets"),
        ("pictures.zip", (), "expected a folder with a folder of pictures for each class, or a .zip of one"),
        ("pictures/cat/photo.png", (), "got a pickle, which is never loaded"),
    ],
)
def test_what_is_trained_on(madi, name, options, told):
    for kind in ("cat", "dog"):
        Path("pictures", kind).mkdir(parents=True)
        for number in range(4):
            Path("pictures", kind, f"{number}.png").write_bytes(HARM)
    Path(name).write_bytes(HARM)
    assert refused(madi("train", name.split("/")[0], *options, *QUICK), told)
    assert not Path("run").exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".pkl", ".npz", ""])
@pytest.mark.parametrize("command", ["predict", "evaluate", "inspect", "check"])
def test_models(madi, command, suffix):
    Path(f"model{suffix}").write_bytes(HARM)
    given = ["digits"] if command in ("predict", "evaluate") else []
    assert refused(madi(command, f"model{suffix}", *given), "a pickle, which could run any code; madi never opens one")


@pytest.mark.parametrize("name", ["new.csv", "new.parquet", "new.npy", "photo.png", "new.zip"])
def test_what_is_predicted(madi, trained, name):
    Path(name).write_bytes(HARM)
    assert refused(madi("predict", trained, name), name)


def test_objects_of_numpy(madi, trained):
    np.save("new.npy", np.array([Harmful()], object), allow_pickle=True)
    assert refused(madi("predict", trained, "new.npy"), "an array of Python objects, which is a pickle")
    np.savez("data.npz", x=np.array([Harmful()] * 3, object), y=np.arange(3), allow_pickle=True)
    assert refused(madi("train", "data.npz", *QUICK), "an array of Python objects, which is a pickle")


def test_configurations_and_checkpoints(madi):
    Path("run.toml").write_bytes(HARM)
    assert refused(madi("train", "--config", "run.toml", *QUICK), "run.toml: not TOML")
    pl.DataFrame({"a": np.arange(40.0), "y": ["no", "yes"] * 20}).write_csv("data.csv")
    assert madi("train", "data.csv", "--target", "y", *QUICK).code == 0
    for path in Path("run/checkpoints").glob("*.safetensors"):
        path.write_bytes(HARM)
    assert refused(madi("train", "--resume", "run"), "a pickle, which could run any code; madi never opens one")

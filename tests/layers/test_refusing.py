"""What madi.save did not write is not read: broken, lying and foreign files are refused by name, and run no code."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from madi.errors import ConfigurationError, FileError, UnknownNameError
from madi.layers import Dense, Layer, Sequential, load, save, tensor_file


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.safetensors"


class Strange(Layer):
    def __init__(self, value):
        self.value = value

    def __call__(self, x):
        return x


def local_class(name):
    return type(name, (Layer,), {"__call__": lambda self, x: x, "__qualname__": f"elsewhere.{name}"})


def refused(path, **options):
    with pytest.raises(FileError) as raised:
        load(path, **options)
    message = str(raised.value)
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_a_class_that_is_not_given_is_named(path):
    save(Sequential(Strange(3)).build((4,)), path)
    with pytest.raises(UnknownNameError) as raised:
        load(path)
    expected = f"{path}: the layer Strange is not one of madi's. Give its class: load(path, layers=[Strange])."
    assert str(raised.value) == expected
    with pytest.raises(ConfigurationError, match=r"^layers: expected classes of layers, got Strange\(value=3\)\. Give"):
        load(path, layers=[Strange(3)])


def test_missing_files_and_folders(tmp_path):
    assert refused(tmp_path / "m") == f"Cannot read {tmp_path / 'm'}: No such file or directory."
    assert refused(tmp_path) == f"Cannot read {tmp_path}: Is a directory."


class Harmful:
    def __reduce__(self):
        return Path.touch, (Path("harm-was-done"),)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("suffix", [".safetensors", ".pkl", ""])
def test_a_pickle_is_not_opened(protocol, suffix, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / f"m{suffix}"
    file.write_bytes(pickle.dumps([Harmful(), "x" * 100], protocol=protocol))
    reason = "a pickle, which could run any code; madi never opens one. Give a file that madi.save wrote."
    assert refused(file) == reason
    assert not Path("harm-was-done").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"abc", "too short for a model, 3 bytes"),
        (b"PK\x03\x04" + bytes(50), "a ZIP archive (NumPy's .npz, or a checkpoint of PyTorch, which holds a pickle)"),
        (b"\x89HDF\r\n\x1a\n" + bytes(50), "an HDF5 file"),
        (pickle.dumps([1, 2], protocol=0) + bytes(50), "not a safetensors file"),
        (b"GIF89a" + bytes(50), "not a safetensors file"),
    ],
)
def test_other_files_are_called_what_they_are(content, reason, path):
    path.write_bytes(content)
    assert refused(path) == f"{reason}. Give a file that madi.save wrote."


def test_a_safetensors_file_of_another_program(path):
    tensor_file.write(path, {"a": np.ones(2)}, {"format": "pt"})
    assert refused(path) == "a safetensors file, but not one that madi.save wrote. Give one that it did."


def test_every_truncation_is_noticed(path):
    save(Sequential(Dense(3)).build((4,)), path)
    whole = path.read_bytes()
    for length in (0, 5, 8, 9, 100, 700, len(whole) - 60, len(whole) - 1):
        path.write_bytes(whole[:length])
        reason = refused(path)
        assert any(word in reason for word in ("truncated", "corrupt", "short", "empty")), (length, reason)
    path.write_bytes(whole + b"\0")
    assert refused(path) == "corrupt: its tensors take 60 bytes, and 61 are there. Get the file anew."


def test_the_end_missing(path):
    save(Sequential(Dense(3)).build((4,)), path)
    path.write_bytes(path.read_bytes()[:-4])
    assert refused(path) == "corrupt: its tensors take 60 bytes, and 56 are there. Get the file anew."
    path.write_bytes(path.read_bytes()[:100])
    length = int.from_bytes(path.read_bytes()[:8], "little")
    assert refused(path) == f"truncated: its header takes {length} bytes, and 92 are there. Get the file anew."


def with_header(path, change):
    """Save a small model, change its header, write it again with the same bytes after it."""
    save(Sequential(Dense(3)).build((4,)), path)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    changed = change(header)
    text = changed if isinstance(changed, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])


def setting(*keys, value):
    def change(header):
        for key in keys[:-1]:
            header = header[key]
        header[keys[-1]] = value

    return change


HEADERS = {
    "too large": (
        setting("0.weight", "shape", value=[2**40, 2**40]),
        f"corrupt: tensor '0.weight' of shape (1099511627776, 1099511627776) takes {2**82} bytes, and has 48.",
    ),
    "too small": (
        setting("0.weight", "shape", value=[4, 2]),
        "corrupt: tensor '0.weight' of shape (4, 2) takes 32 bytes, and has 48.",
    ),
    "negative": (
        setting("0.weight", "shape", value=[-4, -3]),
        "corrupt: tensor '0.weight' has the sizes [-4, -3, 0, 48], which must be whole numbers of at least 0.",
    ),
    "overlapping": (
        setting("0.bias", "data_offsets", value=[36, 48]),
        "corrupt: tensor '0.bias' starts at byte 36, where byte 48 is expected.",
    ),
    "beyond the end": (
        lambda header: header.update(more={"dtype": "F32", "shape": [2**30], "data_offsets": [60, 60 + 2**32]}),
        f"corrupt: its tensors take {60 + 2**32} bytes, and 60 are there.",
    ),
    "unknown dtype": (
        setting("0.weight", "dtype", value="Q7"),
        "corrupt: tensor '0.weight' has the unknown dtype 'Q7'.",
    ),
    "no text": (setting("__metadata__", value={"a": 1}), "corrupt: its metadata are not text."),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_header_that_lies(case, path):
    change, reason = HEADERS[case]
    with_header(path, change)
    assert refused(path) == f"{reason} Get the file anew."


@pytest.mark.parametrize(
    "text", [b'{"a"', b"{]", b"{\xff}", b'{"a": 1}', b'{"a": ' + b"[" * 100_000 + b"}", b'{"__metadata__": []}']
)
def test_a_header_that_is_no_header(text, path):
    with_header(path, lambda header: text)
    assert refused(path).startswith("corrupt: ")


def with_architecture(path, change):
    def change_text(header):
        metadata = header["__metadata__"]
        architecture = json.loads(metadata["madi.architecture"])
        change(architecture)
        metadata["madi.architecture"] = json.dumps(architecture)

    with_header(path, change_text)


ARCHITECTURES = {
    "a code path for a class": (
        setting("layers", 0, "class", value="os.system"),
        "the layer os.system is not one of madi's. Give its class: load(path, layers=[os.system]).",
    ),
    "other units": (
        setting("layers", 0, "arguments", "units", value=5),
        "tensor '0.weight' has shape (4, 3) and dtype float32; its layer needs floats of shape (4, 5).",
    ),
    "absurd units": (
        setting("layers", 0, "input_shape", value=[10**12]),
        "tensor '0.weight' has shape (4, 3) and dtype float32; its layer needs floats of shape (1000000000000, 3).",
    ),
    "units that are no number": (
        setting("layers", 0, "arguments", "units", value="3"),
        "Dense: its constructor refuses {'units': '3'}: Dense: units must be a whole number of at least 1, got '3'.",
    ),
    "an unknown argument": (
        setting("layers", 0, "arguments", "size", value=3),
        "Dense: its constructor takes no argument 'size'.",
    ),
    "a missing bias": (
        setting("layers", 0, "arguments", "bias", value=False),
        "has a tensor '0.bias', which none of its layers needs.",
    ),
    "a state that is not there": (setting("states", value=["0.mean"]), "corrupt: "),
    "a layer that is not there": (setting("layers", 1, "members", "0", value=7), "corrupt: "),
    "a layer that holds itself": (setting("layers", 1, "members", "0", value=1), "corrupt: "),
    "a negative place": (
        setting("layers", 1, "members", "0", value=-1),
        "corrupt: its architecture cannot be read (ValueError('layer -1 is not described before it is used')). Get the",
    ),
    "no layers": (setting("layers", value=[]), "corrupt: "),
    "no list": (setting("layers", value=3), "corrupt: "),
    "a strange value": (setting("layers", 0, "arguments", "bias", value={"eval": "1+1"}), "corrupt: "),
    "no flags": (setting("parameters", value={}), "corrupt: "),
    "deep": (setting("layers", 0, "arguments", "bias", value=json.loads("[" * 900 + "]" * 900)), "corrupt: "),
}


@pytest.mark.parametrize("case", ARCHITECTURES)
def test_an_architecture_that_does_not_fit(case, path):
    change, reason = ARCHITECTURES[case]
    with_architecture(path, change)
    with pytest.raises((FileError, UnknownNameError)) as raised:
        load(path)
    assert str(raised.value).startswith(f"{path}: {reason}")


def test_an_attribute_that_is_no_option_stays_as_it_is(path):
    with_architecture(path, setting("layers", 0, "attributes", "path", value="hidden"))
    assert load(path)[0].path == "0"
    with_architecture(path, setting("layers", 0, "attributes", "build", value="hidden"))
    assert callable(load(path)[0].build)


def with_tensors(path, change):
    save(Sequential(Dense(3)).build((4,)), path)
    tensors = tensor_file.read_tensors(path)
    metadata = tensor_file.read_header(path).metadata
    change(tensors)
    tensor_file.write(path, tensors, metadata)


TENSORS = {
    "missing": (
        lambda tensors: tensors.pop("0.bias"),
        "has no tensor '0.bias', which its layers need. Get the file anew.",
    ),
    "extra": (
        lambda tensors: tensors.update(more=np.ones(2)),
        "has a tensor 'more', which none of its layers needs. Get the file anew.",
    ),
    "misshapen": (
        lambda tensors: tensors.update({"0.bias": np.ones(4, np.float32)}),
        "tensor '0.bias' has shape (4,) and dtype float32; its layer needs floats of shape (3,).",
    ),
    "whole numbers": (
        lambda tensors: tensors.update({"0.bias": np.ones(3, np.int32)}),
        "tensor '0.bias' has shape (3,) and dtype int32; its layer needs floats of shape (3,).",
    ),
}


@pytest.mark.parametrize("case", TENSORS)
def test_tensors_that_do_not_fit(case, path):
    change, reason = TENSORS[case]
    with_tensors(path, change)
    assert refused(path) == reason


def test_a_newer_format_says_what_to_do(path):
    def change(header):
        header["__metadata__"].update({"madi.format_version": "2", "madi.version": "0.9.0"})

    with_header(path, change)
    assert refused(path) == (
        f"has format version 2, written by madi 0.9.0; this madi {read_version()} reads version 1 and older. Update "
        "it: pip install --upgrade madi."
    )


def read_version():
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("madi")
    except PackageNotFoundError:
        return "unknown"


@pytest.mark.parametrize("key", ["madi.format_version", "madi.architecture", "madi.extra"])
@pytest.mark.parametrize("value", [None, "x", "[" * 100_000, "7.5"])
def test_metadata_that_cannot_be_read(key, value, path):
    def change(header):
        metadata = header["__metadata__"]
        metadata.pop(key) if value is None else metadata.update({key: value})

    with_header(path, change)
    assert refused(path).startswith("corrupt: its metadata cannot be read")


def test_two_classes_of_one_name_are_told_apart(path):
    save(Sequential(Strange(3)).build((4,)), path)
    with pytest.raises(ConfigurationError, match=r"^Two classes of layers are called Strange: .*: rename one\.$"):
        load(path, layers=[Strange, local_class("Strange")])


def test_a_class_defined_anew_takes_the_place_of_the_old_one(path):
    save(Sequential(Strange(3)).build((4,)), path)
    again = type("Strange", (Strange,), {"__qualname__": "Strange", "__module__": Strange.__module__})
    assert type(load(path, layers=[Strange, again])[0]) is again

"""Names and versions of models, as the command line gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from madi.errors import ConfigurationError
from madi.serving.sources import latest, sources


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("runs/digits-mlp-1", "digits-mlp-1/1"),
        ("runs/one/model.safetensors", "one/1"),
        ("resnet 50.onnx", "resnet-50/1"),
        ("a=b.onnx", "a/1"),
        ("a/2=b.onnx", "a/2"),
        ("a/v2.1=b=c.onnx", "a/v2.1"),
        ("숫자.onnx", "model/1"),
    ],
)
def test_names_follow_from_paths_or_are_given(entry: str, told: str) -> None:
    assert [str(source) for source in sources([entry])] == [told]


def test_a_path_with_a_sign_of_equality_is_a_path_where_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lr=0.1").mkdir()
    assert sources(["lr=0.1"])[0].path == "lr=0.1"


@pytest.mark.parametrize("entry", ["=a", "a/=", "a b=c", "../a=c", "a/b/c=d", "a/%2e=d", "a=", "é=b"])
def test_names_that_cannot_stand_in_an_address_are_refused(entry: str) -> None:
    with pytest.raises(ConfigurationError, match=r"expected a (name|path)"):
        sources([entry])


def test_two_models_of_one_name_and_version_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"both version 1 of 'x'.*x/2=b/x"):
        sources(["a/x", "b/x"])


def test_the_latest_version_is_the_highest_number() -> None:
    assert latest(["1", "10", "9", "beta"]) == "10"
    assert latest(["a", "c", "b"]) == "c"

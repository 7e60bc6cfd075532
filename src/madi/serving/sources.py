"""Which models are served under which names: "digits=runs/one", "digits/2=runs/two", "runs/digits"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from madi.errors import ConfigurationError

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"  # what stands in an address as it is
FIRST = "1"  # the version of a model for which none is given


@dataclass(frozen=True)
class Source:
    """A model as it is to be served: its name, its version, and the path that it is read from."""

    name: str
    version: str
    path: str

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


def sources(entries: Sequence[str]) -> list[Source]:
    """The models of a command line, each as PATH, NAME=PATH or NAME/VERSION=PATH.

    Raises ConfigurationError for names that cannot stand in an address, and for two models of one name and version.

    >>> [str(source) for source in sources(["runs/digits-mlp", "houses=a/model.safetensors", "houses/2=b.onnx"])]
    ['digits-mlp/1', 'houses/1', 'houses/2']
    """
    found: dict[str, Source] = {}
    for source in map(_source, entries):
        if (other := found.setdefault(str(source), source)) is not source:
            raise ConfigurationError(
                f"{other.path} and {source.path} are both version {source.version} of '{source.name}'. "
                f"Give one of them another: {source.name}/{int(FIRST) + 1}={source.path}."
            )
    return list(found.values())


def latest(versions: Sequence[str]) -> str:
    """The version that answers where none is asked for: the highest number, or the last by the alphabet.

    >>> latest(["9", "10"]), latest(["a", "b"])
    ('10', 'b')
    """
    return max(versions, key=lambda version: (version.isdecimal(), int(version) if version.isdecimal() else 0, version))


def _source(entry: str) -> Source:
    if Path(entry).expanduser().exists() or "=" not in entry:
        return Source(_name_of(Path(entry)), FIRST, entry)
    text, _, path = entry.partition("=")
    name, _, version = text.partition("/")
    for part in (name, version or FIRST):
        if not re.fullmatch(NAME, part):
            raise ConfigurationError(
                f"{entry}: expected a name of letters, digits, '.', '_' and '-', got '{part}'. "
                "Give NAME=PATH or NAME/VERSION=PATH, such as digits/2=runs/digits."
            )
    if not path:
        raise ConfigurationError(f"{entry}: expected a path after '='. Give NAME=PATH, such as {name}=runs/{name}.")
    return Source(name, version or FIRST, path)


def _name_of(path: Path) -> str:
    """That of the folder, or of the file where it has one of its own."""
    path = path.expanduser().absolute()
    named = path.stem if path.suffix in (".safetensors", ".onnx") else path.name
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", path.parent.name if named == "model" else named).strip("-._")[:100]
    return plain or "model"

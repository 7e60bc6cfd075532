"""Which class each picture belongs to, and which are to train on: told by the folders that they lie in.

photos/cat/1.png   photos/dog/2.png ...                       classes; to be divided at random
photos/train/cat/1.png   photos/test/cat/9.png ...            divided already
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

import numpy as np

from madi.datasets.pictures.header import is_picture
from madi.datasets.pictures.refusal import KINDS, shown
from madi.datasets.pictures.source import Entry, Parts, Source
from madi.errors import DataError, FileError

TRAIN, VALIDATION, TEST = "train", "validation", "test"
_PARTS = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "test": TEST,
}
_NO_TEXT = ("Cc", "Cs", "Zl", "Zp")  # controls, bytes that are no UTF-8, ends of lines and paragraphs
_LOOKED_AT = 10  # files without a class, whose content is looked at to say what they are


@dataclass(frozen=True)
class Pictures:
    """Files of one source, and their labels, (N,) int32."""

    source: Source
    entries: list[Entry]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.entries)

    def take(self, rows: np.ndarray) -> Pictures:
        """Some of them, in this order."""
        return Pictures(self.source, [self.entries[row] for row in rows], self.labels[rows])


@dataclass(frozen=True)
class Division:
    """The classes, sorted by name, and the pictures of each part ("train", "validation", "test") that there is."""

    classes: tuple[str, ...]
    parts: dict[str, Pictures]
    notices: list[str] = field(default_factory=list)


def divided(source: Source) -> Division:
    """The classes and parts that the folders of `source` tell.

    Raises DataError for no class folders, one alone, one without pictures, one that only the test has; FileError for
    names of classes that are no text.
    """
    prepared = _prepared(source)
    groups = {part: _by_class(source, folder) for part, folder in prepared.items()}
    train = groups[TRAIN]
    if not train:
        raise _no_classes(source, prepared[TRAIN])
    _check_classes(source, prepared[TRAIN], train)
    classes = tuple(sorted(train))
    parts = {part: labelled(source, group, classes) for part, group in groups.items() if any(group.values())}
    return Division(classes, parts, [*source.notices, *_beside(source, prepared)])


def labelled(source: Source, group: dict[str, list[Entry]], classes: tuple[str, ...]) -> Pictures:
    """The pictures of a part; raises DataError for a class that is none of `classes`, those of training."""
    unknown = sorted(name for name, entries in group.items() if entries and name not in classes)
    if unknown:
        known = f"{', '.join(map(shown, classes[:10]))}{', ...' if len(classes) > 10 else ''}"
        first = source.name(group[unknown[0]][0].parts)
        raise DataError(
            f"{source.where}: class '{shown(unknown[0])}' ({first}) has no pictures to train on; expected the classes "
            f"{known}. Add pictures of it to the training set, or remove it from the test."
        )
    entries = [(entry, label) for label, name in enumerate(classes) for entry in group.get(name, [])]
    labels = np.array([label for _, label in entries], np.int32)
    return Pictures(source, [entry for entry, _ in entries], labels)


def of_classes(source: Source, classes: tuple[str, ...]) -> Pictures:
    """A source of one part alone, such as test pictures, in the classes of training."""
    group = _by_class(source, ())
    if not any(group.values()):
        raise _no_classes(source, ())
    return labelled(source, group, classes)


def _prepared(source: Source) -> dict[str, Parts]:
    """The folder of each part: those of a division that was prepared, else all for training."""
    top = [parts[0] for parts in source.folders if len(parts) == 1]
    names = {_PARTS.get(name.casefold()): (name,) for name in top}
    classes_within = any(len(parts) == 2 and (parts[0],) == names.get(TRAIN) for parts in source.folders)
    if None in names or len(names) < len(top) or not classes_within:
        return {TRAIN: ()}
    return {part: folder for part, folder in names.items() if part}


def _by_class(source: Source, folder: Parts) -> dict[str, list[Entry]]:
    """The files of each class within `folder`; deeper folders belong to their class."""
    depth = len(folder) + 1
    folders = [parts for parts in source.folders if len(parts) == depth and parts[:-1] == folder]
    names = {parts: _class_name(source, parts) for parts in folders}
    found: dict[str, list[Entry]] = {name: [] for name in names.values()}
    for entry in source.entries:
        name = names.get(entry.parts[:depth])
        if name is not None and len(entry.parts) > depth:
            found[name].append(entry)
    return found


def _class_name(source: Source, parts: Parts) -> str:
    """The name of a folder as a class: macOS takes accents and Hangul apart, other systems do not."""
    name = unicodedata.normalize("NFC", parts[-1])
    if any(unicodedata.category(sign) in _NO_TEXT for sign in name):
        raise FileError(f"{source.name(parts)}: the name of a class must be printable text, got {name!a}. Rename it.")
    return name


def _check_classes(source: Source, folder: Parts, train: dict[str, list[Entry]]) -> None:
    empty = sorted(name for name, entries in train.items() if not entries)
    if empty:
        raise DataError(
            f"{source.name((*folder, empty[0]))}: an empty class folder ({len(empty)} of {len(train)}); expected "
            "pictures of its class. Put some there, or remove the folder."
        )
    if len(train) == 1:
        (only,) = train
        raise DataError(
            f"{source.name(folder)}: one class alone, '{shown(only)}'; expected at least two folders, one for each "
            "class. Add another class, or give the folder whose folders are the classes."
        )


def _no_classes(source: Source, folder: Parts) -> DataError:
    """The error for a folder without class folders, which says what lies there instead."""
    where = source.name(folder)
    wanted = f"expected a folder for each class, such as {source.name((*folder, 'cat', '1.png'))}"
    files = [entry for entry in source.entries if len(entry.parts) == len(folder) + 1]
    if not files:
        return DataError(f"{where}: no pictures at all, the folder is empty; {wanted}. Put pictures there.")
    if any(is_picture(source.read(entry)) for entry in files[:_LOOKED_AT]):
        text = f"{len(files)} files lie directly in it, which tells no class"
        return DataError(f"{where}: {text}; {wanted}. Make a folder for each class, and move its pictures there.")
    text = f"no pictures at all ({KINDS}), {len(files)} other files such as {source.name(files[0].parts)}"
    return DataError(f"{where}: {text}; {wanted}. Give the folder that holds the pictures.")


def _beside(source: Source, prepared: dict[str, Parts]) -> list[str]:
    """The notice of files that lie beside the folders of the classes, and so have none."""
    depths = {len(folder) for folder in prepared.values()}
    loose = [entry for entry in source.entries if len(entry.parts) <= min(depths) + 1]
    if not loose:
        return []
    first = "/".join(loose[0].parts)
    return [f"Left out, because no class folder holds them: {len(loose)} file(s), such as {first}."]

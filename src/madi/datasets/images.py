"""Loading the published sets of images: MNIST, Fashion-MNIST, CIFAR-10."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

from madi.datasets import cifar
from madi.datasets.content import REMEDY, Content, has_checksum, open_published
from madi.datasets.dataset import Dataset, Split
from madi.datasets.files import find_all, folders, obtain
from madi.datasets.idx import read_images, read_labels
from madi.datasets.published import CifarDataset, IdxDataset, IdxPair, PublishedFile
from madi.errors import FileError

Report = Callable[[str], None]


def load_idx(published: IdxDataset, directory: str | Path | None, report: Report) -> Dataset:
    """A dataset of IDX files, found or downloaded, checked and scaled."""
    (files,) = published.alternatives
    paths = {file: obtain(file, published.name, directory, report=report) for file in files}
    train, test = (_read_pair(pair, paths, len(published.classes)) for pair in (published.train, published.test))
    return Dataset(published.name, train, test, published.classes, _unverified(paths))


def _read_pair(pair: IdxPair, paths: dict[PublishedFile, Path], classes: int) -> Split:
    with open_published(paths[pair.labels], pair.labels) as content:
        y = read_labels(content, pair.count, classes)
    with open_published(paths[pair.images], pair.images) as content:
        x = read_images(content, pair.count, pair.height, pair.width)
    return Split(x, y)


def _unverified(paths: dict[PublishedFile, Path]) -> str:
    """The notice for copies that no published checksum covers."""
    names = [path.name for file, path in paths.items() if not has_checksum(path, file)]
    if not names:
        return ""
    if len(names) == 1:
        return f"Only the size of {names[0]} was checked: the published checksum is of the .gz file."
    return f"Only the sizes of {', '.join(names)} were checked: the published checksums are of the .gz files."


def load_cifar(published: CifarDataset, directory: str | Path | None, report: Report) -> Dataset:
    """A dataset of CIFAR's binary batches: from the batches where all are at hand, else from the archive."""
    batches, _ = published.alternatives
    paths = find_all(batches, folders(published.name, directory))
    if len(paths) == len(batches):
        return _load_batches(published, paths)
    missing = ", ".join(file.name for file in batches if file not in paths)
    wanted = f"{published.archive.name}, nor {missing}"
    archive = obtain(published.archive, published.name, directory, report=report, wanted=wanted)
    return _load_archive(published, archive)


def _load_batches(published: CifarDataset, paths: dict[PublishedFile, Path]) -> Dataset:
    """From separate files, of which the test batch may be short."""
    train, slices = _room(published)
    classes = len(published.classes)

    def read(file: PublishedFile) -> None:
        with open_published(paths[file], file) as content:
            cifar.read_full_batch(content, slices[file], classes)

    # Decompression takes the time, and lets other threads run meanwhile.
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(read, published.train))
    with open_published(paths[published.test], published.test) as content:
        records = cifar.read_records(content)
    test = cifar.empty_split(len(records))
    cifar.unpack(content.where, records, test, classes)
    notice = "" if len(records) == published.batch_count else _short(content.where, len(records), published.batch_count)
    return Dataset(published.name, train, test, published.classes, notice)


def _short(where: str, count: int, expected: int) -> str:
    return f"{where} holds {count} of the {expected} test images: accuracies are less certain."


def _load_archive(published: CifarDataset, path: Path) -> Dataset:
    """From the members of the archive, in whatever order they come."""
    train, slices = _room(published)
    test = cifar.empty_split(published.batch_count)
    slices[published.test] = test
    for file, content in _members(published, path):
        cifar.read_full_batch(content, slices.pop(file), len(published.classes))
    if slices:
        names = ", ".join(file.name for file in slices)
        raise FileError(f"{path}: expected {names} in the archive, got none. {REMEDY}")
    return Dataset(published.name, train, test, published.classes, _unverified({published.archive: path}))


def _room(published: CifarDataset) -> tuple[Split, dict[PublishedFile, Split]]:
    """An empty training split, and the slice of it that each training batch fills."""
    count = published.batch_count
    train = cifar.empty_split(len(published.train) * count)
    starts = range(0, len(train.y), count)
    parts = [Split(train.x[start : start + count], train.y[start : start + count]) for start in starts]
    return train, dict(zip(published.train, parts, strict=True))


def _members(published: CifarDataset, path: Path) -> Iterator[tuple[PublishedFile, Content]]:
    """The batches in the archive and their content, each to be read before the next; nothing is unpacked to disk."""
    batches = {file.name: file for file in (*published.train, published.test)}
    with open_published(path, published.archive) as content, _open_tar(content) as archive:
        for member in archive:
            file = batches.pop(PurePosixPath(member.name).name, None)
            stream = archive.extractfile(member) if file else None
            if file and stream:
                yield file, Content(stream, f"{path}: {member.name}", limit=file.size, sha256=file.sha256)


@contextmanager
def _open_tar(content: Content) -> Iterator[tarfile.TarFile]:
    try:
        # A forward-only archive asks its file for `read` alone.
        with tarfile.open(fileobj=cast(IO[bytes], content), mode="r|") as archive:
            yield archive
    except tarfile.TarError as error:
        raise FileError(f"{content.where}: corrupt archive after byte {content.at} ({error}). {REMEDY}") from error

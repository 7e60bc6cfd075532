"""The files of the published datasets: names, checksums, mirrors, class names.

MNIST: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", 1998.
Fashion-MNIST: Xiao, Rasul, Vollgraf, "Fashion-MNIST", arXiv:1708.07747, 2017.
CIFAR-10: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedFile:
    """One file as its authors publish it.

    name      the canonical name, without .gz or .xz
    size      the most bytes that the decompressed content may have
    sha256    of the decompressed content, so that any compression of it passes; None where none is known
    md5       of the published .gz file itself; None where the SHA-256 says more
    mirrors   addresses of the whole file, tried in this order
    """

    name: str
    size: int
    sha256: str | None = None
    md5: str | None = None
    mirrors: tuple[str, ...] = ()


@dataclass(frozen=True)
class IdxPair:
    """`count` images of `height` x `width` bytes in one IDX file, and their labels in another."""

    images: PublishedFile
    labels: PublishedFile
    count: int
    height: int = 28
    width: int = 28


@dataclass(frozen=True)
class IdxDataset:
    """A dataset published as IDX files, after MNIST's example."""

    name: str
    train: IdxPair
    test: IdxPair
    classes: tuple[str, ...]

    @property
    def counts(self) -> tuple[int, int]:
        """Numbers of training and test images."""
        return self.train.count, self.test.count

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one image: height, width, channels."""
        return self.train.height, self.train.width, 1

    @property
    def alternatives(self) -> tuple[tuple[PublishedFile, ...], ...]:
        """The sets of files of which one suffices."""
        return ((self.train.images, self.train.labels, self.test.images, self.test.labels),)


@dataclass(frozen=True)
class CifarDataset:
    """A dataset published as CIFAR's binary batches, together in one archive."""

    name: str
    train: tuple[PublishedFile, ...]
    test: PublishedFile
    archive: PublishedFile
    classes: tuple[str, ...]
    batch_count: int = 10_000

    @property
    def counts(self) -> tuple[int, int]:
        """Numbers of training and test images."""
        return len(self.train) * self.batch_count, self.batch_count

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one image: height, width, channels."""
        return 32, 32, 3

    @property
    def alternatives(self) -> tuple[tuple[PublishedFile, ...], ...]:
        """The sets of files of which one suffices."""
        return (*self.train, self.test), (self.archive,)


def _idx_pair(prefix: str, count: int, folders: tuple[str, ...], **checksums: tuple[str, str]) -> IdxPair:
    """The two files of `count` images and labels, on the mirrors that keep them in `folders`."""

    def file(index: int, name: str, size: int) -> PublishedFile:
        mirrors = tuple(f"{folder}{name}.gz" for folder in folders)
        return PublishedFile(name, size, mirrors=mirrors, **{kind: pair[index] for kind, pair in checksums.items()})

    images = file(0, f"{prefix}-images-idx3-ubyte", 16 + count * 28 * 28)
    return IdxPair(images, file(1, f"{prefix}-labels-idx1-ubyte", 8 + count), count)


_MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
_FASHION_MIRRORS = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
_CIFAR10_MIRRORS = (
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/cifar-10-binary.tar.gz",
    "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/cifar-10-binary.tar.gz",
)

MNIST = IdxDataset(
    "mnist",
    _idx_pair(
        "train",
        60_000,
        _MNIST_MIRRORS,
        sha256=(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
    ),
    _idx_pair(
        "t10k",
        10_000,
        _MNIST_MIRRORS,
        sha256=(
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    tuple("0123456789"),
)

FASHION_MNIST = IdxDataset(
    "fashion_mnist",
    _idx_pair(
        "train",
        60_000,
        _FASHION_MIRRORS,
        md5=("8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe"),
    ),
    _idx_pair(
        "t10k",
        10_000,
        _FASHION_MIRRORS,
        md5=("bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310"),
    ),
    (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
)

_CIFAR10_BATCH_SHA256 = (
    "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
)
_CIFAR10_BATCH_SIZE = 10_000 * (1 + 32 * 32 * 3)

CIFAR10 = CifarDataset(
    "cifar10",
    tuple(
        PublishedFile(f"data_batch_{number}.bin", _CIFAR10_BATCH_SIZE, sha256)
        for number, sha256 in enumerate(_CIFAR10_BATCH_SHA256, start=1)
    ),
    PublishedFile("test_batch.bin", _CIFAR10_BATCH_SIZE),
    PublishedFile(
        "cifar-10-binary.tar",
        # Six batches, and a megabyte for the headers and the two small text files between them.
        6 * _CIFAR10_BATCH_SIZE + (1 << 20),
        md5="c32a1d4ab5d03f1284b67883e8d87530",
        mirrors=_CIFAR10_MIRRORS,
    ),
    ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
)

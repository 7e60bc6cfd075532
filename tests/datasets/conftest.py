"""Small published datasets, mirrors on the loopback address, and no way to the real network or the user's own cache."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import os
import socket
import tarfile
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

from madi.datasets.published import CifarDataset, IdxDataset, IdxPair, PublishedFile

LOCAL_DATA = os.environ.get("MADI_DATA")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """An empty cache in a path with spaces and Korean letters, no $MADI_DATA, and loopback as the only network."""
    resolve = socket.getaddrinfo

    def loopback_only(host, *arguments, **options):
        assert host == "127.0.0.1", f"a test reached for the network: {host}"
        return resolve(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", loopback_only)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("MADI_DATA", raising=False)
    folder = tmp_path / "캐시 폴더"
    monkeypatch.setattr("madi.datasets.files.cache_folder", lambda: folder)
    monkeypatch.setattr("madi.datasets.listing.cache_folder", lambda: folder)
    return folder


@pytest.fixture
def local_data(monkeypatch):
    """The $MADI_DATA that the tests were started with; skips where there is none."""
    if not LOCAL_DATA:
        pytest.skip("MADI_DATA is not set: no real data to read")
    monkeypatch.setenv("MADI_DATA", LOCAL_DATA)
    return LOCAL_DATA


def idx_bytes(array, code=0x08):
    """`array` as an IDX file."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def published_file(name, content, **more):
    return PublishedFile(name, len(content), hashlib.sha256(content).hexdigest(), **more)


@dataclass
class Tiny:
    """A small dataset as its authors would publish it, and the bytes of its files by name."""

    published: object
    contents: dict
    x: np.ndarray
    y: np.ndarray

    def write(self, folder, *, leave_out=()):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.contents.items():
            if name not in leave_out:
                (folder / name).write_bytes(content)
        return folder


@pytest.fixture
def tiny_idx():
    """Five images of 3 x 2 and three test images, ten classes."""
    random = np.random.RandomState(0)
    x, y = random.randint(0, 256, (8, 3, 2)).astype(np.uint8), np.arange(8, dtype=np.uint8)
    parts = {"train-images": x[:5], "train-labels": y[:5], "t10k-images": x[5:], "t10k-labels": y[5:]}
    contents = {name: idx_bytes(part) for name, part in parts.items()}
    files = {name: published_file(name, content) for name, content in contents.items()}
    train = IdxPair(files["train-images"], files["train-labels"], 5, 3, 2)
    test = IdxPair(files["t10k-images"], files["t10k-labels"], 3, 3, 2)
    return Tiny(IdxDataset("tiny", train, test, tuple("0123456789")), contents, x, y)


@pytest.fixture
def tiny_cifar():
    """Two training batches and a test batch of four images each, and the archive of all."""
    random = np.random.RandomState(0)
    x, y = random.randint(0, 256, (12, 32, 32, 3)).astype(np.uint8), random.randint(0, 10, 12).astype(np.uint8)
    records = np.concatenate([y[:, None], x.transpose(0, 3, 1, 2).reshape(12, -1)], axis=1)
    names = ("data_batch_1.bin", "data_batch_2.bin", "test_batch.bin")
    contents = {name: part.tobytes() for name, part in zip(names, np.split(records, 3), strict=True)}
    files = [published_file(name, content) for name, content in contents.items()]
    test = PublishedFile(files[2].name, files[2].size)
    packed = gzip.compress(tar_bytes(contents))
    archive = PublishedFile("tiny-binary.tar", 200_000, md5=hashlib.md5(packed).hexdigest())
    published = CifarDataset("tiny", tuple(files[:2]), test, archive, tuple("abcdefghij"), batch_count=4)
    return Tiny(published, contents | {"tiny-binary.tar.gz": packed}, x, y)


def tar_bytes(contents):
    """An archive whose members stand in another order than they are read in, with one that is not wanted."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in [("batches.meta.txt", b"text"), *reversed(contents.items())]:
            member = tarfile.TarInfo(f"batches/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@dataclass
class Mirrors:
    """A web server on the loopback address: what it answers by path, and the paths it was asked for."""

    address: str
    answers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def serve(self, path, answer):
        """Answer `path` with bytes, a status number, or a function of the request handler; returns the address."""
        self.answers[path] = answer
        return self.address + path


@pytest.fixture
def mirrors():
    """Mirrors that run until the test ends."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            served.asked.append(self.path)
            answer = served.answers.get(self.path, 404)
            if callable(answer):
                answer(self)
            elif isinstance(answer, int):
                self.send_error(answer)
            else:
                send(self, answer)

        def log_message(self, *arguments):
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Mirrors(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def send(handler, content, *, claimed=None):
    """Send `content`, saying that it has `claimed` bytes."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content) if claimed is None else claimed))
    handler.end_headers()
    handler.wfile.write(content)


@pytest.fixture
def hang_up():
    """A mirror that closes the connection after half of what it promised."""

    def answer(handler):
        send(handler, b"half", claimed=8)

    return answer


@pytest.fixture
def fall_silent():
    """A mirror that stops sending and keeps the connection open until the test ends."""
    ended = threading.Event()

    def answer(handler):
        send(handler, b"half", claimed=8)
        handler.wfile.flush()
        ended.wait(120)

    yield answer
    ended.set()


@pytest.fixture
def never_end():
    """A mirror that sends for as long as it is listened to."""

    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(bytes(1 << 16))
        except OSError:  # the client has hung up
            pass

    return answer

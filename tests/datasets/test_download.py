"""Downloads from mirrors on the loopback address: the first ones fail in every way, the next gives the file."""

import gzip
import hashlib
import lzma
from dataclasses import replace

import pytest

from madi.datasets.download import download
from madi.datasets.published import PublishedFile
from madi.errors import FileError

CONTENT = bytes(range(256)) * 1_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FILE = PublishedFile("images", len(CONTENT), SHA256)
PACKED = gzip.compress(CONTENT)


def fetch(file, folder, **options):
    lines = []
    path = download(file, folder, report=lines.append, **options)
    assert list(folder.iterdir()) == [path], "nothing else may stay in the cache"
    return path, lines


def failure(file, folder, **options):
    with pytest.raises(FileError) as caught:
        download(file, folder, report=lambda line: None, **options)
    assert not folder.exists() or list(folder.iterdir()) == [], "a failed download may leave nothing in the cache"
    return str(caught.value)


def test_the_first_mirror_is_enough(mirrors, cache):
    path, lines = fetch(replace(FILE, mirrors=(mirrors.serve("/a/images.gz", PACKED), "http://127.0.0.1:1/")), cache)
    assert path == cache / "images.gz"
    assert gzip.decompress(path.read_bytes()) == CONTENT
    assert lines == [f"Downloading images from {mirrors.address.removeprefix('http://')} ..."]


@pytest.mark.parametrize(
    ("address", "packed", "name"),
    [
        ("/images", CONTENT, "images"),
        ("/images.xz", lzma.compress(CONTENT), "images.xz"),
        ("/images.gz?raw=true", gzip.compress(CONTENT, 1), "images.gz"),
    ],
)
def test_any_compression_passes(mirrors, cache, address, packed, name):
    path, _ = fetch(replace(FILE, mirrors=(mirrors.serve(address, packed),)), cache)
    assert path == cache / name


@pytest.mark.parametrize("fault", ["missing", "wrong", "not_gzip", "hang_up", "fall_silent", "never_end", "refused"])
def test_the_next_mirror_takes_over(mirrors, cache, fault, hang_up, fall_silent, never_end):
    faults = {
        "missing": 404,
        "wrong": gzip.compress(CONTENT[::-1]),
        "not_gzip": b"<html>Sign in to this network</html>",
        "hang_up": hang_up,
        "fall_silent": fall_silent,
        "never_end": never_end,
        "refused": None,
    }
    first = "http://127.0.0.1:1/images.gz" if fault == "refused" else mirrors.serve("/first/images.gz", faults[fault])
    second = mirrors.serve("/second/images.gz", PACKED)
    path, lines = fetch(replace(FILE, mirrors=(first, second)), cache, timeout=1 if fault == "fall_silent" else 60)
    assert path.read_bytes() == PACKED
    assert len(lines) == 2
    assert mirrors.asked[-1] == "/second/images.gz"


def test_every_failure_is_named(mirrors, cache, hang_up, fall_silent, never_end):
    wrong = gzip.compress(CONTENT[::-1])
    answers = {"missing": 404, "down": 503, "wrong": wrong, "hang": hang_up, "quiet": fall_silent, "endless": never_end}
    addresses = {name: mirrors.serve(f"/{name}.gz", answer) for name, answer in answers.items()}
    text = failure(replace(FILE, mirrors=(*addresses.values(), "http://127.0.0.1:1/x.gz")), cache, timeout=1)
    received = hashlib.sha256(CONTENT[::-1]).hexdigest()
    assert text == "; ".join(
        [
            f"{addresses['missing']} answered 404",
            f"{addresses['down']} answered 503",
            f"{addresses['wrong']} gave a wrong file: expected SHA-256 of the content {SHA256}, got {received}",
            f"{addresses['hang']} failed with ChunkedEncodingError",
            f"{addresses['quiet']} failed with ConnectionError",
            f"{addresses['endless']} sends more bytes than the file has",
            "http://127.0.0.1:1/x.gz failed with ConnectionError",
        ]
    )


def test_the_published_md5_decides_where_no_sha256_is_known(mirrors, cache):
    file = PublishedFile("images", len(CONTENT), md5=hashlib.md5(PACKED).hexdigest())
    bad, good = mirrors.serve("/bad/images.gz", gzip.compress(CONTENT, 1)), mirrors.serve("/good/images.gz", PACKED)
    path, _ = fetch(replace(file, mirrors=(bad, good)), cache)
    assert path.read_bytes() == PACKED
    assert mirrors.asked == ["/bad/images.gz", "/good/images.gz"]


def test_a_file_without_mirrors(cache):
    assert failure(FILE, cache) == "it has no mirror"


def test_a_cache_that_cannot_be_written_to(mirrors, tmp_path):
    blocker = tmp_path / "a file"
    blocker.write_text("in the way")
    file = replace(FILE, mirrors=(mirrors.serve("/images.gz", PACKED),))
    with pytest.raises(FileError) as caught:
        download(file, blocker / "cache", report=lambda line: None)
    assert str(caught.value) == f"cannot write to {blocker / 'cache'}: Not a directory"
    assert mirrors.asked == [], "found before anything is downloaded"


def test_an_interrupted_download_leaves_nothing(mirrors, cache, monkeypatch):
    def interrupt(file, data):
        raise KeyboardInterrupt

    monkeypatch.setattr("madi.datasets.download._BoundedFile.write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(replace(FILE, mirrors=(mirrors.serve("/images.gz", PACKED),)), cache)
    assert list(cache.iterdir()) == []


def test_the_file_arrives_as_it_lies_on_the_mirror(mirrors, cache):
    """A mirror that offers to unpack .gz files on the way, as web servers do for browsers, is asked not to."""

    def answer(handler):
        handler.send_response(200)
        if "gzip" in handler.headers["Accept-Encoding"]:
            handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()
        handler.wfile.write(PACKED)

    path, _ = fetch(replace(FILE, mirrors=(mirrors.serve("/images.gz", answer),)), cache)
    assert path.read_bytes() == PACKED

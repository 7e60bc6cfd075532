"""Reading bytes: plain, gzip and xz; truncated, corrupt, too long, missing."""

import gzip
import hashlib
import lzma
import subprocess
import sys
from dataclasses import replace

import pytest

from madi.datasets.content import open_content, open_published, verify
from madi.datasets.published import PublishedFile
from madi.errors import FileError

CONTENT = bytes(range(256)) * 20_000  # more than a block
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FILE = PublishedFile("data", len(CONTENT), SHA256)
REMEDY = "Replace it with a fresh copy (a cached one: delete it, and it is downloaded again)."
COMPRESSIONS = {"data": bytes, "data.gz": gzip.compress, "data.xz": lzma.compress}


@pytest.fixture(params=COMPRESSIONS)
def path(request, tmp_path):
    """The content in each form, in a folder with a space and Korean letters."""
    folder = tmp_path / "내 자료"
    folder.mkdir()
    path = folder / request.param
    path.write_bytes(COMPRESSIONS[request.param](CONTENT))
    return path


def message(path, file=FILE):
    with pytest.raises(FileError) as caught:
        verify(path, file)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_form_gives_the_same_bytes(path):
    with open_content(path, limit=len(CONTENT), sha256=SHA256) as content:
        assert content.take(10) == CONTENT[:10]
        assert content.at == 10
        assert content.rest() == CONTENT[10:]
        content.finish()
    verify(path, FILE)


def test_truncated_files_name_file_and_byte(path):
    path.write_bytes(path.read_bytes()[:-50])
    text = message(path)
    if path.suffix:
        assert text.startswith(f"{path}: truncated after byte ")
        assert text.endswith(f" of its content (the compressed data end too early). {REMEDY}")
    else:
        assert text.startswith(f"{path}: expected SHA-256 of the content {SHA256}, got ")


def test_take_says_how_many_bytes_are_missing(tmp_path):
    (tmp_path / "data").write_bytes(b"123456")
    with open_content(tmp_path / "data", limit=100) as content:
        content.take(4)
        with pytest.raises(FileError) as caught:
            content.take(10)
    assert str(caught.value) == (
        f"{tmp_path / 'data'}: truncated after byte 6 of its content (expected 8 bytes more). {REMEDY}"
    )


@pytest.mark.parametrize(("name", "kind"), [("data.gz", "gzip"), ("data.xz", "xz")])
def test_files_that_are_not_compressed_as_they_say(tmp_path, name, kind):
    (tmp_path / name).write_bytes(CONTENT)
    assert message(tmp_path / name).startswith(f"{tmp_path / name}: corrupt {kind} data after byte 0 of its content (")


@pytest.mark.parametrize(("name", "compress"), [("data.gz", gzip.compress), ("data.xz", lzma.compress)])
def test_flipped_bits_are_found(tmp_path, name, compress):
    packed = bytearray(compress(CONTENT))
    packed[len(packed) // 2] ^= 0x10
    (tmp_path / name).write_bytes(packed)
    assert str(tmp_path / name) in message(tmp_path / name)


def test_a_wrong_hash_names_both(path):
    wrong = "0" * 64
    assert message(path, replace(FILE, sha256=wrong)) == (
        f"{path}: expected SHA-256 of the content {wrong}, got {SHA256}. {REMEDY}"
    )


def test_the_md5_of_the_published_gz_is_checked_before_anything_is_read(tmp_path):
    path = tmp_path / "data.gz"
    path.write_bytes(gzip.compress(CONTENT, mtime=0))
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    verify(path, PublishedFile("data", len(CONTENT), md5=md5))
    path.write_bytes(b"not gzip at all")
    received = hashlib.md5(b"not gzip at all").hexdigest()
    assert message(path, PublishedFile("data", len(CONTENT), md5=md5)) == (
        f"{path}: expected MD5 {md5}, got {received}. {REMEDY}"
    )


def test_more_content_than_published_is_refused(path):
    short = replace(FILE, size=len(CONTENT) - 1)
    assert message(path, short) == f"{path}: expected at most {short.size} bytes of content, got more. {REMEDY}"


def test_finish_refuses_what_follows(tmp_path):
    (tmp_path / "data").write_bytes(b"123456")
    with open_content(tmp_path / "data", limit=6) as content:
        content.take(5)
        with pytest.raises(FileError) as caught:
            content.finish()
    assert str(caught.value) == f"{tmp_path / 'data'}: expected its content to end at byte 5, got more. {REMEDY}"


def test_missing_files_and_folders_are_user_errors(tmp_path):
    for path in (tmp_path / "none", tmp_path / "none.gz", tmp_path):
        with pytest.raises(FileError, match=r"^Cannot read ") as caught, open_content(path, limit=1):
            pass
        assert str(path) in str(caught.value)
    with pytest.raises(FileError, match=r"^Cannot read "), open_published(tmp_path / "no.gz", replace(FILE, md5="0")):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="counts peak memory in KiB as Linux does")
def test_a_gzip_bomb_does_not_exhaust_memory(tmp_path):
    """A file of 0.5 MB that would unfold to 512 MB is refused; the whole interpreter stays within 200 MB."""
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb", compresslevel=6) as stream:
        for _ in range(512):
            stream.write(bytes(1 << 20))
    script = """
import sys
from pathlib import Path
from madi.datasets.content import open_content
from madi.errors import FileError
try:
    with open_content(Path(sys.argv[1]), limit=1 << 24) as content:
        content.rest()
except FileError as error:
    print(error)
status = Path("/proc/self/status").read_text()  # of this program alone: ru_maxrss begins with the parent's
print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""
    run = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    text, peak = run.stdout.splitlines()
    assert text == f"{path}: expected at most {1 << 24} bytes of content, got more. {REMEDY}"
    assert int(peak) < 200


def test_several_streams_of_xz_follow_one_another_with_padding(tmp_path):
    path = tmp_path / "data.xz"
    path.write_bytes(lzma.compress(b"one ") + bytes(8) + lzma.compress(b"two") + bytes(4))
    with open_content(path, limit=100) as content:
        assert [content.read(2), bytes(content.rest())] == [b"on", b"e two"]


def test_xz_that_asks_for_too_much_memory_gets_none(tmp_path):
    path = tmp_path / "data.xz"
    path.write_bytes(lzma.compress(b"small", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]))
    with open_content(path, limit=100) as content, pytest.raises(FileError, match="Memory usage limit exceeded"):
        content.rest()

"""Why a file is no picture that can be learned from, in one sentence."""

from __future__ import annotations

import re

from madi.errors import FileError

REPLACE = "Replace it with a fresh copy, or remove it."
KINDS = "PNG, JPEG, BMP or WebP"

_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_OTHERS: list[tuple[bytes, str]] = [
    (rb"GIF8", "a GIF"),
    (rb"II\*\0|MM\0\*", "a TIFF"),
    (rb"....ftyp(heic|heix|mif1|msf1)", "a HEIC picture"),
    (rb"....ftypavi[fs]", "an AVIF picture"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (rb"%PDF", "a PDF"),
    (rb"PK\x03\x04", "a zip archive"),
    (rb"\x1f\x8b", "gzip data"),
    (rb"\x93NUMPY", "a NumPy array"),
    (rb"(?i)\s*<(!doctype html|html|head|body)", "HTML"),
    (rb"(?i)\s*(<\?xml[^>]*>\s*)?<svg", "an SVG drawing"),
]


class Refusal(Exception):
    """Why a file cannot be read as a picture, and what to do, before its name is put to it."""

    def __init__(self, reason: str, fix: str = REPLACE) -> None:
        super().__init__(reason)
        self.reason, self.fix = reason, fix

    def of(self, where: str) -> FileError:
        """The error that names the file."""
        return FileError(f"{where}: {self.reason}. {self.fix}")


def truncated(kind: str, detail: str) -> Refusal:
    """A file that ends too early."""
    return Refusal(f"truncated {kind}: {detail}")


def corrupt(kind: str, detail: str) -> Refusal:
    """A file that is not what its kind demands."""
    return Refusal(f"corrupt {kind} data: {detail}")


def lying(size: tuple[int, int], count: int) -> Refusal:
    """A declared size (height, width) that so many bytes of data cannot hold."""
    text = f"declares {size[0]} x {size[1]} pixels, which its {count} bytes of pixel data cannot hold"
    return Refusal(f"{text}: it is cut off, or made to exhaust memory")


def not_a_picture(data: bytes) -> Refusal:
    """Content that is no picture of the kinds that are read; says what it is."""
    if _PICKLE.match(data):
        return Refusal(f"expected a picture ({KINDS}), got a pickle, which is never loaded", "Remove it.")
    return Refusal(f"expected a picture ({KINDS}), got {described(data)}", "Convert it to PNG, or remove it.")


def described(data: bytes) -> str:
    """What the first bytes look like: "a GIF", "text ('id,label')", "bytes 00 01 02"."""
    if not data:
        return "an empty file"
    known = next((name for pattern, name in _OTHERS if re.match(pattern, data, re.DOTALL)), None)
    if known:
        return known
    line = data[:40].splitlines()[0] if data[:40].strip() else data[:40]
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return f"bytes {data[:8].hex(' ')}"
    return f"text ({text!r})" if text.isprintable() and text else f"bytes {data[:8].hex(' ')}"


def shown(name: str) -> str:
    """A file's name for a message: on one line, without control characters and bytes that are no text."""
    return name if name.isprintable() else "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in name)


def cannot_read(path: str, error: OSError) -> FileError:
    """The error for a file or folder that the system refuses to give."""
    fix = "Check that it is there, and its permissions."
    return FileError(f"{shown(path)}: cannot be read ({error.strerror or error}). {fix}")

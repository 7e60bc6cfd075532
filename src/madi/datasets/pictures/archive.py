"""The members of a zip archive, read straight from it: nothing is ever written to disk.

What no honest archive of pictures has is refused, and the member named, before any of it is read: names that lead out
of the folder (absolute ones, drive letters, "..", backslashes), links, doubled names, encryption, rare compression,
and sizes that the archive's own bytes cannot hold.
"""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from zipfile import ZipFile, ZipInfo

from madi.datasets.pictures.refusal import Refusal, cannot_read, shown
from madi.datasets.pictures.source import Entry, Parts, Source, is_ignored
from madi.errors import FileError

_PACK_ANEW = "Pack the folder anew, with a program that you trust."
_MOST_INFLATED = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: 1032}  # bytes that one byte of a member can become
_ENCRYPTED, _UTF8 = 0x1, 0x800
_DRIVE = re.compile(r"[A-Za-z]:")
_HANGUL = re.compile(r"[\x00-\x7f\uac00-\ud7a3]*")


@dataclass(frozen=True)
class Archive(Source):
    """A zip archive: its open file, the folder in it that holds all else (or none), and its members by their parts."""

    file: ZipFile
    within: Parts
    members: dict[Parts, ZipInfo]

    def name(self, parts: Parts) -> str:
        inner = "/".join((*self.within, *parts))
        return f"{self.where}: {shown(inner)}" if inner else self.where

    def content(self, entry: Entry) -> bytes:
        info = self.members[entry.parts]
        try:
            with self.file.open(info) as member:
                data = member.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise Refusal(f"corrupt in the archive ({error})", _PACK_ANEW).of(self.name(entry.parts)) from error
        except OSError as error:
            raise cannot_read(self.name(entry.parts), error) from error
        if len(data) != info.file_size:
            text = f"expected {info.file_size} bytes, as the archive says, got {len(data)}"
            raise Refusal(text, _PACK_ANEW).of(self.name(entry.parts))
        return data


def open_archive(path: Path) -> Archive:
    """The members of a zip archive.  Raises FileError for one that is corrupt, or that no honest program packs.

    One folder that holds all others is entered: programs pack a folder as itself.
    """
    where = shown(str(path))
    try:
        file = ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise Refusal(f"corrupt zip archive ({error})", _PACK_ANEW).of(where) from error
    except OSError as error:
        raise cannot_read(str(path), error) from error
    try:
        members = _checked(file.infolist(), path.stat().st_size, where)
    except FileError:
        file.close()
        raise
    return _archive(file, where, {parts: info for parts, info in members.items() if not any(map(is_ignored, parts))})


def _archive(file: ZipFile, where: str, members: dict[Parts, ZipInfo]) -> Archive:
    folders = {parts for parts, info in members.items() if info.is_dir()}
    folders |= {parts[:depth] for parts in members for depth in range(1, len(parts))}
    members = {parts: info for parts, info in members.items() if not info.is_dir()}
    within = _only_folder(members, folders)
    depth = len(within)
    members = {parts[depth:]: info for parts, info in members.items()}
    entries = sorted(Entry(parts, info.file_size) for parts, info in members.items())
    inner = sorted(parts[depth:] for parts in folders if len(parts) > depth)
    name = PurePath(where).name
    notices = (f"{name}: all lies in its folder {shown(within[0])}, whose own folders count.",) if within else ()
    return Archive(where, tuple(entries), tuple(inner), notices, file, within, members)


def _only_folder(members: Iterable[Parts], folders: set[Parts]) -> Parts:
    """The one folder at the top, where there is nothing beside it and at least two folders in it; else ()."""
    top = {parts[:1] for parts in [*members, *folders]}
    inner = [parts for parts in folders if len(parts) == 2]
    return next(iter(top)) if len(top) == 1 and len(inner) > 1 else ()


# ---- what is refused


def _checked(infos: list[ZipInfo], size: int, where: str) -> dict[Parts, ZipInfo]:
    """The members by their parts; raises FileError for the first that is refused."""
    found: dict[Parts, ZipInfo] = {}
    for info in infos:
        name = _readable_name(info)
        reason = _reason(info, name, size)
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if not reason and parts in found:
            reason = "its name stands in the archive twice"
        if reason:
            raise Refusal(f"refused: {reason}", _PACK_ANEW).of(f"{where}: {shown(name)}")
        found[parts] = info
    packed = sum(info.compress_size for info in infos)
    if packed > size:
        text = f"its members take {packed} bytes, more than the {size} of the archive: they overlap"
        raise Refusal(text, _PACK_ANEW).of(where)
    return found


def _reason(info: ZipInfo, name: str, size: int) -> str:
    """Why a member is refused; "" where it is not."""
    return _reason_of_name(name) or _reason_of_kind(info) or _reason_of_size(info, size)


def _reason_of_name(name: str) -> str:
    if name.startswith("/") or _DRIVE.match(name):
        return "its name is absolute"
    if "\\" in name or "\0" in name:
        return "its name holds a backslash or a null byte"
    return "its name leads out of the folder" if ".." in name.split("/") else ""


def _reason_of_kind(info: ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "it is a link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "it is neither a file nor a folder"
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    if info.compress_type not in _MOST_INFLATED:
        return f"its compression, method {info.compress_type}, is not read (stored and deflated members are)"
    return ""


def _reason_of_size(info: ZipInfo, size: int) -> str:
    if info.header_offset < 0 or info.header_offset + info.compress_size > size:
        return f"it ends beyond the {size} bytes of the archive"
    if info.file_size > _MOST_INFLATED[info.compress_type] * info.compress_size:
        return f"it declares {info.file_size} bytes, which its {info.compress_size} in the archive cannot hold"
    return ""


def _readable_name(info: ZipInfo) -> str:
    """The member's name.  Where the archive does not say how it is encoded: UTF-8, or Korean of Windows, or CP437."""
    name = info.orig_filename
    if info.flag_bits & _UTF8 or name.isascii():
        return name
    raw = name.encode("cp437")
    for encoding in ("utf-8", "cp949"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or _HANGUL.fullmatch(text):
            return text
    return name

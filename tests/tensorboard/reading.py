"""Event files read back by the definition of their format, without the code that wrote them."""

from __future__ import annotations

import struct


def records(data):
    """The data of each record; the checksums are left to the tests of them."""
    while data:
        (size,) = struct.unpack("<Q", data[:8])
        yield data[12 : 12 + size]
        data = data[16 + size :]


def number(data, at):
    """A number in 7 bits a byte, and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """{field: [its values]}: whole numbers, floats, or bytes."""
    found, at = {}, 0
    while at < len(data):
        key, at = number(data, at)
        if key & 7 == 0:
            value, at = number(data, at)
        elif key & 7 == 1:
            value, at = struct.unpack_from("<d", data, at)[0], at + 8
        elif key & 7 == 5:
            value, at = struct.unpack_from("<f", data, at)[0], at + 4
        else:
            size, at = number(data, at)
            value, at = data[at : at + size], at + size
        found.setdefault(key >> 3, []).append(value)
    return found


def events(folder):
    """The events of all files of a folder, in order, as fields."""
    return [fields(data) for file in sorted(folder.iterdir()) for data in records(file.read_bytes())]


def summaries(folder):
    """(step, name, fields of the value) of all that the files of a folder tell."""
    for event in events(folder):
        for summary in event.get(5, []):
            for value in fields(summary)[1]:
                found = fields(value)
                yield event[2][0], found[1][0].decode(), found


def scalars(folder):
    """{name: [(step, value)]}"""
    found = {}
    for step, name, value in summaries(folder):
        if 2 in value:
            found.setdefault(name, []).append((step, value[2][0]))
    return found

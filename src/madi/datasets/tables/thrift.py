"""The compact protocol of Apache Thrift, as far as Parquet's metadata need it, with bounds on all that is taken."""

from __future__ import annotations

from typing import Any

DEEPEST = 12  # structures within structures
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_INTEGERS = (_I16, _I32, _I64)
_TRUTHS = (_TRUE, _FALSE)


class Malformed(Exception):
    """Bytes that are no structure of the protocol."""


class Fields(dict[int, Any]):
    """A structure: {field number: value}, and the protocol's type of each; values are int, bool, bytes, or nested."""

    def __init__(self, values: dict[int, Any], kinds: dict[int, int]):
        super().__init__(values)
        self.kinds = kinds

    def changed(self, values: dict[int, Any], *, without: tuple[int, ...] = ()) -> Fields:
        """A copy with other values of some fields that it has, and without others."""
        merged = {number: values.get(number, value) for number, value in self.items() if number not in without}
        return Fields(merged, self.kinds)


class Items(list[Any]):
    """A list of values of one type of the protocol."""

    def __init__(self, values: list[Any], kind: int):
        super().__init__(values)
        self.kind = kind


class Compact:
    """Reads structures from `data`; `at` is the position of the next byte."""

    def __init__(self, data: bytes, at: int = 0):
        self.data, self.at = data, at

    def structure(self, depth: int = 0) -> Fields:
        """The next structure.  Raises Malformed; IndexError where the data end within it."""
        if depth > DEEPEST:
            raise Malformed("structures too deep")
        fields = Fields({}, {})
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._signed()
            fields.kinds[number] = kind
            fields[number] = kind == _TRUE if kind in _TRUTHS else self._value(kind, depth + 1)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _INTEGERS:
            return self._signed()
        if kind == _BINARY:
            return self._take(self._unsigned())
        if kind == _STRUCT:
            return self.structure(depth)
        if kind in (_LIST, _SET):
            return self._list(depth)
        if kind in (*_TRUTHS, _BYTE):  # truths within a list
            return self._byte()
        if kind == _DOUBLE:
            return self._take(8)
        raise Malformed(f"a value of type {kind}")

    def _list(self, depth: int) -> Items:
        if depth > DEEPEST:
            raise Malformed("lists too deep")
        head = self._byte()
        size, kind = head >> 4, head & 15
        size = self._unsigned() if size == 15 else size
        if size > len(self.data) - self.at:
            raise Malformed(f"a list of {size} in the {len(self.data) - self.at} bytes that are left")
        return Items([self._value(kind, depth + 1) for _ in range(size)], kind)

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise IndexError("the data end within a value")
        self.at += size
        return self.data[self.at - size : self.at]

    def _unsigned(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise Malformed("a number of more than 64 bits")

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)


def encoded(fields: Fields) -> bytes:
    """What `Compact.structure` reads."""
    content, last = bytearray(), 0
    for number, value in sorted(fields.items()):
        kind = fields.kinds[number]
        step, last = number - last, number
        if kind in _TRUTHS:
            kind = _TRUE if value else _FALSE
        content += bytes([step << 4 | kind]) if 0 < step < 16 else bytes([kind]) + _zigzag(number)
        content += b"" if kind in _TRUTHS else _encoded_value(value, kind)
    return bytes(content) + b"\0"


def _encoded_value(value: Any, kind: int) -> bytes:
    if kind in _INTEGERS:
        return _zigzag(value)
    if kind == _BINARY:
        return _varint(len(value)) + value
    if kind == _STRUCT:
        return encoded(value)
    if kind in (_LIST, _SET):
        size = len(value)
        head = bytes([size << 4 | value.kind]) if size < 15 else bytes([0xF0 | value.kind]) + _varint(size)
        return head + b"".join(_encoded_value(item, value.kind) for item in value)
    return bytes(value) if kind == _DOUBLE else bytes([value])


def _varint(value: int) -> bytes:
    content = bytearray()
    while value > 0x7F:
        content.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*content, value])


def _zigzag(value: int) -> bytes:
    return _varint(value << 1 if value >= 0 else (-value << 1) - 1)

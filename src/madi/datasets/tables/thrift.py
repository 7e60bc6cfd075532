"""The compact protocol of Apache Thrift, as far as Parquet's metadata need it, with bounds on all that is taken."""

from __future__ import annotations

from typing import Any

DEEPEST = 12  # structures within structures
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)


class Malformed(Exception):
    """Bytes that are no structure of the protocol."""


class Compact:
    """Reads structures from `data`; `at` is the position of the next byte.

    A structure becomes {field number: value}, a list a list; a value is an int, a bool, or bytes.
    """

    def __init__(self, data: bytes, at: int = 0):
        self.data, self.at = data, at

    def structure(self, depth: int = 0) -> dict[int, Any]:
        """The next structure.  Raises Malformed; IndexError where the data end within it."""
        if depth > DEEPEST:
            raise Malformed("structures too deep")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._signed()
            fields[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth + 1)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (_I16, _I32, _I64):
            return self._signed()
        if kind == _BINARY:
            return self._take(self._unsigned())
        if kind == _STRUCT:
            return self.structure(depth)
        if kind in (_LIST, _SET):
            return self._list(depth)
        if kind in (_TRUE, _FALSE, _BYTE):  # within a list
            return self._byte()
        if kind == _DOUBLE:
            return self._take(8)
        raise Malformed(f"type {kind}")

    def _list(self, depth: int) -> list[Any]:
        if depth > DEEPEST:
            raise Malformed("lists too deep")
        head = self._byte()
        size, kind = head >> 4, head & 15
        size = self._unsigned() if size == 15 else size
        if size > len(self.data) - self.at:
            raise Malformed(f"a list of {size} in the {len(self.data) - self.at} bytes that are left")
        return [self._value(kind, depth + 1) for _ in range(size)]

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

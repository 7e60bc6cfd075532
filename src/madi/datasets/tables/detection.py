"""How a text file is written: its encoding, its delimiter and its decimal sign, found in a sample or asked for."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from madi.datasets.tables.faults import undecodable
from madi.datasets.tables.foreign import binary
from madi.datasets.tables.records import count_fields
from madi.errors import ConfigurationError, argument, unknown_name

SAMPLE = 1 << 20  # bytes that the detection looks at
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
DECIMALS = {"point": ".", "comma": ","}
ENCODINGS = (
    "utf-8",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "cp949",
    "euc-kr",
    "latin-1",
    "cp1252",
    "shift-jis",
    "gb18030",
)
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_RECORDS = 500  # of the sample, enough to tell the delimiter
_COMMA, _POINT = (re.compile(rf"[+-]?\d+{sign}(?!\d{{3}}$)\d+") for sign in (",", r"\."))


@dataclass(frozen=True)
class TableFormat:
    """How a table is written, as plain values.

    kind        "text" or "parquet"
    delimiter   between fields: ",", ";", "\\t" or "|"; "" in Parquet
    decimal     sign of decimals: "." or ","; "" in Parquet
    encoding    of the text, as Python names it; "" in Parquet
    """

    kind: str
    delimiter: str = ""
    decimal: str = ""
    encoding: str = ""

    @property
    def options(self) -> dict[str, str]:
        """What `read_table` takes to read by this format, without detection."""
        fields = {"delimiter": self.delimiter, "decimal": self.decimal, "encoding": self.encoding}
        return {} if self.kind == "parquet" else fields

    def __str__(self) -> str:
        """
        >>> str(TableFormat("text", ";", ",", "cp949"))
        'delimiter semicolon, decimal comma, encoding cp949'
        """
        if self.kind == "parquet":
            return "Parquet"
        names = {sign: name for name, sign in DELIMITERS.items()}, {sign: name for name, sign in DECIMALS.items()}
        delimiter, decimal = names[0][self.delimiter], names[1][self.decimal]
        return f"delimiter {delimiter}, decimal {decimal}, encoding {self.encoding}"


def detect(
    head: bytes, path: Path, *, delimiter: str | None = None, decimal: str | None = None, encoding: str | None = None
) -> TableFormat:
    """The format of the text that begins with `head`; what is given is taken as given.

    Raises UnknownNameError for values that no format has, ConfigurationError for two that contradict each other,
    FileError for text in no known encoding.
    """
    encoding = detect_encoding(head, path) if encoding is None else _known_encoding(encoding)
    text = decode_head(head, encoding, path) + ("\n" if len(head) < SAMPLE else "")
    delimiter = find_delimiter(text, path) if delimiter is None else _known("delimiter", delimiter, DELIMITERS)
    decimal = find_decimal(text, delimiter) if decimal is None else _known("decimal sign", decimal, DECIMALS)
    if delimiter == decimal:
        raise ConfigurationError(
            f"{path}: expected a delimiter that is not the decimal sign, got ',' for both. Give "
            f"{argument('delimiter', ';')}."
        )
    return TableFormat("text", delimiter, decimal, encoding)


def detect_encoding(head: bytes, path: Path) -> str:
    """UTF-8, UTF-16 by its mark or its NUL bytes, or CP949; an error that names the byte for anything else."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if 0 in head:
        return _utf16_without_mark(head, path)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError as error:
        if is_korean(head):
            return "cp949"
        raise undecodable(path, error.start, head[error.start], "utf-8") from None
    return "utf-8"


def is_korean(content: bytes) -> bool:
    """Whether `content`, which may end within a letter, reads as Korean in CP949.

    Text of other encodings often decodes as CP949 too, but to rare syllables: nine letters in ten beyond ASCII must be
    among the 2,350 syllables and signs of EUC-KR.
    """
    try:
        text = codecs.getincrementaldecoder("cp949")().decode(content)
    except UnicodeDecodeError:
        return False
    letters = [letter for letter in text if letter > "\x7f"]
    common = sum(len(letter.encode("euc-kr", "ignore")) == 2 for letter in letters)
    return bool(letters) and common >= 0.9 * len(letters)


def decode_head(head: bytes, encoding: str, path: Path) -> str:
    """`head`, which may end within a letter, as text without its mark; line ends are line feeds."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError as error:
        raise undecodable(path, error.start, head[error.start], encoding) from None
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def find_delimiter(text: str, path: Path) -> str:
    """The delimiter that divides most lines of `text` into as many fields as the first; "," where none does.

    Of several, the one that divides into more fields; in a .tsv file a tab before others.
    """
    content = text.encode()
    tab_first = ".tsv" in (suffix.lower() for suffix in path.suffixes)
    order = sorted(DELIMITERS.values(), key=lambda sign: tab_first and sign != "\t")
    scores = {sign: _agreement(count_fields(content, sign)[:_RECORDS]) for sign in order}
    best = max(order, key=lambda sign: scores[sign])
    return best if scores[best][1] > 1 else order[0]


def find_decimal(text: str, delimiter: str) -> str:
    """ "," where more numbers are like 3,14 than like 3.14; otherwise ".".  Three decimals could be thousands."""
    if delimiter == ",":
        return "."
    fields = [field.strip(' "') for line in text.split("\n")[:_RECORDS] for field in line.split(delimiter)]
    commas, points = (sum(bool(number.fullmatch(field)) for field in fields) for number in (_COMMA, _POINT))
    return "," if commas > points else "."


def _agreement(counts: np.ndarray) -> tuple[float, int]:
    """(share of the lines with as many fields as the first, that number); (0, 1) where the first has one."""
    if not len(counts) or counts[0] < 2:
        return 0.0, 1
    return float(np.mean(counts == counts[0])), int(counts[0])


def _utf16_without_mark(head: bytes, path: Path) -> str:
    """UTF-16 whose delimiters, digits and line ends have their NUL on one side; anything else with NUL is binary."""
    values = np.frombuffer(head, np.uint8)
    first, second = np.mean(values[0::2] == 0), np.mean(values[1::2] == 0)
    for name, with_nul, without in (("utf-16-le", second, first), ("utf-16-be", first, second)):
        if with_nul > 0.1 and without < 0.01:
            return name
    raise binary(path, head.index(0))


def _known(kind: str, value: str, table: dict[str, str]) -> str:
    """The sign that `value`, the sign itself or its name, stands for."""
    value = {"\\t": "\t", "pipe": "|", "dot": "."}.get(value, value)
    if value in table.values():
        return value
    if value not in table:
        raise unknown_name(kind, value, [*table, *(repr(sign)[1:-1] for sign in table.values())])
    return table[value]


def _known_encoding(value: str, known: Sequence[str] = ENCODINGS) -> str:
    """The encoding by the name that the list has; utf-8-sig is utf-8, whose mark is always left out."""
    name = value.lower().replace("_", "-")
    name = {"utf8": "utf-8", "utf-8-sig": "utf-8", "latin1": "latin-1", "iso-8859-1": "latin-1"}.get(name, name)
    name = {"ms949": "cp949", "uhc": "cp949", "euckr": "euc-kr", "utf16": "utf-16", "windows-1252": "cp1252"}.get(
        name, name
    )
    if name not in known:
        raise unknown_name("encoding", value, known)
    return name

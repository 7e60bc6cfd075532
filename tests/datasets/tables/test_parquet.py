"""Parquet tables: types, rows by number, and files that lie about their sizes."""

from __future__ import annotations

import datetime
import re
import struct

import polars as pl
import pytest

from madi.datasets.tables import open_table, read_table
from madi.datasets.tables.footer import read_footer
from madi.datasets.tables.thrift import Compact, Malformed, encoded
from madi.errors import DataError, FileError

DAY = datetime.date(2024, 3, 5)
NOON = datetime.datetime(2024, 3, 5, 12, 0, 0, 500000)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.parquet"


def refusal(path, kind=FileError):
    with pytest.raises(kind) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(path), path.name)


COLUMNS = {
    "int8": (pl.Series([1, None, 3], dtype=pl.Int8), pl.Int64, [1, None, 3]),
    "uint64": (pl.Series([1, 2**63, 3], dtype=pl.UInt64), pl.Float64, [1.0, 2.0**63, 3.0]),
    "float32": (pl.Series([0.5, None, float("nan")], dtype=pl.Float32), pl.Float64, [0.5, None, None]),
    "infinite": (pl.Series([0.5, float("inf"), 2.0]), pl.Float64, [0.5, float("inf"), 2.0]),
    "decimal": (pl.Series(["1.25", "2", None]).cast(pl.Decimal(10, 2)), pl.Float64, [1.25, 2.0, None]),
    "text": (pl.Series(["red", "NA", None]), pl.String, ["red", "NA", None]),
    "category": (pl.Series(["red", "blue", None], dtype=pl.Categorical), pl.String, ["red", "blue", None]),
    "boolean": (pl.Series([True, False, None]), pl.Boolean, [True, False, None]),
    "date": (pl.Series([DAY, None, DAY]), pl.Date, [DAY, None, DAY]),
    "moment": (pl.Series([NOON] * 3, dtype=pl.Datetime("ns")), pl.Datetime("us"), [NOON] * 3),
    "zone": (
        pl.Series([NOON] * 3).dt.replace_time_zone("Asia/Seoul"),
        pl.Datetime("us"),
        [NOON - datetime.timedelta(hours=9)] * 3,
    ),
    "duration": (pl.Series([datetime.timedelta(minutes=1)] * 3), pl.Float64, [60.0] * 3),
    "nothing": (pl.Series([None, None, None]), pl.String, [None, None, None]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_become_those_of_every_table(name, path):
    column, dtype, values = COLUMNS[name]
    pl.DataFrame({"a": column}).write_parquet(path)
    table = read_table(path)
    assert table.frame.schema == {"a": dtype}
    assert table.frame["a"].to_list() == values
    assert (table.place(1), str(table.format)) == (f"{path}, row 2", "Parquet")
    assert table.lines().tolist() == [1, 2, 3]


@pytest.mark.parametrize("compression", ["uncompressed", "snappy", "zstd", "gzip", "brotli", "lz4"])
def test_pieces_are_the_table(compression, path):
    frame = pl.DataFrame({"n": range(1000), "word": [f"word {index % 7}" for index in range(1000)]})
    frame.write_parquet(path, compression=compression, row_group_size=300)
    footer = read_footer(path)
    assert (footer.rows, footer.groups, footer.names) == (1000, (300, 300, 300, 100), ("n", "word"))
    assert read_table(path).frame.equals(frame)
    with open_table(path) as reader:
        assert (reader.rows, len(reader), reader.schema) == (1000, 4, dict(frame.schema))
        assert pl.concat(table.frame for table in reader.chunks()).equals(frame)
        assert reader.piece(3).place(0) == f"{path}, row 901"
        assert [table.frame.height for table in reader.chunks(450)] == [450, 450, 100]


NESTED = {
    "list": pl.Series([[1, 2], [3]]),
    "struct": pl.Series([{"x": 1}, {"x": 2}]),
    "array": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int64, 2)),
}


@pytest.mark.parametrize("name", NESTED)
def test_nested_columns_are_refused_by_name(name, path):
    pl.DataFrame({"a": [1, 2], "deep": NESTED[name]}).write_parquet(path)
    assert refusal(path, DataError) == (
        "data.parquet: column 'deep': expected one value a row, got lists or structures. Write them as columns of "
        "their own, or leave the column out."
    )


def test_columns_of_bytes_are_refused_by_name(path):
    pl.DataFrame({"a": [1], "raw": [b"\x00\x01"]}).write_parquet(path)
    assert refusal(path, DataError).startswith("data.parquet: column 'raw': expected numbers, text, dates, or true")


def test_tables_without_rows_or_names_are_refused(path):
    pl.DataFrame({"a": []}).write_parquet(path)
    assert refusal(path, DataError) == "data.parquet: expected rows, got none in 1 columns. Add rows."
    pl.DataFrame({"a": [1], " ": [2]}).write_parquet(path)
    assert refusal(path, DataError) == "data.parquet: expected a name for each column, got none for column 2. Name it."


# ---- files that are broken or lie


def test_other_content_is_refused(path):
    path.write_bytes(b"a,b\n1,2\n" * 10)
    assert refusal(path).startswith("data.parquet: expected a Parquet file, which begins with 'PAR1', got b'a,b\\n'.")
    path.write_bytes(b"PARE" + bytes(50))
    assert "got an encrypted one" in refusal(path)


def test_every_truncation_is_refused(path):
    pl.DataFrame({"a": range(50), "b": ["x"] * 50}).write_parquet(path)
    whole = path.read_bytes()
    for size in range(4, len(whole), 7):
        path.write_bytes(whole[:size])
        assert "truncated" in refusal(path)


def test_every_changed_byte_is_read_or_refused(path):
    """No byte of the metadata, set to any of some values, leads to a crash or to another number of rows."""
    frame = pl.DataFrame({"a": range(30), "b": [f"w{index % 3}" for index in range(30)]})
    frame.write_parquet(path, compression="uncompressed", statistics=False)
    whole = path.read_bytes()
    start = len(whole) - 8 - struct.unpack("<I", whole[-8:-4])[0]
    refused = 0
    for at in range(start, len(whole)):
        for value in (0x00, 0x7F, 0xFF):
            path.write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            try:
                assert read_table(path).frame.height == 30
            except (FileError, DataError):
                refused += 1
    assert refused > 100


def altered(path, old, new, *, count):
    """The file with the first varints of that value replaced by another of the same length."""
    whole = path.read_bytes()
    assert old in whole
    path.write_bytes(whole.replace(old, new, count))


def zigzag(value):
    value, digits = value << 1, []
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def test_a_number_of_rows_that_the_pages_do_not_hold_is_refused_before_memory_is_taken(path):
    pl.DataFrame({"a": [7] * 1_000_003}).write_parquet(path, statistics=False)
    assert len(zigzag(1_000_003)) == len(zigzag(1_000_004)) == 3
    altered(path, zigzag(1_000_003), zigzag(1_000_004), count=1)
    assert "corrupt Parquet metadata (" in refusal(path)


def test_a_page_that_claims_to_unpack_to_more_is_measured_by_its_claim(path, monkeypatch):
    """A reader takes memory by the page's own header, whatever the footer says."""
    pl.DataFrame({"a": ["x" * 200_000]}).write_parquet(path, compression="snappy", statistics=False)
    honest = read_footer(path).memory
    page = Compact(path.read_bytes()[4:100]).structure()
    assert 400_000 < honest < 410_000  # the text, and its page beside it
    altered(path, zigzag(page[2]), zigzag(page[2] + 800_000), count=1)
    assert read_footer(path).memory == honest + 1_600_000
    monkeypatch.setattr("madi.datasets.tables.parquet.available_memory", lambda: 1_000_000)
    assert "too large to read into memory: its rows take 1.9 MiB, 976.6 KiB are free." in refusal(path)


def test_small_files_of_many_rows_are_measured_by_their_rows(path, monkeypatch):
    """A column of one value takes a few bytes in the file, and eight for each row in memory."""
    pl.DataFrame({"a": [7.0] * 1_000_000, "b": ["x"] * 1_000_000}).write_parquet(path)
    assert path.stat().st_size < 20_000
    assert read_footer(path).memory >= 24_000_000
    monkeypatch.setattr("madi.datasets.tables.parquet.available_memory", lambda: 20_000_000)
    said = refusal(path)
    expected = (
        r"data.parquet: too large to read into memory: its rows take [23]\d.\d MiB, 19.1 MiB are free. Go through"
    )
    assert re.match(expected, said)
    with open_table(path) as reader:
        assert sum(table.frame.height for table in reader.chunks()) == 1_000_000


def test_structures_of_the_metadata_are_bounded():
    with pytest.raises(Malformed, match="structures too deep"):
        Compact(b"\x1c" * 1000).structure()
    with pytest.raises(Malformed, match=r"lists too deep|structures too deep"):
        Compact(b"\x19" + b"\x19" * 1000).structure()
    with pytest.raises(Malformed, match="a list of 268435455 in the 2 bytes that are left"):
        Compact(b"\x19\xf6\xff\xff\xff\x7f\x00\x00").structure()
    with pytest.raises(Malformed, match="more than 64 bits"):
        Compact(b"\x16" + b"\xff" * 20).structure()
    with pytest.raises(IndexError):
        Compact(b"\x18\xff\xff\xff\x7f\x00").structure()


def test_structures_are_those_of_the_protocol():
    """Field 1: -3; field 2: "ab"; field 3: true; field 5: [1, 2]; field 21: {1: 7}."""
    content = b"\x16\x05\x18\x02ab\x11\x29\x25\x02\x04\x0c\x2a\x15\x0e\x00\x00"
    fields = Compact(content).structure()
    assert fields == {1: -3, 2: b"ab", 3: True, 5: [1, 2], 21: {1: 7}}
    assert encoded(fields) == content

"""Delimiter, decimal sign and encoding of a text table: detected, or named where they cannot be."""

from __future__ import annotations

import codecs

import pytest

from madi.datasets.tables import read_table, text
from madi.datasets.tables.detection import TableFormat
from madi.errors import ConfigurationError, FileError

KOREAN = "이름,나이\n김철수,31\n이영희,28\n"
ACCENTS = "name,n\nMüller,1\nGrün,2\nGarçon,3\n"


@pytest.fixture
def write(tmp_path):
    """Write bytes or text; returns the path."""

    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def detected(path, **options):
    """(delimiter, decimal, encoding), names, rows."""
    table = read_table(path, **options)
    assert table.format.kind == "text"
    return tuple(table.format.options.values()), table.frame.columns, table.frame.rows()


# ---- delimiters and decimals


DELIMITED = {
    "comma": ("a,b\n1,x\n2,y\n", ",", "."),
    "semicolon": ("a;b\n1;x\n2;y\n", ";", "."),
    "tab": ("a\tb\n1\tx\n2\ty\n", "\t", "."),
    "bar": ("a|b\n1|x\n2|y\n", "|", "."),
    "semicolon beside decimal commas": ("a;b\n1,5;x\n2,25;y\n", ";", ","),
    "comma beside semicolons in quotes": ('a,b\n1,"x;;y"\n2,"p;;q"\n', ",", "."),
    "comma in quotes beside tabs": ('a\tb\n1\t"x,y,z"\n2\t"p,q,r"\n', "\t", "."),
    "semicolon beside commas in most rows": ("a;b\n1;x, y\n2;p, q\n", ";", "."),
    "comma with line ends in quotes": ('a,b\n1,"x\n;y"\n2,"p\n;q"\n', ",", "."),
    "one ragged row": ("a,b,c\n" + "1,2,3\n" * 20 + "1,2,3\n", ",", "."),
    "points and semicolons": ("a;b\n1.5;x\n2.25;y\n", ";", "."),
    "exponents and signs": ("a;b\n-1,5;x\n+2,25;y\n", ";", ","),
}


@pytest.mark.parametrize("name", DELIMITED)
def test_delimiter_and_decimal_are_found(name, write):
    content, delimiter, decimal = DELIMITED[name]
    (found_delimiter, found_decimal, encoding), _, _ = detected(write(content))
    assert (found_delimiter, found_decimal, encoding) == (delimiter, decimal, "utf-8")


def test_decimal_commas_are_numbers(write):
    found, names, rows = detected(write('a;b;c\n3,14;1;" 2,5"\n-0,5;2;1e3\n'))
    assert found == (";", ",", "utf-8")
    assert (names, rows) == (["a", "b", "c"], [(3.14, 1, 2.5), (-0.5, 2, 1000.0)])


def test_thousands_are_not_taken_for_decimals(write):
    """1,234 may be either: it stays text, rather than becoming 1.234."""
    path = write("a\tb\n1,234\tx\n5,678\ty\n")
    found, _, rows = detected(path)
    assert found == ("\t", ".", "utf-8")
    assert rows == [("1,234", "x"), ("5,678", "y")]
    assert read_table(path).notices == (
        "Column 'a' stays text: the commas or points in its numbers could stand for thousands. Take those out that do, "
        "or state the decimal sign.",
    )
    assert detected(path, decimal=",")[2] == [(1.234, "x"), (5.678, "y")]


@pytest.mark.parametrize("late", [False, True])
def test_a_point_for_thousands_is_no_number_beside_decimal_commas(late, write, monkeypatch):
    """1.234 would be wrong by a factor of a thousand, wherever in the file the first point stands."""
    monkeypatch.setattr(text, "HEAD", 100)
    monkeypatch.setattr(text.TextScanner.frames, "__defaults__", (200,))
    rows = ["7;7,5;1,5"] * (100 * late) + ["1.234;1.234,5;1,5", "2.345;2.345;2,5"]
    table = read_table(write("a;b;c\n" + "".join(f"{row}\n" for row in rows)))
    assert table.frame.tail(2).rows() == [("1.234", "1.234,5", 1.5), ("2.345", "2.345", 2.5)]
    assert table.frame.head(-2).rows() == [("7", "7,5", 1.5)] * (100 * late)
    assert len(table.notices) == (0 if late else 2)


def test_a_tsv_file_prefers_tabs(write):
    content = "a,1\tb\nx,2\ty\n"
    assert detected(write(content, "data.csv"))[0][0] == ","
    assert detected(write(content, "data.tsv"))[0][0] == "\t"
    assert detected(write("a\n1\n", "data.tsv"))[1:] == (["a"], [(1,)])


def test_the_format_is_told_in_words():
    assert str(TableFormat("text", "\t", ",", "utf-16-le")) == "delimiter tab, decimal comma, encoding utf-16-le"
    assert str(TableFormat("parquet")) == "Parquet"
    assert TableFormat("parquet").options == {}


# ---- encodings


ENCODED = {
    "UTF-8": (KOREAN.encode(), "utf-8"),
    "UTF-8 with a mark": (codecs.BOM_UTF8 + KOREAN.encode(), "utf-8"),
    "UTF-16 with a mark": (KOREAN.encode("utf-16"), "utf-16-le"),
    "UTF-16, big end first, with a mark": (codecs.BOM_UTF16_BE + KOREAN.encode("utf-16-be"), "utf-16-be"),
    "UTF-16 without a mark": (KOREAN.encode("utf-16-le"), "utf-16-le"),
    "UTF-16, big end first, without a mark": (KOREAN.encode("utf-16-be"), "utf-16-be"),
    "CP949": (KOREAN.encode("cp949"), "cp949"),
}


@pytest.mark.parametrize("name", ENCODED)
def test_encodings_are_found(name, write):
    content, encoding = ENCODED[name]
    path = write(content)
    expected = (["이름", "나이"], [("김철수", 31), ("이영희", 28)])
    assert detected(path) == ((",", ".", encoding), *expected)
    assert detected(path, encoding=encoding)[1:] == expected
    assert read_table(path).place(1) == f"{path}, line 3"


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_western_encodings_are_read_where_they_are_asked_for(encoding, write):
    path = write(ACCENTS.encode(encoding))
    assert [row[0] for row in detected(path, encoding=encoding)[2]] == ["Müller", "Grün", "Garçon"]
    assert [row[0] for row in detected(path, encoding="ISO-8859-1")[2]] == ["Müller", "Grün", "Garçon"]


def test_undecodable_bytes_are_named_with_the_choices(write):
    with pytest.raises(FileError) as caught:
        read_table(path := write(ACCENTS.encode("latin-1")))
    assert str(caught.value) == (
        f"{path}: byte 8 (0xfc) is not utf-8. State the encoding, such as encoding='cp949' (or cp1252, latin-1), "
        "or save the file as UTF-8."
    )
    with pytest.raises(FileError, match=r"data.csv: byte 8 \(0xfc\) is not cp949"):
        read_table(path, encoding="cp949")


def test_western_text_is_not_taken_for_korean(write):
    """These bytes decode as CP949, to syllables that no Korean word has."""
    content = "name,n\nÄrzte,1\nÄpfel,2\nÅsa,3\n".encode("latin-1")
    assert content.decode("cp949").startswith("name,n\n훣zte")
    with pytest.raises(FileError, match=r"byte 7 \(0xc4\) is not utf-8"):
        read_table(write(content))


@pytest.mark.parametrize("sample", [1 << 20, 1000])
def test_korean_that_begins_late_is_found(sample, write, monkeypatch):
    """The sample is ASCII alone, so that only reading on shows that the file is not UTF-8."""
    monkeypatch.setattr("madi.datasets.tables.source.SAMPLE", sample)
    monkeypatch.setattr(text, "HEAD", 500)
    rows = "a,x\n" * 1000
    path = write(("name,word\n" + rows + KOREAN.partition("\n")[2]).encode("cp949"))
    table = read_table(path)
    assert table.format.encoding == "cp949"
    assert table.frame.tail(2).rows() == [("김철수", "31"), ("이영희", "28")]


def test_a_late_byte_that_cannot_be_decoded_is_named(write, monkeypatch):
    monkeypatch.setattr("madi.datasets.tables.source.SAMPLE", 1000)
    monkeypatch.setattr(text, "HEAD", 500)
    monkeypatch.setattr(text.TextScanner.frames, "__defaults__", (3000,))
    content = codecs.BOM_UTF8 + b"name,n\n" + b"a,1\n" * 5000
    path = write(content + "Müller,2\n".encode("latin-1"))
    with pytest.raises(FileError, match=rf"data.csv: byte {len(content) + 1} \(0xfc\) is not utf-8"):
        read_table(path)
    packed = content[3:].decode().encode("utf-16-le") + b"\x00\xd8,\x002\x00\n\x00"
    path = write(codecs.BOM_UTF16_LE + packed)
    with pytest.raises(FileError, match=rf"data.csv: byte {len(packed) - 8 + 2} \(0x00\) is not utf-16-le"):
        read_table(path)


def test_parquet_takes_no_options_of_text(tmp_path):
    path = tmp_path / "data.parquet"
    path.write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"data.parquet: expected no encoding for Parquet, got 'cp949'"):
        read_table(path, encoding="cp949")

"""Tables read whole: types, missing values, lines, and what is said of every file that cannot be read."""

from __future__ import annotations

import csv
import datetime
import errno
import gzip
import io
import lzma
import pickle
import tempfile
import zipfile

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madi.datasets.tables import read_table, records, text
from madi.datasets.tables.dates import FORMS
from madi.errors import ConfigurationError, DataError, FileError, UnknownNameError


@pytest.fixture
def write(tmp_path):
    """Write bytes or text in a folder with a space and Korean letters; returns the path."""

    def write(content, name="data.csv"):
        folder = tmp_path / "내 자료"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def columns(path, **options):
    """{column: entries} of the table."""
    return read_table(path, **options).frame.to_dict(as_series=False)


def refusal(path, kind=(DataError, FileError), **options):
    """The one line that is said of a file, without its folder."""
    with pytest.raises(kind) as caught:
        read_table(path, **options)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value).replace(str(path), path.name)


# ---- what columns hold


TYPES = {
    "whole numbers": (["1", "-2", "+3"], pl.Int64, [1, -2, 3]),
    "numbers": (["1.5", "1e-3", ".5", "2."], pl.Float64, [1.5, 1e-3, 0.5, 2.0]),
    "a number among whole ones": (["1", "2.5"], pl.Float64, [1.0, 2.5]),
    "infinite": (["1", "-inf", "Infinity"], pl.Float64, [1.0, -np.inf, np.inf]),
    "beyond 64 bits": (["1", "12345678901234567890"], pl.Float64, [1.0, 12345678901234567890.0]),
    "spaces around": ([" 1", "2 ", " 3 "], pl.Int64, [1, 2, 3]),
    "spaces around a missing one": (["1.5", " NA "], pl.Float64, [1.5, None]),
    "quoted": (['"1"', '" 2.5"'], pl.Float64, [1.0, 2.5]),
    "postal codes": (["01234", "10115"], pl.String, ["01234", "10115"]),
    "true and false": (["true", "False", "TRUE"], pl.Boolean, [True, False, True]),
    "text": (["red", " blue ", "1"], pl.String, ["red", "blue", "1"]),
    "underscores and other digits": (["1_000", "١", "0x1"], pl.String, ["1_000", "١", "0x1"]),
    "all missing": (["", "NA", "?"], pl.String, [None, None, None]),
    "dates": (["2024-02-29", "2024-3-1"], pl.Date, [datetime.date(2024, 2, 29), datetime.date(2024, 3, 1)]),
    "no dates": (["2023-02-29", "2024-03-01"], pl.String, ["2023-02-29", "2024-03-01"]),
    "day first": (["05/11/2020", "31/12/2020"], pl.Date, [datetime.date(2020, 11, 5), datetime.date(2020, 12, 31)]),
    "month first": (["05/11/2020", "12/31/2020"], pl.Date, [datetime.date(2020, 5, 11), datetime.date(2020, 12, 31)]),
    "Korean dates": (["2024년 3월 5일"], pl.Date, [datetime.date(2024, 3, 5)]),
    "moments": (
        ["2024-01-01 10:00:00", "2024-01-01T10:00:00.5"],
        pl.Datetime("us"),
        [datetime.datetime(2024, 1, 1, 10), datetime.datetime(2024, 1, 1, 10, 0, 0, 500000)],
    ),
    "moments of a zone": (["2024-01-01T10:00:00+09:00"], pl.Datetime("us"), [datetime.datetime(2024, 1, 1, 1)]),
}


@pytest.mark.parametrize("name", TYPES)
def test_columns_hold_the_narrowest_type_of_their_entries(name, write):
    entries, dtype, values = TYPES[name]
    rows = "".join(f"{entry},row {index}\n" for index, entry in enumerate(entries))
    frame = read_table(write("a,b\n" + rows)).frame
    assert frame.schema == {"a": dtype, "b": pl.String}
    assert frame["a"].to_list() == values
    assert frame["b"].to_list() == [f"row {index}" for index in range(len(entries))]


@pytest.mark.parametrize("name", TYPES)
def test_a_type_that_comes_late_in_the_file_is_found(name, write, monkeypatch):
    """The first types are told from a sample: here from less than the missing entries before."""
    monkeypatch.setattr(text, "HEAD", 20)
    entries, dtype, values = TYPES[name]
    rows = "NA,x\n" * 10 + "".join(f"{entry},y\n" for entry in entries)
    frame = read_table(write("a,b\n" + rows)).frame
    assert frame.schema["a"] == dtype
    assert frame["a"].to_list() == [None] * 10 + values


LATE = {
    "number after whole numbers": ("7", "1.5", pl.Float64, [7.0, 1.5]),
    "text after numbers keeps the numbers' text": ("7.10", "seven", pl.String, ["7.10", "seven"]),
    "code after whole numbers": ("7", "007", pl.String, ["7", "007"]),
    "a code as the first field of a piece": ("70", "07", pl.String, ["70", "07"]),
    "number after true": ("true", "1", pl.String, ["true", "1"]),
    "text after dates": ("2024-01-05", "soon", pl.String, ["2024-01-05", "soon"]),
    "date of another form": ("2024-01-05", "05.01.2024", pl.String, ["2024-01-05", "05.01.2024"]),
    "moment after dates": ("2024-01-05", "2024-01-05 10:00", pl.String, ["2024-01-05", "2024-01-05 10:00"]),
    "spaces after numbers": ("7", " 8 ", pl.Int64, [7, 8]),
    "spaces after whole numbers with a code": ("7", " 08 ", pl.String, ["7", "08"]),
    "not a number": ("7.5", "NAN", pl.Float64, [7.5, None]),
}


@pytest.mark.parametrize("name", LATE)
def test_an_entry_of_another_type_late_in_the_file_changes_the_column(name, write, monkeypatch):
    monkeypatch.setattr(text, "HEAD", 50)
    monkeypatch.setattr(text.TextScanner.frames, "__defaults__", (64,))
    first, late, dtype, values = LATE[name]
    rows = [first] * 100 + [late] + [first] * 100
    frame = read_table(write("a,b\n" + "".join(f"{row},x\n" for row in rows))).frame
    assert frame.schema["a"] == dtype
    assert frame["a"].to_list() == [values[0]] * 100 + [values[1]] + [values[0]] * 100


def test_all_words_for_missing_are_missing_quoted_or_not(write):
    words = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"]
    rows = "".join(f'{word},"{word}",{word}\n' for word in words)
    table = read_table(write(f"a,b,c\n{rows}1,x,na\n"))
    assert table.frame["a"].to_list() == [None] * len(words) + [1]
    assert table.frame["b"].to_list() == [None] * len(words) + ["x"]
    assert table.frame["c"].to_list() == [None] * len(words) + ["na"]


def test_dates_whose_day_and_month_could_be_exchanged_stay_text_and_a_notice_says_so(write):
    table = read_table(write("day,n\n01/02/2024,1\n03/04/2024,2\n"))
    assert table.frame["day"].to_list() == ["01/02/2024", "03/04/2024"]
    expected = "Column 'day' stays text: in its dates, day and month could be exchanged. Write them as 2024-12-31."
    assert table.notices == (expected,)


def test_every_form_of_a_date_reads_what_it_writes():
    moment = datetime.datetime(2024, 12, 31, 23, 59, 58)
    for form in FORMS:
        written = moment.strftime(form.format.replace("%.f", ".25").replace("%#z", "+01:00"))
        (read,) = form.parse(pl.Series([written])).to_list()
        expected = moment if "%S" in form.format else moment.replace(second=0)
        expected = expected.replace(microsecond=250000) if "%.f" in form.format else expected
        assert read == (expected - datetime.timedelta(hours=form.zoned) if form.timed else moment.date()), form


def test_columns_are_those_of_a_reader_in_plain_python(write):
    """Python's own csv and float, over random tables."""
    random = np.random.default_rng(0)
    rows = [
        [f"{a:.6g}", str(b), ["red", 'say "hi"', "two\nlines", "a,b"][c]]
        for a, b, c in zip(
            random.normal(size=500), random.integers(0, 99, 500), random.integers(0, 4, 500), strict=True
        )
    ]
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([["x", "n", "note"], *rows])
    frame = read_table(write(buffer.getvalue())).frame
    assert frame.rows() == [(float(x), int(n), note) for x, n, note in rows]


# ---- where rows stand


def test_places_name_the_line_of_a_row(write):
    path = write('\na,b\n1,x\n\n2,"two\nlines"\r\n\r\n3,z')
    table = read_table(path)
    assert table.frame["a"].to_list() == [1, 2, 3]
    assert [table.place(row) for row in range(3)] == [f"{path}, line {line}" for line in (3, 5, 8)]
    assert table.lines().tolist() == [3, 5, 8]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_all_line_ends_are_read(ends, write):
    assert columns(write(f"a,b{ends}1,x{ends}2,y{ends}")) == {"a": [1, 2], "b": ["x", "y"]}
    assert columns(write(f"a,b{ends}1,x{ends}2,y")) == {"a": [1, 2], "b": ["x", "y"]}


def test_a_table_of_one_column(write):
    path = write("a\n1\n\n2\n")
    assert columns(path) == {"a": [1, 2]}
    assert read_table(path).place(1) == f"{path}, line 4"


def test_names_lose_their_spaces_and_may_be_quoted(write):
    assert list(columns(write('\ufeff a , "b, c" ,d\n1,2,3\n'.replace(' "b, c" ', '"b, c"')))) == ["a", "b, c", "d"]


@pytest.mark.parametrize(("name", "pack"), [("data.csv.gz", gzip.compress), ("data.tsv.xz", lzma.compress)])
def test_compressed_tables_are_those_that_were_packed(name, pack, write):
    path = write(pack(b"a\tb\n1\tx\n2\ty\n"), name)
    assert columns(path) == {"a": [1, 2], "b": ["x", "y"]}
    assert read_table(path).place(1) == f"{path}, line 3"


# ---- records, against Python's own reader


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300).map(lambda content: bytes(byte if byte % 3 else ord('"') for byte in content)))
def test_bytes_within_quotes_have_an_odd_number_of_marks_up_to_them(content):
    expected = [content.count(b'"', 0, at + 1) % 2 == 1 for at in range(len(content))]
    assert records.inside(np.frombuffer(content, np.uint8)).tolist() == expected


FIELD = st.text(alphabet='ab,;"\n é', max_size=6)


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.lists(FIELD, min_size=2, max_size=4), min_size=1, max_size=8), size=st.integers(1, 40))
def test_pieces_hold_the_records_that_csv_finds(rows, size):
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    content = buffer.getvalue().encode()
    found = list(records.pieces(io.BytesIO(content), size))
    assert b"".join(piece.content for piece in found) == content
    assert [line for piece in found for line in csv.reader(io.StringIO(piece.content.decode(), newline=""))] == rows
    assert [fields for piece in found for fields in records.count_fields(piece.content, ",")] == [len(r) for r in rows]
    assert all(records.quote_fault(piece.content, ",") is None for piece in found)
    assert all(piece.line == 1 + content[: piece.offset].count(b"\n") for piece in found)


# ---- what cannot be read


CORRECT = " Correct the line; an entry with the delimiter ',' in it stands in quotation marks."
CLOSE = ' Close the field, or quote the whole of it, from its first sign on, and write each mark in it twice ("").'
REFUSED = {
    "empty file": ("", "data.csv: expected a header and rows, got an empty file. Save the table again."),
    "blank lines alone": ("\n\r\n", "data.csv: expected a header and rows, got an empty file. Save the table again."),
    "header alone": ("a,b\n", "data.csv: expected rows after the header (a, b), got none. Add rows."),
    "no header": (
        "1,2.5\n3,4\n",
        "data.csv, line 1: expected a header with the names of the columns, got numbers (1, 2.5). Add a first line of "
        "2 names, such as x1, x2.",
    ),
    "the same name twice": (
        "a,b, a\n1,2,3\n",
        "data.csv, line 1: expected different names, got 'a' for columns 1 and 3. Rename one of them.",
    ),
    "a column without a name": (
        ",a\n0,1\n",
        "data.csv, line 1: expected a name for each of 2 columns, got none for column 1. Name it, or save the "
        "table without its index.",
    ),
    "too few fields": (
        "a,b,c\n1,2,3\n\n4,5\n6,7,8\n",
        "data.csv, line 4: expected 3 fields as in the header, got 2." + CORRECT,
    ),
    "too many fields": (
        'a,b\n"1\n",2\n4,5,6\n',
        "data.csv, line 4: expected 2 fields as in the header, got 3." + CORRECT,
    ),
    "one field too few and one too many": (
        "a,b,c\n1,2,3\n1,2\n1,2,3,4\n",
        "data.csv, line 3: expected 3 fields as in the header, got 2." + CORRECT,
    ),
    "a quote that is not closed": (
        'a,b\n1,x\n2,"y\n3,z\n',
        "data.csv, line 3: expected fields quoted whole or not at all, got a quoted field that never ends." + CLOSE,
    ),
    "a quote within a field": (
        'a,b\n1,5" pipe\n2,"y"\n3,6" pipe\n',
        "data.csv, line 2: expected fields quoted whole or not at all, got a quotation mark within a field." + CLOSE,
    ),
    "a space before a quote": (
        'a,b\n1, "x, y"\n',
        "data.csv, line 2: expected fields quoted whole or not at all, got a quotation mark within a field." + CLOSE,
    ),
    "text after a quoted field": (
        'a,b\n1,x\n2,"y\n3,"z"\n',
        "data.csv, line 3: expected fields quoted whole or not at all, got a quoted field with text after its end."
        + CLOSE,
    ),
    "a NUL byte": (
        "a,b\n1,x\n2,\0y\n" + "3,z\n" * 40,
        "data.csv: expected text, got binary content: a NUL byte at byte 10. Export the table as CSV from the program "
        "that wrote it.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_table_is_refused_with_its_place_and_remedy(name, write):
    content, expected = REFUSED[name]
    assert refusal(write(content), DataError if "NUL" not in name else FileError) == expected


def test_the_line_is_right_far_into_the_file(write, monkeypatch):
    monkeypatch.setattr(text.TextScanner.frames, "__defaults__", (1000,))
    rows = [f"{index},x\n" for index in range(5000)]
    rows[4321] = "4321,x,y\n"
    assert refusal(write("a,b\n" + "".join(rows))).startswith("data.csv, line 4323: expected 2 fields as in the header")
    rows[4321] = "4321,\0\n"
    at = len("a,b\n" + "".join(rows[:4321])) + 5
    monkeypatch.setattr("madi.datasets.tables.source.SAMPLE", 100)
    assert f"a NUL byte at byte {at} (line 4323)" in refusal(write("a,b\n" + "".join(rows)))


def test_files_that_are_none(write, tmp_path):
    path = write("a,b\n1,2\n", "house.csv")
    missing = path.with_name("hous.csv")
    assert refusal(missing, FileError) == "hous.csv: there is no such file. Check the path. Was 'house.csv' meant?"
    assert refusal(tmp_path, FileError).endswith("expected the file of a table, got a folder. Name the file in it.")
    other = write("a,b\n1,2\n", "data.dat")
    expected = "expected a name that ends in .csv, .tsv, .txt, .parquet (text also with .gz or .xz). Rename the file."
    assert refusal(other, FileError) == f"data.dat: {expected}"


def xlsx():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return buffer.getvalue()


def saved(save, *values):
    buffer = io.BytesIO()
    save(buffer, *values)
    return buffer.getvalue()


FOREIGN = {
    "pickle": (pickle.dumps([1, 2]), "a Python pickle, which could run code and is never loaded"),
    "old pickle": (pickle.dumps([1, 2], protocol=0), "a Python pickle, which could run code and is never loaded"),
    "pickle of a function": (b"cposix\nsystem\n(S'true'\ntR.", "a Python pickle, which could run code"),
    "NumPy": (saved(np.save, np.arange(3)), "a NumPy array"),
    "npz": (saved(np.savez, np.arange(3)), "a NumPy archive (.npz)"),
    "xlsx": (xlsx(), "an Excel workbook (.xlsx). Save the table as CSV."),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "an old Excel workbook. Save the table as CSV."),
    "zip": (b"PK\x03\x04" + bytes(100), "a zip archive. Unpack it."),
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(50), "a PNG picture"),
    "JPEG": (b"\xff\xd8\xff\xe0" + bytes(50), "a JPEG picture"),
    "Parquet": (b"PAR1" + bytes(50), "a Parquet file. Rename it so that its name ends in .parquet."),
    "gzip": (gzip.compress(b"a,b\n"), "gzip data. Rename it so that its name ends in .csv.gz."),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_other_files_are_refused_by_their_content(name, write):
    content, kind = FOREIGN[name]
    said = refusal(write(content), FileError)
    assert said.startswith(f"data.csv: expected a table as text, got {kind}")
    packed = refusal(write(gzip.compress(content), "data.csv.gz"), FileError)
    assert packed.startswith(f"data.csv.gz: expected a table as text, got {kind}")


def test_a_line_that_does_not_end_is_refused(write, monkeypatch):
    monkeypatch.setattr(records, "LONGEST", 10_000)
    monkeypatch.setattr(text, "HEAD", 1000)
    monkeypatch.setattr(text.TextScanner.frames, "__defaults__", (1000,))
    long = write("a,b\n1,2\n" + "x" * 50_000)
    assert refusal(long, DataError).startswith("data.csv, line 3: expected a row of at most")
    assert "got a line that does not end in that. Save the file as text with one row a line." in refusal(long)
    quoted = write('a,b\n1,2\n3,"' + "x\n" * 25_000)
    assert "got a quoted field that does not end in that. Close the field." in refusal(quoted)


@pytest.mark.parametrize(("name", "pack"), [("bomb.csv.gz", gzip.compress), ("bomb.csv.xz", lzma.compress)])
def test_compressed_bombs_stop_at_their_limit(name, pack, write, monkeypatch):
    monkeypatch.setattr("madi.datasets.tables.source.ALLOWANCE", 10_000)
    path = write(pack(b"a,b\n" + b"1,2\n" * 1_000_000), name)
    assert "expected at most" in refusal(path, FileError)


def test_a_truncated_compressed_table_is_named(write):
    path = write(gzip.compress(b"a,b\n" + b"1,2\n" * 1000)[:-10], "data.csv.gz")
    assert refusal(path, FileError).startswith("data.csv.gz: truncated after byte ")


def test_a_table_that_memory_does_not_hold_is_refused(write, monkeypatch):
    monkeypatch.setattr("madi.datasets.tables.reading.available_memory", lambda: 1 << 20)
    said = refusal(write("a,b\n1,2\n"), FileError)
    assert said.startswith("data.csv: too large to read into memory. Go through it in pieces")


def test_a_full_disk_is_named_with_its_folder(write, monkeypatch, tmp_path):
    def full(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "write", full)
    said = refusal(write(gzip.compress(b"a,b\n1,2\n"), "data.csv.gz"), FileError)
    assert said == (
        f"Cannot unpack data.csv.gz into {tmp_path}: No space left on device. Make room there, or set TMPDIR to "
        "another folder."
    )


def test_unreadable_files_are_named(write, monkeypatch):
    path = write("a,b\n1,2\n")

    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    assert refusal(path, FileError).startswith("Cannot read data.csv: Permission denied.")


# ---- options


def test_options_are_taken_as_given(write):
    path = write("a;b\n3,14;x\n2,5;y\n")
    assert columns(path, delimiter="semicolon", decimal="comma") == {"a": [3.14, 2.5], "b": ["x", "y"]}
    assert columns(path, delimiter=";", decimal=".") == {"a": ["3,14", "2,5"], "b": ["x", "y"]}
    assert list(columns(path, delimiter="bar")) == ["a;b"]


def test_unknown_options_get_the_closest(write):
    path = write("a;b\n1;2\n")
    with pytest.raises(UnknownNameError, match="Unknown delimiter 'semicolons': did you mean 'semicolon'"):
        read_table(path, delimiter="semicolons")
    with pytest.raises(UnknownNameError, match="Unknown decimal sign 'coma': did you mean 'comma'"):
        read_table(path, decimal="coma")
    with pytest.raises(UnknownNameError, match="Unknown encoding 'cp94': did you mean 'cp949'"):
        read_table(path, encoding="cp94")
    with pytest.raises(ConfigurationError, match="expected a delimiter that is not the decimal sign, got ',' for both"):
        read_table(path, delimiter=",", decimal=",")

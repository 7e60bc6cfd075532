"""Tables larger than memory: pieces, types over the whole file, batches in an order that seed and epoch give."""

from __future__ import annotations

import gzip
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest

from madi.datasets.tables import memory, open_table, read_table, reading
from madi.datasets.tables.footer import read_footer
from madi.datasets.tables.memory import available_memory, readable_size, too_large
from madi.datasets.tables.streaming import TableBatches, row_part
from madi.errors import ConfigurationError, DataError, FileError

ROWS = 3000


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(reading, "STREAMED", 1000)
    monkeypatch.setattr("madi.datasets.tables.parquet.PIECE_ROWS", 100)


@pytest.fixture(params=["csv", "csv.gz", "utf-16", "parquet"])
def path(request, tmp_path, small_pieces):
    """A table whose row number is its first column, in every form."""
    path = tmp_path / f"data.{request.param.replace('utf-16', 'csv')}"
    frame = pl.DataFrame({"n": range(ROWS), "x": np.arange(ROWS) / 8, "word": [f"w\n{n % 5}" for n in range(ROWS)]})
    if request.param == "parquet":
        frame.write_parquet(path, row_group_size=700)
        return path
    content = frame.write_csv()
    packed = {"csv.gz": gzip.compress(content.encode()), "utf-16": content.encode("utf-16")}
    path.write_bytes(packed.get(request.param, content.encode()))
    return path


def inputs(table):
    return table.frame.select("n", "x").to_numpy().astype(np.float32)


def targets(table):
    return (table.frame["n"].to_numpy() % 2).astype(np.int32)


def batches(path, **options):
    return TableBatches(open_table(path), inputs=inputs, targets=targets, **options)


def numbers(found):
    return np.concatenate([batch.x[:, 0] for batch in found])


# ---- pieces


def test_pieces_are_the_table_with_its_places(path):
    whole = read_table(path)
    with open_table(path) as reader:
        assert (reader.rows, reader.format, reader.schema) == (ROWS, whole.format, dict(whole.frame.schema))
        assert len(reader) > 20
        pieces = list(reader.chunks())
        assert pl.concat(piece.frame for piece in pieces).equals(whole.frame)
        middle = pieces[len(pieces) // 2]
        row = middle.frame["n"][3]
        assert middle.place(3) == whole.place(row)
        assert middle.lines().tolist() == whole.lines()[row - 3 : row - 3 + middle.frame.height].tolist()
        assert reader.piece(7).frame.equals(pieces[7].frame)


def test_chunks_have_the_rows_that_were_asked_for(path):
    with open_table(path) as reader:
        chunks = list(reader.chunks(801))
        assert [chunk.frame.height for chunk in chunks] == [801, 801, 801, 597]
        assert [chunk.frame["n"][0] for chunk in chunks] == [chunk.first for chunk in chunks] == [0, 801, 1602, 2403]
        assert chunks[2].place(0) == read_table(path).place(1602)
        with pytest.raises(ConfigurationError, match="expected at least 1 row a chunk, got rows=0"):
            list(reader.chunks(0))


def test_types_are_those_of_the_whole_file_in_every_piece(tmp_path, small_pieces, monkeypatch):
    """What the last rows hold decides how the first are read."""
    monkeypatch.setattr("madi.datasets.tables.text.HEAD", 100)
    path = tmp_path / "data.csv"
    path.write_text("a,b,c\n" + "1,7.10,\n" * 500 + "2.5,seven,2024-01-05\n")
    with open_table(path) as reader:
        assert reader.schema == {"a": pl.Float64, "b": pl.String, "c": pl.Date}
        first = reader.piece(0).frame
        assert dict(first.schema) == reader.schema
        assert first.row(0) == (1.0, "7.10", None)
        assert pl.concat(table.frame for table in reader.chunks()).equals(read_table(path).frame)


def test_bad_rows_are_named_with_their_line(tmp_path, small_pieces):
    path = tmp_path / "data.csv"
    path.write_text("a,b\n" + "1,2\n" * 2000 + "1,2,3\n" + "1,2\n" * 2000)
    with pytest.raises(DataError, match=r"data.csv, line 2002: expected 2 fields as in the header, got 3"):
        open_table(path)


def test_a_file_that_changes_is_noticed(tmp_path, small_pieces):
    path = tmp_path / "data.csv"
    path.write_text("a,b\n" + "1,2\n" * 2000)
    with open_table(path) as reader:
        path.write_text("a,b\n" + "1,x\n" * 2000)
        with pytest.raises(FileError, match=r"data.csv: the file has changed while it was read. Open it again."):
            reader.piece(3)


# ---- batches


def test_a_pass_gives_every_example_once_with_its_target(path):
    data = batches(path, batch_size=64, seed=3)
    found = list(data)
    assert (data.count, data.shape, data.batch_size) == (ROWS, (2,), 64)
    assert [len(batch.x) for batch in found] == [64] * (ROWS // 64) + [ROWS % 64]
    assert sorted(numbers(found)) == list(range(ROWS))
    for x, y in found:
        np.testing.assert_array_equal(x[:, 1], x[:, 0] / 8)
        np.testing.assert_array_equal(y, x[:, 0] % 2)


def test_the_order_depends_on_seed_and_epoch_alone(path):
    def order(seed, epoch, passes=0):
        data = batches(path, batch_size=50, seed=seed)
        for _ in range(passes):
            list(data)
        data.set_epoch(epoch)
        return numbers(data).tolist()

    first = order(0, 0)
    assert order(0, 0) == order(0, 0, passes=2) == first
    assert len({tuple(order(0, 1)), tuple(order(1, 0)), tuple(first)}) == 3
    data = batches(path, batch_size=50)
    half = iter(data)
    next(half)
    assert numbers(data).tolist() == first  # a pass that was left does not change the next


def test_the_order_is_mixed_across_the_file(path):
    """A batch meets rows from far apart; in order of the file, the spread of 50 numbers would be 14."""
    for batch in list(batches(path, batch_size=50))[:-1]:
        assert batch.x[:, 0].std() > 100


def test_the_order_of_the_file_is_kept_on_request(path):
    assert numbers(batches(path, batch_size=70, shuffled=False)).tolist() == list(range(ROWS))


def test_passes_over_one_reader_at_once_do_not_disturb_each_other(path):
    """As training and validation do whose batches are prepared in threads."""
    reader = open_table(path)
    passes = [TableBatches(reader, inputs=inputs, targets=targets, batch_size=50, seed=seed) for seed in range(4)]
    alone = [numbers(found).tolist() for found in passes]
    with ThreadPoolExecutor(len(passes)) as pool:
        assert [found.tolist() for found in pool.map(numbers, passes)] == alone


def test_parts_divide_the_rows_by_their_numbers(path):
    shares = [(0.0, 0.2), (0.2, 0.3), (0.3, 1.0)]
    parts = [batches(path, part=row_part(*share, seed=5)) for share in shares]
    found = [set(numbers(part).tolist()) for part in parts]
    assert [part.count for part in parts] == [len(rows) for rows in found]
    assert set.union(*found) == set(range(ROWS))
    assert sum(map(len, found)) == ROWS
    for rows, (begin, end) in zip(found, shares, strict=True):
        assert abs(len(rows) / ROWS - (end - begin)) < 0.03
    other = set(numbers(batches(path, part=row_part(0.0, 0.2, seed=6))).tolist())
    assert len(other & found[0]) < 0.3 * ROWS * 0.2


def test_shares_come_close_to_what_was_asked_whatever_the_seed():
    rows = np.arange(100_000)
    for seed in (0, 1, 2, 2**63):
        chosen = row_part(0.1, 0.2, seed=seed)(rows)
        assert abs(chosen.mean() - 0.1) < 0.004  # four standard deviations
        assert abs(np.corrcoef(chosen[:-1], chosen[1:])[0, 1]) < 0.013


def test_parts_without_rows_and_sizes_of_nothing_are_refused(path):
    with pytest.raises(DataError, match=r"none of its 3000 rows fall into this part. Take a larger share."):
        batches(path, part=row_part(0.5, 0.5))
    with pytest.raises(ConfigurationError, match="expected batch_size of at least 1, got 0"):
        batches(path, batch_size=0)


# ---- what is too large


def test_large_is_judged_by_file_and_memory(tmp_path, monkeypatch):
    path = tmp_path / "data.csv"
    path.write_text("a,b\n" + "1,2\n" * 1000)
    packed = tmp_path / "data.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes() * 100))
    other = tmp_path / "data.parquet"
    pl.DataFrame({"a": [1.0] * 10_000}).write_parquet(other)
    for found, limit in ((path, 24_000), (packed, 60 * packed.stat().st_size), (other, 3 * read_footer(other).memory)):
        monkeypatch.setattr(memory, "available_memory", lambda limit=limit: int(1.1 * limit))
        assert not too_large(found)
        monkeypatch.setattr(memory, "available_memory", lambda limit=limit: int(0.9 * limit))
        assert too_large(found)


def test_available_memory_heeds_the_limit_on_the_address_space():
    code = """
        import resource
        from madi.datasets.tables.memory import available_memory
        size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + (50 << 20), resource.RLIM_INFINITY))
        print(available_memory())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert 40 << 20 < int(done.stdout) <= 50 << 20
    assert available_memory() > 50 << 20
    assert readable_size(2048) == "2.0 KiB"


LIMIT = """
import resource, sys
import numpy as np
from madi.datasets.tables import load_table, memory, open_table, read_table
from madi.datasets.tables.streaming import TableBatches
from madi.errors import FileError

path, warm, size = sys.argv[1], sys.argv[2], int(sys.argv[3])

def limit():
    peak = int(open("/proc/self/status").read().split("VmPeak:")[1].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (peak + size // 4, resource.RLIM_INFINITY))
    assert memory.too_large(path)

"""
READ = """
def inputs(table):
    return table.frame.select("n", "x", "z").to_numpy()

def targets(table):
    return table.frame["y"].to_numpy()

def sums(path):
    total, count = np.zeros(4), 0
    for x, y in TableBatches(open_table(path), inputs=inputs, targets=targets, batch_size=1000):
        total, count = total + [*x.sum(axis=0), y.sum()], count + len(x)
    return count, total

sums(warm)  # threads, arenas and code of a small table
limit()
try:
    read_table(path)
    print("read whole")
except FileError as error:
    print(error)
count, total = sums(path)
print(count, *map(float.hex, total))
"""
LOAD = """
def passed(path, **options):
    data = load_table(path, target="z", test=0.2, validation=0.1, **options)
    return type(data).__name__, [sum(len(x) for x, _ in part) for part in (data.train, data.validation, data.test)]

passed(warm, stream=True)
limit()
name, counts = passed(path)
print(name, *counts)
"""


@pytest.fixture
def large(tmp_path):
    """4 million rows in a file, and what a process prints that has room for a quarter of it."""

    def large(suffix, code):
        rows, random = 4_000_000, np.random.default_rng(0)
        columns = {"n": np.arange(rows), "x": random.integers(0, 2**40, rows) / 2**20, "y": random.integers(0, 9, rows)}
        frame = pl.DataFrame(columns).with_columns(z=random.normal(size=rows))
        path, warm = tmp_path / f"data.{suffix}", tmp_path / f"warm.{suffix}"
        for part, target in ((frame, path), (frame.head(400_000), warm)):
            part.write_csv(target) if suffix == "csv" else part.write_parquet(target, compression="uncompressed")
        command = [sys.executable, "-c", LIMIT + code, str(path), str(warm), str(path.stat().st_size)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        return frame, done.stdout.splitlines()

    return large


@pytest.mark.long
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_quarter_of_the_file_is_memory_enough_to_read_it(suffix, large):
    """A pass over all rows in an address space that has room for a quarter of the file, against reading it whole."""
    frame, (refused, line) = large(suffix, READ)
    assert "too large to read into memory" in refused
    count, *total = line.split()
    assert int(count) == frame.height
    expected = [frame[name].sum() for name in ("n", "x", "z", "y")]
    np.testing.assert_allclose([float.fromhex(value) for value in total], expected, rtol=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_quarter_of_the_file_is_memory_enough_to_prepare_it(suffix, large):
    frame, (line,) = large(suffix, LOAD)
    name, *counts = line.split()
    assert name == "StreamedDataset"
    assert sum(map(int, counts)) == frame.height
    np.testing.assert_allclose(np.array(counts, int) / frame.height, [0.7, 0.1, 0.2], atol=0.002)

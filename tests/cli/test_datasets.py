"""madi datasets: every set, its sizes, and where it is."""

from madi.datasets import NAMES


def test_all_sets_with_their_sizes(madi):
    result = madi("datasets")
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in result.out.splitlines() if line.split()}
    assert (result.code, result.err) == (0, "")
    assert set(NAMES) <= set(rows)
    assert rows["digits"] == "images 8 x 8 x 1 1,437 360 10 in the box"
    assert rows["mnist"] == "images 28 x 28 x 1 60,000 10,000 10 to download"
    assert rows["planar"] == "points 2 400 400 2 in the box"


def test_where_a_download_would_go(madi, tmp_path):
    assert f"  mnist: {tmp_path / 'cache' / 'madi' / 'datasets' / 'mnist'}\n" in madi("datasets").out


def test_a_local_copy_is_found(madi, monkeypatch, tmp_path):
    folder = tmp_path / "자료" / "mnist"
    folder.mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (folder / f"{name}-ubyte").write_bytes(b"")
    monkeypatch.setenv("MADI_DATA", str(tmp_path / "자료"))
    result = madi("datasets")
    assert f"  mnist: {folder}\n" in result.out
    assert [line.split()[-1] for line in result.out.splitlines() if line.startswith("mnist ")] == ["local"]

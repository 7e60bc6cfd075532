"""A result: shown, saved, recorded, read again."""

import json

import numpy as np
import pytest

import madi
from madi.errors import ConfigurationError, FileError
from madi.lab import Result, run
from madi.lab.framework.experiment import keep
from madi.lab.framework.figures import png_of, svg_of


def test_it_has_data_claims_and_a_figure(toy):
    result = run(toy)
    assert result.claims == {"The last point, 6, is > 3.": True, "Always so.": True}
    assert all(type(shown) is bool for shown in result.claims.values())
    assert result.confirmed == 2
    assert run(toy, slope=0.5).confirmed == 1
    assert result.figure is result.figure
    assert repr(result).startswith("<Result of toy: 2 of 2 claims shown, 0.0 s.")


def test_it_is_written_as_four_files(toy, tmp_path):
    result = run(toy, slope=3.0)
    files = result.save(tmp_path / "new" / "folder")
    assert [file.name for file in files] == ["toy.html", "toy.png", "toy.svg", "toy.json"]
    assert files[1].read_bytes().startswith(b"\x89PNG")
    assert "<svg" in files[2].read_text()
    told = json.loads(files[3].read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert told["parameters"]["slope"] == 3.0
    assert told["data"]["heights"] == [3.0, 6.0, 9.0]
    assert told["data"]["odd"]["nan"] == [1.0, "NaN", "-Infinity"]
    assert told["claims"] == result.claims
    assert told["versions"]["madi"] == madi.__version__
    assert len(told["date"]) == len("2026-01-01")


def test_the_same_data_give_the_same_bytes(toy, tmp_path):
    first, second = run(toy).save(tmp_path / "1"), run(toy).save(tmp_path / "2")
    assert first[1].read_bytes() == second[1].read_bytes()
    assert first[2].read_bytes() == second[2].read_bytes()
    assert first[2].read_bytes() != run(toy, slope=3.0).save(tmp_path / "3")[2].read_bytes()


def test_a_picture_says_nothing_of_when_it_was_made(toy):
    result = run(toy)
    assert "dc:date" not in result.svg
    assert b"Software" not in result.png


def test_a_drawing_of_a_graph_is_a_figure_too():
    drawing = madi.draw(madi.Variable(3.0, name="x") * 2)
    assert svg_of(drawing) == drawing.svg
    assert png_of(drawing).startswith(b"\x89PNG")


def test_it_comes_back_from_json(toy):
    result = run(toy, points=(2, 4), quick=True)
    again = Result.from_json(result.experiment, result.to_json())
    assert again.recorded
    assert again.quick
    assert again.parameters == result.parameters
    assert again.claims == result.claims
    assert again.svg == result.svg
    assert isinstance(again.data["noise"], np.ndarray)
    assert again.data["noise"].dtype == np.float32


def test_it_shows_itself_in_a_notebook(toy):
    html = run(toy)._repr_html_()
    assert "<svg" in html
    assert "The last point, 6, is &gt; 3." in html
    assert "only &lt;digits&gt;" in html
    assert "<html" not in html


def test_a_folder_that_cannot_be_written_is_named(toy, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"file: cannot write there .*Choose another folder\.$"):
        run(toy).save(tmp_path / "file")


def test_how_to_run_it_again(toy):
    assert run(toy).command == "madi lab run toy"
    assert run(toy).call == 'madi.lab.run("toy")'
    changed = run(toy, quick=True, points=(4,), rising=False, seed=3, slope=1.0)  # the slope is that of a quick run
    assert changed.command == "madi lab run toy --quick --points 4 --no-rising --seed 3"
    assert changed.call == 'madi.lab.run("toy", quick=True, points=(4,), rising=False, seed=3)'


# ---- experiments that take hours


def test_without_a_record_it_says_how_to_compute(long_toy):
    with pytest.raises(ConfigurationError) as error:
        run(long_toy)
    expected = "long_toy: there is no recorded result. Compute it with anew=True (--anew), which takes about 2 hours, "
    assert str(error.value) == expected + "or 0.1 s quick."


def test_the_recorded_result_is_shown(long_toy):
    kept = keep(run(long_toy, anew=True, slope=3.0))
    assert kept.parent.name == "recorded"
    result = run(long_toy)
    assert result.recorded
    assert result.parameters["slope"] == 3.0
    assert result.data["heights"].tolist() == [3, 6, 9]
    assert result.command == "madi lab run long_toy"
    assert run(long_toy, slope=3.0, points=(1, 2, 3)).recorded
    assert run(long_toy, quick=True).data["heights"].tolist() == [3, 6, 9]


def test_other_parameters_than_the_recorded_need_anew(long_toy):
    keep(run(long_toy, anew=True))
    with pytest.raises(ConfigurationError) as error:
        run(long_toy, slope=3.0)
    expected = "long_toy: the recorded result has slope = 2.0, got 3.0. Compute it with anew=True (--anew), "
    assert str(error.value) == expected + "which takes about 2 hours."
    anew = run(long_toy, slope=3.0, anew=True)
    assert not anew.recorded
    assert anew.command == "madi lab run long_toy --anew --slope 3.0"
    assert anew.call == 'madi.lab.run("long_toy", anew=True, slope=3.0)'


def test_a_quick_run_anew_computes(long_toy):
    keep(run(long_toy, anew=True))
    result = run(long_toy, quick=True, anew=True)
    assert (result.recorded, result.parameters["slope"]) == (False, 1.0)

"""madi lab: the list, a page in the terminal, runs, the book; mistakes in one line."""

import json

import pytest


def test_help_where_nothing_is_asked(madi, toy):
    assert "madi lab run gradient_descent --learning-rate 0.9" in madi("lab").out
    listed = madi("lab", "run")
    assert (listed.code, listed.err) == (0, "")
    assert "  toy  A toy." in listed.out
    assert "  all  All experiments" in listed.out


def test_the_list(madi, toy, long_toy):
    result = madi("lab", "list")
    assert (result.code, result.err) == (0, "")
    lines = [line.split() for line in result.out.splitlines()]
    assert lines[0] == ["rows", "name", "experiment", "seconds", "quick"]
    assert lines[2:] == [["B2,", "A1", "long_toy", "A", "toy", "recorded", "0.1"],
                         ["B2,", "A1", "toy", "A", "toy", "0.2", "0.1"]]  # fmt: skip


def test_the_options_are_the_parameters(madi, toy):
    result = madi("lab", "run", "toy", "--help")
    words = " ".join(result.out.split())
    assert result.code == 0
    assert "A toy. Examples: madi lab run toy --quick madi lab run toy --slope 2.0" in words
    assert "--slope NUMBER of the line: 0 to 10. [2]" in words
    assert "--points LIST where it is looked at: each 1 to 9, separated by commas. [1,2,3]" in words
    assert "--kind NAME of what is drawn: line, curve. [line]" in words
    assert "--rising whether it rises: yes or no. [yes]" in words
    assert "--anew" not in words


def test_a_run(madi, toy, tmp_path):
    result = madi(
        "lab", "run", "toy", "--slope", "3", "--points", "1,4", "--ends", "-1,2", "--no-rising", "--seed", "5"
    )
    assert result.code == 0
    assert "A toy  (B2, A1)\n\n✗ The last point, -12, is > 3. Not shown by these data.\n✓ Always so.\n" in result.out
    assert result.err == "only <digits>\n"
    folder = tmp_path / "runs" / "lab"
    assert f"written to {folder.relative_to(tmp_path)}\n  toy.html  toy.png  toy.svg  toy.json\n" in result.out
    told = json.loads((folder / "toy.json").read_text(encoding="utf-8"))["parameters"]
    assert told == {"slope": 3.0, "points": [1, 4], "ends": [-1.0, 2.0], "kind": "line", "rising": False, "seed": 5}


def test_the_name_may_stand_after_the_options(madi, toy, tmp_path):
    assert madi("lab", "run", "--quick", "--output", "there", "toy", "--seed", "1").code == 0
    assert json.loads((tmp_path / "there" / "toy.json").read_text(encoding="utf-8"))["quick"] is True


def test_the_page_and_the_source_in_the_terminal(madi, toy):
    result = madi("lab", "show", "toy")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("A toy  (B2, A1)\n\nIt has `numbers` of a line. Watch them rise <fast> & far.\n")
    assert "    y = slope x < 2\n" in result.out
    assert "def compute(" in result.out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run", "tooy"], "madi: Unknown experiment 'tooy': did you mean 'toy'? madi.lab.names() (madi lab list) has"),
        (["show", "tooy"], "madi: Unknown experiment 'tooy': did you mean 'toy'? madi.lab.names() (madi lab list) has"),
        (["show"], "madi lab show: NAME is missing. See madi lab show --help."),
        (["rum"], "madi lab: unknown command 'rum'. Did you mean 'run'? See madi lab --help."),
        (["run", "toy", "--slop", "1"], "madi lab run toy: unknown option --slop: did you mean --slope? See madi lab"),
        (
            ["run", "toy", "--slope", "11"],
            "madi: toy: slope must be a number from 0 to 10, got 11.0. Its default is 2.0.",
        ),
        (
            ["run", "toy", "--slope", "x"],
            "madi: toy: slope must be a number from 0 to 10, got 'x'. Its default is 2.0.",
        ),
        (["run", "toy", "--points", "1,x"], "madi: toy: points must be whole numbers from 1 to 9, got (1, 'x'). Its"),
        (
            ["run", "toy", "--kind", "lin"],
            "madi: toy: kind must be one of line, curve, got 'lin'. Did you mean 'line'?",
        ),
        (["run", "toy", "--anew"], "madi lab run toy: unknown option --anew"),
    ],
)
def test_mistakes(madi, toy, arguments, line):
    result = madi("lab", *arguments)
    assert result.code == 2
    assert result.err.startswith(line)
    assert result.err.count("\n") == 1


def test_a_folder_that_cannot_be_written(madi, toy, tmp_path):
    (tmp_path / "file").write_text("")
    result = madi("lab", "run", "toy", "--output", "file")
    assert result.code == 2
    assert result.err.startswith("madi: file: cannot write there")
    assert not result.out  # told before anything is computed


# ---- experiments that take hours


def test_it_computes_when_told_to_and_keeps_that(madi, long_toy):
    missing = madi("lab", "run", "long_toy")
    assert missing.code == 2
    assert missing.err.startswith("madi: long_toy: there is no recorded result. Compute it with anew=True (--anew), ")
    computed = madi("lab", "run", "long_toy", "--anew", "--record", "--slope", "4")
    assert computed.code == 0
    assert "recorded in " in computed.out
    shown = madi("lab", "run", "long_toy")
    assert shown.code == 0
    assert "The last point, 12, is > 3." in shown.out
    assert "\nrecorded on 20" in shown.out
    other = madi("lab", "run", "long_toy", "--slope", "5")
    assert (other.code, other.err.count("\n")) == (2, 1)
    assert "the recorded result has slope = 4.0, got 5.0." in other.err


def test_what_is_shown_cannot_be_recorded(madi, long_toy):
    assert madi("lab", "run", "long_toy", "--record").err == "madi: --record keeps what is computed: add --anew.\n"


# ---- the book


def test_the_book(madi, toy, tmp_path):
    result = madi("lab", "run", "all", "--quick", "--output", "book")
    assert (result.code, result.err) == (0, "")
    assert "s  1 of 2 claims shown\n" in result.out
    assert "1 experiment, quick, in " in result.out
    assert "written to book/index.html\n" in result.out
    assert (tmp_path / "book" / "toy.html").is_file()


def test_a_failure_is_named_and_the_others_are_there(madi, broken, toy, tmp_path):
    result = madi("lab", "run", "all")
    assert result.code == 1
    assert result.err == "madi: 1 of 2 experiments failed: broken.\n"
    assert "s  failed: ValueError: no <luck>\n" in result.out
    assert "s  2 of 2 claims shown\n" in result.out
    assert "failed: ValueError" in (tmp_path / "runs" / "book" / "index.html").read_text(encoding="utf-8")


def test_a_book_that_is_broken_off_has_its_contents(madi, toy, broken, monkeypatch, tmp_path):
    monkeypatch.setattr(
        "madi.lab.framework.book.Book.add", lambda *arguments, **options: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    assert madi("lab", "run", "all", "--output", "book").code == 130
    assert (tmp_path / "book" / "index.html").is_file()


def test_a_page_of_someone_else_is_kept(madi, toy, tmp_path):
    (tmp_path / "index.html").write_text("mine")
    result = madi("lab", "run", "all", "--output", tmp_path)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert (tmp_path / "index.html").read_text() == "mine"

"""madi evaluate: the numbers of the run, on the same data or others."""

import json
import shutil

import pytest


def test_the_test_part_gives_what_the_run_measured(madi, trained):
    found = json.loads((trained / "results.json").read_text())["test"]
    result = madi("evaluate", trained)
    assert result.code == 0
    assert f"{found['loss']:.4f} {found['accuracy']:.4f}" in " ".join(result.out.split())
    assert "digits, test: 360 examples" in result.out


def test_a_file_a_part_and_other_metrics(madi, trained):
    options = ("--part", "train", "--metrics", "f1", "--metrics", "top_3_accuracy")
    result = madi("evaluate", trained / "model.safetensors", "digits", *options)
    assert result.code == 0
    assert "train: 1,437 examples" in result.out
    assert "loss f1 top_3_accuracy" in " ".join(result.out.split())


def test_the_folder_of_the_data_is_remembered(madi, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    config = tmp_path / "run" / "config.toml"
    config.write_text(config.read_text() + 'data = "somewhere"\n')
    result = madi("evaluate", "run", "mnist")
    assert result.code == 2
    assert "in somewhere or somewhere/mnist" in result.err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nowhere"], "madi: nowhere: no such file or folder. Give a model's file or the folder of a run."),
        (
            ["."],
            "madi: .: holds no model.safetensors, so it is no folder of a run. Give one that 'madi train' has written.",
        ),
        (
            ["{run}", "--part", "tests"],
            "madi: Unknown part of a dataset 'tests': did you mean 'test'? Known: test, train, validation.",
        ),
        (["{run}", "digit"], "madi: Unknown dataset 'digit': did you mean 'digits'? Known: "),
        (["{run}", "--loss", "huberr"], "madi: Unknown loss 'huberr': did you mean 'huber'? Known: "),
        (["{run}", "--metrics", "acuracy"], "madi: Unknown metric 'acuracy': did you mean 'accuracy'? Known: "),
        (["{run}", "planar"], "madi: "),
    ],
)
def test_mistakes(madi, trained, arguments, line):
    result = madi("evaluate", *(argument.format(run=trained) for argument in arguments))
    assert result.code == 2
    assert result.err.startswith(line)
    assert result.err.count("\n") == 1


def test_a_file_that_is_no_model(madi, tmp_path):
    (tmp_path / "m.safetensors").write_bytes(b"\x00" * 40)
    result = madi("evaluate", "m.safetensors")
    assert result.code == 2
    assert result.err.startswith("madi: m.safetensors: ")


def test_a_run_that_was_killed_is_told_to_go_on(madi, tmp_path):
    checkpoints = tmp_path / "killed" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "checkpoint-000001.safetensors").write_bytes(b"")
    result = madi("evaluate", "killed")
    assert result.code == 2
    assert result.err == (
        "madi: killed: holds no model.safetensors yet, for what was begun there has not ended. "
        "Go on with it: madi train --resume killed.\n"
    )

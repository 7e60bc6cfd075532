"""madi train --doctor: what is wrong is said at the end, also where the training diverged."""

import tomllib

QUICK = ("--engine", "numpy", "--schedule", "constant", "--hidden")


def test_a_healthy_run_is_told_so(madi):
    result = madi("train", "digits", *QUICK, "60", "--epochs", "8", "--learning-rate", "0.01", "--doctor")
    assert result.code == 0
    assert result.out.rstrip().endswith("The doctor finds nothing wrong.")


def test_a_fault_is_named_with_its_number_and_advice(madi, tmp_path):
    options = (*QUICK, "12", "--epochs", "5", "--initializer", "zeros", "--doctor", "--output", "here")
    result = madi("train", "digits", *options)
    assert result.code == 0
    assert "1. identical weights: the weights of all 12 units of layer 1 (Dense) are the same, all 0" in result.out
    assert "Try random first weights" in result.out
    assert tomllib.loads((tmp_path / "here" / "config.toml").read_text())["doctor"] is True


def test_a_training_that_diverges_is_explained(madi):
    options = (*QUICK, "12", "--epochs", "3", "--optimizer", "sgd", "--learning-rate", "1000")
    result = madi("train", "digits", *options, "--loss", "mean_squared_error", "--metrics", "accuracy", "--doctor")
    assert result.code == 2
    assert "1. learning rate too high: " in result.out
    assert "Training diverged" in result.err


def test_without_the_option_nobody_is_asked(madi):
    assert "octor" not in madi("train", "digits", *QUICK, "12", "--epochs", "1").out
    assert "octor" not in madi("train", "digits", *QUICK, "12", "--epochs", "1", "--doctor", "--quiet").out

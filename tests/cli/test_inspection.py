"""madi inspect: the layers, and the graph as a picture."""

import pytest


def test_a_run(madi, trained, tmp_path):
    result = madi("inspect", trained, "--graph", "그 래프.svg")
    assert (result.code, result.err) == (0, "")
    assert "dataset: digits" in result.out
    assert "classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9" in result.out
    assert "parameters 1,210" in result.out  # 64 x 16 + 16 + 16 x 10 + 10
    svg = (tmp_path / "그 래프.svg").read_text(encoding="utf-8")
    assert svg.startswith("<svg")
    assert "1.weight" in svg


def test_a_new_model_by_name(madi):
    result = madi("inspect", "mlp", "--input-shape", "28,28,1", "--outputs", "3")
    assert "parameters 78,803" in result.out  # 784 x 100 + 100 + 100 x 3 + 3


def test_a_gate(madi, tmp_path):
    assert madi("inspect", "xor", "--graph", "xor.dot").code == 0
    assert (tmp_path / "xor.dot").read_text().startswith("digraph")


def test_many_layers_are_shown_folded_once_more(madi, tmp_path):
    result = madi("inspect", "resnet_cifar", "--graph", "net.svg")
    assert (result.code, result.err) == (0, "")
    assert "parameters 269,722 (1.03 MiB)\n" in result.out
    assert "\n3 x Residual 3x3 16 → 3x3 16, ReLU  " in result.out
    assert "Graph of the layers: net.svg" in result.out
    assert ">3 × Residual</text>" in (tmp_path / "net.svg").read_text(encoding="utf-8")


def test_few_layers_are_not_and_show_every_node(madi, tmp_path):
    result = madi("inspect", "lenet5", "--graph", "net.svg")
    assert "folded graph" not in result.out
    assert ">0.weight</text>" in (tmp_path / "net.svg").read_text(encoding="utf-8")


def test_the_detail_of_the_picture_can_be_chosen(madi, tmp_path):
    assert madi("inspect", "lenet5", "--graph", "layers.svg", "--detail", "layers").code == 0
    assert ">Dense 120</text>" in (tmp_path / "layers.svg").read_text(encoding="utf-8")
    assert madi("inspect", "resnet_cifar", "--graph", "nodes.dot", "--detail", "nodes").code == 0
    assert "0.weight" in (tmp_path / "nodes.dot").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["mlp"], "madi: mlp: a new model needs --input-shape, such as 784 or 28,28,1."),
        (["mlpp"], "madi: mlpp: no such file or folder. Did you mean 'mlp'? Models by name: "),
        (
            ["mlp", "--input-shape", "2,a"],
            "madi: --input-shape must be sizes of at least 1 such as 28,28,1, got '2,a'.",
        ),
        (
            ["XOR", "--graph", "g.txt"],
            "madi: Drawing.save: expected a file name that ends in .svg, .png or .dot, got 'g.txt'.",
        ),
        (["XOR", "--graph", "no/g.svg"], "madi: Drawing.save: cannot write no/g.svg: No such file or directory."),
    ],
)
def test_mistakes(madi, arguments, line):
    result = madi("inspect", *arguments)
    assert result.code == 2
    assert result.err.startswith(line)
    assert result.err.count("\n") == 1

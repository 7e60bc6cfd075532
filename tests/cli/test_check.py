"""madi check: right backwards pass, wrong ones are named, and a user's own errors are told with their line."""

import pytest

NODES = """
import numpy as np
import madi

class Square(madi.Function):
    def forward(self, x):
        self.x = x
        return x * x
    def backward(self, gy):
        return 2 * self.x * gy

class Ratio(madi.Function):
    def forward(self, a, b):
        self.a, self.b = a, b
        return a / b
    def backward(self, gy):
        return gy / self.b, -gy * self.a / self.b**2
"""
WRONG = NODES.replace("2 * self.x * gy", "self.x * gy")


@pytest.fixture
def nodes(tmp_path):
    """Write a file of nodes."""

    def write(text, name="내 노드.py"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    return write


def test_right_nodes(madi, nodes):
    result = madi("check", nodes(NODES), "--positive")
    assert (result.code, result.err) == (0, "")
    assert "Square: backward agrees with the central differences." in result.out
    assert "Ratio: backward agrees with the central differences." in result.out
    assert "12 of 12" in result.out


def test_a_wrong_backward_is_one_line(madi, nodes):
    result = madi("check", nodes(WRONG))
    assert result.code == 2
    assert result.err.startswith("madi: 내 노드.py: Square: check_gradients: input '0' at (")
    assert "(12 of 12 elements differ)" in result.err
    assert result.err.count("\n") == 1


def test_one_function_of_a_file_and_its_shapes(madi, nodes):
    result = madi("check", nodes(WRONG), "--only", "Ratio", "--shape", "2,5", "--shape", "2,5", "--positive")
    assert result.code == 0
    assert "10 of 10" in result.out
    assert "Square" not in result.out


def test_the_file_may_import_its_neighbours(madi, nodes):
    nodes("factor = 2", "neighbour_of_nodes.py")
    text = NODES.replace("import madi\n", "import madi\nfrom neighbour_of_nodes import factor\n", 1)
    assert madi("check", nodes(text), "--only", "Square").code == 0


@pytest.mark.parametrize(
    ("text", "arguments", "line"),
    [
        ("x = (", [], "madi: n.py, line 1: SyntaxError: '(' was never closed. Mend the file."),
        ("import nothing_like_it", [], "madi: n.py, line 1: ModuleNotFoundError: No module named 'nothing_like_it'."),
        ("x = 1", [], "madi: n.py: no Function to check. Define one: class Square(madi.Function): ..."),
        (
            NODES,
            ["--only", "Sqare"],
            "madi: Unknown Function in n.py 'Sqare': did you mean 'Square'? Known: Ratio, Square.",
        ),
        (NODES, ["--shape", "2", "--shape", "2"], "madi: n.py: Square has 1 inputs (x), got 2 --shape options."),
        (
            NODES.replace("return x * x", "return x / missing"),
            [],
            "madi: n.py, line 8: Square: NameError: name 'missing' is not defined. Mend the file.",
        ),
        (
            NODES.replace(
                "    def forward(self, x):", "    def __init__(self, k):\n        self.k = k\n    def forward(self, x):"
            ),
            [],
            "madi: n.py: Square is made with arguments (k). Give them defaults.",
        ),
    ],
)
def test_mistakes(madi, nodes, text, arguments, line):
    result = madi("check", nodes(text, "n.py"), *arguments)
    assert result.code == 2
    assert result.err.startswith(line)
    assert result.err.count("\n") == 1


def test_a_missing_file(madi):
    result = madi("check", "no.py")
    assert (result.code, result.err) == (2, "madi: no.py: no such file. Give a Python file with Functions.\n")


def test_models(madi, trained):
    result = madi("check", "mlp", "--input-shape", "4")
    assert result.code == 0
    assert "1.weight  200 of 400" in result.out
    result = madi("check", trained)
    assert result.code == 0
    assert "3.bias" in result.out


@pytest.mark.parametrize("option", ["--only=Divide", "--shape=3", "--positive"])
def test_what_is_said_of_functions_is_refused_beside_a_model(madi, option):
    result = madi("check", "mlp", "--input-shape", "4", option)
    name = option.partition("=")[0]
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert result.err.startswith(f"madi: {name}: expected a Python file of Functions beside it, got the model 'mlp'.")

"""The library's two structural rules, held against its own syntax trees.

One direction of dependency: a module imports only from lower ranks, wherever in the file the import stands.
One method of differentiation: JAX's differentiating and transposing transformations do not appear in src/.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "madi"

RANKS = {
    name: rank
    for rank, names in enumerate(
        [
            "errors",
            "kernels options files",
            "initializers schedules datasets graph",
            "functions optimizers",
            "layers",
            "models",
            "training",
            "diagnostics tuning estimators onnx tensorboard config",
            "lab runs web",
            "serving studio",
            "cli",
            "__main__",
        ]
    )
    for name in names.split()
}

# Flagged wherever they stand.
TRANSFORMATIONS = {
    *("value_and_grad", "vjp", "jvp", "jacrev", "jacfwd", "jacobian", "hessian", "linearize", "linear_transpose"),
    *("custom_vjp", "custom_jvp", "custom_gradient", "custom_transpose", "custom_derivatives"),
    *("closure_convert", "remat", "ad_checkpoint"),
}
# Flagged as names of JAX only: a Variable has a .grad, and training has checkpoints.
TRANSFORMATIONS_OF_JAX = TRANSFORMATIONS | {"grad", "checkpoint", "ad"}

Finding = tuple[int, str]


# ---- one direction of dependency


def part(module: str) -> str:
    """The part of madi that a module belongs to: "madi.graph.draw" -> "graph", "madi" -> ""."""
    return module.partition(".")[2].partition(".")[0]


def modules() -> list[tuple[str, Path]]:
    """Name and file of every module of madi but its root, which loads lazily and is exempt."""
    named = []
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        named.append((".".join(parts[:-1] if parts[-1] == "__init__" else parts), file))
    return [(name, file) for name, file in named if name != "madi"]


def imported(tree: ast.AST, package: str) -> Iterator[Finding]:
    """Line and full name of all that a module of `package` imports, at module level or inside a function."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                above = package.split(".")[: len(package.split(".")) - level + 1] if level else []
                base = ".".join([*above, *([module] if module else [])])
                yield from ((node.lineno, f"{base}.{alias.name}") for alias in names)
            case ast.Call(
                func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.Constant(value=str(target)), *_]
            ):
                if name in ("import_module", "__import__"):
                    yield node.lineno, target


def upward_imports(source: str, name: str, *, is_package: bool = False) -> list[str]:
    """Each import in the module `name` that goes to its own rank or above, or to madi's root, as a line of text."""
    own = part(name)
    package = name if is_package else name.rpartition(".")[0]
    wrong = []
    for line, target in imported(ast.parse(source), package):
        if target.split(".")[0] != "madi" or part(target) == own:
            continue
        if part(target) not in RANKS:
            wrong.append(f"{name}:{line} imports {target}: name the module that defines it, not the root")
        elif RANKS[part(target)] >= RANKS.get(own, 0):
            wrong.append(f"{name}:{line} (rank {RANKS.get(own)}) imports {target} (rank {RANKS[part(target)]})")
    return wrong


def test_every_module_has_a_rank():
    assert modules(), f"no modules under {PACKAGE}"
    missing = sorted({part(name) for name, _ in modules()} - RANKS.keys())
    assert not missing, f"modules without a rank in the table of layers: {missing}"


def test_imports_go_down():
    wrong = []
    for name, file in modules():
        wrong += upward_imports(file.read_text(encoding="utf-8"), name, is_package=file.name == "__init__.py")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("madi.graph.draw", "import madi.functions"),
        ("madi.graph.draw", "from madi.functions import add"),
        ("madi.graph.draw", "from madi import functions as F"),
        ("madi.graph.draw", "from ..functions import add"),
        ("madi.graph.draw", "from .. import functions"),
        ("madi.graph.draw", "def late():\n    from madi.layers.dense import Dense"),
        ("madi.graph.draw", "if TYPE_CHECKING:\n    from madi.layers import Layer"),
        ("madi.graph.draw", "importlib.import_module('madi.lab.planar')"),
        ("madi.graph.draw", "from madi.optimizers import SGD"),
        ("madi.graph.draw", "from madi import Variable"),
        ("madi.graph.draw", "import madi"),
    ],
)
def test_an_upward_import_is_found(name, source):
    assert upward_imports(source, name)


def test_a_relative_import_is_read_from_the_package_it_stands_in():
    found = ["madi.functions:1 (rank 3) imports madi.layers.Dense (rank 4)"]
    assert upward_imports("from .layers import Dense", "madi.functions") == found
    assert upward_imports("from ..layers import Dense", "madi.functions", is_package=True) == found
    assert upward_imports("from .layers import Dense", "madi.functions", is_package=True) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("madi.graph.draw", "from madi.graph.variable import Variable"),
        ("madi.graph.draw", "from .variable import Variable\nfrom . import variable"),
        ("madi.graph.draw", "from ..errors import ShapeError"),
        ("madi.functions", "from madi import graph, kernels"),
        ("madi.functions", "import numpy\nfrom jax import numpy as jnp"),
        ("madi.cli.train", "from madi.training import Trainer"),
    ],
)
def test_a_downward_import_passes(name, source):
    assert upward_imports(source, name) == []


# ---- one method of differentiation


def names_of_jax(tree: ast.AST) -> set[str]:
    """The names under which a module knows JAX, its submodules and what it takes from them."""
    names = {"jax"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname for alias in node.names if alias.asname and alias.name.split(".")[0] == "jax"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "jax":
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def root(node: ast.expr) -> str:
    """The name that a chain of attributes starts from: jax.numpy.linalg -> "jax"."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def transformations(source: str) -> list[Finding]:
    """Line and name of each use of a differentiating or transposing transformation of JAX."""
    tree = ast.parse(source)
    jax_names = names_of_jax(tree)
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name, value=value):
                forbidden = TRANSFORMATIONS_OF_JAX if root(value) in jax_names else TRANSFORMATIONS
                found += [(node.lineno, name)] if name in forbidden else []
            case ast.Name(id=name):
                found += [(node.lineno, name)] if name in TRANSFORMATIONS else []
            case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] == "jax":
                parts = [*module.split("."), *(alias.name for alias in names)]
                found += [(node.lineno, name) for name in parts if name in TRANSFORMATIONS_OF_JAX | {"*"}]
            case ast.Import(names=names):
                parts = [name for alias in names if alias.name.startswith("jax.") for name in alias.name.split(".")]
                found += [(node.lineno, name) for name in parts if name in TRANSFORMATIONS_OF_JAX]
            case ast.Call(func=ast.Name(id="getattr"), args=[value, ast.Constant(value=str(name)), *_]):
                found += [(node.lineno, name)] if root(value) in jax_names and name in TRANSFORMATIONS_OF_JAX else []
    return found


def test_no_transformation_of_jax_differentiates_in_the_library():
    found = {
        str(file.relative_to(PACKAGE)): uses
        for file in PACKAGE.rglob("*.py")
        if (uses := transformations(file.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "import jax\njax.grad(f)",
        "import jax as j\nj.grad(f)",
        "import jax\njax.checkpoint(f)",
        "from jax import grad",
        "from jax import grad as slope",
        "from jax import value_and_grad",
        "from jax import *",
        "import jax.numpy as jnp\nfrom jax import lax\nlax.linear_transpose(f, x)",
        "import jax\ndef late():\n    return jax.vjp(f, x)",
        "import jax\n@jax.custom_vjp\ndef f(x): ...",
        "import jax\nimport functools\nf = functools.partial(jax.jvp, g)",
        "from jax.interpreters import ad",
        "import jax.interpreters.ad",
        "from jax.ad_checkpoint import checkpoint",
        "from jax import custom_derivatives",
        "import jax\nhidden = jax\nhidden.jacrev(f)",
        "import jax\ngetattr(jax, 'grad')(f)",
    ],
)
def test_a_planted_transformation_is_found(source):
    assert transformations(source)


@pytest.mark.parametrize(
    "source",
    [
        "variable.grad = gradient",
        "import jax\njax.jit(step)\njax.lax.stop_gradient(x)",
        "from madi.training import checkpoint\ncheckpoint.save(path)",
        "def numerical_gradient(f, x): ...",
        '"""The same as jax.grad gives."""',
    ],
)
def test_what_only_looks_like_one_passes(source):
    assert transformations(source) == []

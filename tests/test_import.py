"""`import madi` asks for NumPy and JAX alone, changes nothing outside itself and needs no compiled kernel."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

import madi

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = Path(madi.__file__).parent


def python(code: str, *options: str, **environment: str) -> str:
    """What a fresh interpreter prints, its warnings being errors as they are here."""
    command = [sys.executable, "-W", "error", *options, "-c", code]
    result = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


EVERY_NAME = "import madi\nfor name in madi.__all__: getattr(madi, name)\n"


@pytest.mark.parametrize("statement", ["import madi\n", EVERY_NAME], ids=["import", "every public name"])
def test_needs_numpy_and_jax_alone(statement):
    loaded = python(
        "import sys, numpy, jax, jax.numpy\n"
        "roots = lambda: {name.partition('.')[0] for name in sys.modules}\n"
        "before = roots()\n"
        f"{statement}"
        "print(*sorted(roots() - before - set(sys.stdlib_module_names)))"
    )
    assert loaded == "madi"


def test_the_heavy_libraries_wait_until_they_are_used():
    heavy = "sklearn matplotlib typer rich pydantic polars PIL safetensors pooch torch"
    loaded = python(f"{EVERY_NAME}import sys\nprint(*(name for name in '{heavy}'.split() if name in sys.modules))")
    assert loaded == ""


def test_sets_no_global_option_of_jax():
    changed = python(
        "import os, jax, jax.numpy\n"
        "state = lambda: (dict(jax.config.values), dict(os.environ))\n"
        "before = state()\n"
        f"{EVERY_NAME}"
        "print([b for a, b in zip(before, state()) if a != b])"
    )
    assert changed == "[]"


def test_works_without_the_compiled_kernels(tmp_path):
    # -S leaves out site-packages' own madi, however it is installed; its other packages come in through the path.
    shutil.copytree(
        PACKAGE, tmp_path / "madi", ignore=lambda folder, names: [n for n in names if not is_source(folder, n)]
    )
    path = os.pathsep.join([str(tmp_path), *{sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}])
    told = python(
        "import madi\nx = madi.Variable(3.0)\ny = x * x\ny.backward()\nprint(madi.__file__, y.value, x.grad, sep='|')",
        "-S",
        PYTHONPATH=path,
    )
    assert told == f"{tmp_path / 'madi' / '__init__.py'}|9.0|6.0"


def is_source(folder: str, name: str) -> bool:
    """Whether an entry of a package's folder is a folder or Python source."""
    return (Path(folder) / name).is_dir() or name.endswith(".py")


def test_the_version_is_stated_once():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert madi.__version__ == importlib.metadata.version("madi") == project["version"]
    assert project["version"] not in (PACKAGE / "__init__.py").read_text(encoding="utf-8")


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").exists()

"""The compiled kernels: where the library is, which of its variants runs, and how a traced program calls it.

The library is a shared object beside this module, built with the package.  It is loaded when a kernel is first asked
for, never by `import madi`.  It holds the same kernels for AVX-512, for AVX2 and for any processor ("portable"); the
widest that this machine has runs, unless the environment says otherwise:

    MADI_KERNELS=off|portable|avx2|avx512

"off" gives the path that a GPU takes, XLA's own operations.  So does a package that was installed without a compiler.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax

from madi.errors import ConfigurationError, unknown_name

PATHS = ("off", "portable", "avx2", "avx512")
TARGETS = (
    "madi_convolution_forward",
    "madi_convolution_input_gradient",
    "madi_convolution_weight_gradient",
    "madi_max_pool_forward",
    "madi_max_pool_backward",
    "madi_batch_norm_moments",
    "madi_batch_norm_backward",
    "madi_dense_forward",
    "madi_dense_input_gradient",
    "madi_dense_weight_gradient",
)

_forced: list[str] = []  # the paths of the `using` blocks that we are in, innermost last


def path() -> str:
    """What runs on the CPU: "avx512", "avx2" or "portable", or "off" where XLA's own operations do.

    Raises ConfigurationError where MADI_KERNELS names a path that this machine or installation does not have, and
    UnknownNameError where it names none at all.
    """
    return _select(_forced[-1] if _forced else os.environ.get("MADI_KERNELS", ""))


def available() -> bool:
    """Whether compiled kernels run on the CPU."""
    return path() != "off"


def paths() -> tuple[str, ...]:
    """All paths that this machine and installation can run, "off" first and the best last."""
    library = _library()
    names = () if library is None else tuple(name for name in PATHS[1:] if library.madi_kernels_select(name.encode()))
    path()  # selecting is how one asks; this takes it back
    return ("off", *names)


@contextmanager
def using(path: str) -> Iterator[None]:
    """Forces a path within a `with` block, as MADI_KERNELS does for a whole process.

    A program that was compiled before keeps the choice between compiled kernels and XLA's operations that it was traced
    with.
    """
    _select(path)
    _forced.append(path)
    try:
        yield
    finally:
        _forced.pop()
        _select(_forced[-1] if _forced else os.environ.get("MADI_KERNELS", ""))


def call(target: str, results: Any, *arguments: Any, **attributes: Any) -> Any:
    """One call of a compiled kernel, within a traced program or outside one, on the CPU.

    Under `jax.vmap` it stays one call: all arguments get a leading axis of trials, which the kernels take.
    """
    return jax.ffi.ffi_call(target, results, vmap_method="broadcast_all")(*arguments, **attributes)


def _select(wanted: str) -> str:
    """Makes the library run the path `wanted`, "" for the best one, and says which runs."""
    if wanted and wanted not in PATHS:
        raise unknown_name("path of MADI_KERNELS", wanted, PATHS)
    if wanted == "off":
        return "off"
    library = _library()
    if library is None and wanted:
        raise ConfigurationError(
            f"MADI_KERNELS: expected a path that is installed, got '{wanted}', but madi was installed without its "
            "compiled kernels. Install a C++ compiler and reinstall madi, or set MADI_KERNELS=off."
        )
    if library is None:
        return "off"
    wanted = wanted or library.madi_kernels_best().decode()
    if not library.madi_kernels_select(wanted.encode()):
        raise ConfigurationError(
            f"MADI_KERNELS: expected a path that this processor has, got '{wanted}'. Unset MADI_KERNELS."
        )
    return wanted


@functools.cache
def _library() -> ctypes.CDLL | None:
    """The library with its kernels registered, or None, with a notice, where the package has none."""
    files = [file for folder in _folders() for file in sorted(folder.glob("madi_kernels.*")) if _is_library(file)]
    if not files:
        logging.getLogger("madi").warning(
            "madi was installed without its compiled kernels: convolution, pooling and dense layers on the CPU take "
            "XLA's slower path. Install a C++ compiler and reinstall madi to get them, or set "
            "MADI_KERNELS=off to silence this."
        )
        return None
    library = ctypes.CDLL(str(files[0]))
    library.madi_kernels_best.restype = ctypes.c_char_p
    library.madi_kernels_select.argtypes = [ctypes.c_char_p]
    for target in TARGETS:
        jax.ffi.register_ffi_target(target, jax.ffi.pycapsule(getattr(library, target)), platform="cpu")
    return library


def _folders() -> list[Path]:
    """The folders of this package: an editable installation has one for the sources and one for what was built."""
    return [Path(folder) for folder in sys.modules[__package__].__path__]


def _is_library(file: Path) -> bool:
    return file.suffix in (".so", ".dylib", ".dll")

"""Finding, choosing and doing without the compiled kernels; the C++ tests of the kernels themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from madi.errors import ConfigurationError, UnknownNameError
from madi.kernels import native

ROOT = Path(__file__).resolve().parents[2]


def run_python(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = os.environ | {"PYTHONPATH": str(ROOT / "src"), "JAX_PLATFORMS": "cpu"} | environment
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=variables, check=False)


def test_unknown_path() -> None:
    message = (
        r"^\"?Unknown path of MADI_KERNELS 'avx521': did you mean 'avx512'\? Known: avx2, avx512, off, portable\.\"?$"
    )
    with pytest.raises(UnknownNameError, match=message), native.using("avx521"):
        pass


def test_using_is_undone() -> None:
    before = native.path()
    with native.using("off"):
        assert native.path() == "off"
        assert not native.available()
    assert native.path() == before


def test_the_environment_forces_a_path() -> None:
    program = "from madi.kernels import native; print(native.path(), native._library.cache_info().currsize)"
    for path in native.paths():
        done = run_python(program, MADI_KERNELS=path)
        assert done.stdout.split() == [path, "0" if path == "off" else "1"], done.stderr


def test_importing_madi_loads_no_kernel() -> None:
    program = "import sys, madi; print('madi.kernels.native' in sys.modules)"
    assert run_python(program).stdout == "False\n"


def test_without_the_library_madi_says_so_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(native, "_folders", lambda: [tmp_path])
    monkeypatch.delenv("MADI_KERNELS", raising=False)
    native._library.cache_clear()
    try:
        assert native.path() == "off"
        assert native.path() == "off"
        message = r"^MADI_KERNELS: expected a path that is installed, got 'avx2', but madi was installed without its "
        with pytest.raises(ConfigurationError, match=message), native.using("avx2"):
            pass
    finally:
        native._library.cache_clear()
    assert [record.message[:53] for record in caplog.records] == [
        "madi was installed without its compiled kernels: conv"
    ]


@pytest.mark.long
@pytest.mark.parametrize("sanitizers", ["address,undefined", "thread"])
def test_kernels_read_and_write_their_own_memory_only(sanitizers: str, tmp_path: Path) -> None:
    cmake = shutil.which("cmake", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if cmake is None or shutil.which("c++") is None:
        pytest.skip("needs CMake and a C++ compiler")
    options = ["-DMADI_KERNEL_TESTS=ON", f"-DMADI_SANITIZE={sanitizers}", f"-DPython_EXECUTABLE={sys.executable}"]
    subprocess.run([cmake, "-S", ROOT, "-B", tmp_path, *options], check=True, capture_output=True)
    subprocess.run([cmake, "--build", tmp_path, "--target", "kernels_test", "-j2"], check=True, capture_output=True)
    done = subprocess.run(
        [tmp_path / "native" / "kernels_test", "1", "150"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert done.stdout == "150 cases, 0 failures\n"

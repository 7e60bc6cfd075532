#!/usr/bin/env python3
"""Runs madi from a fresh clone. The first call makes .venv and installs madi there; later calls only run.

python3 start.py ARGUMENTS     what `madi ARGUMENTS` does: `python3 start.py train` trains a network on digits
python3 start.py tune          a search, with what it needs besides
python3 start.py test          the tests, with what they need; arguments are passed on to pytest
"""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "madi needs Python 3.11 or newer, but this is Python {}.{} at {}. Run this file with a newer one.".format(
            *sys.version_info[:2], sys.executable
        )
    )

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "madi-installed"
EXTRAS = {  # what the first argument needs besides
    "test": ["dev"],
    "tune": ["search"],
    "export": ["onnx"],
    "serve": ["serve"],
    "studio": ["studio"],
}


def main(arguments: list[str]) -> int:
    """Install what is missing, then run the tests or madi and return their exit code."""
    testing = arguments[:1] == ["test"]
    try:
        install(EXTRAS.get(arguments[0], []) if arguments else [])
        if testing:
            os.chdir(ROOT)
            return run("-m", "pytest", *arguments[1:])
        return run("-P", "-m", "madi", *arguments)  # -P: a user's own file named numpy.py is not imported
    except KeyboardInterrupt:
        return 130


def install(extras: list[str]) -> None:
    """Make .venv and install madi into it, editable, unless that was done since the package last changed."""
    stamp = [digest(), *extras]
    done = STAMP.read_text().split() if STAMP.exists() else []
    if PYTHON.exists() and set(stamp) <= set(done):
        return
    before = done if PYTHON.exists() and stamp[0] in done else []  # what was installed beside it stays
    if not PYTHON.exists():
        create_environment()
    say("Installing madi into .venv (the first time takes a few minutes) ...")
    target = str(ROOT) + ("[" + ",".join(extras) + "]" if extras else "")
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--editable", target]
    check(pip, "madi could not be installed: see pip's message above, mend its cause and run this command again.")
    STAMP.write_text("\n".join(dict.fromkeys([*stamp, *before])))


def create_environment() -> None:
    """Make the virtual environment; a broken one is made anew."""
    say("Making the virtual environment .venv ...")
    hint = "The virtual environment could not be made: install Python's venv and ensurepip (on Debian: python3-venv)."
    try:
        check([sys.executable, "-m", "venv", "--clear", str(VENV)], hint)
    except BaseException:
        shutil.rmtree(VENV, ignore_errors=True)  # half an environment would be taken for a whole one
        raise


def digest() -> str:
    """A hash of the files that decide what is installed: the package's table, the C++ sources, how they are built."""
    files = [ROOT / "pyproject.toml", ROOT / "CMakeLists.txt", ROOT / "tools/editable/CMakeLists.txt"]
    files += sorted((ROOT / "native").rglob("*"))
    content = b"\0".join(file.read_bytes() for file in files if file.is_file())
    return hashlib.sha256(content).hexdigest()


def check(command: list[str], message: str) -> None:
    """Run a command with its last line as progress; where it fails, print all it said, then the message, and exit."""
    lines = []
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    with process:
        for line in process.stdout or ():
            lines.append(line)
            progress(line)
    progress("")
    if process.returncode:
        sys.exit("".join(lines) + message)


def progress(line: str) -> None:
    """Show a line in place of the one before it, on a terminal only; an empty line clears it."""
    if sys.stderr.isatty():
        width = max(shutil.get_terminal_size().columns - 1, 20)
        sys.stderr.write("\r" + " ".join(line.split())[:width].ljust(width) + "\r")
        sys.stderr.flush()


def say(line: str) -> None:
    """Tell the user what happens; standard output belongs to madi."""
    print(line, file=sys.stderr, flush=True)


def run(*arguments: str) -> int:
    """Hand over to the environment's Python: signals and the exit code are its own."""
    command = [str(PYTHON), *arguments]
    if os.name == "posix":
        os.execv(command[0], command)
    return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

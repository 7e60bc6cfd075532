"""How a command ends: exit codes, one line instead of a traceback, signals."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from madi.cli import running
from madi.errors import DataError

SECONDS = 120  # that a process may take on a busy machine


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["trian"], "madi: unknown command 'trian'. Did you mean 'train'? See madi --help."),
        (
            ["train", "--epocs", "3"],
            "madi train: unknown option --epocs: did you mean --epochs? See madi train --help.",
        ),
        (["train", "--zzz"], "madi train: unknown option --zzz. See madi train --help."),
        (["--zzz"], "madi: unknown option --zzz. See madi --help."),
        (["train", "--epochs"], "madi: Option '--epochs' requires an argument. See madi --help."),
        (["train", "a", "b"], "madi train: Got unexpected extra argument(s) (b). See madi train --help."),
        (["evaluate"], "madi evaluate: MODEL is missing. See madi evaluate --help."),
        (["train", "--epochs", "x"], "madi: --epochs must be a whole number of at least 1, got 'x'."),
        (["train", "--epochs", "2.5"], "madi: --epochs must be a whole number of at least 1, got '2.5'."),
        (["train", "--epochs", "0"], "madi: --epochs must be a whole number of at least 1, got 0."),
        (
            ["train", "--learning-rate", "0"],
            "madi: --learning-rate must be a positive finite number, got 0.0. Try 0.001.",
        ),
        (
            ["train", "--learning-rate", "nan"],
            "madi: --learning-rate must be a positive finite number, got nan. Try 0.001.",
        ),
        (["train", "--dropout", "1"], "madi: --dropout must be a number of at least 0 and below 1, got 1.0. Try 0.2."),
        (
            ["train", "--hidden", "1,x"],
            "madi: --hidden must be sizes of at least 1 such as 100,50, or none, got '1,x'.",
        ),
        (["train", "--seed=-1"], "madi: --seed must be a whole number of at least 0, got -1."),
        (
            ["train", "digit"],
            "madi: Unknown dataset 'digit': did you mean 'digits'? "
            "Known: cifar10, digits, fashion_mnist, mnist, moons, planar, spiral. "
            "Nor is there a file or folder of that name.",
        ),
        (
            ["train", "--optimizer", "adm"],
            "madi: Unknown optimizer 'adm': did you mean 'adam'? "
            "Known: adagrad, adam, adamw, momentum, nesterov, rmsprop, sgd.",
        ),
        (
            ["train", "--schedule", "cos"],
            "madi: Unknown schedule 'cos': did you mean 'cosine'? "
            "Known: constant, cosine, exponential_decay, one_cycle, step_decay, warmup.",
        ),
        (
            ["train", "--momentum", "0.5"],
            "madi: --momentum: the optimizer adam has no such option. Leave it out, or choose another.",
        ),
        (
            ["train", "--model", "logistic_regression", "--hidden", "3"],
            "madi: --hidden: the model logistic_regression has no such option. Leave it out, or choose another.",
        ),
    ],
)
def test_a_mistake_is_one_line_and_2(madi, tmp_path, arguments, line):
    result = madi(*arguments)
    assert (result.code, result.out, result.err) == (2, "", line + "\n")
    assert not (tmp_path / "state").exists()
    assert not list(tmp_path.glob("runs/*")), "no folder is left of a run that never began"


@pytest.mark.parametrize(("option", "near"), [("--model=mpl", "mlp"), ("--loss=softmax", "softmax_cross_entropy")])
def test_the_closest_name_is_suggested(madi, option, near):
    result = madi("train", option)
    assert result.code == 2
    assert f"did you mean '{near}'?" in result.err


def test_success_is_0(madi):
    result = madi("--version")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("madi ")


def test_no_command_shows_the_help(madi):
    result = madi()
    assert (result.code, result.err) == (0, "")
    assert "Commands:" in result.out


def test_a_fault_is_1_and_its_log_is_named(madi, monkeypatch, tmp_path):
    def broken(*_):
        raise RuntimeError("planted\nin two lines")

    monkeypatch.setattr("madi.datasets.catalogue", broken)
    result = madi("datasets")
    (log,) = (tmp_path / "state" / "madi").glob("madi-*.log")
    assert result.code == 1
    assert result.err == (
        "madi: a fault in madi, not in what you did: RuntimeError: planted in two lines. "
        f"The details are in {log}; please report it with that file.\n"
    )
    text = log.read_text(encoding="utf-8")
    assert "Traceback (most recent call last)" in text
    assert "in broken" in text
    assert f"Python {sys.version}" in text


def test_only_errors_of_madi_are_mistakes(madi, monkeypatch):
    monkeypatch.setattr("madi.datasets.catalogue", lambda: (_ for _ in ()).throw(ValueError("a plain ValueError")))
    assert madi("datasets").code == 1
    monkeypatch.setattr("madi.datasets.catalogue", lambda: (_ for _ in ()).throw(DataError("bad\ndata")))
    result = madi("datasets")
    assert (result.code, result.err) == (2, "madi: bad data.\n")


def test_where_no_log_can_be_kept_the_temporary_folder_has_it(madi, monkeypatch, tmp_path):
    (tmp_path / "state").write_text("a file where a folder should be")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(running.tempfile, "gettempdir", lambda: str(temporary))
    monkeypatch.setattr("madi.datasets.catalogue", lambda: 1 / 0)
    result = madi("datasets")
    (log,) = temporary.glob("madi-*.log")
    assert result.code == 1
    assert str(log) in result.err


def test_sigterm_is_143_and_the_handler_is_taken_back(madi, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("madi.datasets.catalogue", lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit) as caught:
        madi("datasets")
    assert caught.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_ctrl_c_is_130(madi, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("madi.datasets.catalogue", interrupted)
    assert madi("datasets").code == 130


def test_ctrl_c_that_a_library_tells_as_an_error_of_its_own_is_130(madi, monkeypatch):
    def from_it():
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            raise SystemError("returned a result with an exception set") from interrupt

    def in_words():
        raise ImportError("initialization failed: KeyboardInterrupt: <EMPTY MESSAGE>")

    for found in (from_it, in_words):
        monkeypatch.setattr("madi.datasets.catalogue", found)
        result = madi("datasets")
        assert (result.code, result.err) == (130, "madi: interrupted.\n")


def test_ctrl_c_before_the_command_line_is_there_is_130():
    code = (
        "import os, signal, sys\nfrom madi import cli\n"
        "class Import:\n    def find_spec(self, name, *_):\n"
        "        if name == 'madi.cli.running':\n            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Import())\ncli.main(['--version'])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, "madi: interrupted.\n")


# ---- in processes of their own


def process(*arguments):
    command = [sys.executable, "-m", "madi", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_python_m_madi_exits_with_the_code():
    started = process("trian")
    out, err = started.communicate(timeout=SECONDS)
    assert (started.returncode, out) == (2, "")
    assert err == "madi: unknown command 'trian'. Did you mean 'train'? See madi --help.\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_within_a_destructor_is_heard(madi, monkeypatch, number, code):
    class Killer:
        def __del__(self):
            os.kill(os.getpid(), number)
            time.sleep(0)  # the handler raises in here, and Python goes on

    def catalogue():
        Killer()
        for _ in range(100):
            time.sleep(0.02)
        raise DataError("the signal was lost")

    before = sys.unraisablehook
    monkeypatch.setattr("madi.datasets.catalogue", catalogue)
    try:
        ended = madi("datasets").code
    except SystemExit as caught:
        ended = caught.code
    assert ended == code
    assert sys.unraisablehook is before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_within_an_import_waits_for_its_end(madi, monkeypatch, tmp_path, number, code):
    """The imports of compiled libraries do not survive an exception that comes from outside."""
    (tmp_path / "slow_library.py").write_text(
        f"import os, time\nos.kill(os.getpid(), {int(number)})\n"
        "for _ in range(9):\n    time.sleep(0.02)\nwhole = True\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def catalogue():
        import slow_library

        assert slow_library.whole
        time.sleep(2 * SECONDS)

    monkeypatch.setattr("madi.datasets.catalogue", catalogue)
    began = time.monotonic()
    try:
        ended = madi("datasets").code
    except SystemExit as caught:
        ended = caught.code
    assert ended == code
    assert time.monotonic() - began < SECONDS, "the sleep was not ended"
    assert sys.modules.pop("slow_library").whole


def test_a_reader_that_leaves_is_no_fault(trained):
    with process("predict", trained, "digits") as started:
        started.stdout.close()
        assert started.stderr.read() == ""
        assert started.wait(timeout=SECONDS) == 141


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_training_keeps_what_was_learned(tmp_path, number, code):
    folder = tmp_path / "실행 하나"
    options = ["--epochs", "1000000", "--hidden", "8", "--engine", "numpy", "--output", folder]
    with process("train", "planar", *options) as started:
        while not (line := started.stderr.readline()).startswith("epoch"):
            assert line, "training begins"
        started.send_signal(number)
        _, err = started.communicate(timeout=SECONDS)
    assert started.returncode == code
    assert "Traceback" not in err
    assert err.endswith(f"To go on: madi train --resume {shlex.quote(str(folder))}\n")
    files = {path.name for path in folder.iterdir()}
    assert files == {"checkpoints", "config.toml", "curves.png", "history.jsonl", "model.safetensors", "results.json"}
    assert '"interrupted": true' in (folder / "results.json").read_text()


def test_typer_checks_what_no_configuration_holds(madi):
    result = madi("inspect", "XOR", "--outputs", "0")
    assert result.code == 2
    assert result.err.startswith("madi inspect: --outputs: ")
    assert result.err.endswith(". See madi inspect --help.\n")
    assert result.err.count("\n") == 1


def test_help_is_quick_for_it_loads_no_heavy_library():
    code = (
        "import sys\nfrom madi.cli.running import run\nrun(['--help'])\nrun(['train', '--help'])\n"
        "sys.exit(bool({'jax', 'matplotlib', 'sklearn', 'PIL', 'safetensors'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("command", ["train", "evaluate", "predict", "inspect", "check", "datasets"])
def test_every_command_has_help_with_an_example(madi, command):
    result = madi(command, "--help")
    assert (result.code, result.err) == (0, "")
    examples = result.out.partition("Examples:")[2].partition("\n\n")[0]
    assert f"madi {command}" in examples
    assert "[required]" in result.out or command in ("train", "datasets")


def test_the_logs_lie_in_the_home_folder_by_default(monkeypatch):
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert running._log_folder() == Path("/home/someone/.local/state/madi")


def test_the_list_of_commands_says_what_each_does_to_the_end(madi):
    listed = madi("--help").out.partition("Commands:")[2]
    assert "train it with the best." in " ".join(listed.split())
    assert "..." not in listed
    assert "[False]" not in madi("tune", "--help").out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["studio", "--port", "-1"], "madi studio: --port: expected at least 0, got '-1'. See madi studio --help."),
        (["serve", "x", "--port", "65536"], "madi serve: --port: expected at most 65535, got '65536'. See madi serve"),
        (["studio", "--port", "abc"], "madi studio: --port: expected a whole number, got 'abc'. See madi studio"),
        (["serve", "x", "--max-delay", "soon"], "madi serve: --max-delay: expected a number, got 'soon'. See madi"),
        (["export", "x", "--format", "tf"], "madi export: --format: 'tf' is not one of 'onnx', 'torch'. See madi"),
        (["train", "--output", "~nobody-of-that-name/run"], "madi: a path begins with ~ and the name of nobody on "),
        (["train", "missing.csv"], "madi: missing.csv: there is no such file."),
    ],
)  # fmt: skip
def test_a_value_that_is_none_is_told_with_what_was_expected(madi, arguments, told):
    result = madi(*arguments)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert result.err.startswith(told)

"""Every module directly in tools/ is a command, started as a file from any folder or with `python -m`."""

import os
import pathlib
import subprocess
import sys

import pytest

from tools import flag_words, run_command
from utils.errors import RunError

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
COMMANDS = sorted(path.stem for path in TOOLS.glob("*.py") if not path.stem.startswith("_"))
HELP_OF_ALL = """
import runpy, sys

for name in sys.argv[1:]:
    sys.argv = [name, "--help"]
    try:
        runpy.run_module(f"tools.{name}", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        assert not end.code, name
import tools.analysis.report, tools.speed.pipeline
assert "keras" not in sys.modules and "tensorflow" not in sys.modules
"""


def run(*arguments, cwd):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_file_from_another_folder(name, tmp_path):
    text = run(TOOLS / f"{name}.py", "--help", cwd=tmp_path)
    assert text.startswith(f"usage: tools/{name}.py ")


def test_help_as_modules_without_keras():
    texts = run("-c", HELP_OF_ALL, *COMMANDS, cwd=TOOLS.parent)
    assert texts.count("usage: ") == len(COMMANDS)


def test_a_command_that_fails_is_an_error(capfd):
    with pytest.raises(RunError, match="train.py failed: exit code 2"):
        run_command("train.py", {"model": "nothing"})
    assert "there is no 'nothing'" in capfd.readouterr().err
    with pytest.raises(RunError, match="train.py failed: error: .*there is no 'nothing'"):
        run_command("train.py", {"model": "nothing"}, quiet=True)
    assert not capfd.readouterr().err


def test_flags_become_words():
    flags = {"h_flip": True, "ignore_class": ["Sky", "Road"], "scales": "1,2"}
    assert flag_words(flags) == ["--h_flip=True", "--ignore_class", "Sky", "Road", "--scales=1,2"]

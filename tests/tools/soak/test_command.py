"""The command: its quick part, figures and exit code, the repetition of a case."""

import json
import tempfile

import pytest

from tools.soak import command, fuzz
from tools.soak.target import Target
from utils.errors import UsageError


def make(folder):
    (folder / "a.json").write_text("")
    return folder / "a.json"


def mutate(path, rng):
    path.write_text(str(rng.random()))


def read(path):
    raise KeyError("a") if int(path.read_text()[-1]) % 2 else UsageError("a.json is damaged")


@pytest.fixture
def one_target(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(fuzz, "find_targets", lambda: {"a": Target(make, mutate, read)})


def test_figures_and_exit_code(one_target, tmp_path, capsys):
    words = ["--parts", "fuzz", "--files", "20", "--output_dir", str(tmp_path), "--seed", "3"]
    assert command.main(words) == 1
    written = json.loads((tmp_path / "soak.json").read_text())
    part = written["parts"]["fuzz"]
    assert part["files"] == 20 and 0 < part["failure"] == len(part["problems"]) < 20
    assert written["command"] == "python tools/soak.py --parts fuzz --seed 3 --minutes 20"
    printed = capsys.readouterr().out
    assert "\nfuzz: files 20, " in printed and f"  fuzz: {part['problems'][0]}\n" in printed

    case = part["problems"][0].split(": ")[0]
    with pytest.raises(KeyError):
        command.main(["--repeat", case])


def test_a_run_is_continued(one_target, tmp_path, capsys):
    words = ["--parts", "fuzz", "--seed", "3", "--output_dir", str(tmp_path)]
    command.main([*words, "--files", "25"])
    first = json.loads((tmp_path / "soak.json").read_text())["parts"]["fuzz"]
    command.main([*words, "--files", "60", "--continue_run"])
    written = json.loads((tmp_path / "soak.json").read_text())
    assert written["command"] == "python tools/soak.py --parts fuzz --seed 3 --continue_run"
    part = written["parts"]["fuzz"]
    assert first["files"] == 25 and "runs" not in first
    assert part["files"] == 60 and part["runs"] == 2
    assert part["problems"][: first["failure"]] == first["problems"] and len(part["problems"]) == part["failure"]
    assert len(set(part["problems"])) == part["failure"]


@pytest.mark.parametrize("text", ["b:1:2", "a:1:x", "a:1"])
def test_cases_that_do_not_exist(one_target, text, capsys):
    with pytest.raises(SystemExit) as end:
        command.main(["--repeat", text])
    assert end.value.code == 2 and "TARGET:SEED:NUMBER" in capsys.readouterr().err

"""The README says what is so: tables, flags and commands."""

import pathlib
import re
import shlex

import pytest

from models import MODELS
from tools.make_readme_tables import TABLES, with_tables
from utils import arguments

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"
VERBS = ("train", "test", "predict", "export", "benchmark")
PARSERS = {f"{verb}.py": getattr(arguments, f"{verb}_parser") for verb in VERBS}


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_current(name, monkeypatch):
    for tiny in ("tiny", "tiny-heads"):  # registered by the tests
        monkeypatch.delitem(MODELS, tiny)
    text = README.read_text(encoding="utf-8")
    assert with_tables(text, {name: TABLES[name]()}) == text, "run python tools/make_readme_tables.py"


def commands():
    text = README.read_text(encoding="utf-8").replace("\\\n", " ")
    for block in re.findall(r"^```(?:\w*)\n(.*?)^```", text, re.M | re.S):
        for part in re.split(r"&&|\n", block):
            words = shlex.split(part, comments=True)
            if len(words) > 1 and words[0] == "python" and words[1] in PARSERS:
                yield words[1], words[2:]


def test_every_command_is_accepted():
    found = list(commands())
    assert len(found) >= 5
    for verb, words in found:
        PARSERS[verb]().parse_args([word for word in words if word != "..."])


@pytest.mark.parametrize("verb", PARSERS)
def test_every_flag_is_documented(verb):
    text = README.read_text(encoding="utf-8")
    flags = {option for action in PARSERS[verb]()._actions for option in action.option_strings if option != "-h"}
    assert not {flag for flag in flags - {"--help"} if f"`{flag}" not in text}

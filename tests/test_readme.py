"""The README says what is so: tables, flags and commands."""

import pathlib
import re
import shlex
import shutil

import numpy as np
import pytest
import tiny_model

from models import MODELS
from tools import analyse_dataset, convert_dataset, reproduce, split_dataset
from tools.make_tables import TABLES, with_tables
from utils.cli import arguments

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"
VERBS = ("train", "test", "predict", "export", "benchmark")
PARSERS = {f"{verb}.py": getattr(arguments, f"{verb}_parser") for verb in VERBS}
PARSERS |= {tool.parser().prog: tool.parser for tool in (analyse_dataset, convert_dataset, reproduce, split_dataset)}


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_current(name, monkeypatch):
    for tiny in tiny_model.NAMES:  # registered by the tests
        monkeypatch.delitem(MODELS, tiny)
    text = README.read_text(encoding="utf-8")
    assert with_tables(text, {name: TABLES[name]()}) == text, "run python tools/make_tables.py"


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


def test_the_first_command_is_the_recipe_of_its_scores():
    """And the mean IoU that the text beside it promises is the recorded one."""
    parse, recipe = PARSERS["train.py"]().parse_args, reproduce.recorded("streets")["streets_custom"]
    command = next(words for program, words in commands() if program == "train.py")
    assert parse(command) == parse(reproduce.words(recipe["train"])) and not recipe["test"]
    promised = re.search(r"It ends with a mean IoU of ([\d.]+) %", README.read_text(encoding="utf-8"))
    assert promised[1] == f"{100 * recipe['result']['mean_iou']:.1f}"


@pytest.mark.parametrize("verb", PARSERS)
def test_every_flag_is_documented(verb):
    text = README.read_text(encoding="utf-8")
    flags = {option for action in PARSERS[verb]()._actions for option in action.option_strings if option != "-h"}
    assert not {flag for flag in flags - {"--help"} if f"`{flag}" not in text}


def test_the_python_examples_run(streets, tmp_path, monkeypatch):
    """As they stand, but for the dataset, the weights that would be downloaded, and sizes."""
    text = README.read_text(encoding="utf-8")
    section = text[text.index("### In Python") : text.index("## Frontends")]
    blocks = re.findall(r"```python\n(.*?)```", section, re.S)
    monkeypatch.chdir(tmp_path)
    shutil.copy(next((streets / "test").glob("*.jpg")), "street.jpg")
    replaced = {
        '"CamVid"': repr(str(streets)),
        '"imagenet"': "None",
        "MobileNetV2": "MobileNetV3Small",
        "=352": "=64",
        "=480": "=64",
        "epochs=10": "epochs=1",
        "ResNet101": "MobileNetV3Small",
    }
    program = "\n".join(blocks)
    for old, new in replaced.items():
        assert old in program
        program = program.replace(old, new)
    scores, rng = [], np.random.default_rng(0)
    found = {
        "print": scores.append,
        "images": rng.integers(0, 256, (2, 64, 64, 3), np.uint8),
        "labels": rng.integers(0, 12, (2, 64, 64), np.uint8),
    }
    exec(program, found)
    assert 0 <= scores[0] <= 1 and found["colors"].ndim == 3 and found["logits"].shape == (2, 64, 64, 12)

"""Kills of trainings: sound ones survive all of them, careless ones are found out; a kill of a real one."""

import contextlib
import itertools
import json
import subprocess
import sys
import types

import pytest
import tiny_training

from tools import ROOT
from tools.soak import kills


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Returns a function that makes the processes run a fake training, and returns the calls of a plan."""

    def use(carelessness=None, number=2):
        monkeypatch.setitem(sys.modules, "train", tiny_training.module(carelessness))
        monkeypatch.setitem(sys.modules, "tiny_plots", types.SimpleNamespace(blank_plots=contextlib.nullcontext))
        return [
            function(*arguments)[0]
            for function, arguments in itertools.islice(kills.plan(tmp_path, tmp_path, 1), number)
        ]

    return use


def test_a_sound_training_survives_all_kills(fake, tmp_path):
    results = fake(number=4)
    assert not [line for result in results for line in result["problems"]]
    figures = kills.figures(results)
    assert figures["before a file operation"] >= figures["of these, different operations of the simple training"]
    assert figures["of these, different operations of the simple training"] == 5
    assert figures["trainings"] == 4 and figures["different from the undisturbed training"] == 0
    left = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert left == {"undisturbed", "undisturbed_drawn"}


@pytest.mark.parametrize(
    "carelessness, message",
    [
        ("forgets", "latest_model_fake.keras: suite.json: /state/weight"),
        ("writes in place", "latest_model_fake.keras is damaged"),
        ("fails", "resumed: code 1: "),
    ],
)
def test_careless_trainings_are_found_out(fake, carelessness, message):
    problems = [line for result in fake(carelessness) for line in result["problems"]]
    assert any(message in line for line in problems), problems


@pytest.mark.sweep
def test_real_trainings(tmp_path):
    command = [sys.executable, "tools/soak.py", "--parts", "kills", "--kills", "3", "--output_dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "soak.json").read_text())["parts"]["kills"]["kills"] >= 3

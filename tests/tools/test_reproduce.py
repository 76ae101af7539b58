"""The command reproduce.py: recording, repeating, and a score below the recorded one."""

import importlib.util
import json
import pathlib

import pytest

import train
from tools import flag_words, make_soft_labels, reproduce
from tools.results import records
from utils.cli import test_parser as parser_of_test
from utils.cli import train_parser
from utils.settings import read_checkpoint

spec = importlib.util.spec_from_file_location("suite_test", pathlib.Path(train.__file__).with_name("test.py"))
test_command = importlib.util.module_from_spec(spec)
spec.loader.exec_module(test_command)

pytestmark = pytest.mark.usefixtures("blank_plots")

TEACHER = pathlib.Path(__file__).parents[1] / "checkpoints" / "tiny_heads.keras"
EXPERIMENT = {
    "about": "a test",
    "table": "all",
    "tolerance": 0.02,
    "test": {"batch_size": 2},
    "train": {
        "model": "tiny",
        "dataset": "Streets",
        "crop_height": 64,
        "crop_width": 64,
        "batch_size": 5,
        "num_epochs": 2,
        "ignore_class": ["Unlabelled"],
        "num_val_images": 1,
        "learning_rate": 0.01,
        "h_flip": True,
    },
}


@pytest.fixture
def experiments(tmp_path, monkeypatch):
    """A folder with the experiment "small"; commands run in this process, where the network "tiny" is registered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(records, "EXPERIMENTS", tmp_path / "experiments")
    (tmp_path / "experiments").mkdir()
    records.write_experiment("small", EXPERIMENT)
    commands = {"train.py": train.main, "test.py": test_command.main}

    def run_command(command, flags, *words):
        assert commands[command]([*words, *flag_words(flags)]) == 0

    monkeypatch.setattr(reproduce, "run_command", run_command)
    return tmp_path / "experiments"


def run(streets, *more):
    return reproduce.main(["small", "--dataset", str(streets), *more])


def test_what_is_recorded_is_reproduced_and_a_miss_is_a_failure(experiments, streets, capsys):
    assert run(streets, "--record", "--output_dir", "first") == 0
    recorded = json.loads((experiments / "small.json").read_text())
    result = recorded["result"]
    assert {**recorded, "result": None} == {**EXPERIMENT, "result": None}
    assert result["epochs"] == 2 and result["images"] == 5 and "Unlabelled" not in result["class_iou"]
    assert "history" not in result
    assert 0 < result["mean_iou"] < 1 and result["train_minutes"] < 2 and result["versions"]["keras"]
    scores = json.loads(pathlib.Path("first/small/test/scores.json").read_text())
    assert result["mean_iou"] == pytest.approx(scores["mean_iou"], abs=1e-5)
    assert run(streets, "--output_dir", "second") == 0  # trains again
    assert "recorded" in capsys.readouterr().out
    records.write_experiment("small", {**recorded, "result": {**result, "mean_iou": result["mean_iou"] + 0.03}})
    with pytest.raises(SystemExit) as end:
        run(streets, "--output_dir", "second")  # complete: only tests
    assert end.value.code == 1 and "3.0" in capsys.readouterr().err


def test_an_experiment_may_test_or_train_on_what_another_one_trained(experiments, streets):
    further = {**EXPERIMENT["train"], "init_from": "small", "num_epochs": 1, "learning_rate": 0.001}
    records.write_experiment("small_twice", {**EXPERIMENT, "train": "small", "test": {"scales": "1,1.5", "flip": True}})
    records.write_experiment("small_further", {**EXPERIMENT, "train": further, "table": reproduce.HISTORY_TABLE})
    for name in ("small_further", "small_twice", "small"):
        assert reproduce.main([name, "--dataset", str(streets), "--record", "--output_dir", "out"]) == 0
    results = {name: records.read_experiment(name)["result"] for name in records.experiment_names()}
    assert list(records.recorded("all")) == sorted(
        ("small", "small_twice"), key=lambda name: -results[name]["mean_iou"]
    )
    once, twice, more = (results[f"small{end}"] for end in ("", "_twice", "_further"))
    assert once["train_minutes"] == twice["train_minutes"] and once["mean_iou"] != twice["mean_iou"]
    assert more["epochs"] == 3 and more["train_minutes"] >= once["train_minutes"]
    assert len(more["history"]["loss"]) == 1 and max(more["history"]["val_mean_iou"]) <= 1
    settings, _ = read_checkpoint("out/small_further/latest_model_tiny_Streets.keras")
    assert settings["init_from"] == str(pathlib.Path("out/small/latest_model_tiny_Streets.keras"))
    assert not pathlib.Path("out/small_twice/latest_model_tiny_Streets.keras").exists()
    assert records.recorded("all")["small_twice"]["train"] == EXPERIMENT["train"] and not records.recorded("other")


def test_other_seeds_stand_beside_the_first(experiments, streets):
    for seed in "0", "1":
        assert run(streets, "--record", "--seed", seed, "--output_dir", "out") == 0
    experiment = records.read_experiment("small")
    first, second = records.scores_of_seeds(experiment, "mean_iou")
    assert list(experiment["repetitions"]) == ["1"] and first == experiment["result"]["mean_iou"] != second
    settings, _ = read_checkpoint("out/small_seed_1/latest_model_tiny_Streets.keras")
    assert settings["seed"] == 1


@pytest.mark.parametrize(
    "teacher, name, trained", [({"checkpoint": str(TEACHER)}, "tiny_heads", 0), ({"experiment": "small"}, "small", 1)]
)
def test_a_teacher_writes_its_soft_labels_once(experiments, streets, monkeypatch, teacher, name, trained):
    every_class = {flag: value for flag, value in EXPERIMENT["train"].items() if flag != "ignore_class"}
    records.write_experiment("small", {**EXPERIMENT, "train": every_class})
    distilled = {**EXPERIMENT, "train": every_class, "teacher": {**teacher, "flip": True}}
    records.write_experiment("distilled", distilled)
    commands, run_command = [], reproduce.run_command

    def keep(command, flags, *words):
        commands.append(command)
        make_soft_labels.main(flag_words(flags)) if "soft" in command else run_command(command, flags, *words)

    monkeypatch.setattr(reproduce, "run_command", keep)
    for seed in "0", "1":
        words = ["distilled", "--dataset", str(streets), "--seed", seed, "--output_dir", "out", "--record"]
        assert reproduce.main(words) == 0
    of_teacher = ["train.py"] * trained  # with seed 1 it is complete
    assert commands == [
        *of_teacher,
        "tools/make_soft_labels.py",
        "train.py",
        "test.py",
        *of_teacher,
        "train.py",
        "test.py",
    ]
    settings, state = read_checkpoint("out/distilled_seed_1/latest_model_tiny_Streets.keras")
    assert settings["soft_labels"] == str(pathlib.Path("out", f"soft_labels_{name}"))
    assert (pathlib.Path(settings["soft_labels"]) / "soft_labels.json").exists()
    assert settings["seed"] == 1 and state["log"][0]["soft_loss"] > 0


def test_experiments_are_listed_and_unknown_names_refused(experiments, capsys):
    assert reproduce.main([]) == 0
    assert capsys.readouterr().out == "small: a test\n"
    with pytest.raises(SystemExit) as end:
        reproduce.main(["smal"])
    assert end.value.code == 2 and "did you mean small?" in capsys.readouterr().err


@pytest.mark.parametrize("name", records.experiment_names())
def test_flags_of_recorded_experiments_are_accepted(name):
    experiment = records.read_experiment(name)
    train_parser().parse_args(flag_words(records.training_flags(name)))
    parser_of_test().parse_args(flag_words(experiment["test"]))
    assert 0 < experiment["tolerance"] < 0.1 and experiment["about"]

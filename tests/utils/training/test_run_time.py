"""Run time: the estimate told in the first epoch, and trainings of given length."""

import itertools
import json
import pathlib
import re
import time

import numpy as np
import pytest

import train
from utils.cli.arguments import train_parser
from utils.data.dataset import SegmentationDataset
from utils.data.folder import list_pairs
from utils.errors import UsageError
from utils.run_folder import RunFolder
from utils.settings import read_checkpoint
from utils.training import RunRecord, Trainer, TrainingOptions, build_training_model
from utils.training.build import output_names
from utils.training.callbacks import Interruption
from utils.training.record import new_state
from utils.training.run_time import SHORTER, RunTimeEstimate, estimate_costs, estimate_line, rough_duration, start_plan

LATEST = pathlib.Path("checkpoints/latest_model_tiny_Streets.keras")
FOLDER = pathlib.Path("checkpoints/tiny_Streets")

ESTIMATE = re.compile(r"^Estimate: 3 epochs take about \d+ seconds on this machine$", re.MULTILINE)

pytestmark = pytest.mark.usefixtures("blank_plots")


def settings(model):
    return {**vars(train_parser().parse_args(["--model", model, "--optimizer", "adam"])), "num_classes": 12}


def dataset(streets, run_settings):
    data = SegmentationDataset.from_folder(streets, crop_height=32, crop_width=48, batch_size=2)
    data.outputs = output_names(run_settings)
    return data


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0.2, "1 seconds"),
        (119, "119 seconds"),
        (150, "2.5 minutes"),
        (660, "11 minutes"),
        (12600, "3.5 hours"),
        (604800, "7 days"),
        (1e7, "116 days"),
    ],
)
def test_durations(seconds, text):
    assert rough_duration(seconds) == text


def test_a_training_of_days_is_a_warning_with_remedies():
    assert estimate_line(660, 18) == ("Estimate: 18 epochs take about 11 minutes on this machine", False)
    assert estimate_line(60, 1, True)[0] == "Estimate: the remaining 1 epoch takes about 60 seconds on this machine"
    line, is_warning = estimate_line(604800, 300)
    assert is_warning and "300 epochs take about 7 days" in line and "--minutes 60" in line and SHORTER in line


def test_the_shorter_training_is_a_recorded_one():
    from tools.results.records import read_experiment

    experiment = read_experiment("camvid_custom_mobilenet")
    flags, result = experiment["train"], experiment["result"]
    for name in ("recipe", "model", "frontend", "crop_height", "crop_width", "num_epochs"):
        assert f"--{name} {flags[name]}" in SHORTER
    assert f"took {result['train_minutes']:.0f} minutes" in SHORTER
    assert f"{100 * result['mean_iou']:.0f} % mean IoU" in SHORTER and result["machine"].endswith("2 cores")


@pytest.mark.parametrize("model", ["tiny", "tiny-heads"])
def test_the_estimate_is_told_once_and_changes_nothing(streets, tmp_path, capsys, monkeypatch, model):
    """Bit for bit; of `tiny-heads`, whose losses are sums over threads, up to rounding."""
    run_settings, results = settings(model), []
    for is_told in (True, False):
        data, run_folder = dataset(streets, run_settings), RunFolder(tmp_path / str(is_told), model, "Streets")
        record = RunRecord(run_folder, dict(run_settings), new_state(0), data.class_dict, 3, checkpoint_step=5)
        network = build_training_model(run_settings, None, data.steps)
        options = TrainingOptions(num_epochs=3, progress="plain")
        trained = Trainer(network, data, list_pairs(streets, "val"), record, options, Interruption())
        if not is_told:
            monkeypatch.setattr(trained, "time_callbacks", lambda *_: [])
        assert trained.train()
        lines = ESTIMATE.findall(capsys.readouterr().out)
        assert len(lines) == is_told
        results.append(trained.model.get_weights())
    tolerance = {"rtol": 1e-4, "atol": 1e-6} if model == "tiny-heads" else {"rtol": 0, "atol": 0}
    for told, untold in zip(*results, strict=True):
        np.testing.assert_allclose(told, untold, **tolerance)


def test_the_estimate_counts_steps_validations_and_files(streets):
    data, pairs, lines = dataset(streets, settings("tiny")), list_pairs(streets, "val"), []
    estimate = RunTimeEstimate(data, pairs, (0, 10), 1, lambda *line: lines.append(line))
    estimate._times, estimate._steps = [0.0, 100.0, 200.0, 301.0], [1, 2, 3, 4]
    estimate.on_epoch_end(0)
    costs = estimate_costs(100.0, data, pairs)
    # 8 batches of statistics, but there are 5; 3 images of 64x96 are 6 batches of two crops of 32x48.
    assert costs.epoch == pytest.approx(5 * 100 / 3, abs=5) and costs.validation == pytest.approx(6 * 100 / 3, abs=5)
    expected = estimate_line(10 * (5 * 100 + costs.epoch + costs.validation), 10)
    assert lines == [expected]
    estimate.on_epoch_end(1)
    assert len(lines) == 1


def run(streets, *more):
    start = time.perf_counter()
    flags = ["--model", "tiny", "--crop_height", "64", "--crop_width", "64", "--batch_size", "4", "--dataset"]
    assert train.main([*flags, str(streets), "--schedule", "cosine", *more]) == 0
    return time.perf_counter() - start


@pytest.mark.sweep  # measures time, which other programs on the machine change
def test_a_training_of_given_length_ends_in_time(streets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(streets, "--minutes", "0.5") == pytest.approx(30, rel=0.1)
    _, state = read_checkpoint(LATEST)
    seconds = run(streets, "--continue_training", "--minutes", "0.9")
    assert seconds == pytest.approx(54 - state["time_plan"]["spent"], abs=5.4)


@pytest.fixture
def even_clock(monkeypatch):
    """A clock that moves on by the same time at each look at it, so that plans do not depend on the machine."""
    ticks = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: 0.1 * next(ticks))
    monkeypatch.setattr("utils.training.run_time.slowdown", lambda elapsed: 1.0)
    monkeypatch.setattr("utils.training.run_time.FILES_SECONDS", 0.2)


@pytest.mark.usefixtures("even_clock", "blank_plots")
def test_a_training_of_given_length_goes_on(streets, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run(streets, "--minutes", "0.25", "--warm_up", "1", "--num_epochs", "1000")
    output = capsys.readouterr().out
    assert "--minutes 0.25 decides the number of epochs; --num_epochs 1000 has no effect" in output
    assert re.search(r"--minutes 0.25: \d+ epochs? of \d+ steps?.* of 0.25 minutes, loading included, are over", output)
    found, state = read_checkpoint(LATEST)
    assert found["num_epochs"] == state["epoch"] == len(state["log"]) and found["minutes"] == 0.25
    assert state["log"][-1]["learning_rate"] < 0.5e-4 and state["time_plan"]["progress"] > 0.9
    assert "val_mean_iou" in state["log"][-1]
    assert json.loads((FOLDER / "settings.json").read_text())["minutes"] == 0.25

    run(streets, "--continue_training")
    assert "raise --minutes 0.25 to train on" in capsys.readouterr().out
    run(streets, "--continue_training", "--minutes", "0.4")
    _, longer = read_checkpoint(LATEST)
    assert longer["epoch"] > state["epoch"] and longer["time_plan"]["spent"] > state["time_plan"]["spent"]
    epochs = str(longer["epoch"] + 1)
    run(streets, "--continue_training", "--num_epochs", epochs)
    assert f"--num_epochs {epochs} replaces the --minutes 0.4 of the run" in capsys.readouterr().out
    assert read_checkpoint(LATEST)[1]["epoch"] == longer["epoch"] + 1


def test_a_time_that_is_too_short_is_refused(streets):
    run_settings = {**settings("tiny"), "minutes": 0.001}
    data = dataset(streets, run_settings)
    model = build_training_model(run_settings, None, data.steps)
    with pytest.raises(UsageError, match="--minutes 0.001 is too short: .* take about .* minutes"):
        start_plan(run_settings, None, time.perf_counter(), model, data, list_pairs(streets, "val"))

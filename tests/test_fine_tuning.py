"""train.py's --freeze_frontend, --frontend_learning_rate, --init_from and --config as a user runs them."""

import contextlib
import csv
import json
import pathlib
import shutil

import keras
import numpy as np
import pytest
from tiny_plots import blank_plots

import train
from utils.checkpoints import load_network
from utils.settings import read_checkpoint

FLAGS = [
    "--model",
    "tiny-frontend",
    "--frontend",
    "MobileNetV3Small",
    "--frontend_weights",
    "none",
    "--crop_height",
    "32",
    "--crop_width",
    "32",
    "--batch_size",
    "2",
    "--steps_per_epoch",
    "2",
    "--num_val_images",
    "1",
    "--optimizer",
    "adam",
    "--learning_rate",
    "0.01",
]
LATEST = pathlib.Path("checkpoints/latest_model_tiny-frontend_Streets.keras")
FRONTEND, DECODER = "conv", "logits"  # the frontend's first convolution, and the last one of the network

pytestmark = pytest.mark.usefixtures("blank_plots")


def run(streets, *more):
    assert train.main([*FLAGS, "--dataset", str(streets), *more]) == 0


def layer(path, name):
    """The weights of a layer, and of the batch norm behind the frontend's first convolution."""
    model, _ = load_network(path)
    return [*model.get_layer(name).get_weights(), *(model.get_layer("conv_bn").get_weights() if name == "conv" else ())]


def equal(one, other, name):
    return all(np.array_equal(*pair) for pair in zip(layer(one, name), layer(other, name)))


@pytest.fixture(scope="module")
def frozen_once(streets, tmp_path_factory):
    """The folder of a run of three epochs whose first is frozen; every epoch's checkpoint is kept."""
    folder = tmp_path_factory.mktemp("frozen")
    with blank_plots(), contextlib.chdir(folder):
        run(streets, "--num_epochs", "3", "--freeze_frontend", "1", "--checkpoint_step", "1")
    return folder


@pytest.fixture
def copy(frozen_once, tmp_path, monkeypatch):
    shutil.copytree(frozen_once, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")


def epoch(number):
    return f"checkpoints/tiny-frontend_Streets/{number:04d}/model.keras"


def test_a_frozen_frontend_keeps_weights_and_statistics_and_then_trains(frozen_once, monkeypatch):
    monkeypatch.chdir(frozen_once)
    _, gamma, beta, mean, variance = layer(epoch(0), FRONTEND)  # as they were initialized
    assert (gamma == 1).all() and (variance == 1).all() and not beta.any() and not mean.any()
    assert layer(epoch(0), DECODER)[1].all()  # the bias began at 0
    for one, other in zip(layer(epoch(0), FRONTEND), layer(epoch(1), FRONTEND)):
        assert not np.isclose(one, other).all()
    assert read_checkpoint(LATEST)[1]["frozen_updates"] == 2


def test_continuing_in_the_frozen_epochs_gives_the_same(frozen_once, streets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(streets, "--num_epochs", "1", "--freeze_frontend", "1")
    assert (
        train.main(["--model", "tiny-frontend", "--dataset", str(streets), "--continue_training", "--num_epochs", "3"])
        == 0
    )
    for ours, theirs in zip(
        *(keras.models.load_model(path, compile=False).get_weights() for path in (LATEST, frozen_once / LATEST))
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_run_that_goes_on_can_be_frozen(copy, streets, capsys):
    before = shutil.copy(LATEST, "before.keras")
    arguments = ["--model", "tiny-frontend", "--dataset", str(streets), "--continue_training", "--num_epochs", "4"]
    assert train.main([*arguments, "--freeze_frontend", "4"]) == 0
    assert "The frontend is frozen" in capsys.readouterr().out
    assert equal(before, LATEST, FRONTEND) and not equal(before, LATEST, DECODER)


@pytest.fixture
def other_classes(streets, tmp_path):
    """The dataset under another name, whose first class is called otherwise."""
    folder = shutil.copytree(streets, tmp_path / "Others")
    table = folder / "class_dict.csv"
    table.write_text(table.read_text().replace("Sky", "Heaven"))
    return folder


def test_init_from_takes_over_all_but_the_classes_that_are_new(copy, streets, other_classes, capsys):
    source = shutil.copy(LATEST, "source.keras")
    more = ("--ignore_class", "Unlabelled", "--num_epochs", "1", "--freeze_frontend", "9", "--learning_rate", "1e-30")
    run(other_classes, "--init_from", str(source), *more)
    output = capsys.readouterr().out
    words = "in part, by class name: logits, auxiliary_logits; new classes: Heaven"
    assert f"parameters) from {source}; {words}\n" in output
    target = "checkpoints/latest_model_tiny-frontend_Others.keras"
    assert equal(source, target, FRONTEND)
    names = [read_checkpoint(path)[0]["class_names"] for path in (source, target)]
    assert [len(some) for some in names] == [12, 11] and names[1][0] == "Heaven"
    (theirs, their_bias), (ours, our_bias) = layer(source, DECODER), layer(target, DECODER)
    for index, name in enumerate(names[1][1:], 1):
        np.testing.assert_array_equal(ours[..., index], theirs[..., names[0].index(name)])
        assert our_bias[index] == their_bias[names[0].index(name)]
    assert abs(our_bias[0]) < 1e-20 < abs(their_bias[0])  # initialized, and hardly trained


def test_init_from_and_continue_training_are_one_command(streets, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = [*FLAGS, "--model", "tiny", "--dataset", str(streets), "--num_epochs"]
    assert train.main([*arguments, "1"]) == 0
    source = "checkpoints/latest_model_tiny_Streets.keras"
    arguments = [*arguments[:-1], "--output_dir", "new", "--continue_training", "--init_from"]
    assert train.main([*arguments, source, "--num_epochs", "1"]) == 0
    assert f"tensors (100.0 % of parameters) from {source}\n" in capsys.readouterr().out
    assert train.main([*arguments, source, "--num_epochs", "2"]) == 0
    assert "Continuing from new" in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        train.main([*arguments, "other.keras", "--num_epochs", "3"])
    assert end.value.code == 2 and "--init_from other.keras does not fit" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more, message",
    [
        (["--model", "tiny", "--freeze_frontend", "1"], "--freeze_frontend needs a network with a frontend"),
        (["--model", "tiny", "--frontend_learning_rate", "0.1"], "tiny has none; choose from RefineNet"),
        (["--init_from", "nowhere.keras"], "there is no checkpoint nowhere.keras"),
        (["--model", "custom", "--init_from", "LATEST"], "is a tiny-frontend, not a custom"),
        (["--frontend", "MobileNet", "--init_from", "LATEST"], "has the frontend MobileNetV3Small, not MobileNet"),
    ],
)
def test_what_cannot_be_is_one_line(copy, streets, capsys, more, message):
    more = [str(LATEST) if word == "LATEST" else word for word in more]
    with pytest.raises(SystemExit) as end:
        train.main([*FLAGS, "--dataset", str(streets), *more])
    error = capsys.readouterr().err
    assert end.value.code == 2 and message in error and len(error.strip().splitlines()) == 1


def test_a_run_again_from_its_settings(streets, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = [*FLAGS, "--model", "tiny", "--dataset", str(streets), "--h_flip", "--ignore_class", "Sky", "Unlabelled"]
    assert train.main([*flags, "--num_epochs", "2"]) == 0
    capsys.readouterr()
    configs = "checkpoints/tiny_Streets/settings.json", "checkpoints/latest_model_tiny_Streets.keras"
    for number, config in enumerate(configs):
        assert train.main(["--config", config, "--output_dir", f"again{number}", "--num_epochs", "1"]) == 0
        output = capsys.readouterr().out
        assert "*num_epochs 1" in output and "*h_flip True" in output and " | seed 0" in output
        assert "*ignore_class Sky, Unlabelled" in output and "Versions: python 3" in output
    first, again = (
        json.loads(pathlib.Path(f"{folder}/tiny_Streets/settings.json").read_text())
        for folder in ("checkpoints", "again0")
    )
    assert {key for key in first if first[key] != again[key]} == {"output_dir", "num_epochs"}
    folders = ("checkpoints", "again0", "again1")
    losses = [
        float(next(csv.DictReader(pathlib.Path(folder, "tiny_Streets", "log.csv").read_text().splitlines()))["loss"])
        for folder in folders
    ]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-4)

    config = "again0/tiny_Streets/settings.json"
    assert train.main(["--config", config, "--continue_training"]) == 0
    assert "already has its 1 epochs" in capsys.readouterr().out
    assert train.main(["--config", config, "--continue_training", "--num_epochs", "2"]) == 0
    assert json.loads(pathlib.Path(config).read_text())["continue_training"] is True
    assert train.main(["--config", config, "--num_epochs", "1"]) == 0  # a new run, as --continue_training is not given
    assert "is kept in" in capsys.readouterr().out


@pytest.mark.parametrize(
    "more, rate, is_told",
    [
        (["--frontend_weights", "none"], 1.0, True),
        (["--frontend_weights", "none", "--frontend_learning_rate", "0.25"], 0.25, False),
    ],
)
def test_a_frontend_of_random_weights_has_the_whole_learning_rate(
    streets, tmp_path, monkeypatch, capsys, more, rate, is_told
):
    """The preset's factor is for pretrained weights."""
    monkeypatch.chdir(tmp_path)
    flags = ["--model", "tiny-frontend", "--frontend", "MobileNet", "--crop_height", "32", "--crop_width", "32"]
    preset = ["--recipe", "strong", "--mixed_precision", "float32", "--steps_per_epoch", "1", "--num_epochs", "1"]
    assert train.main([*flags, *preset, *more, "--dataset", str(streets)]) == 0
    settings = json.loads(pathlib.Path("checkpoints/tiny-frontend_Streets/settings.json").read_text())
    assert settings["frontend_learning_rate"] == rate
    line = "--frontend_learning_rate 1 instead of 0.25: without pretrained weights all layers are new"
    assert (line in capsys.readouterr().out) == is_told

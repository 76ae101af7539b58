"""Self-configuration from the command line: plan.json, given flags, repetition, resumed runs, weights by path."""

import contextlib
import json
import pathlib

import keras
import pytest

import train
from utils.auto import configure as package_configure
from utils.auto.configure import costs_of_given, find_plan, frontend_of_file
from utils.auto.costs import COSTS
from utils.cli import parse, train_parser
from utils.errors import UsageError

FLAGS = ["--recipe", "auto", "--model", "tiny", "--num_epochs", "1", "--steps_per_epoch", "2", "--batch_size", "4"]
FOLDER = pathlib.Path("checkpoints/tiny_Streets")

pytestmark = pytest.mark.usefixtures("blank_plots")


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No download is tried, and the precision of other tests stays as it is."""
    monkeypatch.setattr("utils.auto.machine.can_download", lambda: False)
    yield
    keras.mixed_precision.set_global_policy("float32")


@pytest.fixture(scope="module")
def planned(streets, tmp_path_factory):
    """The folder of a self-configured run of one epoch."""
    folder = tmp_path_factory.mktemp("planned")
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr("utils.auto.machine.can_download", lambda: False)
        assert train.main([*FLAGS, "--dataset", str(streets)]) == 0
    return folder


def test_a_plan_is_told_and_written(planned):
    plan = json.loads((planned / FOLDER / "plan.json").read_text())
    settings = json.loads((planned / FOLDER / "settings.json").read_text())
    assert 6 <= len(plan["reasons"]) <= 10 and settings["reasons"] == plan["reasons"]
    assert plan["model"] == "tiny" and plan["batch_size"] == 4 and plan["num_epochs"] == 1
    assert plan["optimizer"] == "adamw" and plan["recipe"] == "suite" and plan["h_flip"] is True
    assert plan["crop_height"] <= 64 and plan["crop_width"] <= 96
    assert {name: settings[name] for name in plan} == plan


def test_the_plan_as_config_gives_the_same_settings(planned, streets, capsys):
    """All flags of the second run are those of the first one, and it plans nothing."""
    written = json.loads((planned / FOLDER / "settings.json").read_text())
    with contextlib.chdir(planned):
        args, _ = parse(train_parser(), ["--config", str(FOLDER / "plan.json")])
        differing = {name for name, value in vars(args).items() if name in written and value != written[name]}
        assert differing <= {"find_learning_rate", "progress", "config"}
        repeated = ["--config", str(FOLDER / "plan.json"), "--output_dir", "again"]
        assert train.main(repeated) == 0
    settings = json.loads((planned / "again" / "tiny_Streets" / "settings.json").read_text())
    ignored = ("output_dir", "reasons", "versions")
    assert {k: v for k, v in settings.items() if k not in ignored} == {
        k: v for k, v in written.items() if k not in ignored
    }
    assert "recipe auto" not in capsys.readouterr().out


def test_a_planned_run_is_resumed_without_a_new_plan(planned, streets, capsys):
    with contextlib.chdir(planned):
        more = ["--recipe", "auto", "--dataset", str(streets), "--continue_training", "--num_epochs", "2"]
        assert train.main(more) == 0
    said = capsys.readouterr().out
    assert "Continuing from" in said and "Looking at the data" not in said
    assert len((planned / FOLDER / "log.csv").read_text().splitlines()) == 3


def test_the_newest_plan_is_found(planned, streets):
    with contextlib.chdir(planned):
        assert find_plan("checkpoints", "Streets", None)["model"] == "tiny"
        assert find_plan("checkpoints", "Streets", "custom") is None and find_plan("nowhere", "Streets", None) is None


def test_frontends_of_weights_files():
    assert frontend_of_file("x/mobilenet_1_0_224_imagenet_notop.weights.h5") == "MobileNet"
    assert frontend_of_file("weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5") == "MobileNetV3Small"
    assert frontend_of_file("mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5") == "MobileNetV2"
    with pytest.raises(UsageError, match="--frontend"):
        frontend_of_file("mine.weights.h5")


def test_networks_that_the_user_gives_get_costs():
    assert costs_of_given({"model": "ExFuse"}) == COSTS
    assert ("tiny", "ResNet101") in costs_of_given({"model": "tiny"})
    assert ("custom", "MobileNetV2") in costs_of_given({"frontend": "MobileNetV2"})


def test_the_room_offers_it():
    assert callable(package_configure)

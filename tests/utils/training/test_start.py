"""Settings of a training: completed flags, the frontend's learning rate, runs that are resumed."""

import pytest

from utils.cli import parse, train_parser
from utils.errors import UsageError
from utils.peers import ALONE
from utils.run_folder import RunFolder
from utils.training.start import choose_settings


def choose(streets, tmp_path, *flags):
    """Returns the settings and the state for a command line."""
    args, given = parse(train_parser(), ["--dataset", str(streets), "--output_dir", str(tmp_path), *flags])
    run = RunFolder(tmp_path, args.model, "Streets")
    settings, state, class_dict = choose_settings(args, given, streets, run, ALONE)
    assert class_dict.num_classes == settings["num_classes"]
    return settings, state


def test_settings_have_the_classes_and_the_path_of_the_dataset(streets, tmp_path):
    settings, state = choose(streets, tmp_path, "--model", "custom", "--frontend", "MobileNet")
    assert state is None
    assert settings["class_names"][:2] == ["Sky", "Building"] and settings["dataset_path"] == str(streets.resolve())


@pytest.mark.parametrize(
    ("flags", "rate", "is_told"),
    [
        (["--model", "custom", "--recipe", "strong", "--frontend_weights", "none"], 1.0, True),
        (["--model", "custom", "--recipe", "strong", "--frontend_weights", "imagenet"], 0.25, False),
        (["--model", "custom", "--frontend_weights", "none", "--frontend_learning_rate", "0.5"], 0.5, False),
        (["--model", "FC-DenseNet56", "--recipe", "strong"], 1.0, False),
    ],
)
def test_rate_of_a_frontend_without_trained_weights(flags, rate, is_told, streets, tmp_path, capsys):
    settings, _ = choose(streets, tmp_path, *flags)
    assert settings["frontend_learning_rate"] == rate
    assert ("all layers are new" in capsys.readouterr().out) is is_told


def test_a_search_for_a_learning_rate_needs_a_new_network(streets, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "utils.training.start.resume_settings", lambda latest, settings, given: (settings, {"epoch": 1})
    )
    with pytest.raises(UsageError, match="leave out --continue_training"):
        choose(streets, tmp_path, "--find_learning_rate", "--continue_training")


def test_bands_and_channels_have_to_agree(streets, tmp_path):
    with pytest.raises(UsageError, match="2 bands for 3 input channels"):
        choose(streets, tmp_path, "--bands", "1,2", "--input_channels", "3")

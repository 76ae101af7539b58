"""Search for a learning rate: the command of train.py and its files."""

import contextlib
import csv
import json

import pytest
from PIL import Image

import train
from utils.training import learning_rate_trials

FLAGS = ["--model", "tiny", "--crop_height", "32", "--crop_width", "48", "--batch_size", "2", "--optimizer", "adamw"]


def test_the_command_touches_no_run(streets, tmp_path, capsys, blank_plots, monkeypatch):
    """It writes its two files only, beside those of an earlier run; the suggested rate can be typed."""
    for name, value in (("UPDATES", 4), ("LAST", 2), ("MOST", 3)):
        monkeypatch.setattr(learning_rate_trials, name, value)
    folder = tmp_path / "checkpoints" / "tiny_Streets"
    with contextlib.chdir(tmp_path):
        common = [*FLAGS, "--dataset", str(streets), "--num_val_images", "2"]
        assert train.main([*common, "--num_epochs", "1", "--steps_per_epoch", "1"]) == 0
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        capsys.readouterr()
        assert train.main([*common, "--schedule", "poly", "--find_learning_rate"]) == 0
        said = capsys.readouterr().out
        after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        names = {path.relative_to(folder).as_posix() for path in after.keys() - before.keys()}
        assert names == {"learning_rate.png", "learning_rate.csv"}
        assert all(after[path] == content for path, content in before.items())
        with open(folder / "learning_rate.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        ranged, tried = ([row for row in rows if row["training"] == name] for name in ("range test", "trial"))
        assert 20 < len(ranged) <= 100 and float(ranged[0]["learning_rate"]) == pytest.approx(1e-7)
        assert len(tried) == 3 * 4 and rows == ranged + tried
        assert Image.open(folder / "learning_rate.png").width > 600
        suggestion = said.split("--learning_rate ")[1].split(".  ")[0].split(" ")[0].rstrip(".")
        assert 1e-6 < float(suggestion) <= 1 and "--schedule poly" in said
        assert "find_learning_rate" not in json.loads((folder / "settings.json").read_text())
        with pytest.raises(SystemExit):
            train.main([*common, "--continue_training", "--find_learning_rate"])
    assert "leave out --continue_training" in capsys.readouterr().err

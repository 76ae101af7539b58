"""Distillation from the command line: a teacher's soft labels, a training with them, its resumption, refusals."""

import contextlib
import csv
import json
import pathlib
import shutil

import numpy as np
import pytest
from tiny_plots import blank_plots

import train
from tools import make_soft_labels
from utils.data.folder import list_pairs
from utils.settings import read_checkpoint

TEACHER = pathlib.Path(__file__).parents[1] / "checkpoints" / "tiny_heads.keras"
FLAGS = ["--model", "tiny", "--crop_height", "64", "--crop_width", "64", "--batch_size", "4", "--num_val_images", "1"]
FLAGS += ["--no_report", "--workers", "1", "--h_flip"]
LATEST = pathlib.Path("checkpoints/latest_model_tiny_Streets.keras")

pytestmark = pytest.mark.usefixtures("blank_plots")


def flags(streets, *more):
    return [*FLAGS, "--dataset", str(streets), *more]


def log():
    with open("checkpoints/tiny_Streets/log.csv") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def distilled(streets, tmp_path_factory):
    """The folder with soft labels `soft` of a teacher, and one epoch trained with them."""
    folder = tmp_path_factory.mktemp("distilled")
    with contextlib.chdir(folder), blank_plots():
        words = ["--checkpoint", str(TEACHER), "--dataset", str(streets), "--output", "soft", "--flip"]
        assert make_soft_labels.main(words) == 0
        more = ["--soft_labels", "soft", "--soft_weight", "0.25", "--num_epochs", "1", "--class_balancing", "--cache"]
        more += ["--accumulate", "2"]
        assert train.main(flags(streets, *more)) == 0
    return folder


@pytest.fixture
def copy(distilled, tmp_path, monkeypatch):
    shutil.copytree(distilled, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")


def test_files_follow_the_images(distilled, streets):
    pairs, metadata = list_pairs(streets, "train"), json.loads((distilled / "soft/soft_labels.json").read_text())
    assert {path.stem for path in (distilled / "soft").glob("*.npy")} == {pair.name for pair in pairs}
    assert metadata["views"] == {"scales": [1.0], "flip": True} and metadata["stride"] == 4
    assert metadata["teacher"]["model"] == "tiny-heads" and metadata["teacher"]["weights"]
    array = np.load(distilled / f"soft/{pairs[0].name}.npy")
    assert array.shape == (16, 24, len(metadata["class_names"])) and abs(int(array[0, 0].sum()) - 255) < 4


def test_the_loss_has_both_parts(copy):
    (row,) = log()
    assert float(row["soft_loss"]) > 0
    expected = 0.75 * float(row["logits_loss"]) + 0.25 * float(row["soft_loss"])
    assert float(row["loss"]) == pytest.approx(expected, rel=1e-4)
    assert read_checkpoint(LATEST)[0]["soft_labels_identity"]


def test_a_training_resumes_with_the_same_soft_labels(copy, streets, capsys):
    shutil.move("soft", "moved")
    more = ["--continue_training", "--num_epochs", "2", "--soft_labels", "moved"]
    assert train.main(flags(streets, *more)) == 0
    assert len(log()) == 2 and all(float(row["soft_loss"]) > 0 for row in log())
    metadata = pathlib.Path("moved/soft_labels.json")
    metadata.write_text(metadata.read_text().replace('"checksum": "', '"checksum": "0'))
    more[2] = "3"
    check_refused(flags(streets, *more), "holds other soft labels", capsys)


def check_refused(words, message, capsys):
    with pytest.raises(SystemExit) as end:
        train.main(words)
    error = capsys.readouterr().err
    assert end.value.code == 2 and message in error and len(error.strip().splitlines()) == 1


def test_refusals(copy, streets, capsys):
    soft = ["--soft_labels", "soft"]
    check_refused(flags(streets, "--soft_weight", "0.3"), "needs --soft_labels", capsys)
    check_refused(flags(streets, *soft, "--ignore_class", "Sky"), "has the classes", capsys)
    check_refused(flags(streets, "--soft_labels", "nowhere"), "there is no nowhere/soft_labels.json", capsys)
    check_refused([*FLAGS, "--dataset", str(streets), str(streets), *soft], "images of one dataset", capsys)
    for path in pathlib.Path("soft").glob("*.npy"):
        np.save(path, np.load(path)[:8])
    check_refused(flags(streets, *soft), "the soft labels are of images of another size", capsys)

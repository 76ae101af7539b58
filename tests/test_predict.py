"""predict.py as a user runs it."""

import contextlib
import os
import pathlib

import cv2
import numpy as np
import pytest

import predict
import train
from utils.class_dict import ClassDict

CHECKPOINT = "checkpoints/latest_model_tiny_Streets.keras"


@pytest.fixture(scope="module")
def checkpoint(streets, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    with contextlib.chdir(folder):
        arguments = ["--model", "tiny", "--dataset", str(streets), "--num_epochs", "1", "--batch_size", "4"]
        assert train.main([*arguments, "--crop_height", "64", "--crop_width", "64", "--num_val_images", "1"]) == 0
    return str(folder / CHECKPOINT)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Pictures of three sizes in the current folder's `in`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for name, (height, width) in {"a.png": (50, 70), "b.jpg": (64, 96), "c.bmp": (131, 97)}.items():
        picture = np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)
        cv2.imwrite(f"in/{name}", picture)
    pathlib.Path("in/notes.txt").write_text("not a picture")
    return tmp_path


def test_a_folder_of_different_sizes(checkpoint, folder, streets):
    assert predict.main(["--image", "in", "--checkpoint_path", checkpoint, "--output_dir", "out"]) == 0
    assert sorted(os.listdir("out")) == ["a_pred.png", "b_pred.png", "c_pred.png"]
    classes = ClassDict.from_csv(streets / "class_dict.csv")
    for name, shape in {"a": (50, 70), "b": (64, 96), "c": (131, 97)}.items():
        colors = cv2.imread(f"out/{name}_pred.png")[..., ::-1]
        assert colors.shape[:2] == shape
        classes.encode(colors)  # raises if a color is of no class


def test_overlay_lies_beside_the_color_map_and_has_a_legend(checkpoint, folder):
    assert predict.main(["--image", "in/b.jpg", "--checkpoint_path", checkpoint, "--overlay"]) == 0
    picture, overlay = cv2.imread("in/b.jpg"), cv2.imread("b_overlay.png")
    colors = cv2.imread("b_pred.png")
    assert overlay.shape[0] > 64 and overlay.shape[1] == 96
    blend = (picture.astype(int) + colors) / 2
    assert np.abs(overlay[:64] - blend).max() <= 1


def test_crop_flags_resize_for_the_network_only(checkpoint, folder):
    arguments = ["--image", "in/a.png", "--checkpoint_path", checkpoint, "--crop_height", "64", "--crop_width", "64"]
    assert predict.main(arguments) == 0
    assert cv2.imread("a_pred.png").shape == (50, 70, 3)


def test_a_bad_file_does_not_stop_the_others(checkpoint, folder, capsys):
    pathlib.Path("in/bad.png").write_bytes(b"no picture")
    with pytest.raises(SystemExit) as end:
        predict.main(["--image", "in", "--checkpoint_path", checkpoint, "--output_dir", "out"])
    assert end.value.code == 1
    assert "bad.png" in capsys.readouterr().err
    assert len(os.listdir("out")) == 3


@pytest.mark.parametrize(
    "image, words", [("nowhere.png", ["nowhere.png"]), ("empty", ["empty", "no images"])]
)
def test_nothing_to_predict(checkpoint, folder, capsys, image, words):
    os.makedirs("empty")
    with pytest.raises(SystemExit) as end:
        predict.main(["--image", image, "--checkpoint_path", checkpoint])
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2 and all(word in error for word in words) and len(error.splitlines()) == 1

"""The commands on 16-bit images of four bands, as they come from satellites, and on what a network does not take."""

import contextlib
import importlib.util
import pathlib

import cv2
import numpy as np
import pytest

import export
import predict
import test
import train
from tests.utils.data.tiff_files import tiff_bytes
from utils import notices
from utils.data.augmentation import Augmentation
from utils.data.folder import read_classes
from utils.data.training_data import open_training_data
from utils.settings import read_checkpoint

CHECKPOINT = "checkpoints/latest_model_tiny_Fields.keras"
GEOREFERENCE = [(33550, "d", [0.5, 0.5, 0]), (33922, "d", [0, 0, 0, 5e5, 46e5, 0])]
# Version 1.1.0, then: projected, pixels are areas, EPSG:32633.
GEOREFERENCE += [(34735, "H", [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633])]


@pytest.fixture(scope="module")
def fields(tmp_path_factory):
    """A dataset of 64x64 pixels: near infrared, the fourth band, is high where the second class is."""
    folder, rng = tmp_path_factory.mktemp("data") / "Fields", np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 2), ("test", 2)):
        for part in (split, f"{split}_labels"):
            (folder / part).mkdir(parents=True)
        for number in range(count):
            label = cv2.resize(rng.integers(0, 2, (4, 4), np.uint8), (64, 64), interpolation=cv2.INTER_NEAREST)
            bands = rng.normal(1200, 200, (64, 64, 4)) + 1800.0 * label[..., None] * [0, 0, 0, 1]
            data = tiff_bytes(bands.clip(0, 4095).astype(np.uint16), 1, (0, 0, 0), tags=GEOREFERENCE)
            (folder / split / f"{split}{number}.tif").write_bytes(data)
            cv2.imwrite(str(folder / f"{split}_labels" / f"{split}{number}.png"), label)
    (folder / "class_dict.csv").write_text("name,r,g,b\nsoil,0,0,0\nplant,0,255,0\n")
    return folder


def train_tiny(fields, *more):
    crop = ["--crop_height", "64", "--crop_width", "64", "--batch_size", "2", "--num_val_images", "0"]
    return train.main(["--model", "tiny", "--dataset", str(fields), "--num_epochs", "1", *crop, *more])


@pytest.fixture(scope="module")
def checkpoint(fields, tmp_path_factory):
    """A network for all four bands."""
    folder = tmp_path_factory.mktemp("run")
    with contextlib.chdir(folder):
        assert train_tiny(fields, "--input_channels", "4") == 0
    return folder / CHECKPOINT


@pytest.fixture
def work(tmp_path, monkeypatch):
    """An empty current folder, and nothing told yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(notices, "_told", set())
    return tmp_path


def test_range_and_channels_are_settings_of_the_run(checkpoint):
    settings, _ = read_checkpoint(checkpoint)
    low, high = map(float, settings["image_range"].split(","))
    assert settings["input_channels"] == 4 and 400 < low < 900 and 3000 < high < 4095


def test_test_scores_all_bands(checkpoint, fields, work):
    assert test.main(["--checkpoint_path", str(checkpoint), "--dataset", str(fields)]) == 0
    (folder,) = (work / "Test").iterdir()
    assert (folder / "samples.png").is_file() and (folder / "test1_pred.png").is_file()


def test_predictions_of_geotiffs_stay_in_place(checkpoint, fields, work, capsys):
    source = fields / "test" / "test0.tif"
    tiles = ["--tile", "32", "--overlap", "0"]
    assert (
        predict.main(
            ["--image", str(source), "--checkpoint_path", str(checkpoint), "--overlay", "--confidence", *tiles]
        )
        == 0
    )
    assert cv2.imread("predictions/test0_overlay.png").shape[1] == 64
    if importlib.util.find_spec("rasterio") is None:
        assert cv2.imread("predictions/test0_pred.png").shape == (64, 64, 3)
        assert "lose its georeference: pip install rasterio" in capsys.readouterr().err
        return
    import rasterio

    with rasterio.open(source) as before, rasterio.open("predictions/test0_pred.tif") as after:
        assert after.crs == before.crs and after.crs.to_epsg() == 32633 and after.transform == before.transform
        assert after.count == 1 and after.tags()["CLASS_1"] == "plant" and after.colormap(1)[1] == (0, 255, 0, 255)
    with rasterio.open("predictions/test0_confidence.tif") as file:
        assert file.crs.to_epsg() == 32633 and file.dtypes == ("uint8",) and 0 < file.read(1).mean() <= 255
    assert not pathlib.Path("predictions/test0_pred.png").exists()
    assert not pathlib.Path("predictions/test0_confidence.png").exists()


def test_the_exported_file_takes_all_bands(checkpoint, fields, work):
    arguments = ["--checkpoint_path", str(checkpoint), "--format", "savedmodel", "--output_path", "exported"]
    assert export.main([*arguments, "--dataset", str(fields)]) == 0
    source = str(fields / "test" / "test0.tif")
    for path in ("exported", str(checkpoint)):
        assert predict.main(["--image", source, "--checkpoint_path", path, "--indices", "--output_dir", path[-8:]]) == 0
    written = [cv2.imread(f"{folder}/test0_indices.png", -1) for folder in ("exported", str(checkpoint)[-8:])]
    assert (written[0] == written[1]).mean() > 0.99


def test_other_images_are_refused_by_name(checkpoint, work, capsys):
    cv2.imwrite("photo.png", np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(SystemExit) as end:
        predict.main(["--image", "photo.png", "--checkpoint_path", str(checkpoint)])
    assert end.value.code == 1
    assert "photo.png has 3 bands, and the network takes 4" in capsys.readouterr().err


def test_bands_of_the_training_are_those_of_the_prediction(fields, work, capsys):
    assert train_tiny(fields, "--bands", "4,1,2", "--image_range", "0,4095") == 0
    assert read_checkpoint(CHECKPOINT)[0]["bands"] == "4,1,2"
    source = str(fields / "test" / "test0.tif")
    for more in ([], ["--bands", "4,1,2", "--image_range", "0,4095"], ["--bands", "1,2,3"]):
        folder = f"out{len(more)}{more[-1:] == ['1,2,3']}"
        arguments = ["--image", source, "--checkpoint_path", CHECKPOINT, "--overlay", "--output_dir", folder]
        assert predict.main([*arguments, *more]) == 0
    overlays = [cv2.imread(f"{folder}/test0_overlay.png") for folder in ("out0False", "out4False", "out2True")]
    assert np.array_equal(overlays[0], overlays[1]) and not np.array_equal(overlays[0], overlays[2])
    with pytest.raises(SystemExit) as end:
        predict.main(["--image", source, "--checkpoint_path", CHECKPOINT, "--bands", "1,2"])
    assert end.value.code == 2 and "2 bands for 3 input channels" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--bands", "4,1,2", "--input_channels", "4"], "3 bands for 4 input channels"),
        (["--bands", "9"], "has 4 bands, not the band 9"),
        (["--input_channels", "5"], "has 4 bands, and the network takes 5"),
    ],
)
def test_what_does_not_fit_ends_before_the_training(flags, words, fields, work, capsys):
    with pytest.raises(SystemExit) as end:
        train_tiny(fields, *flags)
    assert end.value.code == 2 and words in capsys.readouterr().err
    assert not pathlib.Path("checkpoints").exists()


def test_four_bands_without_a_flag_are_told(fields, work, capsys):
    data = open_training_data([fields], read_classes(fields), Augmentation(64, 64), batch_size=2, num_val_images=0)
    assert capsys.readouterr().err.count("has 4 bands, of which 1,2,3 are used") == 1
    assert data.report[-1].startswith("images: 16-bit, scaled from ")
    images, _ = data.dataset[0]
    assert images.shape == (2, 64, 64, 3) and 60 < images.mean() < 200  # neither black nor white

"""predict.py as a user runs it."""

import contextlib
import csv
import os
import pathlib
import re

import cv2
import numpy as np
import pytest
from tiny_plots import blank_plots

import export
import predict
import train
from utils.class_dict import ClassDict
from utils.inference.video import VideoReader
from utils.inference.video_writer import MPEG4, VideoWriter, find_encoder

CHECKPOINT = "checkpoints/latest_model_tiny_Streets.keras"


@pytest.fixture(scope="module")
def checkpoint(streets, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    with blank_plots(), contextlib.chdir(folder):
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
    assert predict.main(["--image", "in/b.jpg", "--checkpoint_path", checkpoint, "--overlay", "--outlines", "no"]) == 0
    picture, overlay = cv2.imread("in/b.jpg"), cv2.imread("predictions/b_overlay.png")
    colors = cv2.imread("predictions/b_pred.png")
    assert overlay.shape[0] > 64 and overlay.shape[1] == 96
    blend = (picture.astype(int) + colors) / 2
    assert np.abs(overlay[:64] - blend).max() <= 1


def test_crop_flags_resize_for_the_network_only(checkpoint, folder):
    arguments = ["--image", "in/a.png", "--checkpoint_path", checkpoint, "--crop_height", "64", "--crop_width", "64"]
    assert predict.main(arguments) == 0
    assert cv2.imread("predictions/a_pred.png").shape == (50, 70, 3)


def test_a_bad_file_does_not_stop_the_others(checkpoint, folder, capsys):
    pathlib.Path("in/bad.png").write_bytes(b"no picture")
    with pytest.raises(SystemExit) as end:
        predict.main(["--image", "in", "--checkpoint_path", checkpoint, "--output_dir", "out"])
    assert end.value.code == 1
    assert "bad.png" in capsys.readouterr().err
    assert len(os.listdir("out")) == 3


@pytest.mark.parametrize("image, words", [("nowhere.png", ["nowhere.png"]), ("empty", ["empty", "no images"])])
def test_nothing_to_predict(checkpoint, folder, capsys, image, words):
    os.makedirs("empty")
    with pytest.raises(SystemExit) as end:
        predict.main(["--image", image, "--checkpoint_path", checkpoint])
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2 and all(word in error for word in words) and len(error.splitlines()) == 1


def test_folders_below_a_folder_and_a_pattern(checkpoint, folder):
    os.makedirs("in/deep")
    os.rename("in/b.jpg", "in/deep/a.png")
    assert predict.main(["--image", "in", "--checkpoint_path", checkpoint, "--output_dir", "out"]) == 0
    assert sorted(path.as_posix() for path in pathlib.Path("out").rglob("*.png")) == [
        "out/a_pred.png",
        "out/c_pred.png",
        "out/deep/a_pred.png",
    ]
    arguments = ["--checkpoint_path", checkpoint, "--output_dir", "some"]
    assert predict.main(["--image", "in/*.png", "in/c.bmp", *arguments]) == 0
    assert sorted(os.listdir("some")) == ["a_pred.png", "c_pred.png"]


def test_results_among_the_images_are_not_predicted_again(checkpoint, folder):
    for _ in range(2):
        assert predict.main(["--image", "in", "--checkpoint_path", checkpoint, "--output_dir", "in", "--overlay"]) == 0
    assert len(list(pathlib.Path("in").glob("*_pred.png"))) == len(list(pathlib.Path("in").glob("*_overlay.png"))) == 3


def test_indices_shares_and_chosen_classes(checkpoint, folder, streets):
    arguments = ["--image", "in/a.png", "--checkpoint_path", checkpoint, "--indices", "--coverage"]
    assert predict.main(arguments) == 0
    indices = cv2.imread("predictions/a_indices.png", cv2.IMREAD_UNCHANGED)
    classes = ClassDict.from_csv(streets / "class_dict.csv")
    assert indices.shape == (50, 70)
    np.testing.assert_array_equal(classes.decode(indices), cv2.imread("predictions/a_pred.png")[..., ::-1])
    with open("predictions/coverage.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["image"] == "in/a.png" and list(row)[3:] == classes.class_names
    for index, name in enumerate(classes.class_names):
        assert float(row[name]) == pytest.approx(100 * (indices == index).mean(), abs=1e-3)

    name = classes.class_names[np.bincount(indices.ravel()).argmax()]
    assert predict.main([*arguments, "--classes", name]) == 0
    painted = cv2.imread("predictions/a_pred.png")[..., ::-1]
    commonest = indices == classes.class_names.index(name)
    np.testing.assert_array_equal(painted[commonest], classes.decode(indices)[commonest])
    assert not painted[~commonest].any()


def test_tiles_views_and_batches_reach_the_network(checkpoint, folder):
    arguments = ["--image", "in", "--checkpoint_path", checkpoint, "--batch_size", "2"]
    options = ["--tile", "64", "--overlap", "32", "--scales", "0.5,1", "--flip"]
    assert predict.main([*arguments, "--output_dir", "plain"]) == 0
    assert predict.main([*arguments, *options, "--output_dir", "fancy"]) == 0
    same = [(cv2.imread(f"plain/{name}") == cv2.imread(f"fancy/{name}")).all(-1).mean() for name in os.listdir("plain")]
    assert 0.2 < np.mean(same) < 1  # another answer, yet of the same network


def test_confidence_unknown_pixels_and_probabilities(checkpoint, folder, streets, capsys):
    arguments = ["--image", "in", "--checkpoint_path", checkpoint, "--tile", "64", "--overlap", "32", "--flip"]
    options = ["--confidence", "--below", "0.2", "--probabilities", "--indices", "--overlay", "--coverage"]
    assert predict.main([*arguments, *options]) == 0
    told = re.search(r"Unknown, with a confidence below 0.2: ([\d.]+) %", capsys.readouterr().out).group(1)
    unknown = pixels = 0
    for name in "abc":
        indices, gray = (cv2.imread(f"predictions/{name}_{kind}.png", -1) for kind in ("indices", "confidence"))
        colors = cv2.imread(f"predictions/{name}_pred.png")[..., ::-1]
        with np.load(f"predictions/{name}_probabilities.npz") as file:
            probabilities, names = file["probabilities"], file["class_names"].tolist()
        assert names == ClassDict.from_csv(streets / "class_dict.csv").class_names
        assert probabilities.shape == (*indices.shape, 12)
        np.testing.assert_array_equal(gray, np.rint(probabilities.max(-1).astype(float) * 255))
        np.testing.assert_array_equal(indices == 255, probabilities.max(-1) < np.float16(0.2))
        assert len(np.unique(colors[indices == 255].reshape(-1, 3), axis=0)) <= 1
        unknown, pixels = unknown + (indices == 255).sum(), pixels + indices.size
    assert 0 < unknown < pixels and float(told) == pytest.approx(100 * unknown / pixels, abs=0.06)


@pytest.fixture
def clip(folder):
    """A video of 7 frames, 12.5 a second."""
    with VideoWriter(folder / "clip", 12.5, encoder=MPEG4) as writer:
        for number in range(7):
            frame = np.random.default_rng(number).integers(0, 256, (6, 8, 3), np.uint8)
            writer.write(cv2.resize(frame, (96, 64), interpolation=cv2.INTER_NEAREST))
    return folder / "clip.mp4"


def test_a_video(checkpoint, clip):
    arguments = ["--image", "clip.mp4", "--checkpoint_path", checkpoint, "--overlay", "--indices", "--coverage"]
    assert predict.main([*arguments, "--batch_size", "3", "--output_dir", "out"]) == 0
    suffix = find_encoder().suffix
    colors, overlay = VideoReader(f"out/clip_pred{suffix}"), VideoReader(f"out/clip_overlay{suffix}")
    assert colors.frame_rate == overlay.frame_rate == 12.5
    colors, overlay = list(colors), list(overlay)
    assert len(colors) == len(overlay) == 7
    assert colors[0].shape == (64, 96, 3) and overlay[0].shape[0] > 64
    frames = sorted(os.listdir("out/clip_indices"))
    assert len(frames) == 7
    assert predict.main(["--image", "clip.mp4", "--checkpoint_path", checkpoint, "--frames", "2"]) == 0
    assert len(list(VideoReader(f"predictions/clip_pred{suffix}"))) == 2
    with open("out/coverage.csv", newline="") as file:
        assert [(row["frame"], row["seconds"]) for row in csv.DictReader(file)][:2] == [("0", "0.0"), ("1", "0.08")]


def test_a_video_gives_what_its_frames_give_as_images(checkpoint, clip):
    """Frames in order, not mixed up by batches or threads."""
    for number, frame in enumerate(VideoReader(clip)):
        cv2.imwrite(f"in/f{number}.png", frame[..., ::-1])
    arguments = ["--checkpoint_path", checkpoint, "--output_dir", "out", "--indices"]
    assert predict.main(["--image", "clip.mp4", "in/f*.png", "--batch_size", "3", *arguments]) == 0
    for number in range(7):
        one, other = f"out/clip_indices/{number:06d}.png", f"out/f{number}_indices.png"
        assert (cv2.imread(one) == cv2.imread(other)).mean() > 0.999


@pytest.mark.parametrize(
    "options, word",
    [
        (["--tile", "100"], "multiples of 32"),
        (["--tile", "64", "--overlap", "64"], "half"),
        (["--scales", "0"], "scale"),
        (["--classes", "Tram"], "Tram"),
        (["--crop_height", "64"], "--crop_width"),
    ],
)
def test_wrong_options(checkpoint, folder, capsys, options, word):
    with pytest.raises(SystemExit) as end:
        predict.main(["--image", "in", "--checkpoint_path", checkpoint, *options])
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2 and word in error and len(error.splitlines()) == 1


@pytest.mark.parametrize("form, name", [("litert", "made.tflite"), ("savedmodel", "made"), ("onnx", "made.onnx")])
@pytest.mark.parametrize("output", ["logits", "colours"])
def test_an_exported_file_gives_what_the_checkpoint_gives(checkpoint, folder, form, name, output, capsys):
    if form == "onnx":
        for package in ("tf2onnx", "onnxruntime"):
            pytest.importorskip(package)
    arguments = ["--checkpoint_path", checkpoint, "--format", form, "--output_path", name]
    assert export.main([*arguments, "--output", output]) == 0
    for path, out in ((checkpoint, "keras"), (name, "file")):
        assert predict.main(["--image", "in", "--checkpoint_path", path, "--output_dir", out]) == 0
    for picture in os.listdir("keras"):
        assert (cv2.imread(f"keras/{picture}") == cv2.imread(f"file/{picture}")).mean() > 0.999
    with pytest.raises(SystemExit) as end:
        predict.main(["--image", "in/a.png", "--checkpoint_path", name, "--batch_statistics"])
    assert end.value.code == 2
    flipped = ["--image", "in/a.png", "--checkpoint_path", name, "--flip"]
    unsure = [
        "--image",
        "in/a.png",
        "--checkpoint_path",
        name,
        "--confidence",
        "--below",
        "0.9",
        "--output_dir",
        "file",
    ]
    if output == "logits":
        assert predict.main(flipped) == predict.main(unsure) == 0
        unsure[3] = checkpoint
        assert predict.main([*unsure[:-1], "keras"]) == 0
        one, other = (cv2.imread(f"{folder}/a_confidence.png", -1).astype(int) for folder in ("file", "keras"))
        assert np.abs(one - other).max() <= 2 and one.std() > 0
    else:
        for arguments in (flipped, unsure):
            with pytest.raises(SystemExit):
                predict.main(arguments)
            error = capsys.readouterr().err.strip().splitlines()[-1]
            assert "--confidence" in error and "--output logits" in error and "not made" not in error


def test_processes_share_the_images(checkpoint, folder, capsys, monkeypatch):
    monkeypatch.setenv("KERAS_DISTRIBUTION_JOB_ADDRESSES", "localhost:1234")
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "2")
    written = []
    for rank in ("0", "1"):
        monkeypatch.setenv("KERAS_DISTRIBUTION_PROCESS_ID", rank)
        arguments = ["--image", "in", "--checkpoint_path", checkpoint, "--coverage", "--output_dir", rank]
        assert predict.main([*arguments, "--distribute", "cluster"]) == 0
        written.append(sorted(os.listdir(rank)))
        assert f"{rank} of 2" in capsys.readouterr().out
    assert written == [["a_pred.png", "c_pred.png", "coverage_0.csv"], ["b_pred.png", "coverage_1.csv"]]

"""Prediction of files, with a network whose predictions are known."""

import csv
import pathlib

import cv2
import numpy as np
import pytest

from utils.class_dict import ClassDict
from utils.data.images import write_image
from utils.inference import Painter, Predictor, Results, predict_images, predict_video
from utils.inference.video import VideoReader
from utils.inference.video_writer import MPEG4, VideoWriter, find_encoder
from utils.progress import Console

CLASSES = ClassDict(["Red", "Green", "Blue"], [(250, 0, 0), (0, 250, 0), (0, 0, 250)])


class Brightest:
    """A backend whose class is the brightest channel; notes the sizes of its images."""

    size, compiles_each_shape = None, False

    def __init__(self):
        self.sizes = []

    def classes(self, images):
        self.sizes += [images.shape[1:3]] * len(images)
        return images.argmax(-1).astype(np.uint8)

    def logits(self, images):
        return images.astype(np.float32)


class FakeWindow:
    """Notes what it shows; closed by the user after so many images."""

    def __init__(self, images):
        self.images, self.shown = images, []

    def show(self, rgb, wait=1):
        self.shown.append((rgb.shape, wait))
        return len(self.shown) < self.images


def results(folder, **options):
    return Results(folder, Painter(CLASSES), Console("quiet"), **options)


@pytest.fixture
def images(tmp_path):
    """Paths and names of three images, each of one class."""
    paths = {}
    for number in range(3):
        path = tmp_path / f"{number}.png"
        write_image(path, np.eye(3, dtype=np.uint8)[[[number]]].repeat(40, 0).repeat(50, 1) * 200)
        paths[path] = pathlib.Path(str(number) if number else "sub/0")
    return paths


def test_files_of_images(images, tmp_path):
    writer = results(tmp_path / "out", overlay=True, indices=True, coverage=True)
    assert predict_images(Predictor(Brightest(), 2), images, writer) == []
    for number, name in enumerate(("sub/0", "1", "2")):
        color = cv2.imread(str(tmp_path / "out" / f"{name}_pred.png"))[..., ::-1]
        assert color.shape == (40, 50, 3) and (color == CLASSES.label_values[number]).all()
        assert (cv2.imread(str(tmp_path / "out" / f"{name}_indices.png"), cv2.IMREAD_UNCHANGED) == number).all()
        assert cv2.imread(str(tmp_path / "out" / f"{name}_overlay.png")).shape[0] > 40
    writer.write_coverage()
    with open(tmp_path / "out" / "coverage.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == sorted(map(str, images))
    assert [(row["Red"], row["Green"], row["Blue"]) for row in rows] == [
        ("100.0", "0.0", "0.0"),
        ("0.0", "100.0", "0.0"),
        ("0.0", "0.0", "100.0"),
    ]


def test_no_coverage_no_file(images, tmp_path):
    (tmp_path / "out").mkdir()
    writer = results(tmp_path / "out")
    predict_images(Predictor(Brightest()), images, writer)
    writer.write_coverage()
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.*")) == ["0_pred.png", "1_pred.png", "2_pred.png"]
    assert predict_images(Predictor(Brightest()), {}, writer) == []


def test_an_unreadable_image_is_reported_and_the_others_are_predicted(images, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    errors = predict_images(Predictor(Brightest()), {broken: broken.relative_to(tmp_path), **images}, results(tmp_path))
    assert len(errors) == 1 and "broken.png" in errors[0]
    assert len(list(tmp_path.rglob("*_pred.png"))) == 3


def test_the_network_s_size(images, tmp_path):
    backend = Brightest()
    predict_images(Predictor(backend), images, results(tmp_path, size=(64, 96)))
    assert backend.sizes == [(64, 96)] * 3
    assert cv2.imread(str(tmp_path / "1_pred.png")).shape == (40, 50, 3)


def test_a_closed_window_ends_the_work(images, tmp_path):
    window = FakeWindow(2)
    predict_images(Predictor(Brightest()), images, results(tmp_path, window=window))
    assert window.shown == [((40, 50, 3), 1)] * 2
    only = FakeWindow(9)
    path = tmp_path / "1.png"
    predict_images(Predictor(Brightest()), {path: images[path]}, results(tmp_path, window=only, overlay=True))
    ((shape, wait),) = only.shown
    assert shape[0] > 40 and wait == 0  # a single image waits for a key


def test_files_of_a_video(tmp_path):
    with VideoWriter(tmp_path / "clip", 10, encoder=MPEG4) as writer:
        for number in range(5):
            writer.write(np.eye(3, dtype=np.uint8)[[[number % 3]]].repeat(64, 0).repeat(96, 1) * 200)
    writer = results(tmp_path / "out", overlay=True, indices=True, coverage=True)
    predict_video(Predictor(Brightest(), 2), VideoReader(tmp_path / "clip.mp4"), writer, max_frames=4)
    files = [tmp_path / "out" / f"clip_{kind}{find_encoder().suffix}" for kind in ("pred", "overlay")]
    colors, overlays = (list(VideoReader(file)) for file in files)
    assert len(colors) == len(overlays) == 4 and overlays[0].shape[0] > 64
    for number, frame in enumerate(colors):
        assert frame.mean(axis=(0, 1)).argmax() == number % 3
        indices = cv2.imread(str(tmp_path / "out" / "clip_indices" / f"{number:06d}.png"), cv2.IMREAD_UNCHANGED)
        assert (indices == number % 3).mean() > 0.99
    writer.write_coverage()
    with open(tmp_path / "out" / "coverage.csv", newline="") as file:
        assert [(row["frame"], row["seconds"]) for row in csv.DictReader(file)][2:] == [("2", "0.2"), ("3", "0.3")]


def test_confidence_and_probabilities_of_images_and_videos(images, tmp_path):
    """Gray images of a third of the brightness have a confidence near 1/3 and are unknown."""
    gray = tmp_path / "gray.png"
    write_image(gray, np.full((40, 50, 3), 3, np.uint8))
    writer = results(tmp_path / "out", confidence=True, probabilities=True, indices=True, coverage=True, below=0.5)
    predictor = Predictor(Brightest(), keep=writer.keep)
    assert predict_images(predictor, {gray: pathlib.Path("gray"), **images}, writer) == []
    for name, value, index in (("gray", 85, 255), ("1", 255, 1)):
        assert (cv2.imread(str(tmp_path / "out" / f"{name}_confidence.png"), cv2.IMREAD_UNCHANGED) == value).all()
        assert (cv2.imread(str(tmp_path / "out" / f"{name}_indices.png"), cv2.IMREAD_UNCHANGED) == index).all()
        with np.load(tmp_path / "out" / f"{name}_probabilities.npz") as file:
            assert file["probabilities"].shape == (40, 50, 3) and file["probabilities"].dtype == np.float16
            np.testing.assert_allclose(file["probabilities"].astype(float).sum(-1), 1, atol=1e-3)
            assert file["class_names"].tolist() == CLASSES.class_names and "probability" in str(file["how_to_read"])
    assert writer.unknown_share() == "Unknown, with a confidence below 0.5: 25.0 % of the pixels"
    with VideoWriter(tmp_path / "clip", 10, encoder=MPEG4) as video:
        for level in (5, 200):
            video.write(np.full((64, 96, 3), (level, 5, 5), np.uint8))
    predict_video(predictor, VideoReader(video.path), writer)
    dark, bright = VideoReader(tmp_path / "out" / f"clip_confidence{find_encoder().suffix}")
    assert bright.mean() > 250 and dark.mean() < 235
    assert [path.name for path in sorted((tmp_path / "out" / "clip_probabilities").iterdir())] == [
        "000000.npz",
        "000001.npz",
    ]
    writer.write_coverage()
    with open(tmp_path / "out" / "coverage.csv", newline="") as file:
        assert {row["image"]: row["unknown"] for row in csv.DictReader(file)}[str(gray)] == "100.0"

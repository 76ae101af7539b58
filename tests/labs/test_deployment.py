"""Exported files, videos and seconds of lab 9."""

import numpy as np

from labs.deployment import export_file, megabytes, seconds_of_calls, write_pan
from utils.export.formats import FORMATS
from utils.inference.video import VideoReader


class Shifting:
    """A backend that predicts the red channel."""

    size, compiles_each_shape = None, False

    def classes(self, images):
        return images[..., 0]

    def logits(self, images):
        raise AssertionError("classes are enough")


def test_each_call_has_its_seconds():
    seconds = seconds_of_calls(Shifting(), np.zeros((32, 64, 3), np.uint8), 5)
    assert len(seconds) == 5 and all(0 < value < 60 for value in seconds)


def test_a_file_that_cannot_be_written_is_left_out(tmp_path, capsys, monkeypatch):
    missing = FORMATS["onnx"]._replace(packages=("no_such_package",), install="no-such-package")
    monkeypatch.setitem(FORMATS, "onnx", missing)
    assert not export_file(tmp_path / "absent.keras", tmp_path / "made.onnx", "onnx")
    printed = capsys.readouterr()
    assert "pip install no-such-package" in printed.err
    assert "made.onnx is left out." in printed.out


def test_weights_beside_a_file_count(tmp_path):
    for suffix, size in ((".xml", 1000), (".bin", 2000), (".onnx", 4000)):
        (tmp_path / f"made{suffix}").write_bytes(bytes(size))
    assert megabytes(tmp_path / "made.xml") == 0.003
    assert megabytes(tmp_path / "made.onnx") == 0.004


def test_the_camera_pans_from_left_to_right(tmp_path):
    image = np.zeros((64, 96, 3), np.uint8)
    image[:, 48:, 0] = 250
    write_pan(tmp_path / "pan.mp4", image, 5)
    frames = list(VideoReader(tmp_path / "pan.mp4"))
    assert len(frames) == 5 and frames[0].shape == image.shape
    red = [frame[..., 0].mean() for frame in frames]
    assert red == sorted(red) and red[0] < 20 and red[-1] > 200

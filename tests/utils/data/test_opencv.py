import cv2
import numpy as np
import pytest

from utils.data import opencv


def test_decodes_or_returns_none():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(opencv.decode_with_opencv(cv2.imencode(".png", pixels)[1].tobytes()), pixels)
    assert opencv.decode_with_opencv(b"") is None and opencv.decode_with_opencv(b"no image") is None


def test_lack_of_memory_is_told_apart_from_damage(monkeypatch):
    def fail(data, flags):
        cv2.resize(np.zeros((10, 10), np.uint8), (2**20, 2**20))

    monkeypatch.setattr(cv2, "imdecode", fail)
    with pytest.raises(MemoryError):
        opencv.decode_with_opencv(b"any")

import numpy as np
import pytest
from PIL import Image

from tools.inputs.reading import nearest, possible_readings, read_file
from tools.inputs.storage import STORAGES, VOID, palette_colors, write_file

CLASSES = {"ground": (0, 0, 0), "crack": (255, 0, 0)}


def readings(folder, storage, samples, classes=None, palette=None):
    pixels = np.array([samples])
    stored = read_file(write_file(folder, "a", storage, pixels, palette))
    (found,) = possible_readings([stored], classes or CLASSES).values()
    return sorted(reading[0][0].tolist() for reading in found)


@pytest.mark.parametrize("storage", [name for name, form in STORAGES.items() if form.channels == "gray"])
def test_stored_numbers_of_one_channel(storage, tmp_path):
    most = min(STORAGES[storage].most, 200)
    samples = np.kron([[0, 1, most]], np.ones((16, 16), int))
    stored = read_file(write_file(tmp_path, "a", storage, samples))
    tolerance = 2 if STORAGES[storage].lossy else 0
    assert np.abs(stored.samples - samples).max() <= tolerance
    assert np.abs(stored.colors[..., 0] - samples * STORAGES[storage].scale).max() <= tolerance


@pytest.mark.parametrize(
    "storage, samples, expected",
    [
        ("png gray", [0, 1], [[0, 1]]),
        ("png gray", [0, 255], [[0, 1], [0, VOID]]),  # a mask, or ignored pixels
        ("png gray 16 bits", [0, 65535], [[0, 1]]),
        ("png gray", [0, 1, 255], [[0, 1, VOID]]),
        ("png gray", [0, 1, 2], []),
        ("npy bool", [0, 1], [[0, 1]]),
    ],
)
def test_possible_readings_of_one_channel(storage, samples, expected, tmp_path):
    assert readings(tmp_path, storage, samples) == expected


def test_possible_readings_of_palettes(tmp_path):
    rows = list(CLASSES.values())
    assert readings(tmp_path, "png palette", [0, 1, 255], palette=rows[::-1]) == [[1, 0, VOID]]
    assert readings(tmp_path, "png palette", [0, 1], palette=palette_colors("other colors", rows, 256)) == [[0, 1]]
    inverted = readings(tmp_path, "png palette", [0, 1], palette=[(255, 255, 255), (0, 0, 0)])
    assert [0, 1] in inverted and [1, 0] in inverted


def test_nearest_rows():
    colors = np.array([[(10, 0, 0), (200, 9, 9), (128, 0, 0)]])
    assert nearest(colors, [(0, 0, 0), (255, 0, 0)]).tolist() == [[0, 1, 1]]
    equal = np.array([[(5, 0, 0)]])
    assert nearest(equal, [(0, 0, 0), (10, 0, 0)]).item() == 0
    assert nearest(equal, [(0, 0, 0), (10, 0, 0)], last=(0,)).item() == 1


def test_rgb_files_are_colors(tmp_path):
    Image.fromarray(np.array([[(0, 0, 0), (255, 0, 0)]], np.uint8)).save(tmp_path / "a.png")
    stored = read_file(tmp_path / "a.png")
    assert stored.samples is None
    assert [[one.tolist() for one in reading] for reading in possible_readings([stored], CLASSES)["rgb"]] == [
        [[[0, 1]]]
    ]

import pathlib

import numpy as np
import pytest
from PIL import Image

from utils.class_dict import ClassDict
from utils.data import checks
from utils.data.checks import available_memory, check_cache_fits, check_pairs
from utils.data.folder import Pair, list_pairs, read_classes
from utils.errors import UsageError

COLORS = [(0, 0, 0), (255, 0, 0), (0, 255, 0)]


@pytest.fixture
def classes():
    return ClassDict(["ground", "house", "tree"], COLORS)


@pytest.fixture
def lenient():
    """The same classes; other colors are ignored."""
    return ClassDict(["ground", "house", "tree"], COLORS, unknown="ignore")


def make_pair(folder, name, label, image_size=None, damage=None):
    """Writes an image and a color label; `damage` names the half that is no image."""
    height, width = image_size or label.shape
    pair = Pair(name, folder / f"{name}.png", folder / f"{name}_L.png")
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(pair.image)
    Image.fromarray(np.array([*COLORS, (9, 9, 9)], np.uint8)[label]).save(pair.label)
    for half in (damage or "").split():
        getattr(pair, half).write_bytes(b"no image")
    return pair


@pytest.mark.parametrize("workers", [1, 3])
def test_check_counts_pixels_and_sizes(tmp_path, lenient, workers):
    labels = [np.array([[0, 0, 1]]), np.array([[2], [2]]), np.array([[1, 1], [1, 3]])]
    pairs = [make_pair(tmp_path, f"p{i}", label) for i, label in enumerate(labels)]
    checked = check_pairs(pairs, lenient, workers)
    assert [one.size for one in checked] == [(1, 3), (2, 1), (2, 2)]
    assert [one.pixels.tolist() for one in checked] == [[2, 1, 0], [0, 0, 2], [0, 3, 0]]


def test_check_reports_everything_at_once(tmp_path, classes, lenient):
    good, unknown = np.array([[0, 1, 2]]), np.array([[0, 3, 3]])
    pairs = [
        make_pair(tmp_path, "good", good),
        make_pair(tmp_path, "size", good, image_size=(5, 6)),
        make_pair(tmp_path, "color", unknown),
        make_pair(tmp_path, "image", good, damage="image"),
        make_pair(tmp_path, "label", good, damage="label"),
        make_pair(tmp_path, "both", good, damage="image label"),
        make_pair(tmp_path, "mixed", unknown, damage="image"),
    ]
    pairs[0].image.rename(tmp_path / "gone.png")
    with pytest.raises(UsageError) as error:
        check_pairs(pairs, classes)
    first, *lines = str(error.value).splitlines()
    assert first == "9 problems:"
    for found, part in zip(
        lines,
        ["good.png: No such file", "size.png is 6x5 but its label", "color_L.png: 1 colors", "image.png: damaged",
         "label_L.png: damaged", "both.png: damaged", "both_L.png: damaged", "mixed.png: damaged",
         "mixed_L.png: 1 colors"],
        strict=True,
    ):  # fmt: skip
        assert part in found
    with pytest.raises(UsageError) as error:
        check_pairs(pairs[2:3], classes)
    assert "problems" not in str(error.value) and "(9, 9, 9) (2 px)" in str(error.value)
    assert check_pairs(pairs[2:3], lenient)[0].pixels.tolist() == [1, 0, 0]


def test_generated_dataset_passes(streets):
    pairs, classes = list_pairs(streets, "train"), read_classes(streets)
    checked = check_pairs(pairs, classes)
    assert len(checked) == len(pairs) == 10
    assert all(one.size == (64, 96) and one.pixels.sum() == 64 * 96 for one in checked)


def test_cache_that_does_not_fit_is_refused(monkeypatch):
    sizes = [(1024, 1024)] * 512  # 2 GiB
    monkeypatch.setattr(checks, "available_memory", lambda: 3 * 2**30)
    with pytest.raises(UsageError) as error:
        check_cache_fits(sizes)
    assert all(part in str(error.value) for part in ("--cache", "2.0 GiB", "3.0 GiB"))
    for enough in (4 * 2**30, None):
        monkeypatch.setattr(checks, "available_memory", lambda: enough)
        check_cache_fits(sizes)


@pytest.fixture
def machine(monkeypatch):
    """Pretends to be a machine with these files in /proc and /sys."""

    def machine(**files):
        def read_text(path, *args, **kwargs):
            if path.name.replace(".", "_") in files:
                return files[path.name.replace(".", "_")]
            raise FileNotFoundError(path)

        monkeypatch.setattr(pathlib.Path, "read_text", read_text)

    return machine


MEMINFO = "MemTotal:       16000 kB\nMemAvailable:    8000 kB\nHugePages_Total:       0\n"


def test_available_memory(machine):
    machine()
    assert available_memory() is None
    machine(meminfo=MEMINFO)
    assert available_memory() == 8000 * 1024
    machine(meminfo=MEMINFO, memory_max="max\n", memory_current="5\n", memory_stat="inactive_file 1\n")
    assert available_memory() == 8000 * 1024
    stat = "anon 9\ninactive_file 0\n"
    machine(meminfo=MEMINFO, memory_max="4000000\n", memory_current="1500000\n", memory_stat=stat)
    assert available_memory() == 2_500_000
    # Files that were read, such as the images while they were checked, do not use memory up.
    machine(memory_max="4000000\n", memory_current="3900000\n", memory_stat="anon 100\ninactive_file 3000000\n")
    assert available_memory() == 3_100_000


def test_available_memory_of_this_machine():
    available = available_memory()
    assert available is None or 2**20 < available < 2**50

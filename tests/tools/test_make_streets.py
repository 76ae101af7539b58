"""The dataset Streets: folder layout, reproducibility, failures."""

import csv
import hashlib

import cv2
import numpy as np
import pytest

from tools import make_streets as tool
from tools.make_streets import make_streets
from tools.streets import CLASSES, draw_scene
from utils.errors import RunError, UsageError

COLORS = np.array(list(CLASSES.values()), np.uint8)


def digests(root):
    """Relative file name -> digest of its bytes, for every file below `root`."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def streets(tmp_path_factory):
    return make_streets(tmp_path_factory.mktemp("datasets") / "Streets", 3, 2, 1, 64, 96)


def test_folder_layout(streets):
    assert sorted(digests(streets)) == sorted(
        ["class_dict.csv", "test/street_0001.jpg", "test_labels/street_0001_L.png"]
        + [f"train/street_000{n}.jpg" for n in (1, 2, 3)] + [f"train_labels/street_000{n}_L.png" for n in (1, 2, 3)]
        + [f"val/street_000{n}.jpg" for n in (1, 2)] + [f"val_labels/street_000{n}_L.png" for n in (1, 2)]
    )  # fmt: skip
    assert [path.name for path in streets.parent.iterdir()] == ["Streets"]


def test_class_dict_has_camvid_names_and_colors_in_order(streets):
    with open(streets / "class_dict.csv", newline="") as file:
        rows = list(csv.reader(file))
    names = "Sky Building Pole Road Pavement Tree SignSymbol Fence Car Pedestrian Bicyclist Unlabelled".split()
    assert rows[0] == ["name", "r", "g", "b"] and [row[0] for row in rows[1:]] == names
    assert rows[1][1:] == ["128", "128", "128"] and rows[3][1:] == ["192", "192", "128"]
    assert rows[11][1:] == ["0", "128", "192"] and rows[12][1:] == ["0", "0", "0"]


def test_images_and_labels_have_the_same_size_and_labels_only_class_colors(streets):
    allowed = {tuple(color) for color in COLORS.tolist()}
    for path in streets.glob("*/*.jpg"):
        label_path = path.parent.with_name(path.parent.name + "_labels") / f"{path.stem}_L.png"
        image, label = cv2.imread(str(path)), cv2.imread(str(label_path), cv2.IMREAD_UNCHANGED)
        assert image.shape == label.shape == (64, 96, 3)
        assert set(map(tuple, label[..., ::-1].reshape(-1, 3).tolist())) <= allowed


def test_files_hold_the_scene_that_is_drawn(streets):
    image, labels = draw_scene(np.random.default_rng([0, 1, 1]), 64, 96)
    read_label = cv2.imread(str(streets / "val_labels" / "street_0002_L.png"))[..., ::-1]
    read_image = cv2.imread(str(streets / "val" / "street_0002.jpg"))[..., ::-1]
    np.testing.assert_array_equal(read_label, COLORS[labels])
    assert np.abs(read_image.astype(int) - image).mean() < 8  # JPEG changes pixels a little, another scene a lot


def test_same_seed_gives_the_same_bytes_whatever_the_counts(streets, tmp_path):
    again = digests(make_streets(tmp_path / "again", 1, 2, 0, 64, 96))
    other = digests(make_streets(tmp_path / "other", 1, 2, 0, 64, 96, seed=1))
    first = digests(streets)
    assert all(first[name] == digest for name, digest in again.items())
    assert not {digest for name, digest in other.items() if name != "class_dict.csv"} & set(first.values())


def test_processes_write_the_same_bytes(streets, tmp_path):
    assert digests(make_streets(tmp_path / "Streets", 3, 2, 1, 64, 96, workers=2)) == digests(streets)


def test_a_failure_midway_leaves_nothing(tmp_path, monkeypatch):
    calls = []

    def fail_at_third(rng, height, width):
        calls.append(1)
        if len(calls) == 3:
            assert any(tmp_path.glob("Streets.partial-*/train/*.jpg"))
            raise KeyboardInterrupt
        return draw_scene(rng, height, width)

    monkeypatch.setattr(tool, "draw_scene", fail_at_third)
    with pytest.raises(KeyboardInterrupt):
        make_streets(tmp_path / "Streets", 4, 0, 0, 64, 64)
    assert not any(tmp_path.iterdir())


def test_an_existing_folder_is_refused_and_left_alone(tmp_path):
    (tmp_path / "Streets").mkdir()
    (tmp_path / "Streets" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        make_streets(tmp_path / "Streets", 1, 0, 0, 64, 64)
    assert [path.name for path in tmp_path.rglob("*")] == ["Streets", "mine.txt"]


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot create the folder"):
        make_streets(tmp_path / "file" / "Streets", 1, 0, 0, 64, 64)


def test_command_line(tmp_path, capsys):
    root = tmp_path / "new" / "Streets"
    tool.main(["--output", str(root), "--train", "1", "--val", "1", "--test", "0", "--height", "64", "--width", "80"])
    assert f"Made 2 street scenes with labels in {root}" in capsys.readouterr().out
    assert cv2.imread(str(root / "val" / "street_0001.jpg")).shape == (64, 80, 3)


@pytest.mark.parametrize("flag, value", [("--train", "-1"), ("--height", "63"), ("--width", "0"), ("--seed", "-5")])
def test_command_line_refuses_bad_numbers(tmp_path, capsys, flag, value):
    with pytest.raises(SystemExit) as stop:
        tool.main(["--output", str(tmp_path / "Streets"), flag, value])
    message = capsys.readouterr().err
    assert stop.value.code == 2 and message.count("\n") == 1
    assert flag[2:] in message and value in message
    assert not (tmp_path / "Streets").exists()

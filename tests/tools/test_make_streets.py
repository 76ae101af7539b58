import csv
import hashlib

import cv2
import numpy as np
import pytest

from tools import make_streets as tool
from tools.make_streets import CLASSES, draw_scene, make_streets
from utils.errors import RunError, UsageError

COLOURS = np.array(list(CLASSES.values()), np.uint8)


def digests(root):
    """Relative file name -> digest of its bytes, for every file below `root`."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def streets(tmp_path_factory):
    return make_streets(tmp_path_factory.mktemp("datasets") / "Streets", 3, 2, 1, 64, 96)


@pytest.fixture(scope="module")
def scenes():
    """24 scenes of the size that users get."""
    drawn = [draw_scene(np.random.default_rng([0, 0, index]), 192, 256) for index in range(24)]
    return np.array([image for image, _ in drawn]), np.array([labels for _, labels in drawn])


def test_folder_layout(streets):
    assert sorted(digests(streets)) == sorted(
        ["class_dict.csv", "test/street_0001.jpg", "test_labels/street_0001_L.png"]
        + [f"train/street_000{n}.jpg" for n in (1, 2, 3)] + [f"train_labels/street_000{n}_L.png" for n in (1, 2, 3)]
        + [f"val/street_000{n}.jpg" for n in (1, 2)] + [f"val_labels/street_000{n}_L.png" for n in (1, 2)]
    )  # fmt: skip
    assert [path.name for path in streets.parent.iterdir()] == ["Streets"]


def test_class_dict_has_camvid_names_and_colours_in_order(streets):
    with open(streets / "class_dict.csv", newline="") as file:
        rows = list(csv.reader(file))
    names = "Sky Building Pole Road Pavement Tree SignSymbol Fence Car Pedestrian Bicyclist Unlabelled".split()
    assert rows[0] == ["name", "r", "g", "b"] and [row[0] for row in rows[1:]] == names
    assert rows[1][1:] == ["128", "128", "128"] and rows[3][1:] == ["192", "192", "128"]
    assert rows[11][1:] == ["0", "128", "192"] and rows[12][1:] == ["0", "0", "0"]


def test_images_and_labels_have_the_same_size_and_labels_only_class_colours(streets):
    allowed = {tuple(colour) for colour in COLOURS.tolist()}
    for path in streets.glob("*/*.jpg"):
        label_path = path.parent.with_name(path.parent.name + "_labels") / f"{path.stem}_L.png"
        image, label = cv2.imread(str(path)), cv2.imread(str(label_path), cv2.IMREAD_UNCHANGED)
        assert image.shape == label.shape == (64, 96, 3)
        assert set(map(tuple, label[..., ::-1].reshape(-1, 3).tolist())) <= allowed


def test_files_hold_the_scene_that_is_drawn(streets):
    image, labels = draw_scene(np.random.default_rng([0, 1, 1]), 64, 96)
    read_label = cv2.imread(str(streets / "val_labels" / "street_0002_L.png"))[..., ::-1]
    read_image = cv2.imread(str(streets / "val" / "street_0002.jpg"))[..., ::-1]
    np.testing.assert_array_equal(read_label, COLOURS[labels])
    assert np.abs(read_image.astype(int) - image).mean() < 8  # JPEG changes pixels a little, another scene a lot


def test_same_seed_gives_the_same_bytes_whatever_the_counts(streets, tmp_path):
    again = digests(make_streets(tmp_path / "again", 1, 2, 0, 64, 96))
    other = digests(make_streets(tmp_path / "other", 1, 2, 0, 64, 96, seed=1))
    first = digests(streets)
    assert all(first[name] == digest for name, digest in again.items())
    assert not set(digest for name, digest in other.items() if name != "class_dict.csv") & set(first.values())


def test_processes_write_the_same_bytes(streets, tmp_path):
    assert digests(make_streets(tmp_path / "Streets", 3, 2, 1, 64, 96, workers=2)) == digests(streets)


def test_scene_types_and_odd_sizes():
    for height, width in ((65, 91), (64, 64), (130, 640)):
        image, labels = draw_scene(np.random.default_rng(5), height, width)
        assert image.dtype == labels.dtype == np.uint8
        assert image.shape == (height, width, 3) and labels.shape == (height, width)
        assert labels.max() < len(CLASSES)


def test_every_class_is_common_and_none_rules(scenes):
    counts = np.array([np.bincount(labels.ravel(), minlength=len(CLASSES)) for labels in scenes[1]])
    shares, presence = counts.sum(0) / counts.sum(), (counts >= 20).mean(0)
    assert dict(zip(CLASSES, shares >= 0.003)) == dict.fromkeys(CLASSES, True)
    assert dict(zip(CLASSES, shares <= 0.4)) == dict.fromkeys(CLASSES, True)
    assert dict(zip(CLASSES, presence >= 0.25)) == dict.fromkeys(CLASSES, True)


def test_scenes_differ_and_position_alone_does_not_tell_the_class(scenes):
    labels = scenes[1]
    assert len({label.tobytes() for label in labels}) == len(labels)
    commonest = np.array([(labels[:16] == index).sum(0) for index in range(len(CLASSES))]).argmax(0)
    truth, scores = labels[16:], []
    for index in range(len(CLASSES)):
        guess = np.broadcast_to(commonest == index, truth.shape)
        scores.append((guess & (truth == index)).sum() / (guess | (truth == index)).sum())
    assert np.mean(scores) < 0.25


def test_image_edges_lie_where_the_labels_change(scenes):
    """Labels that were shifted or mirrored against their image would miss its edges."""
    images, labels = scenes[0].astype(np.float32).mean(-1), scenes[1]
    steps, borders = np.abs(np.diff(images, axis=2)), np.diff(labels.astype(int), axis=2) != 0
    on_borders = steps[borders].mean()
    assert on_borders > 2 * steps[~borders].mean()
    assert on_borders > 1.3 * steps[np.roll(borders, 4, axis=2)].mean()


def test_a_failure_midway_leaves_nothing(tmp_path, monkeypatch):
    def fail_at_third(rng, height, width, calls=[]):
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
    with pytest.raises(RunError, match="could not be written"):
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

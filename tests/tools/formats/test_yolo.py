"""YOLO segmentation: paths of the YAML file, files of polygons, mistakes."""

import numpy as np
import pytest
import tiny_sources
from tiny_sources import SIZE, by_name, convert, photo, refused, text


def dataset(folder, yaml, places=("images/train", "images/val")):
    """An image in each of the places, with a label file in the place of `labels`."""
    for place in places:
        photo(folder / place / "a.jpg")
        text(folder / place.replace("images", "labels") / "a.txt", "0 0 0 1 0 1 1 0 1\n")
    text(folder / "data.yaml", yaml)
    return folder


@pytest.mark.parametrize(
    "yaml, places",
    [
        ("train: images/train\nval: images/val\n", ("images/train", "images/val")),
        ("path: /content/drive/x\ntrain: images/train\nval: images/val\n", ("images/train", "images/val")),
        ("path: sub\ntrain: images/train\nval: images/val\n", ("sub/images/train", "sub/images/val")),
        ("train: C:\\me\\x\\train\\images\nval: C:\\me\\x\\val\\images\n", ("train/images", "val/images")),
        ("train: ../train/images\nval: ../valid/images\ntest: ../test/images\n",
         ("train/images", "valid/images", "test/images")),
        ("train: [images/p, images/q]\nval:\n- images/r\n- images/s\n",
         ("images/p", "images/q", "images/r", "images/s")),
    ],
)  # fmt: skip
def test_places(tmp_path, yaml, places):
    folder = dataset(tmp_path / "in", f"{yaml}names: [road]\n", places)
    classes, labels = convert("yolo", folder, tmp_path / "out")
    assert classes.class_names == ["background", "road"] and len(labels) == len(places)
    assert all((label == 1).all() for label in labels.values())


def test_a_list_of_images_and_other_names_of_the_yaml_file(tmp_path, capsys):
    folder = dataset(tmp_path / "in", "train: train.txt\nval: images/val\nnames: {0: road}\n")
    (folder / "data.yaml").rename(folder / "mine.yml")
    text(folder / "train.txt", "./images/train/a.jpg\ndata/images/train/b.jpg\n/home/me/c.jpg\n")
    photo(folder / "images" / "train" / "b.jpg")
    assert sorted(convert("yolo", folder, tmp_path / "out")[1]) == ["train/a", "train/b", "val/a"]
    assert "1 of the annotated images left out, as their files are not there: /home/me/c.jpg" in capsys.readouterr().out


def test_train_and_val_of_one_folder_are_divided(tmp_path, capsys):
    """As in the YAML file of COCO128."""
    folder = dataset(tmp_path / "in", "train: images/train\nval: images/train\nnames: [road]\n")
    for name in "bc":
        photo(folder / "images" / "train" / f"{name}.jpg")
    _, labels = convert("yolo", folder, tmp_path / "out", "--fractions", "0.6,0.4")
    assert sorted(labels) in (
        ["train/a", "train/b", "val/c"],
        ["train/a", "train/c", "val/b"],
        ["train/b", "train/c", "val/a"],
    )
    out = capsys.readouterr().out
    assert "3 of the images are in two splits, and belong to the first one" in out and "has no val split" in out


def test_the_folder_comes_before_its_neighbors(tmp_path):
    folder = dataset(tmp_path / "in", "train: ../train/images\nval: ../val/images\nnames: [road]\n",
                     ("train/images", "val/images"))  # fmt: skip
    photo(tmp_path / "train" / "images" / "other.jpg")
    assert sorted(convert("yolo", folder, tmp_path / "out")[1]) == ["train/a", "val/a"]


def test_a_yaml_file_without_splits(tmp_path, capsys):
    folder = dataset(tmp_path / "in", "nc: 1\nnames: [road]\n", ("images/x", "images/y", "images/z"))
    assert sorted(by_name(convert("yolo", folder, tmp_path / "out")[1])) == ["x_a", "y_a", "z_a"]
    assert "the source has no splits" in capsys.readouterr().out


def test_classes_of_label_studio(tmp_path, capsys):
    tiny_sources.yolo(tmp_path / "in")
    (tmp_path / "in" / "data.yaml").unlink()
    text(tmp_path / "in" / "classes.txt", "road\ncar\n")
    text(tmp_path / "in" / "notes.json", {"categories": []})
    classes, labels = convert("yolo", tmp_path / "in", tmp_path / "out")
    assert classes.class_names == ["background", "road", "car"] and len(labels) == 3
    assert "the source has no splits" in capsys.readouterr().out


def test_images_without_label_file_are_background_and_told(tmp_path, capsys):
    folder = dataset(tmp_path / "in", "train: images/train\nval: images/val\nnames: [road]\n")
    photo(folder / "images" / "train" / "b.jpg")
    text(folder / "labels" / "val" / "a.txt", "")
    _, labels = convert("yolo", folder, tmp_path / "out")
    assert not labels["train/b"].any() and not labels["val/a"].any()
    assert "2 of the images only background, as they have no shape: b.jpg, a.jpg" in capsys.readouterr().out


def test_larger_polygons_are_below_smaller_ones(tmp_path):
    tiny_sources.yolo(tmp_path / "in")
    _, labels = convert("yolo", tmp_path / "in", tmp_path / "out", "--background", "ignore")
    label = labels["train/a"]
    assert label.shape == SIZE and (label[:4] == 255).all() and (label[5:7, 2:5] == 1).all() and label[7, 9] == 0
    assert np.bincount(label.ravel())[:2].tolist() == [34, 6]


@pytest.mark.parametrize(
    "line, words",
    [
        ("0 0.5 0.5 0.2 0.2", "a.txt, line 2 is a box, no polygon; export the dataset for segmentation"),
        ("0 0.5 0.5 0.2 0.2 0.1", "line 2 has 5 numbers after the class"),
        ("0 0.5 0.5", "line 2 has 2 numbers after the class"),
        ("3 0 0 1 0 1 1", "line 2: class 3 has no name in the list of classes"),
        ("0 0 0 640 0 640 480", "line 2 has the coordinate 640; they must be shares of the image"),
        ("0 0 0 1 x 1 1", "line 2: [('0', '0'), ('1', 'x'), ('1', '1')] is no list of x, y pairs"),
    ],
)
def test_bad_lines(tmp_path, capsys, line, words):
    folder = dataset(tmp_path / "in", "train: images/train\nval: images/val\nnames: [road]\n")
    text(folder / "labels" / "train" / "a.txt", f"0 0 0 1 0 1 1\n{line}\n")
    assert refused("yolo", folder, tmp_path / "out") == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "yaml, words",
    [
        ("train: images/train\n", "has no 'names'; add a line"),
        ("train: images/none\nval: images/val\nnames: [road]\n", "there is no folder or file images/none"),
        (
            "train: images/train\nmasks_dir: masks\nnames: [road]\n",
            "its labels are masks, no polygons; read them with --format",
        ),
        ("train: images/train\nnames: road\n", "'road' is no list of class names"),
    ],
)
def test_bad_yaml(tmp_path, capsys, yaml, words):
    assert refused("yolo", dataset(tmp_path / "in", yaml), tmp_path / "out") == 2
    assert words in capsys.readouterr().err


def test_a_dataset_of_boxes_is_one_line(tmp_path, capsys):
    folder = dataset(tmp_path / "in", "train: images/train\nval: images/val\nnames: [road]\n")
    for place in ("train", "val"):
        text(folder / "labels" / place / "a.txt", "0 0.5 0.5 0.1 0.1\n" * 30)
    assert refused("yolo", folder, tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "line 1 is a box, no polygon" in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_no_label_file_at_all(tmp_path, capsys):
    folder = dataset(tmp_path / "in", "train: images/train\nval: images/val\nnames: [road]\n")
    (folder / "labels").rename(folder / "annotations")
    assert refused("yolo", folder, tmp_path / "out") == 2
    assert "no image has a label file with polygons, such as labels/train/a.txt" in capsys.readouterr().err

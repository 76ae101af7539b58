"""Plain folders of images and masks."""

import cv2
import numpy as np
import pytest
from PIL import Image

from tools import convert_dataset
from utils.data.checks import check_pairs
from utils.data.folder import list_pairs, read_classes


@pytest.fixture
def make(tmp_path):
    """Makes three images with masks of the given pixels; returns the folder."""

    def make(masks, folder="masks", suffix="_mask.png", **options):
        for number, mask in enumerate(masks):
            for path in (tmp_path / "in" / "images" / f"{number}.jpg", tmp_path / "in" / folder / f"{number}{suffix}"):
                path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.zeros((*np.shape(mask)[:2], 3), np.uint8)).save(
                tmp_path / "in" / "images" / f"{number}.jpg"
            )
            mask_image = Image.fromarray(np.asarray(mask, np.uint8))
            if "palette" in options:
                mask_image.putpalette(options["palette"])
            mask_image.save(path)
        return tmp_path / "in"

    return make


def convert(source, tmp_path, *flags):
    target = tmp_path / "out"
    convert_dataset.main(["--format", "folder", "--source", str(source), "--target", str(target), *flags])
    classes = read_classes(target)
    for split in ("train", "val", "test"):
        check_pairs(list_pairs(target, split), classes)
    labels = {path.stem: cv2.imread(str(path), -1).tolist() for path in target.rglob("*_labels/*")}
    return classes, [labels[name] for name in sorted(labels)]


def test_values_are_found(make, tmp_path, capsys):
    classes, labels = convert(make([[[0, 3]], [[7, 255]], [[3, 3]]]), tmp_path)
    assert classes.class_names == ["class_0", "class_3", "class_7"]
    assert labels == [[[0, 1]], [[2, 255]], [[1, 1]]]
    assert "found 3 values: 0, 3, 7" in capsys.readouterr().out


def test_0_and_255_are_two_classes(make, tmp_path):
    classes, labels = convert(make([[[0, 255]], [[0, 0]], [[255, 255]]], "labels", ".png"), tmp_path)
    assert classes.class_names == ["class_0", "class_255"] and labels == [[[0, 1]], [[0, 0]], [[1, 1]]]


def test_a_palette_gives_the_colors(make, tmp_path):
    masks = [[[0, 2]], [[1, 1]], [[0, 0]]]
    classes, labels = convert(make(masks, palette=[0, 0, 0, 255, 0, 0, 0, 0, 255]), tmp_path)
    assert classes.label_values.tolist() == [[0, 0, 0], [255, 0, 0], [0, 0, 255]] and labels == masks


def test_colors_are_found(make, tmp_path):
    red, white = [255, 0, 0], [255, 255, 255]
    classes, labels = convert(make([[[red, white]], [[white, white]], [[red, red]]], suffix=".png"), tmp_path)
    assert classes.class_names == ["color_255_0_0", "color_255_255_255"]
    assert labels == [[[0, 1]], [[1, 1]], [[0, 0]]]


def test_classes_from_a_csv_file(make, tmp_path):
    path = tmp_path / "classes.csv"
    path.write_text("name,r,g,b\nwall,255,255,255\nfloor,255,0,0\n")
    red, white, blue = [255, 0, 0], [255, 255, 255], [0, 0, 255]
    source = make([[[red, white]], [[white, blue]], [[red, red]]])
    with pytest.raises(SystemExit):
        convert(source, tmp_path, "--classes", str(path))
    classes, labels = convert(source, tmp_path / "2", "--classes", str(path), "--unknown_colours", "ignore")
    assert classes.class_names == ["wall", "floor"] and labels == [[[1, 0]], [[0, 255]], [[1, 1]]]


def test_classes_from_a_text_file(make, tmp_path, capsys):
    path = tmp_path / "classes.txt"
    path.write_text("wall\n\nfloor\n")
    classes, labels = convert(make([[[0, 1]], [[1, 255]], [[0, 0]]]), tmp_path, "--classes", str(path))
    assert classes.class_names == ["wall", "floor"] and labels == [[[0, 1]], [[1, 255]], [[0, 0]]]
    source = make([[[0, 2]], [[1, 255]], [[0, 0]]])
    with pytest.raises(SystemExit):
        convert(source, tmp_path / "2", "--classes", str(path))
    assert "2 (1 px)" in capsys.readouterr().err


def test_splits_of_the_source_stay(make, tmp_path):
    source = make([[[0, 1]]] * 3)
    for number, part in enumerate(("train", "validation", "test")):
        for kind, name in (("images", f"{number}.jpg"), ("masks", f"{number}_mask.png")):
            (source / kind / part).mkdir()
            (source / kind / name).rename(source / kind / part / name)
    convert(source, tmp_path)
    found = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.jpg"))
    assert found == ["test/2.jpg", "train/0.jpg", "val/1.jpg"]


@pytest.mark.parametrize(
    "masks, words",
    [
        ([[[0, 1]], [[[1, 2, 3], [0, 0, 0]]], [[0, 0]]], "0_mask.png has not"),
        ([[[4, 4]], [[4, 4]], [[4, 255]]], "at least two classes are needed, not 1 (class_4)"),
        (np.random.default_rng(0).integers(0, 255, (3, 20, 20, 3)), "if they are no photos"),
        ([[[0, 9, 120, 250, 255]], [[0, 0]], [[0, 0]]], "--label_format binary"),
    ],
)
def test_masks_that_are_none(make, tmp_path, capsys, masks, words):
    with pytest.raises(SystemExit) as end:
        convert(make(masks), tmp_path)
    assert end.value.code == 2 and words in capsys.readouterr().err


def test_unpaired_and_damaged_files_are_all_reported(make, tmp_path, capsys):
    source = make([[[0, 1]]] * 5)
    (source / "masks" / "1_mask.png").unlink()
    (source / "images" / "2.jpg").unlink()
    with pytest.raises(SystemExit):
        convert(source, tmp_path)
    error = capsys.readouterr().err
    assert "1.jpg has no mask" in error and "2_mask.png belongs to no image" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("suffix, mode", [(".gif", "L"), (".png", "1"), (".tif", "1"), (".bmp", "L")])
def test_binary_masks_of_other_kinds(make, tmp_path, suffix, mode):
    source = make([[[0, 0]]] * 3)
    for number, mask in enumerate(([[0, 255]], [[0, 0]], [[255, 255]])):
        (source / "masks" / f"{number}_mask.png").unlink()
        Image.fromarray(np.array(mask, np.uint8)).convert(mode).save(source / "masks" / f"{number}_mask{suffix}")
    _, labels = convert(source, tmp_path)
    assert labels == [[[0, 1]], [[0, 0]], [[1, 1]]]


def test_numpy_masks(make, tmp_path):
    source = make([[[0, 0]]] * 3)
    for number, mask in enumerate(([[0, 2]], [[0, 0]], [[1, 2]])):
        (source / "masks" / f"{number}_mask.png").unlink()
        np.save(source / "masks" / f"{number}.npy", np.array(mask))
    assert convert(source, tmp_path)[1] == [[[0, 2]], [[0, 0]], [[1, 2]]]


def test_jpeg_masks_need_a_word(make, tmp_path, capsys):
    masks = [np.repeat(np.repeat(np.array([mask], np.uint8), 16, 1), 16, 0) for mask in ([0, 255], [0, 0], [255, 0])]
    source = make(masks, suffix="_mask.jpg")
    soft = Image.fromarray(masks[0]).resize((32, 16), Image.Resampling.BILINEAR, (4, 4, 28, 12))
    soft.save(source / "masks" / "1_mask.jpg")
    with pytest.raises(SystemExit):
        convert(source, tmp_path)
    assert "JPEG" in capsys.readouterr().err
    classes, labels = convert(source, tmp_path / "2", "--label_format", "binary", "--unknown_colours", "nearest")
    assert classes.class_names == ["background", "object"]
    assert np.array_equal(labels[0], masks[0] > 0) and np.array_equal(labels[2], masks[2] > 0)
    assert "took the nearest class color" in capsys.readouterr().out


def test_empty_masks_of_white_first_classes(make, tmp_path):
    path = tmp_path / "classes.csv"
    path.write_text("name,r,g,b\nobject,255,255,255\nbackground,0,0,0\n")
    _, labels = convert(make([[[0, 255]], [[0, 0]], [[255, 255]]]), tmp_path, "--classes", str(path))
    assert labels == [[[1, 0]], [[1, 1]], [[0, 0]]]


def test_patterns(make, tmp_path):
    source = make([[[0, 1]]] * 3)
    (source / "images").rename(source / "in_jpg")
    flags = ["--images", "in_jpg/*.jpg", "--masks", "masks/*", "--match", r"(\d+)"]
    assert convert(source, tmp_path, *flags)[1] == [[[0, 1]]] * 3


def test_lists_that_are_not_read_are_told(make, tmp_path, capsys):
    source = make([[[0, 1]]] * 3)
    (source / "trainval.txt").write_text("0\n")
    convert(source, tmp_path)
    assert "trainval.txt: lists are not read" in capsys.readouterr().out

"""Datasets with official formats: tiny files in exactly their layout, converted from the command line."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from tools import convert_dataset
from utils.data.checks import check_pairs
from utils.data.folder import list_pairs, read_classes

SIZE = (4, 6)  # height, width


def image(path, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(len(path.name)).integers(0, 256, (*size, 3), np.uint8)).save(path)


def gray(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def palette(path, pixels, colors):
    path.parent.mkdir(parents=True, exist_ok=True)
    mask_image = Image.fromarray(np.asarray(pixels, np.uint8))
    mask_image.putpalette(np.asarray(colors, np.uint8).ravel().tolist())
    mask_image.save(path)


def rows(*values):
    """A label of one value per row."""
    return np.repeat(np.array(values)[:, None], SIZE[1], axis=1)


def convert(name, source, target, *flags):
    assert convert_dataset.main(["--format", name, "--source", str(source), "--target", str(target), *flags]) == 0
    classes = read_classes(target)
    for split in sorted(path.name for path in target.iterdir() if path.is_dir() and "_" not in path.name):
        assert check_pairs(list_pairs(target, split), classes)
    return classes


def label(target, split, name):
    pixels = cv2.imread(str(target / f"{split}_labels" / f"{name}.png"), cv2.IMREAD_UNCHANGED)
    assert pixels.ndim == 2
    return pixels[:, 0].tolist()


def names(target):
    return {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}


@pytest.fixture
def cityscapes(tmp_path):
    for split, city, values in (("train", "aachen", (7, 0, 33, 8)), ("train", "bonn", (11, 18, 17, 255)),
                                ("val", "ulm", (29, 23, 1, 6)), ("test", "berlin", (3, 3, 3, 3))):  # fmt: skip
        name = f"{city}_000000_000019"
        image(tmp_path / "city" / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png")
        folder = tmp_path / "city" / "gtFine" / split / city
        gray(folder / f"{name}_gtFine_labelIds.png", rows(*values))
        gray(folder / f"{name}_gtFine_instanceIds.png", rows(*values))
    return tmp_path / "city"


def test_cityscapes(cityscapes, tmp_path, capsys):
    target = tmp_path / "out"
    classes = convert("cityscapes", cityscapes, target)
    assert classes.class_names[:3] == ["road", "sidewalk", "building"] and classes.class_names[18] == "bicycle"
    assert classes.label_values[[0, 13]].tolist() == [[128, 64, 128], [0, 0, 142]] and classes.num_classes == 19
    assert label(target, "train", "aachen_000000_000019") == [0, 255, 18, 1]
    assert label(target, "train", "bonn_000000_000019") == [2, 255, 5, 255]
    assert label(target, "val", "ulm_000000_000019") == [255, 10, 255, 255]
    assert not (target / "test").exists()
    copied = target / "val" / "ulm_000000_000019.png"
    assert copied.read_bytes() == next(cityscapes.rglob("ulm*leftImg8bit.png")).read_bytes()
    out = capsys.readouterr().out
    assert "2 train, 1 val images, 19 classes" in out and "--split val" in out


def test_values_that_a_format_does_not_have_are_counted(cityscapes, tmp_path, capsys):
    convert("cityscapes", cityscapes, tmp_path / "good")
    assert "this format does not have" not in capsys.readouterr().out
    gray(next((cityscapes / "gtFine").rglob("bonn*labelIds.png")), rows(7, 34, 34, 99))
    gray(next((cityscapes / "gtFine").rglob("ulm*labelIds.png")), rows(99, 99, 99, 8))
    convert("cityscapes", cityscapes, tmp_path / "bad")
    note = "note: 2 labels have values that this format does not have, now ignored: 99 (24 px), 34 (12 px)"
    assert note in capsys.readouterr().out.splitlines()
    assert label(tmp_path / "bad", "train", "bonn_000000_000019") == [0, 255, 255, 255]


def test_cityscapes_with_all_34_ids(cityscapes, tmp_path):
    classes = convert("cityscapes", cityscapes, tmp_path / "out", "--classes", "34")
    assert classes.num_classes == 34 and classes.class_names[17:19] == ["pole", "polegroup"]
    assert classes.label_values[[0, 1, 17, 18]].tolist() == [[0, 0, 0], [0, 0, 1], [153, 153, 153], [153, 153, 152]]
    assert label(tmp_path / "out", "train", "bonn_000000_000019") == [11, 18, 17, 255]
    assert label(tmp_path / "out", "val", "ulm_000000_000019") == [29, 23, 1, 6]


def test_voc(tmp_path):
    voc = tmp_path / "kit" / "VOCdevkit" / "VOC2012"
    lists = voc / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    colors = np.zeros((256, 3), np.uint8)
    colors[[1, 15, 20, 255]] = [(128, 0, 0), (192, 128, 128), (0, 64, 128), (224, 224, 192)]
    for name, values in (("2007_000032", (0, 1, 255, 15)), ("2007_000033", (20, 0, 0, 0)), ("2008_1", (0, 0, 0, 1))):
        image(voc / "JPEGImages" / f"{name}.jpg")
        palette(voc / "SegmentationClass" / f"{name}.png", rows(*values), colors)
    image(voc / "JPEGImages" / "2008_2.jpg")  # of the test split, which has no label
    (lists / "train.txt").write_text("2007_000032\n2008_1\n")
    (lists / "val.txt").write_text("2007_000033\n")
    (lists / "trainval.txt").write_text("2007_000032\n2007_000033\n2008_1\n")
    (lists / "test.txt").write_text("2008_2\n")
    target = tmp_path / "out"
    classes = convert("voc", tmp_path / "kit", target)
    assert classes.class_names[0] == "background" and classes.class_names[20] == "tvmonitor"
    assert classes.label_values[[0, 1, 15, 20]].tolist() == [[0, 0, 0], [128, 0, 0], [192, 128, 128], [0, 64, 128]]
    assert label(target, "train", "2007_000032") == [0, 1, 255, 15] and label(target, "val", "2007_000033")[0] == 20
    assert not (target / "test").exists()
    (voc / "SegmentationClass" / "2008_2.png").write_bytes((voc / "SegmentationClass" / "2008_1.png").read_bytes())
    convert("voc", voc, tmp_path / "with_test")
    assert label(tmp_path / "with_test", "test", "2008_2") == [0, 0, 0, 1]


def test_ade20k(tmp_path):
    ade, target = tmp_path / "ADEChallengeData2016", tmp_path / "out"
    for part, name, values in (("training", "ADE_train_00000001", (0, 1, 2, 150)),
                               ("validation", "ADE_val_00000001", (49, 7, 0, 3))):  # fmt: skip
        image(ade / "images" / part / f"{name}.jpg")
        gray(ade / "annotations" / part / f"{name}.png", rows(*values))
    lines = [f"{index}\t0.1\t1\t1\tthing {index}, other name" for index in range(1, 151)]
    lines[0], lines[21] = "1\t0.1576\t11664\t1172\twall", "22 \t0.0074\t709\t75\twater "  # as in the real file
    (ade / "objectInfo150.txt").write_text("\n".join(["Idx\tRatio\tTrain\tVal\tName", *lines]) + "\n")
    classes = convert("ade20k", ade, target)
    assert classes.num_classes == 150 and classes.class_names[:2] == ["wall", "thing 2"]
    assert classes.class_names[21] == "water"
    assert label(target, "train", "ADE_train_00000001") == [255, 0, 1, 149]
    assert label(target, "val", "ADE_val_00000001") == [48, 6, 255, 2]
    # Skyscraper officially has road's color.
    assert classes.label_values[[0, 6, 48]].tolist() == [[120, 120, 120], [140, 140, 140], [140, 140, 139]]


@pytest.mark.parametrize("number, indices", [("171", [0, 11, 170, 255]), ("182", [0, 12, 181, 255])])
def test_coco_stuff(tmp_path, number, indices):
    coco, target = tmp_path / "coco", tmp_path / "out"
    for split in ("train", "val"):
        image(coco / "images" / f"{split}2017" / "000000000009.jpg")
        gray(coco / "stuffthingmaps" / f"{split}2017" / "000000000009.png", rows(0, 12, 181, 255))
    classes = convert("coco_stuff", coco, target, "--classes", number)
    assert classes.num_classes == int(number)
    assert [classes.class_names[index] for index in indices[:3]] == ["person", "stop sign", "wood"]
    assert label(target, "val", "000000000009") == indices


def test_coco_panoptic(tmp_path):
    coco, target = tmp_path / "coco", tmp_path / "out"
    categories = [{"id": id, "name": name, "isthing": 1} for id, name in ((1, "person"), (18, "dog"), (159, "snow"))]
    numbers = rows(0, 7, 256 * 3 + 1, 65536 * 200 + 5)
    pixels = np.stack([numbers & 255, numbers >> 8 & 255, numbers >> 16], axis=-1).astype(np.uint8)
    for split in ("train", "val"):
        image(coco / f"{split}2017" / "000000000139.jpg")
        path = coco / "annotations" / f"panoptic_{split}2017" / "000000000139.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(pixels).save(path)
        parts = [(7, 159), (769, 1), (65536 * 200 + 5, 18)]
        segments = [{"id": id, "category_id": category, "iscrowd": 0} for id, category in parts]
        annotations = [{"image_id": 139, "file_name": "000000000139.png", "segments_info": segments}]
        content = {"images": [], "annotations": annotations, "categories": categories}
        (coco / "annotations" / f"panoptic_{split}2017.json").write_text(json.dumps(content))
    classes = convert("coco_panoptic", coco, target)
    assert classes.class_names == ["person", "dog", "snow"]
    # Snow is officially white, which in a mask of one channel would mean ignored.
    assert classes.label_values.tolist() == [[220, 20, 60], [0, 226, 252], [255, 255, 254]]
    assert label(target, "train", "000000000139") == [255, 2, 0, 1]


@pytest.mark.parametrize("colored", [False, True])
@pytest.mark.parametrize("version", ["v1.2", "v2.0"])
def test_mapillary(tmp_path, colored, version):
    vistas, target = tmp_path / "vistas", tmp_path / "out"
    labels = [
        {"name": "animal--bird", "readable": "Bird", "color": [165, 42, 42], "evaluate": True},
        {"name": "void--unlabeled", "readable": "Unlabeled", "color": [0, 0, 0], "evaluate": False},
        {"name": "nature--sky", "readable": "Sky", "color": [70, 130, 180], "evaluate": True},
    ]
    colors = np.array([one["color"] for one in labels], np.uint8)
    for part in ("training", "validation"):
        image(vistas / part / "images" / "_-1.jpg")
        path = vistas / part / version / "labels" / "_-1.png"
        values = rows(2, 0, 1, 2)
        palette(path, values, colors)
        if colored:
            Image.fromarray(colors[values]).save(path)
    (vistas / f"config_{version}.json").write_text(json.dumps({"labels": labels, "version": version[1:]}))
    classes = convert("mapillary", vistas, target, "--classes", version)
    assert classes.class_names == ["Bird", "Sky"] and classes.label_values.tolist() == [[165, 42, 42], [70, 130, 180]]
    assert label(target, "train", "_-1") == label(target, "val", "_-1") == [1, 0, 255, 1]
    assert "train/_-1.jpg" in names(target)

"""COCO instances: run lengths, drawing order, images in the usual places, category 0 of Roboflow, mistakes."""

import itertools
import json

import numpy as np
import pytest
import tiny_sources
from tiny_sources import by_name, convert, photo, refused, text

from tools.formats.coco import decode_counts


def encode_counts(counts):
    """COCO's compressed string of run lengths, the inverse of `decode_counts`."""
    characters = []
    for number, count in enumerate(counts):
        value = count - (counts[number - 2] if number > 2 else 0)
        more = True
        while more:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            characters.append(chr(48 + bits + 32 * more))
    return "".join(characters)


def runs(mask):
    """Run lengths of a mask along its columns, the first of zeros."""
    flat = np.asarray(mask, int).T.ravel()
    return [0] * int(flat[0]) + [len(list(group)) for _, group in itertools.groupby(flat)]


def test_compressed_counts_by_hand():
    """A mask of 9x7 pixels: 10 outside, 3 inside, 6 outside, 3 inside, 41 outside, as COCO's API writes it."""
    assert decode_counts(":360S1") == [10, 3, 6, 3, 41]
    assert decode_counts("") == [] and decode_counts("o") is None and decode_counts(" ") is None


def test_compressed_counts_of_random_masks():
    generator = np.random.default_rng(0)
    for share in (0.001, 0.1, 0.5, 0.9):
        counts = runs(generator.random((90, 110)) < share)
        assert decode_counts(encode_counts(counts)) == counts and sum(counts) == 9900
    counts = [1 << 20, 3, 5, 1 << 18, 1]
    assert decode_counts(encode_counts(counts)) == counts


def dataset(folder, *annotations, size=tiny_sources.SIZE):
    """Three images with the same annotations, each a dict of keys that differ from a road's."""
    images, rows = [], []
    for number, name in enumerate("abc"):
        photo(folder / "images" / f"{name}.jpg", size)
        images.append({"id": number, "file_name": f"{name}.jpg", "height": size[0], "width": size[1]})
        rows += [{"id": len(rows), "image_id": number, "category_id": 1, "iscrowd": 0, **row} for row in annotations]
    categories = [{"id": 1, "name": "road"}, {"id": 7, "name": "car"}]
    content = {"images": images, "annotations": rows, "categories": categories}
    text(folder / "annotations" / "instances_default.json", content)
    return content


def drawn(folder, tmp_path):
    classes, labels = convert("coco", folder, tmp_path / "out")
    assert classes.class_names == ["background", "road", "car"]
    return by_name(labels)["b"]


SQUARE = [[0, 0, 10, 0, 10, 8, 0, 8]]


@pytest.mark.parametrize("compressed", [False, True])
def test_masks(tmp_path, compressed):
    mask = np.random.default_rng(1).random(tiny_sources.SIZE) < 0.5
    counts = encode_counts(runs(mask)) if compressed else runs(mask)
    dataset(tmp_path / "in", {"segmentation": {"size": [8, 10], "counts": counts}, "category_id": 7})
    assert (drawn(tmp_path / "in", tmp_path) == 2 * mask).all()


def test_larger_shapes_are_below_smaller_ones_and_crowds_below_all(tmp_path):
    mask = np.zeros(tiny_sources.SIZE, bool)
    mask[:, 4:] = True
    small = {"segmentation": [[0, 0, 2, 0, 2, 2, 0, 2], [8, 6, 10, 6, 10, 8, 8, 8]], "category_id": 7}
    crowd = {"segmentation": {"size": [8, 10], "counts": runs(mask)}, "category_id": 7, "iscrowd": 1}
    large = {"segmentation": [[0, 0, 8, 0, 8, 8, 0, 8]]}
    dataset(tmp_path / "in", small, large, crowd)
    expected = np.ones(tiny_sources.SIZE)
    expected[:, 8:], expected[:2, :2] = 2, 2
    assert (drawn(tmp_path / "in", tmp_path) == expected).all()


@pytest.mark.parametrize(
    "place, name",
    [
        ("images/{}.jpg", "{}.jpg"),
        ("images/default/{}.jpg", "{}.jpg"),
        ("images/{}.jpg", "images\\{}.jpg"),
        ("images/{}.jpg", "images\\1/{}.jpg"),
        ("images/{}.jpg", "..\\..\\label-studio\\media\\upload\\4\\{}.jpg"),
        ("images/{}.jpg", "/data/local-files/{}.jpg"),
        ("default/{}.jpg", "{}.jpg"),
        ("annotations/{}.jpg", "{}.jpg"),
        ("{}.jpg", "http://localhost/{}.jpg"),
        ("images/seq_{}/0.jpg", "seq_{}/0.jpg"),
    ],
)
def test_places_of_images(tmp_path, place, name):
    folder = tmp_path / "in"
    content = dataset(folder, {"segmentation": SQUARE})
    for image, letter in zip(content["images"], "abc"):
        image["file_name"] = name.format(letter)
        target = folder / place.format(letter)
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / "images" / f"{letter}.jpg").rename(target)
    text(folder / "annotations" / "instances_default.json", content)
    labels = by_name(convert("coco", folder, tmp_path / "out")[1])
    assert sorted(labels) == (["seq_a_0", "seq_b_0", "seq_c_0"] if "seq" in place else ["a", "b", "c"])


def test_category_0_of_roboflow(tmp_path, capsys):
    tiny_sources.coco_roboflow(tmp_path / "in")
    classes, _ = convert("coco", tmp_path / "in", tmp_path / "out")
    assert classes.class_names == ["background", "road", "car"]
    assert "category things, which Roboflow adds, has no annotations and is left out" in capsys.readouterr().out
    path = tmp_path / "in" / "train" / "_annotations.coco.json"
    path.write_text(path.read_text().replace('"category_id": 1', '"category_id": 0'))
    classes, _ = convert("coco", tmp_path / "in", tmp_path / "used")
    assert classes.class_names == ["background", "things", "road", "car"]


def test_only_val_is_divided_and_told(tmp_path, capsys):
    content = dataset(tmp_path / "in", {"segmentation": SQUARE})
    (tmp_path / "in" / "annotations" / "instances_default.json").unlink()
    text(tmp_path / "in" / "annotations" / "instances_val2017.json", content)
    _, labels = convert("coco", tmp_path / "in", tmp_path / "out", "--fractions", "0.4,0.6")
    assert sorted(name.split("/")[0] for name in labels) == ["train", "val", "val"]
    assert "the source has no train split: all images were divided by --fractions" in capsys.readouterr().out


def test_what_has_no_area_is_told(tmp_path, capsys):
    rows = [{"segmentation": SQUARE}, {"segmentation": []}, {"segmentation": [[1, 1, 2, 2]]}, {"image_id": 99}]
    dataset(tmp_path / "in", *rows)
    assert (drawn(tmp_path / "in", tmp_path) == 1).all()
    out = capsys.readouterr().out
    assert "3 annotation without segmentation" in out and "3 polygon of fewer than 3 points" in out
    assert "3 annotation of an image that is not listed" in out


@pytest.mark.parametrize(
    "row, words",
    [
        ({"segmentation": []}, "has boxes only, no segmentation; export instance segmentation"),
        ({"segmentation": SQUARE, "category_id": 3}, "annotation 1: category_id 3 is not among the categories"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "annotation 1: [1, 2, 3, 4, 5, 6, 7] is no polygon"),
        ({"segmentation": {"size": [8, 10], "counts": [3, 4]}}, "counts are no mask of the image's 10x8 pixels"),
        ({"segmentation": {"size": [8, 10], "counts": "~~~"}}, "counts are no mask of the image's 10x8 pixels"),
        ({"segmentation": {"size": [8, 10], "counts": [1 << 50, 80 - (1 << 50)]}}, "counts are no mask of the image's"),
        ({"segmentation": "x" * 9999}, "xxxxxx..., neither polygons nor run lengths"),
        ({"segmentation": "polygon"}, "segmentation is polygon, neither polygons nor run lengths"),
    ],
)
def test_mistakes(tmp_path, capsys, row, words):
    dataset(tmp_path / "in", row)
    assert refused("coco", tmp_path / "in", tmp_path / "out") == 2
    assert words in capsys.readouterr().err


def test_an_id_of_two_images(tmp_path, capsys):
    content = dataset(tmp_path / "in", {"segmentation": SQUARE})
    content["images"][2]["id"] = content["images"][0]["id"]
    text(tmp_path / "in" / "annotations" / "instances_default.json", content)
    assert refused("coco", tmp_path / "in", tmp_path / "out") == 2
    assert f"image 3: the id {content['images'][0]['id']} is that of an earlier image" in capsys.readouterr().err


def test_other_json_files_are_passed_over(tmp_path):
    content = dataset(tmp_path / "in", {"segmentation": SQUARE})
    (tmp_path / "in" / "annotations" / "instances_default.json").unlink()
    text(tmp_path / "in" / "mine.json", content)
    text(tmp_path / "in" / "captions.json", {"images": []})
    assert len(convert("coco", tmp_path / "in", tmp_path / "out")[1]) == 3
    text(tmp_path / "in" / "mine.json", json.dumps(content)[:-5])
    assert refused("coco", tmp_path / "in", tmp_path / "out2") == 2

"""Shape annotations: JSON files of LabelMe and XML of CVAT, converted from the command line."""

import base64
import io
import json

import cv2
import numpy as np
import pytest
from PIL import Image

from tools import convert_dataset
from utils.data.folder import read_classes


def photo(path, size=(8, 10), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), 90, np.uint8)).save(path, **options)


def labels(target):
    paths = target.rglob("*_labels/*.png")
    return {path.stem: cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in paths}


def convert(name, source, target, *flags):
    flags = ["--format", name, "--source", str(source), "--target", str(target), *flags]
    assert convert_dataset.main(flags) == 0
    return read_classes(target), labels(target)


def labelme(path, shapes, image="a.jpg", size=(8, 10)):
    """Writes a LabelMe file; shapes are (label, kind, points)."""
    shapes = [dict(zip(("label", "shape_type", "points"), shape), group_id=None, flags={}) for shape in shapes]
    content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": image, "imageData": None}
    path.write_text(json.dumps({**content, "imageHeight": size[0], "imageWidth": size[1]}))


@pytest.fixture
def annotated(tmp_path):
    folder = tmp_path / "labelme"
    for name in "abc":
        photo(folder / f"{name}.jpg")
    whole = [[0, 0], [10, 0], [10, 8], [0, 8]]
    labelme(folder / "a.json", [("road", "polygon", whole), ("car", "rectangle", [[2, 2], [5, 4]])])
    car = ("car", "rectangle", [[2, 2], [5, 4]])
    labelme(folder / "b.json", [car, ("road", "polygon", whole)], "..\\labelme\\b.jpg")
    ignored = ("__ignore__", "rectangle", [[0, 0], [10, 1]])
    labelme(folder / "c.json", [ignored, ("x", "line", [[0, 0], [5, 5]])], "c.jpg")
    photo(folder / "not_annotated.jpg")
    return folder


def test_labelme(annotated, tmp_path, capsys):
    path = annotated / "classes.txt"
    path.write_text("__ignore__\n_background_\nroad\ncar\nx\n")
    classes, found = convert("labelme", annotated, tmp_path / "out", "--classes", str(path))
    assert classes.class_names == ["background", "road", "car", "x"]
    assert classes.label_values.tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    assert sorted(found) == ["a", "b", "c"]
    expected = np.full((8, 10), 1)
    assert (found["b"] == expected).all()  # the later shape covers the earlier one
    expected[2:4, 2:5] = 2
    assert (found["a"] == expected).all()
    assert (found["c"][0] == 255).all() and (found["c"][1:] == 0).all()
    assert "not drawn, as they have no area: 1 line" in capsys.readouterr().out


def test_labelme_without_background(annotated, tmp_path):
    classes, found = convert("labelme", annotated, tmp_path / "out", "--background", "ignore")
    assert classes.class_names == ["car", "road", "x"] and (found["c"] == 255).all() and (found["b"] == 1).all()


def test_labelme_circle_and_mask(tmp_path):
    folder = tmp_path / "in"
    for name in "abc":
        photo(folder / f"{name}.jpg")
        labelme(folder / f"{name}.json", [("disk", "circle", [[5, 4], [7, 4]])], f"{name}.jpg")
    content = json.loads((folder / "b.json").read_text())
    file = io.BytesIO()
    Image.fromarray(np.array([[1, 0], [1, 1]], bool)).save(file, "PNG")
    shape = {"label": "piece", "shape_type": "mask", "points": [[3, 2], [4, 3]]}
    content["shapes"] = [{**shape, "mask": base64.b64encode(file.getvalue()).decode()}]
    (folder / "b.json").write_text(json.dumps(content))
    _, found = convert("labelme", folder, tmp_path / "out")
    assert found["a"][3:5, 3:7].all() and (found["a"] == 1).sum() == 12
    assert np.argwhere(found["b"] == 2).tolist() == [[2, 3], [3, 3], [3, 4]]


CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><name>t</name><labels>
<label><name>road</name><color>#804080</color></label><label><name>car</name><color>#00008e</color></label>
</labels></task></meta>
<image id="0" name="seq/a.jpg"{} width="10" height="8">
<box label="car" occluded="0" xtl="2.00" ytl="2.00" xbr="5.00" ybr="4.00" z_order="1"></box>
<polygon label="road" occluded="0" points="0.00,0.00;10.00,0.00;10.00,6.00;0.00,6.00" z_order="0"></polygon>
<polyline label="car" points="0,0;5,5" z_order="2"></polyline></image>
<image id="1" name="b.jpg"{} width="10" height="8">
<mask label="car" source="manual" rle="1, 2, 3" left="4" top="5" width="3" height="2" z_order="0"></mask>
<ellipse label="road" cx="2" cy="2" rx="2" ry="1" z_order="0"></ellipse></image>
<image id="2" name="c.jpg"{} width="10" height="8"></image></annotations>
"""


@pytest.fixture
def cvat(tmp_path):
    folder = tmp_path / "cvat"
    for name in ("seq/a.jpg", "b.jpg", "c.jpg"):
        photo(folder / "images" / name)
    (folder / "annotations.xml").write_text(CVAT.format("", "", ""))
    return folder


def test_cvat(cvat, tmp_path, capsys):
    classes, found = convert("cvat", cvat, tmp_path / "out")
    assert classes.class_names == ["background", "road", "car"]
    assert classes.label_values.tolist() == [[0, 0, 0], [128, 64, 128], [0, 0, 142]]
    expected = np.zeros((8, 10))
    expected[:6], expected[2:4, 2:5] = 1, 2
    assert (found["seq_a"] == expected).all() and not found["c"].any()
    assert np.argwhere(found["b"] == 2).tolist() == [[5, 5], [5, 6]]
    assert np.argwhere(found["b"] == 1).tolist() == [[y, x] for y in (1, 2) for x in (0, 1, 2, 3)]
    assert "1 polyline" in capsys.readouterr().out


def test_cvat_subsets(cvat, tmp_path):
    subsets = [f' subset="{name}"' for name in ("Train", "Validation", "Test")]
    (cvat / "annotations.xml").write_text(CVAT.format(*subsets))
    convert("cvat", cvat, tmp_path / "out")
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.jpg")}
    assert found == {"train/seq_a.jpg", "val/b.jpg", "test/c.jpg"}


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("<image", "<track/><image", "CVAT for images 1.1"),
        ("</annotations>", "", "cannot read"),
        ('rle="1, 2, 3"', 'rle="1, 2"', "image b.jpg: a shape is damaged"),
        ('name="c.jpg"', 'name="d.jpg"', "d.jpg is missing"),
        ('height="8"', 'height="9"', "must have the same size"),
    ],
)
def test_bad_cvat(cvat, tmp_path, capsys, old, new, words):
    (cvat / "annotations.xml").write_text(CVAT.format("", "", "").replace(old, new))
    with pytest.raises(SystemExit) as end:
        convert("cvat", cvat, tmp_path / "out")
    assert end.value.code == 2 and words in capsys.readouterr().err


@pytest.mark.parametrize(
    "key, value, words",
    [
        ("imageHeight", 7, "must have the same size"),
        ("imagePath", "gone.jpg", "gone.jpg is missing"),
        ("shapes", [{"label": "road", "shape_type": "polygon"}], "is no LabelMe annotation"),
        ("shapes", [{"label": "lamp", "points": []}], "lacks lamp"),
    ],
)
def test_bad_labelme(annotated, tmp_path, capsys, key, value, words):
    content = json.loads((annotated / "a.json").read_text())
    (annotated / "a.json").write_text(json.dumps({**content, key: value}))
    path = annotated / "classes.txt"
    path.write_text("road\ncar\nx\n")
    with pytest.raises(SystemExit) as end:
        convert("labelme", annotated, tmp_path / "out", "--classes", str(path))
    assert end.value.code == 2 and words in capsys.readouterr().err

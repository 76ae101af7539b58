"""LabelMe: shapes of all kinds, images inside the JSON files, mistakes."""

import base64
import io
import json

import numpy as np
import pytest
import tiny_sources
from PIL import Image, ImageDraw
from tiny_sources import by_name, convert, photo, refused


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
    labelme(folder / "c.json", [ignored, ("x", "points", [[0, 0], [5, 5]])], "c.jpg")
    photo(folder / "not_annotated.jpg")
    tiny_sources.text(folder / ".vscode" / "settings.json", "{ // no JSON")
    return folder


def test_labelme(annotated, tmp_path, capsys):
    path = annotated / "classes.txt"
    path.write_text("__ignore__\n_background_\nroad\ncar\nx\n")
    classes, labels = convert("labelme", annotated, tmp_path / "out", "--classes", str(path))
    found = by_name(labels)
    assert classes.class_names == ["background", "road", "car", "x"]
    assert classes.label_values.tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    assert sorted(found) == ["a", "b", "c"]
    expected = np.full((8, 10), 1)
    assert (found["b"] == expected).all()  # the later shape covers the earlier one
    expected[2:4, 2:5] = 2
    assert (found["a"] == expected).all()
    assert (found["c"][0] == 255).all() and (found["c"][1:] == 0).all()
    out = capsys.readouterr().out
    assert "not drawn, as they have no area: 1 points" in out and "no annotation names them: not_annotated.jpg" in out


def test_labelme_without_background(annotated, tmp_path):
    classes, labels = convert("labelme", annotated, tmp_path / "out", "--background", "ignore")
    found = by_name(labels)
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
    found = by_name(convert("labelme", folder, tmp_path / "out")[1])
    assert found["a"][3:5, 3:7].all() and (found["a"] == 1).sum() == 12
    assert np.argwhere(found["b"] == 2).tolist() == [[2, 3], [3, 3], [3, 4]]


@pytest.mark.parametrize(
    "kind, points",
    [
        ("line", [[5, 5], [40, 30]]),
        ("linestrip", [[5, 5], [40, 5], [40, 35]]),
        ("point", [[20.5, 10]]),
    ],
)
def test_lines_and_points_are_drawn_as_in_labelme(tmp_path, capsys, kind, points):
    folder, size = tmp_path / "in", (40, 50)
    for name in "abc":
        photo(folder / f"{name}.jpg", size)
        labelme(folder / f"{name}.json", [("x", kind, points)], f"{name}.jpg", size)
    found = by_name(convert("labelme", folder, tmp_path / "out")[1])["a"]
    mask = Image.new("L", size[::-1])
    pen, pairs = ImageDraw.Draw(mask), [tuple(point) for point in points]
    if kind == "point":
        (x, y), r = pairs[0], 5
        pen.ellipse([x - r, y - r, x + r, y + r], fill=1)
    else:
        pen.line(pairs, fill=1, width=10)
    assert (found == np.array(mask)).all()
    assert f"drawn as LabelMe does, 10 pixels wide: 3 {kind}" in capsys.readouterr().out


def test_oriented_rectangles_are_polygons(tmp_path):
    folder, points = tmp_path / "in", [[5, 1], [8, 4], [5, 7], [2, 4]]
    for name, kind in zip("abc", ("polygon", "oriented_rectangle", None)):
        photo(folder / f"{name}.jpg")
        labelme(folder / f"{name}.json", [("x", kind, points)], f"{name}.jpg")
    found = by_name(convert("labelme", folder, tmp_path / "out")[1])
    assert found["a"].sum() == 18 and (found["a"] == found["b"]).all() and (found["a"] == found["c"]).all()


def test_shapes_of_x_anylabeling(tmp_path):
    """Rectangles of four corners, and rotated ones."""
    folder, corners = tmp_path / "in", [[2, 1], [6, 1], [6, 4], [2, 4]]
    for name, kind in zip("abc", ("rectangle", "rotation", "polygon")):
        photo(folder / f"{name}.jpg")
        labelme(folder / f"{name}.json", [("x", kind, corners)], f"{name}.jpg")
    found = by_name(convert("labelme", folder, tmp_path / "out")[1])
    assert all(label.sum() == 12 and label[1:4, 2:6].all() for label in found.values())


def test_an_image_on_disk_wins_over_the_one_inside(tmp_path):
    folder = tmp_path / "in"
    tiny_sources.labelme(folder, inside=True)
    photo(folder / "b.jpg")
    convert("labelme", folder, tmp_path / "out")
    copies = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("[tv]*/*.jpg")}
    assert copies["b.jpg"] == (folder / "b.jpg").read_bytes()
    assert copies["a.jpg"] == base64.b64decode(json.loads((folder / "a.json").read_text())["imageData"])


def test_a_png_inside_is_no_jpg(tmp_path):
    folder = tmp_path / "in"
    tiny_sources.labelme(folder, inside=True)
    file = io.BytesIO()
    Image.new("RGB", (10, 8)).save(file, "PNG")
    for path in folder.glob("*.json"):
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "imageData": base64.b64encode(file.getvalue()).decode()}))
    convert("labelme", folder, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").glob("[tv]*/[abc].*") if "labels" not in str(path)} == {
        "a.png", "b.png", "c.png"
    }  # fmt: skip


def test_paths_of_another_computer(tmp_path):
    folder = tmp_path / "in"
    tiny_sources.labelme(folder)
    for path in folder.glob("*.json"):
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "imagePath": f"C:\\Users\\me\\photos\\{path.stem}.jpg"}))
    assert len(convert("labelme", folder, tmp_path / "out")[1]) == 3


def mask_of(side):
    """A PNG of black pixels as LabelMe stores a mask."""
    file = io.BytesIO()
    Image.new("1", (side, side)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    "key, value, words",
    [
        ("imageHeight", 7, "must have the same size"),
        ("imageHeight", "8 px", "imageHeight is 8 px, no whole number"),
        ("shapes", [{"label": "road", "shape_type": "polygon"}], "a.json, shape 1: points is missing"),
        ("shapes", [{"label": "road", "points": [[1, 2], [3, 4]]}], "number of points is 2; at least 3"),
        ("shapes", [{"label": "road", "points": [[1, 2], [3, 4], [float("nan"), 1]]}], "a coordinate is nan"),
        ("shapes", [{"label": "lamp", "points": []}], "lacks lamp"),
        ("imageHeight", 60000, "must have the same size"),
        (
            "shapes",
            [{"label": "road", "shape_type": "mask", "points": [[0, 0], [9, 7]], "mask": mask_of(30000)}],
            "shape 1: mask is damaged, larger than the image",
        ),
    ],
)
def test_bad_labelme(annotated, tmp_path, capsys, key, value, words):
    content = json.loads((annotated / "a.json").read_text())
    (annotated / "a.json").write_text(json.dumps({**content, key: value}))
    path = annotated / "classes.txt"
    path.write_text("road\ncar\nx\n")
    assert refused("labelme", annotated, tmp_path / "out", "--classes", str(path)) == 2
    assert words in capsys.readouterr().err


def test_absent_images_are_told(annotated, tmp_path, capsys):
    (annotated / "b.jpg").unlink()
    assert len(convert("labelme", annotated, tmp_path / "out", "--fractions", "0.5,0.5")[1]) == 2
    assert (
        "1 of the annotated images left out, as their files are not there: ..\\labelme\\b.jpg"
        in capsys.readouterr().out
    )

"""CVAT for images 1.1: shapes, layers, subsets, names without extension, mistakes."""

import numpy as np
import pytest
import tiny_sources
from tiny_sources import by_name, convert, photo, refused

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
    classes, labels = convert("cvat", cvat, tmp_path / "out")
    found = by_name(labels)
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
        ("</annotations>", "", "cannot read"),
        ("<image", "<track id='0' label='car'/><image", "export the task as 'CVAT for images 1.1'"),
        ('rle="1, 2, 3"', 'rle="1, 2"', "image b.jpg, shape 1 (mask): rle is not a mask of 3x2 pixels"),
        ('label="road" cx', 'label="lane" cx', "shape 2 (ellipse): label lane is not among those of the task"),
        ('xtl="2.00"', 'xtl="two"', "image seq/a.jpg, shape 1 (box): xtl is two, no number"),
        ('width="3" height="2"', 'width="60000" height="60000"', "the mask is 60000x60000, larger than the image"),
        ('height="8"', 'height="9"', "must have the same size"),
    ],
)
def test_bad_cvat(cvat, tmp_path, capsys, old, new, words):
    (cvat / "annotations.xml").write_text(CVAT.format("", "", "").replace(old, new))
    assert refused("cvat", cvat, tmp_path / "out") == 2
    assert words in capsys.readouterr().err


def test_absent_and_unlisted_images_are_told(cvat, tmp_path, capsys):
    (cvat / "images" / "b.jpg").unlink()
    photo(cvat / "images" / "new.png")
    assert len(convert("cvat", cvat, tmp_path / "out", "--fractions", "0.5,0.5")[1]) == 2
    out = capsys.readouterr().out
    assert "1 of the annotated images left out, as their files are not there: b.jpg" in out
    assert "1 of the images left out, as no annotation names them: new.png" in out
    assert "1 of the images only background, as they have no shape: c.jpg" in out


def test_unknown_shapes_are_told(cvat, tmp_path, capsys):
    tags = '<tag label="road"></tag><polygom label="road" points="1,1;2,2;3,1"></polygom>'
    (cvat / "annotations.xml").write_text(CVAT.format("", "", "").replace("<ellipse", f"{tags}<ellipse"))
    convert("cvat", cvat, tmp_path / "out")
    assert "not drawn, as they have no area: 1 polyline, 1 polygom" in capsys.readouterr().out


def test_subsets_that_are_no_splits(tmp_path, capsys):
    """The default subset of a project with Train and Validation goes to train, and same names stay apart."""
    tiny_sources.cvat_project(tmp_path / "in")
    path = tmp_path / "in" / "annotations.xml"
    content = path.read_text().replace('subset="Test"', 'subset="Extra"').replace('name="c.jpg"', 'name="a.jpg"')
    path.write_text(content)
    (tmp_path / "in" / "images" / "Test").rename(tmp_path / "in" / "images" / "Extra")
    (tmp_path / "in" / "images" / "Extra" / "c.jpg").rename(tmp_path / "in" / "images" / "Extra" / "a.jpg")
    assert refused("cvat", tmp_path / "in", tmp_path / "out", "--fractions", "0.5,0.5") == 2
    assert "this source has splits of its own" in capsys.readouterr().err
    _, labels = convert("cvat", tmp_path / "in", tmp_path / "out")
    assert sorted(labels) == ["train/Extra_a", "train/a", "val/b"]
    assert "1 of the images have no split and were put into train: Extra_a" in capsys.readouterr().out


def test_a_project_with_the_default_subset_alone(tmp_path):
    tiny_sources.cvat_project(tmp_path / "in")
    path = tmp_path / "in" / "annotations.xml"
    content = path.read_text()
    for subset in ("Train", "Validation", "Test"):
        content = content.replace(f'subset="{subset}"', 'subset="default"')
        (tmp_path / "in" / "images" / subset).rename(tmp_path / "in" / "images" / f"{subset}_")
    path.write_text(content)
    for image in sorted((tmp_path / "in" / "images").rglob("*.jpg")):
        image.rename(tmp_path / "in" / "images" / image.name)
    (tmp_path / "in" / "images" / "default").mkdir()
    for image in (tmp_path / "in" / "images").glob("*.jpg"):
        image.rename(tmp_path / "in" / "images" / "default" / image.name)
    assert sorted(by_name(convert("cvat", tmp_path / "in", tmp_path / "out")[1])) == ["a", "b", "c"]


def test_the_labelme_export_is_no_labelme(tmp_path, capsys):
    photo(tmp_path / "in" / "default" / "a.jpg")
    (tmp_path / "in" / "default" / "a.xml").write_text("<annotation></annotation>")
    assert refused("labelme", tmp_path / "in", tmp_path / "out") == 2
    assert "has XML files, no JSON files; of CVAT's tasks, export 'CVAT for images 1.1'" in capsys.readouterr().err


def test_masks_export_names_its_format(tmp_path, capsys):
    tiny_sources.cvat_masks(tmp_path / "in")
    assert refused("cvat", tmp_path / "in", tmp_path / "out") == 2
    assert "read it with --format voc" in capsys.readouterr().err

"""COCO panoptic segmentation under other names than those of 2017, and mistakes."""

import json

import pytest
import tiny_sources
from tiny_sources import by_name, convert, photo, refused, save, text


@pytest.fixture
def panoptic(tmp_path):
    """The three images in one file and folder of another name, without splits."""
    tiny_sources.coco_panoptic(tmp_path / "tiny")
    content = json.loads((tmp_path / "tiny" / "annotations" / "panoptic_train2018.json").read_text())
    row, folder = content["annotations"][0], tmp_path / "in"
    content["annotations"] = [{**row, "file_name": f"{name}.png", "image_id": name} for name in "abc"]
    content["images"] = [{"id": name, "file_name": f"photo_{name}.jpg"} for name in "abc"]
    for name in "abc":
        photo(folder / "images" / f"photo_{name}.jpg")
        png = (tmp_path / "tiny" / "annotations" / "panoptic_train2018" / "a.png").read_bytes()
        (folder / "mine").mkdir(exist_ok=True)
        (folder / "mine" / f"{name}.png").write_bytes(png)
    text(folder / "mine.json", content)
    text(folder / "other.json", {"images": []})
    return folder


def test_names_of_your_own(panoptic, tmp_path, capsys):
    classes, labels = convert("coco_panoptic", panoptic, tmp_path / "out")
    assert classes.class_names == ["background", "road", "car"]
    assert (by_name(labels)["b"] == tiny_sources.values()).all()
    out = capsys.readouterr().out
    assert "the source has no splits" in out and "not public" not in out


def test_one_split_is_divided(tmp_path, capsys):
    folder = tmp_path / "in"
    tiny_sources.coco_panoptic(folder)
    for split in ("train", "test"):
        (folder / "annotations" / f"panoptic_{split}2018.json").unlink()
    assert refused("coco_panoptic", folder, tmp_path / "out") == 2  # one image for three splits
    assert "1 images for 3 splits; give fewer splits" in capsys.readouterr().err


def test_mistakes(panoptic, tmp_path, capsys):
    content = (panoptic / "mine.json").read_text()
    text(panoptic / "mine.json", content.replace('"category_id": 2', '"category_id": 9'))
    assert refused("coco_panoptic", panoptic, tmp_path / "out") == 2
    assert "annotation 1, segment 2: category_id 9 is not among the categories" in capsys.readouterr().err
    text(panoptic / "mine.json", content)
    save(panoptic / "mine" / "b.png", 7 + tiny_sources.colored())
    assert refused("coco_panoptic", panoptic, tmp_path / "out2") == 2
    assert "b.png has segment" in capsys.readouterr().err
    (panoptic / "mine").rename(panoptic / "masks")
    assert refused("coco_panoptic", panoptic, tmp_path / "out3") == 2
    assert "mine.json needs a folder mine of PNGs beside it; unpack mine.zip there" in capsys.readouterr().err


@pytest.mark.parametrize("key, name", (("categories", "category"), ("images", "image"), ("segments_info", "segment")))
def test_ids_that_repeat(tmp_path, capsys, key, name):
    tiny_sources.coco_panoptic(tmp_path / "in")
    path = tmp_path / "in" / "annotations" / "panoptic_val2018.json"
    content = json.loads(path.read_text())
    rows = content["annotations"][0][key] if key == "segments_info" else content[key]
    rows.append({**rows[0], "name": "another"})
    path.write_text(json.dumps(content))
    assert refused("coco_panoptic", tmp_path / "in", tmp_path / "out") == 2
    assert (
        f", {name} {len(rows)}: the id {rows[0]['id']} is that of an earlier {name}; correct" in capsys.readouterr().err
    )

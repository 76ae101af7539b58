"""Lists of Pascal VOC and of CVAT's segmentation masks."""

import pytest
import tiny_sources
from PIL import Image
from tiny_sources import NAMES, by_name, convert, photo, refused, text, values


@pytest.mark.parametrize(
    "lists, splits",
    [
        ({"Train": "a", "Validation": "b", "Test": "c"}, {"train/a", "val/b", "test/c"}),
        ({"train": "a b c"}, None),
        ({"trainval": "a b c"}, None),
        ({"train": "a", "val": "b", "trainval": "a b"}, {"train/a", "val/b"}),
        ({"default": "a b c"}, None),
        ({}, None),
    ],
)
def test_lists(tmp_path, capsys, lists, splits):
    folder = tmp_path / "in"
    tiny_sources.cvat_masks(folder)
    (folder / "ImageSets" / "Segmentation" / "default.txt").unlink()
    for name, images in lists.items():
        text(folder / "ImageSets" / "Segmentation" / f"{name}.txt", images.replace(" ", "\n"))
    _, labels = convert("voc", folder, tmp_path / "out")
    assert set(labels) == splits if splits else len(labels) == 3
    assert ("were divided by --fractions" in capsys.readouterr().out) == (splits is None)


def test_names_with_folders_and_spaces_and_images_without_mask(tmp_path, capsys):
    folder = tmp_path / "in"
    tiny_sources.cvat_masks(folder)
    photo(folder / "JPEGImages" / "new.jpg")
    for kind, suffix in (("JPEGImages", "jpg"), ("SegmentationClass", "png")):
        (folder / kind / "seq").mkdir()
        (folder / kind / f"a.{suffix}").rename(folder / kind / "seq" / f"a b.{suffix}")
    text(folder / "ImageSets" / "Segmentation" / "default.txt", '"seq/a b"\nb\nc\nnew\ngone\n')
    _, labels = convert("voc", folder, tmp_path / "out")
    assert {name.split("/")[1] for name in labels} == {"seq_a b", "b", "c"}
    out = capsys.readouterr().out
    assert "no annotation names them: new.jpg" in out and "their files are not there: gone" in out


def labelme2voc(folder, pixels, names=("_background_", "road", "car")):
    for name in NAMES:
        photo(folder / "JPEGImages" / f"{name}.jpg")
        mask = Image.fromarray(pixels)
        mask.putpalette(list(range(256)) * 3)
        (folder / "SegmentationClass").mkdir(exist_ok=True)
        mask.save(folder / "SegmentationClass" / f"{name}.png")
    text(folder / "class_names.txt", "\n".join(names))


def test_classes_of_labelme2voc(tmp_path, capsys):
    pixels = values()
    pixels[0, 0] = 255
    labelme2voc(tmp_path / "in", pixels)
    classes, labels = convert("voc", tmp_path / "in", tmp_path / "out")
    assert classes.class_names == ["_background_", "road", "car"]
    assert (by_name(labels)["b"] == pixels).all()
    assert "not public" not in capsys.readouterr().out


def test_numbers_of_no_class_and_a_class_file(tmp_path, capsys):
    labelme2voc(tmp_path / "in", values() + 30)
    (tmp_path / "in" / "class_names.txt").unlink()
    assert refused("voc", tmp_path / "in", tmp_path / "out") == 2
    assert "has the number 30, but there are 21 classes; name the classes of this dataset" in capsys.readouterr().err
    path = tmp_path / "classes.txt"
    path.write_text("\n".join(f"class {number}" for number in range(33)))
    classes, labels = convert("voc", tmp_path / "in", tmp_path / "out2", "--classes", str(path))
    assert classes.num_classes == 33 and (by_name(labels)["b"] == values() + 30).all()

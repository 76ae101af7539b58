"""Lists of Pascal VOC and of CVAT's segmentation masks."""

import pytest
import tiny_sources
from tiny_sources import convert, photo, text


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

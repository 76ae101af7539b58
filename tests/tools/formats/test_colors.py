"""Masks in the colors of a text file: CamVid, and CVAT's segmentation masks."""

import pytest
import tiny_sources
from tiny_sources import by_name, colored, convert, photo, refused, save, text


def test_white_and_the_border_of_voc(tmp_path):
    folder, pixels = tmp_path / "in", colored()
    tiny_sources.cvat_masks(folder)
    pixels[0], pixels[1] = (255, 255, 255), (224, 224, 192)
    for name in "abc":
        save(folder / "SegmentationClass" / f"{name}.png", pixels)
    with open(folder / "labelmap.txt", "a") as file:
        file.write("line:255,255,255::\n")
    classes, labels = convert("voc", folder, tmp_path / "out")
    assert classes.class_names == ["background", "road", "car", "line"]
    label = by_name(labels)["a"]
    assert (label[0] == 3).all() and (label[1] == 255).all() and (label[2] == 0).all()


def test_other_colors(tmp_path, capsys):
    tiny_sources.camvid(tmp_path / "in")
    pixels = colored()
    pixels[0, 0] = (1, 2, 3)
    save(tmp_path / "in" / "LabeledApproved_full" / "0001TP_a_L.png", pixels)
    assert refused("camvid", tmp_path / "in", tmp_path / "out") == 2
    assert "0001TP_a_L.png has the color (1, 2, 3) (1 px) of no class; add it to" in capsys.readouterr().err
    _, labels = convert("camvid", tmp_path / "in", tmp_path / "out2", "--unknown_colours", "ignore")
    assert by_name(labels)["0001TP_a"][0, 0] == 255


def test_images_without_masks_and_the_drives_of_camvid(tmp_path, capsys):
    tiny_sources.camvid(tmp_path / "in")
    photo(tmp_path / "in" / "701_StillsRaw_full" / "0006R0_d.png")
    (tmp_path / "in" / "701_StillsRaw_full" / "0001TP_a.png").unlink()
    assert len(convert("camvid", tmp_path / "in", tmp_path / "out", "--fractions", "0.5,0.5")[1]) == 2
    out = capsys.readouterr().out
    assert "their files are not there: 0001TP_a" in out and "no annotation names them: 0006R0_d.png" in out
    assert "--group '^([^_]+)_' keeps drives in one split" in out


def test_subfolders_of_cvat(tmp_path):
    """Image names of CVAT may have folders."""
    tiny_sources.camvid_cvat(tmp_path / "in")
    for kind, suffix in (("default", "jpg"), ("defaultannot", "png")):
        (tmp_path / "in" / kind / "seq").mkdir()
        (tmp_path / "in" / kind / f"a.{suffix}").rename(tmp_path / "in" / kind / "seq" / f"a.{suffix}")
    assert sorted(by_name(convert("camvid", tmp_path / "in", tmp_path / "out")[1])) == ["b", "c", "seq_a"]


@pytest.mark.parametrize(
    "line, words",
    [
        ("128 64 Road", "label_colors.txt, line 1: '128 64 Road' is no new class and color such as '128 64 128 Road'"),
        ("0 0 256 Road", "line 1: '0 0 256 Road'"),
        ("0 0 0 Void", "at least two classes"),
        ("0 0 0 Void\n0 0 0 Road", "line 2: '0 0 0 Road' is no new class"),
    ],
)
def test_bad_color_files(tmp_path, capsys, line, words):
    tiny_sources.camvid(tmp_path / "in")
    text(tmp_path / "in" / "label_colors.txt", line)
    assert refused("camvid", tmp_path / "in", tmp_path / "out") == 2
    assert words in capsys.readouterr().err

"""Semantic segmentation masks of Roboflow."""

import pytest
import tiny_sources
from tiny_sources import convert, photo, refused, save, text, values


@pytest.fixture
def roboflow(tmp_path):
    tiny_sources.roboflow_masks(tmp_path / "in")
    return tmp_path / "in"


def test_unpaired_files_are_told(roboflow, tmp_path, capsys):
    photo(roboflow / "train" / "d.jpg")
    save(roboflow / "valid" / "e_mask.png", values())
    assert sorted(convert("roboflow_masks", roboflow, tmp_path / "out")[1]) == ["test/c", "train/a", "val/b"]
    out = capsys.readouterr().out
    assert "1 of the images left out, as no annotation names them: d.jpg" in out
    assert "1 of the annotated images left out, as their files are not there: e_mask.png" in out


def test_values_of_no_class(roboflow, tmp_path, capsys):
    save(roboflow / "train" / "a_mask.png", values() + 7 * (values() == 2))
    assert refused("roboflow_masks", roboflow, tmp_path / "out") == 2
    assert "a_mask.png has the value 9, which _classes.csv does not name" in capsys.readouterr().err
    _, labels = convert("roboflow_masks", roboflow, tmp_path / "out2", "--unknown_colours", "ignore")
    assert (labels["train/a"] == 255).sum() == 6


@pytest.mark.parametrize(
    "rows, words",
    [
        ("0, background\n1, road\n1, car\n", "train/_classes.csv, line 4: '1, car' is no new pixel value"),
        ("0, background\n1, lane\n2, car\n", "1 is lane, but road in another split"),
        ("zero, background\n1, road\n2, car\n", "line 2: 'zero, background' is no new pixel value"),
        ("0, background\n", "at least two different classes are needed"),
    ],
)
def test_bad_class_files(roboflow, tmp_path, capsys, rows, words):
    text(roboflow / "train" / "_classes.csv", f"Pixel Value, Class\n{rows}")
    assert refused("roboflow_masks", roboflow, tmp_path / "out") == 2
    assert words in capsys.readouterr().err

"""Classes of shape annotations."""

import collections

import pytest

from tools.formats import Options
from tools.formats.annotations import DrawnClasses, skipped_shapes
from utils.errors import UsageError


def test_background_comes_first_unless_it_is_named_or_ignored():
    drawn = DrawnClasses(Options(), ["road", "car"])
    assert drawn.classes.class_names == ["background", "road", "car"] and drawn.background == 0
    drawn = DrawnClasses(Options(background="car"), ["road", "car"])
    assert drawn.classes.class_names == ["road", "car"] and drawn.background == 1
    drawn = DrawnClasses(Options(background="ignore"), ["road", "car", "__ignore__"])
    assert drawn.classes.class_names == ["road", "car"] and drawn.background == 255
    assert drawn.indices == {"road": 0, "car": 1, "__ignore__": 255, "_background_": 255}


def test_colors_of_the_annotations_or_of_a_class_file(tmp_path):
    colors = {"road": (1, 2, 3), "car": (4, 5, 6)}
    assert DrawnClasses(Options(), ["road", "car"], colors).classes.label_values.tolist()[1] == [1, 2, 3]
    path = tmp_path / "c.csv"
    path.write_text("name,r,g,b\ncar,7,8,9\nroad,10,11,12\n")
    drawn = DrawnClasses(Options(str(path)), ["road"], colors)
    assert drawn.classes.class_names == ["background", "car", "road"]
    assert drawn.classes.label_values.tolist()[1] == [7, 8, 9]
    with pytest.raises(UsageError, match="lacks a, b, c, d, e and 2 more, which the annotations have"):
        DrawnClasses(Options(str(path)), list("abcdefg"))


def test_note_on_skipped_shapes():
    assert skipped_shapes(collections.Counter()) == ""
    assert skipped_shapes(collections.Counter(["tag", "tag"])).endswith("no area: 2 tag")

"""Official class lists and the default colors."""

import pytest

from tools.formats.classes import TABLES, colormap, make_distinct, read_table


def test_voc_colors_follow_its_rule():
    ids, classes = read_table("voc")
    assert ids == list(range(21)) and list(map(tuple, classes.label_values.tolist())) == colormap(21)
    assert colormap(256)[255] == (224, 224, 192) and colormap(256)[192] == (32, 32, 0)


@pytest.mark.parametrize("path", sorted(TABLES.glob("*.csv")), ids=lambda path: path.stem)
def test_tables_are_whole(path):
    ids, classes = read_table(path.stem)
    number = {"voc": 21, "ade20k": 150, "coco_panoptic": 133}.get(path.stem) or int(path.stem[-3:].strip("es"))
    assert len(set(ids)) == classes.num_classes == number and ids == sorted(ids)


def test_repeated_colors_and_white_change_by_one():
    colors = [(1, 2, 3), (1, 2, 3), (255, 255, 255), (0, 0, 200), (0, 0, 200)]
    assert make_distinct(colors) == [(1, 2, 3), (1, 2, 4), (255, 255, 254), (0, 0, 200), (0, 0, 199)]

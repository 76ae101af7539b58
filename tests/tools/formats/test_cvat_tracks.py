"""Tracks of CVAT for video 1.1."""

import numpy as np
import pytest
import tiny_sources
from tiny_sources import by_name, convert, photo, refused, text

BOX = '<box frame="{}" keyframe="{}" outside="{}" xtl="{}" ytl="2" xbr="{}" ybr="4" z_order="0"></box>'
POLYGON = '<polygon frame="{}" keyframe="1" outside="0" points="{}" z_order="0"></polygon>'


def video(folder, *tracks, frames=6):
    for frame in range(frames):
        photo(folder / "images" / f"frame_{frame:06}.PNG")
    tracks = [f'<track id="{n}" label="car" source="manual">{shapes}</track>' for n, shapes in enumerate(tracks)]
    text(folder / "annotations.xml", f"{tiny_sources.cvat_labels()}{''.join(tracks)}</annotations>")
    return folder


def box(frame, left, outside=0, keyframe=1):
    return BOX.format(frame, keyframe, outside, left, left + 2)


def left_sides(folder, tmp_path):
    """The left side of the object in each frame; None where there is none."""
    labels = by_name(convert("cvat", folder, tmp_path / "out")[1])
    columns = [np.flatnonzero(labels[name].any(axis=0)) for name in sorted(labels)]
    assert all(len(column) in (0, 2) for column in columns)
    return [int(column[0]) if len(column) else None for column in columns]


@pytest.mark.parametrize(
    "shapes, expected",
    [
        (box(0, 0) + box(4, 4), [0, 1, 2, 3, 4, 4]),
        (box(1, 0) + box(3, 4) + box(5, 0, outside=1), [None, 0, 2, 4, 2, None]),
        (box(0, 0) + box(1, 3, outside=1) + box(4, 5), [0, None, None, None, 5, 5]),
        (box(0, 0) + box(1, 3, keyframe=0) + box(2, 5), [0, 3, 5, None, None, None]),  # every frame is written
        (box(4, 2), [None, None, None, None, 2, None]),  # a single shape
        (box(4, 4) + box(0, 0), [0, 1, 2, 3, 4, 4]),
    ],
)
def test_frames_between_key_frames(tmp_path, shapes, expected):
    assert left_sides(video(tmp_path / "in", shapes), tmp_path) == expected


def test_polygons_move_evenly(tmp_path):
    polygons = [POLYGON.format(frame, f"{x},0;{x + 2},0;{x + 2},3;{x},3") for frame, x in ((0, 0), (5, 5))]
    assert left_sides(video(tmp_path / "in", "".join(polygons)), tmp_path) == [0, 1, 2, 3, 4, 5]


def test_masks_stay_until_the_next_one(tmp_path):
    mask = '<mask frame="{}" outside="0" rle="0, 4" left="{}" top="1" width="2" height="2" z_order="0"></mask>'
    shapes = mask.format(0, 1) + mask.format(3, 6)
    assert left_sides(video(tmp_path / "in", shapes), tmp_path) == [1, 1, 1, 6, 6, 6]


def test_rotation_takes_the_shorter_way(tmp_path):
    from tools.formats.cvat_tracks import interpolate, read_keys
    from tools.formats.schema import Fields, read_xml

    text(tmp_path / "a.xml", f'<track label="car">{box(0, 0)}{box(2, 0)}</track>'.replace('z_order="0"', "{}")
         .format('rotation="350"', 'rotation="20"'))  # fmt: skip
    before, after = read_keys(read_xml(tmp_path / "a.xml"), Fields({"label": "car"}, "a.xml"))
    assert interpolate(before, after, 0.5)["rotation"] == 365


@pytest.mark.parametrize(
    "shapes, words",
    [
        (POLYGON.format(0, "0,0;2,0;2,3;0,3") + POLYGON.format(2, "0,0;2,0;2,3"), "4 points become 3 in frame 2"),
        (POLYGON.format(0, "0,0;2,0;2,3;0,3") + box(2, 0), "the next shape of the track is a box"),
    ],
)
def test_what_cannot_be_interpolated(tmp_path, capsys, shapes, words):
    assert refused("cvat", video(tmp_path / "in", shapes), tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert f"track 1, frame 0 (polygon): {words}" in error and "export the task as 'CVAT for images 1.1'" in error


def test_videos_without_frames_and_of_several_tasks(tmp_path, capsys):
    folder = video(tmp_path / "in", box(0, 0), frames=0)
    assert refused("cvat", folder, tmp_path / "out") == 2
    assert "images/ has no frame_000000.png and so on; export the task as 'CVAT for images" in capsys.readouterr().err
    folder = video(tmp_path / "in", box(0, 0), box(0, 4))
    path = folder / "annotations.xml"
    path.write_text(path.read_text().replace('id="0"', 'task_id="4"').replace('id="1"', 'task_id="5"'))
    assert refused("cvat", folder, tmp_path / "out") == 2
    assert "tracks of several tasks" in capsys.readouterr().err

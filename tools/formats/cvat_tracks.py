"""Tracks of CVAT for video 1.1: shapes of each frame, interpolated between key frames."""

import bisect
import re

from tools.formats.schema import Fields, check_points
from utils.data.images import is_image
from utils.errors import UsageError
from utils.safe_paths import safe_path

FRAME = re.compile(r"frame_(\d+)$")
REMEDY = "export the task as 'CVAT for images 1.1', which writes every frame"
SIDES = {"box": ("xtl", "ytl", "xbr", "ybr"), "ellipse": ("cx", "cy", "rx", "ry")}


def read_frames(root, path, folder):
    """Reads the shapes of all frames whose images are there.

    Args:
        root: XML element with tracks.
        path: of the XML file, for errors.
        folder: `pathlib.Path` of the export; the frames are `images/frame_000000.png` and so on.

    Returns:
        List of an image's `Fields` and its shapes, which are pairs of a tag and `Fields`, as for an export of images.

    Raises:
        UsageError: if there are no frames, or a track is damaged or cannot be interpolated.
    """
    subset = root.find("track").get("subset") or ""
    if subset:
        safe_path(folder, subset, f"{path}, track 1", follow_links=True)
    if len({track.get("task_id") for track in root.iterfind("track")}) > 1:
        raise UsageError(f"{path} has tracks of several tasks, whose frames have the same numbers; {REMEDY}")
    places = [place for place in (folder / "images" / subset, folder / "images", folder) if place.is_dir()]
    files = sorted(file for place in places[:1] for file in place.iterdir() if is_image(file))
    frames = {int(match[1]): file.name for file in files if (match := FRAME.match(file.stem))}
    if not frames:
        raise UsageError(f"{path} has tracks, but images/ has no frame_000000.png and so on; {REMEDY}, with images")
    elements = [shape for track in root.iterfind("track") for shape in track]
    every_frame = any(shape.get("keyframe") == "0" for shape in elements)
    shapes = {frame: [] for frame in frames}
    for number, track in enumerate(root.iterfind("track"), 1):
        fields = Fields(track.attrib, f"{path}, track {number}")
        keys = read_keys(track, fields)
        for frame in frames:
            shape = shape_at(keys, frame, propagate=not every_frame and len(keys) > 1)
            if shape is not None:
                shapes[frame].append(shape)
    image = {"subset": subset} if subset else {}
    return [(Fields({**image, "name": name}, f"{path}, {name}"), shapes[frame]) for frame, name in frames.items()]


def read_keys(track, fields):
    """Reads the shapes of a track.

    Args:
        track: XML element.
        fields: `Fields` of the track.

    Returns:
        List of `(frame, outside, tag, Fields)`, sorted by the frame.
    """
    keys = []
    for shape in track:
        values = Fields({**shape.attrib, "label": fields.text("label")}, fields.place)
        values.place = f"{fields.place}, frame {values.integer('frame')} ({shape.tag})"
        keys.append((values.integer("frame"), values.integer("outside", 0) == 1, shape.tag, values))
    return sorted(keys, key=lambda key: key[0])


def shape_at(keys, frame, propagate):
    """Returns the shape of a track in a frame.

    Between two shapes, corners move evenly, as do the points of polygons; a mask stays until the next one.

    Args:
        keys: as `read_keys` returns.
        frame: int.
        propagate: whether the last shape stays until the end of the video. Exports of CVAT write every frame.

    Returns:
        `(tag, Fields)`, or None if the object is outside.
    """
    number = bisect.bisect_right(keys, frame, key=lambda key: key[0])
    before = keys[number - 1] if number else None
    after = keys[number] if number < len(keys) else None
    if before is None or before[1] or (after is None and before[0] < frame and not propagate):
        return None
    _, _, tag, shape = before
    if before[0] == frame or after is None:
        return tag, shape
    share = (frame - before[0]) / (after[0] - before[0])
    return tag, Fields({**shape.values, **interpolate(before, after, share)}, shape.place)


def interpolate(before, after, share):
    """Interpolates the values of two shapes of a track.

    Args:
        before, after: as `read_keys` returns.
        share: float, 0..1, the time since `before`.

    Returns:
        Dict of the values that move.

    Raises:
        UsageError: if the shapes are of different kinds, or polygons of unequal length.
    """
    tag, first, second = before[2], before[3], after[3]
    if tag != after[2]:
        raise UsageError(f"{first.place}: the next shape of the track is a {after[2]}; {REMEDY}")
    if tag in SIDES:
        ends = {side: (first.number(side), second.number(side)) for side in SIDES[tag]}
        start, end = first.number("rotation", 0), second.number("rotation", 0)
        ends["rotation"] = (start, start + (end - start + 180) % 360 - 180)  # the shorter way around
        return {side: a + share * (b - a) for side, (a, b) in ends.items()}
    if tag != "polygon":
        return {}
    a, b = (
        check_points([pair.split(",") for pair in shape.text("points").split(";")], shape.place)
        for shape in (first, second)
    )
    if len(a) != len(b):
        raise UsageError(f"{first.place}: {len(a)} points become {len(b)} in frame {after[0]}; {REMEDY}")
    return {"points": ";".join(f"{x},{y}" for x, y in a + share * (b - a))}
